"""Frames that break the rules, to our server and to our client: the Close that goes out, and the end
of the connection. Each row is a peer that says just this after the handshake."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

import pytest

from support.harm import MOST_MEMORY
from support.measure import peak_bytes
from support.process import Server
from support.tcp import cut
from websocket.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATE,
    MASK,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    Fake,
    Peer,
    close_frame,
    frame,
)

PROTOCOL, DATA, TOO_BIG = 1002, 1007, 1009
LIMIT = 1 << 16


@dataclass
class Case:
    """Frames, without their masks, and what they are answered with."""

    name: str
    frames: list[dict]
    code: int
    reason: str
    deflate: bool = False

    def bytes(self, mask: bytes) -> bytes:
        """As a client sends it, with a mask, or as a server does."""
        return b"".join(frame(**{"mask": mask, **each}) for each in self.frames)


def one(opcode: int, payload: bytes = b"", **options) -> list[dict]:
    """A single frame."""
    return [{"opcode": opcode, "payload": payload, **options}]


def more(payload: bytes = b"", **options) -> list[dict]:
    """A continuation."""
    return one(CONTINUATION, payload, **options)


def open_text(payload: bytes = b"") -> list[dict]:
    """A text of which more is to come."""
    return one(TEXT, payload, fin=False)


def close(code: int, reason: bytes = b"") -> list[dict]:
    """A Close frame."""
    return one(CLOSE, struct.pack("!H", code) + reason)


def deflated(data: bytes) -> bytes:
    """RFC 7692 §7.2.1"""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return packed[:-4]


ILL = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"  # a surrogate in it
BOMB = deflated(bytes(64 << 20))

CASES = [
    # RFC 6455 §5.2: bits and opcodes that mean nothing (yet).
    Case("RSV1", one(TEXT, b"x", rsv=RSV1), PROTOCOL, "a reserved bit"),
    Case("RSV2", one(TEXT, b"x", rsv=RSV2), PROTOCOL, "a reserved bit"),
    Case("RSV3", one(BINARY, b"x", rsv=RSV3), PROTOCOL, "a reserved bit"),
    Case("RSV1 of a Ping", one(PING, b"x", rsv=RSV1), PROTOCOL, "a reserved bit"),
    *(
        Case(f"opcode {each:x}", one(each, b"x"), PROTOCOL, "a reserved opcode")
        for each in (*range(3, 8), *range(0xB, 0x10))
    ),
    # §5.5: control frames.
    Case("fragmented Ping", one(PING, b"x", fin=False), PROTOCOL, "a control frame in fragments"),
    Case("fragmented Pong", one(PONG, b"x", fin=False), PROTOCOL, "a control frame in fragments"),
    Case("fragmented Close", one(CLOSE, fin=False), PROTOCOL, "a control frame in fragments"),
    Case("long Ping", one(PING, b"x" * 126), PROTOCOL, "a control frame over 125 bytes"),
    Case("long Close", close(1000, b"x" * 124), PROTOCOL, "a control frame over 125 bytes"),
    Case(
        "Ping of a gigabyte", one(PING, length=1 << 30), PROTOCOL, "a control frame over 125 bytes"
    ),
    # §5.4: fragments.
    Case("continuation of nothing", more(b"x"), PROTOCOL, "a continuation of nothing"),
    Case("empty continuation of nothing", more(), PROTOCOL, "a continuation of nothing"),
    Case(
        "more after the end", open_text() + more() + more(), PROTOCOL, "a continuation of nothing"
    ),
    Case(
        "text within text",
        open_text(b"a") + one(TEXT, b"b"),
        PROTOCOL,
        "a new message within another",
    ),
    Case("bytes within text", open_text() + one(BINARY), PROTOCOL, "a new message within another"),
    # §5.2: "the minimal number of bytes MUST be used"; the most significant bit must be 0.
    Case(
        "16 bits for 125",
        one(TEXT, b"x" * 125, bits=16),
        PROTOCOL,
        "a length that has a shorter form",
    ),
    Case("16 bits for nothing", one(TEXT, bits=16), PROTOCOL, "a length that has a shorter form"),
    Case(
        "64 bits for 65535",
        one(BINARY, bytes(65535), bits=64),
        PROTOCOL,
        "a length that has a shorter form",
    ),
    Case(
        "64 bits for a Ping", one(PING, b"x", bits=64), PROTOCOL, "a length that has a shorter form"
    ),
    Case("a length of 64 bits", one(BINARY, length=1 << 63), PROTOCOL, "a length over 63 bits"),
    # §8.1: text is UTF-8, and what cannot become it is refused before its end.
    Case("ill text", one(TEXT, ILL), DATA, "text that is not UTF-8"),
    Case("text cut off", one(TEXT, b"\xce"), DATA, "text that is not UTF-8"),
    Case("overlong", one(TEXT, b"\xc0\xaf"), DATA, "text that is not UTF-8"),
    Case("above Unicode", one(TEXT, b"\xf4\x90\x80\x80"), DATA, "text that is not UTF-8"),
    Case(
        "ill across frames", open_text(b"\xed") + more(b"\xa0\x80"), DATA, "text that is not UTF-8"
    ),
    Case("cut off at the last frame", open_text(b"\xce") + more(), DATA, "text that is not UTF-8"),
    Case("ill, and no end in sight", open_text(b"ok\xff"), DATA, "text that is not UTF-8"),
    Case(
        "ill, and a payload not here",
        one(TEXT, b"\xff", length=1000),
        DATA,
        "text that is not UTF-8",
    ),
    # §7.4: codes that must not be in a Close frame.
    Case("half a code", one(CLOSE, b"\x03"), PROTOCOL, "half a status code"),
    *(
        Case(f"code {each}", close(each), PROTOCOL, f"status code {each}")
        for each in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ),
    Case("a reason that is ill", close(1000, ILL), DATA, "the reason is not UTF-8"),
    # What is larger than we want. An announced length is enough.
    Case("too long", one(BINARY, length=LIMIT + 1), TOO_BIG, "the message is too long"),
    Case("far too long", one(BINARY, length=(1 << 63) - 1), TOO_BIG, "the message is too long"),
    Case(
        "too long in sum",
        open_text(b"x" * LIMIT) + more(length=1),
        TOO_BIG,
        "the message is too long",
    ),
    # RFC 7692.
    Case(
        "RSV1 of a continuation",
        one(TEXT, deflated(b"x"), rsv=RSV1, fin=False) + more(rsv=RSV1),
        PROTOCOL,
        "a reserved bit",
        True,
    ),
    Case("RSV1 of a Pong", one(PONG, rsv=RSV1), PROTOCOL, "a reserved bit", True),
    Case("RSV2 beside it", one(TEXT, b"x", rsv=RSV1 | RSV2), PROTOCOL, "a reserved bit", True),
    Case(
        "no deflate data",
        one(BINARY, b"\xff" * 20, rsv=RSV1),
        DATA,
        "compressed data that is broken",
        True,
    ),
    Case(
        "a distance too far",
        one(BINARY, b"\x03\x02", rsv=RSV1),
        DATA,
        "compressed data that is broken",
        True,
    ),
    Case(
        "ill when inflated",
        one(TEXT, deflated(ILL), rsv=RSV1),
        DATA,
        "text that is not UTF-8",
        True,
    ),
    Case(
        "a bomb",
        one(BINARY, BOMB[: LIMIT - 1], rsv=RSV1),
        TOO_BIG,
        "the message is too long when inflated",
        True,
    ),
    Case(
        "a bomb in pieces",
        one(TEXT, BOMB[:100], rsv=RSV1, fin=False) + more(BOMB[100:500]),
        TOO_BIG,
        "the message is too long when inflated",
        True,
    ),
]

MASKING = Case("masking", one(TEXT, b"x"), PROTOCOL, "")


@pytest.fixture(params=["echo", "greet"])
def limited(request, serve) -> Server:
    """Our server with little room: as it echoes in pieces, and as it waits for whole messages."""
    options = ["--echo"] if request.param == "echo" else []
    return serve(*options, "--max-message", str(LIMIT))


def without_place(close: tuple) -> tuple:
    """A code and a reason, which may say at which byte it was that something was wrong."""
    return close[0], re.sub(r", at byte \d+$", "", close[1])


def answered(peer: Peer) -> tuple:
    """The Close frame; before it a server that echoes in pieces may have sent some."""
    came = peer.frame()
    while came.opcode in (TEXT, BINARY, CONTINUATION):
        came = peer.frame()
    assert peer.read_to_close() == b""
    return without_place(came.close)


def lives(server: Server) -> bool:
    """Whether others are still served."""
    with Peer(server.address) as peer:
        peer.say(TEXT, b"you")
        return peer.frame().payload in (b"you", b"Hello, you")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_to_our_server(limited: Server, case: Case) -> None:
    with Peer(limited.address) as bystander:
        with Peer(limited.address, *([DEFLATE] if case.deflate else [])) as peer:
            peer.send(case.bytes(MASK))
            assert answered(peer) == (case.code, case.reason)
        bystander.say(PING, b"still there?")
        assert bystander.frame().payload == b"still there?"
    assert lives(limited)
    assert peak_bytes(limited.pid) < MOST_MEMORY


@pytest.mark.parametrize(
    "case", [each for each in CASES if len(each.bytes(MASK)) < 1000], ids=lambda case: case.name
)
def test_byte_by_byte(limited: Server, case: Case) -> None:
    """However the network cuts it, the answer is the same. What comes after it is not looked at."""
    with Peer(limited.address, *([DEFLATE] if case.deflate else [])) as peer:
        try:
            peer.send(*cut(case.bytes(MASK), 1))
        except ConnectionError:
            pass  # it had heard enough
        assert answered(peer) == (case.code, case.reason)


def test_not_masked(limited: Server) -> None:
    """RFC 6455 §5.1"""
    for opcode in (TEXT, PING, CLOSE):
        with Peer(limited.address) as peer:
            peer.send(frame(opcode))
            assert peer.closed() == (PROTOCOL, "a frame that is not masked")
    assert lives(limited)


def test_nothing_is_heard_after_a_fault(limited: Server) -> None:
    """Nor after a Close: a message behind it is not answered."""
    with Peer(limited.address) as peer:
        peer.send(frame(3, mask=MASK) + frame(TEXT, b"x", mask=MASK) + frame(PING, mask=MASK))
        assert peer.closed()[0] == PROTOCOL
    with Peer(limited.address) as peer:
        peer.send(close_frame(1000, mask=MASK) + frame(TEXT, b"x", mask=MASK))
        assert peer.closed() == (1000, "")


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999])
def test_codes_that_are_right(limited: Server, code: int) -> None:
    with Peer(limited.address) as peer:
        peer.send(close_frame(code, "é".encode() * 61, mask=MASK))
        assert peer.closed() == (code, "")


def test_a_close_without_a_code(limited: Server) -> None:
    with Peer(limited.address) as peer:
        peer.send(close_frame(mask=MASK))
        assert peer.closed() == (None, "")


def test_the_largest_message(limited: Server) -> None:
    """Just what is allowed; also in fragments, and when inflated."""
    with Peer(limited.address, DEFLATE) as peer:
        peer.send(frame(BINARY, deflated(bytes(LIMIT)), rsv=RSV1, mask=MASK))
        peer.say(TEXT, b"x" * (LIMIT - 1), fin=False)
        peer.say(CONTINUATION, b"x")
        peer.say(PING, b"all taken")
        came = peer.frame()
        while came.opcode != PING + 1:
            assert came.opcode != CLOSE or came.close[0] == 1003, came.close  # greet wants no bytes
            if came.opcode == CLOSE:
                return
            came = peer.frame()
        assert came.payload == b"all taken"


def test_a_bomb_takes_no_memory(serve) -> None:
    """64 MiB in 64 KiB, where 256 MiB are allowed: it is echoed in pieces, and none of it is kept."""
    server = serve("--echo", "--max-message", str(256 << 20))
    with Peer(server.address, DEFLATE) as peer:
        peer.send(frame(BINARY, BOMB, rsv=RSV1, mask=MASK))
        inflate, size, came = zlib.decompressobj(-15), 0, peer.frame()
        assert came.rsv == RSV1 and not came.fin
        while not came.fin:
            size += len(inflate.decompress(came.payload))
            came = peer.frame()
        size += len(inflate.decompress(came.payload + b"\x00\x00\xff\xff"))
        assert size == 64 << 20
    assert peak_bytes(server.pid) < MOST_MEMORY


# --- The same from a server, to our client.


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_to_our_client(client, case: Case) -> None:
    """It says why, is gone, and shows what was wrong."""
    with Fake(case.bytes(b""), fields=(DEFLATE,) if case.deflate else ()) as server:
        result = client("--max-message", LIMIT, server.url)
        assert without_place(server.frames[-1].close) == (case.code, case.reason)
    assert result.code == 4 and case.reason in result.errors
    assert result.errors.startswith("websocket-client: ")


def test_a_masked_frame_to_our_client(client) -> None:
    with Fake(frame(TEXT, b"x", mask=MASK)) as server:
        result = client(server.url)
        assert server.frames[-1].close == (PROTOCOL, "a masked frame from a server")
    assert result.code == 4 and result.text == ""
    assert "a masked frame from a server" in result.errors


@pytest.mark.parametrize("said", [b"", frame(TEXT, b"heard"), frame(TEXT, b"heard")[:-1], b"\x81"])
def test_a_server_that_hangs_up(client, said: bytes) -> None:
    """Without a Close: that is no good end (1006), whatever came before."""
    with Fake(said, hangs_up=True) as server:
        result = client(server.url)
    assert result.code == 4
    assert result.text == ("heard\n" if said.endswith(b"heard") else "")
    assert "hung up without a Close frame" in result.errors


@pytest.mark.parametrize(
    "code, reason, exit_code",
    [
        (None, "", 0),
        (1000, "done", 0),
        (1001, "", 0),
        (1002, "oops", 4),
        (1008, "é", 4),
        (4999, "", 4),
    ],
)
def test_what_our_client_makes_of_a_close(client, code, reason: str, exit_code: int) -> None:
    """It answers with the same code. What is not as it should be is shown."""
    with Fake(frame(TEXT, b"heard") + close_frame(code, reason.encode())) as server:
        result = client(server.url)
        assert [each.close for each in server.frames] == [(code, "")]
    shown = f"websocket-client: the server closed with {code} {reason}".rstrip() + "\n"
    assert (result.code, result.text) == (exit_code, "heard\n")
    assert result.errors == (shown if exit_code else "")


def test_our_client_answers_a_ping(client) -> None:
    with Fake(
        frame(PING, b"are you there?") + frame(PONG, b"unasked") + close_frame(1000)
    ) as server:
        assert client(server.url).code == 0
        pong, _ = server.frames
    assert (pong.opcode, pong.payload) == (PONG, b"are you there?")


def test_masks_are_new_for_every_frame(client) -> None:
    """RFC 6455 §5.3, §10.3: nobody can guess what the bytes on the wire will be."""
    with Fake(frame(TEXT, b"x") * 100 + close_frame(1000)) as server:
        assert client("--echo", server.url).code == 0
        echoes = [each for each in server.frames if each.opcode == TEXT]
    assert len(echoes) == 100 and len({each.mask for each in echoes}) == 100
