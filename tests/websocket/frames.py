"""The frames and the handshake once more, for peers that say what no library would: what is tested
has no part in this.

with Peer(server.address) as peer:                  a client that has shaken hands
    peer.say(TEXT, b"Hello", fin=False)
    assert peer.closed() == (1002, "...")           which ends with the end of the connection

with Fake(frame(TEXT, b"Hello")) as server:         a server that says just this to a client
    run([client, server.url])
    assert server.frames[-1].close == (1000, "")
"""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Iterator, Optional

from support.tcp import TIMEOUT, Tcp

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
RSV1, RSV2, RSV3 = 0x40, 0x20, 0x10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 §1.3, and the answer to it:
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
MASK = b"\x37\xfa\x21\x3d"  # RFC 6455 §5.7
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def request(*more: str, path: str = "/", without: str = "") -> bytes:
    """A client's half of the handshake with `more` fields, and without one of its own."""
    fields = [
        "Host: a",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
    ]
    kept = [one for one in fields if not without or not one.startswith(without)]
    return "\r\n".join([f"GET {path} HTTP/1.1", *kept, *more, "", ""]).encode()


def accept_of(key: str) -> str:
    """RFC 6455 §4.2.2"""
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return base64.b64encode(digest).decode()


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes = b"",
    length: Optional[int] = None,
    bits: int = 0,
) -> bytes:
    """A frame. `length` is what it says its length were, `bits` (7, 16, 64) how long a form that
    has; as it should be, unless told."""
    said = len(payload) if length is None else length
    bits = bits or (7 if said < 126 else 16 if said < 1 << 16 else 64)
    short = said if bits == 7 else 126 if bits == 16 else 127
    head = bytes([(0x80 if fin else 0) | rsv | opcode, (0x80 if mask else 0) | short])
    head += b"" if bits == 7 else struct.pack("!H" if bits == 16 else "!Q", said)
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Or unmasked: it is the same."""
    if not mask or not payload:
        return payload
    keys = (mask * (len(payload) // 4 + 1))[: len(payload)]
    both = int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")
    return both.to_bytes(len(payload), "big")


def close_frame(code: Optional[int] = None, reason: bytes = b"", mask: bytes = b"") -> bytes:
    """A Close frame, right or wrong."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason, mask=mask)


@dataclass
class Frame:
    """A frame that came."""

    opcode: int
    payload: bytes
    fin: bool
    rsv: int
    mask: bytes  # empty: not masked

    @property
    def close(self) -> tuple[Optional[int], str]:
        """The code and the reason, of a Close frame."""
        assert self.opcode == CLOSE, self
        code = struct.unpack("!H", self.payload[:2])[0] if self.payload else None
        return code, self.payload[2:].decode()


def read_frame(read) -> Frame:
    """The next frame; read(n) gives exactly n bytes."""
    first, second = read(2)
    length = second & 0x7F
    if length > 125:
        length = int.from_bytes(read(2 if length == 126 else 8), "big")
    mask = read(4) if second & 0x80 else b""
    payload = masked(read(length), mask)
    return Frame(first & 0x0F, payload, bool(first & 0x80), first & 0x70, mask)


def frames_in(data: bytes) -> Iterator[Frame]:
    """All frames in these bytes, which must be whole."""
    at = 0

    def read(size: int) -> bytes:
        nonlocal at
        assert at + size <= len(data), f"half a frame at the end: {data[at:]!r}"
        at += size
        return data[at - size : at]

    while at < len(data):
        yield read_frame(read)


class Peer(Tcp):
    """A client that has shaken hands, and now says and hears single frames."""

    def __init__(self, address: str, *fields: str, path: str = "/") -> None:
        super().__init__(address)
        self.send(request(*fields, path=path))
        self.head = self.read_until(b"\r\n\r\n").decode()
        assert self.head.startswith("HTTP/1.1 101 "), self.head

    def say(self, opcode: int, payload: bytes = b"", **options) -> None:
        """A frame, masked as a client has to."""
        self.send(frame(opcode, payload, **{"mask": MASK, **options}))

    def goodbye(self, code: int = 1000) -> None:
        """A Close frame."""
        self.send(close_frame(code, mask=MASK))

    def frame(self) -> Frame:
        """The next frame; a server masks none."""
        came = read_frame(self.read)
        assert not came.mask
        return came

    def closed(self) -> tuple[Optional[int], str]:
        """What the Close frame says that comes now, and the connection with it."""
        said = self.frame().close
        assert self.read_to_close() == b"", "something came after the Close frame"
        return said

    def echoes(self, payload: bytes = b"still here") -> bool:
        """Whether the server, which echoes, still does."""
        self.say(TEXT, payload)
        came = self.frame()
        while not came.fin:
            more = self.frame()
            came = Frame(came.opcode, came.payload + more.payload, more.fin, came.rsv, b"")
        return came.payload == payload


class Fake:
    """A server that shakes hands with a client, says given bytes, and reads what it says until it
    hangs up. Answers a client's Close frame and closes, as a server does, or if `hangs_up` at once.

    `head` replaces the response; "{accept}" in it stands for the right answer to the key.
    """

    def __init__(
        self, *pieces: bytes, fields: tuple = (), head: str = "", hangs_up: bool = False
    ) -> None:
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        self._head = head or "\r\n".join(
            [*lines, "Sec-WebSocket-Accept: {accept}", *fields, "", ""]
        )
        self._pieces, self._hangs_up = pieces, hangs_up
        self.request, self._said = b"", b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "ws://{}:{}/".format(*self._listener.getsockname())
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def frames(self) -> list[Frame]:
        """What the client said, when it is gone. Each frame of a client is masked."""
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive(), "the client does not hang up"
        came = list(frames_in(self._said))
        assert all(each.mask for each in came), "a client's frame that is not masked"
        return came

    def _serve(self) -> None:
        with suppress(OSError):  # a client that leaves early is the client's business
            client, _ = self._listener.accept()
            with client:
                client.settimeout(TIMEOUT)
                self._converse(client)

    def _converse(self, client: socket.socket) -> None:
        while b"\r\n\r\n" not in self.request:
            self.request += client.recv(1 << 16)
        key = self.request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0].decode()
        client.sendall(self._head.replace("{accept}", accept_of(key)).encode())
        for piece in self._pieces:
            client.sendall(piece)
        if self._hangs_up:
            client.shutdown(socket.SHUT_WR)
        while chunk := client.recv(1 << 16):
            self._said += chunk
            if not self._hangs_up and self._has_close():
                client.sendall(close_frame(1000))  # if ours was first, it is discarded
                client.shutdown(socket.SHUT_WR)
                self._hangs_up = True

    def _has_close(self) -> bool:
        try:
            return any(each.opcode == CLOSE for each in frames_in(self._said))
        except AssertionError:
            return False  # not whole yet

    def __enter__(self) -> Fake:
        return self

    def __exit__(self, *error) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._listener.close()
        self._thread.join(TIMEOUT)
