"""Bytes over TCP, exactly as given: for what no well-behaved client would send."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Iterable

TIMEOUT = 10.0


class Tcp:
    """A connection that sends the bytes it is told to and waits for conditions, never for a while.

    with Tcp(server.address) as tcp:
        tcp.send(b"GET / HTTP/1.1\\r\\n", b"Host: a\\r\\n\\r\\n")
        assert tcp.read_until(b"\\r\\n\\r\\n").startswith(b"HTTP/1.1 200 ")
    """

    def __init__(self, address: str, timeout: float = TIMEOUT) -> None:
        host, port = address.rsplit(":", 1)
        self.timeout = timeout
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()

    def send(self, *pieces: bytes) -> None:
        """Send each piece by itself, so that the peer may find them in separate reads."""
        for piece in pieces:
            self.socket.sendall(piece)

    def finish(self) -> None:
        """Say that nothing more will come; reading goes on."""
        self.socket.shutdown(socket.SHUT_WR)

    def read_until(self, mark: bytes) -> bytes:
        """What came up to and with the mark. The peer must not close before."""
        while mark not in self._received:
            if not self._receive(self.timeout):
                raise AssertionError(f"closed before {mark!r}; came: {self._shown()}")
        return self._take(self._received.index(mark) + len(mark))

    def read(self, size: int) -> bytes:
        """Exactly so many bytes. The peer must not close before."""
        while len(self._received) < size:
            if not self._receive(self.timeout):
                raise AssertionError(f"closed before {size} bytes; came: {self._shown()}")
        return self._take(size)

    def read_to_close(self) -> bytes:
        """Everything until the peer closes. A reset counts as a close."""
        while self._receive(self.timeout):
            pass
        return self._take(len(self._received))

    def read_to_quiet(self, seconds: float) -> bytes:
        """Everything until nothing came for so long: for peers that should say nothing (more)."""
        try:
            while self._receive(seconds):
                pass
        except AssertionError:
            pass
        return self._take(len(self._received))

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Tcp:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def _receive(self, timeout: float) -> bool:
        """Add what comes next to what is there; False when the peer closed."""
        self.socket.settimeout(timeout)
        try:
            chunk = self.socket.recv(1 << 16)
        except socket.timeout:
            message = f"nothing for {timeout} s, and not closed; came: {self._shown()}"
            raise AssertionError(message) from None
        except ConnectionResetError:
            chunk = b""
        self._received += chunk
        return bool(chunk)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _shown(self) -> str:
        """What came and was not taken yet, for an error message: its end, where it is long."""
        more = f"{len(self._received) - 2000} bytes, then " if len(self._received) > 2000 else ""
        return f"{more}{bytes(self._received[-2000:])!r}"


def cut(data: bytes, size: int) -> list[bytes]:
    """The same bytes in pieces of that size."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def exchange(address: str, pieces: Iterable[bytes], timeout: float = TIMEOUT) -> bytes:
    """Send the pieces, say that this was all, and return everything that comes back."""
    with Tcp(address, timeout) as tcp:
        tcp.send(*pieces)
        tcp.finish()
        return tcp.read_to_close()


class Script:
    """A server that says given bytes whatever it is asked: for testing clients against bad servers.

    On each connection it reads up to `after`, sends the next reply piece by piece, and closes.
    What the clients sent stands in `requests`.

    with Script([b"HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nshort"]) as server:
        assert run([client, f"http://{server.address}/"]).code == 18
    """

    def __init__(self, *replies: Iterable[bytes], after: bytes = b"\r\n\r\n") -> None:
        self._replies, self._after = replies, after
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._listener.getsockname())
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for reply in self._replies:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # the test is over, and nobody came for this reply
            with client, suppress(OSError):  # a client that leaves early is the client's business
                client.settimeout(TIMEOUT)
                self.requests.append(b"")
                while self._after not in self.requests[-1]:
                    chunk = client.recv(1 << 16)
                    if not chunk:
                        break
                    self.requests[-1] += chunk
                for piece in reply:
                    client.sendall(piece)
                client.shutdown(socket.SHUT_WR)
                # The client closes first, so that no reset cuts the reply off.
                while rest := client.recv(1 << 16):
                    self.requests[-1] += rest

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *error) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._listener.close()
        self._thread.join(TIMEOUT)
