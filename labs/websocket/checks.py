"""The checks of the WebSocket lab. lab.toml says which step each belongs to and what it is worth.

Each is a function of a Trial (labs/machinery/trial.py); the first line of its docstring is what
the learner sees. Values come from t.draw, so that no two learners need to have the same. What is
expected is computed here, by Python's own libraries, and never by the reference.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import replace
from pathlib import Path

from machinery.verdict import Refusal, Value, compare, fact, value
from support.bytes_report import Field, Message, join, length

HERE = Path(__file__).resolve().parent
CRLF = b"\r\n"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
NAMES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
SMALL = [1, 2, 3, 5, 7]  # sizes of the pieces in which a machine gets its bytes
NO_LIMIT = 1 << 40
WHOLE = 1 << 20  # a piece that is larger than anything said here


# --- Frames, taken apart into what a report can name.


def masked(data: bytes, key: bytes, offset: int = 0) -> bytes:
    return bytes(byte ^ key[(offset + i) % 4] for i, byte in enumerate(data))


def a_key(t) -> bytes:
    """Four different bytes, none of them 0."""
    return bytes(t.draw.order(list(range(1, 256)))[:4])


def some_bytes(t, size: int) -> bytes:
    return bytes(t.draw.number(0, 255) for _ in range(size))


def header(
    opcode: int, payload: Message, key: bytes = b"", fin: bool = True, rsv: int = 0
) -> Message:
    """The header of a frame; RSV1 is 4 in `rsv`, RSV2 is 2, RSV3 is 1."""
    first = fin << 7 | rsv << 4 | opcode
    size, mask = len(join(payload)), 0x80 if key else 0
    words = f"{'FIN, ' if fin else ''}{'RSV, ' if rsv else ''}opcode {opcode:x}"
    parts = [Field("FIN, RSV1-3, opcode", bytes([first]), words, "RFC 6455 §5.2")]
    masks = "masked, " if key else "not masked, "
    if size < 126:
        one_byte = lambda number: bytes([mask | number])  # noqa: E731
        counted = length("MASK, Payload len", payload, one_byte, "RFC 6455 §5.2")
        parts.append(replace(counted, meaning=f"{masks}{size}"))
    else:
        bits, code = (16, 126) if size < 1 << 16 else (64, 127)
        words = f"{masks}{code}: the length comes in {bits} bits"
        parts.append(Field("MASK, Payload len", bytes([mask | code]), words, "RFC 6455 §5.2"))
        parts.append(length("Extended payload length", payload, bits // 8, "RFC 6455 §5.2"))
    if key:
        parts.append(Field("Masking-key", key, "chosen by the client", "RFC 6455 §5.3"))
    return parts


def frame(
    opcode: int, payload: bytes = b"", key: bytes = b"", fin: bool = True, rsv: int = 0
) -> Message:
    """A whole frame; with a masking key, it is a client's."""
    shown = masked(payload, key) if key else payload
    words = f"{payload[:20]!r}, masked"[1:] if key else ""
    body = [Field("Payload Data", shown, words, "RFC 6455 §5.3" if key else "RFC 6455 §5.6")]
    return [*header(opcode, body, key, fin, rsv), *(body if payload else [])]


def said(*frames: Message) -> bytes:
    return b"".join(map(join, frames))


def numbered(*frames: Message) -> Message:
    """Several frames as one message: each field says which frame it belongs to."""
    out = []
    for number, one in enumerate(frames, 1):
        for field in one:
            counts = tuple(f"{name} of frame {number}" for name in field.counts)
            name = f"{field.name} of frame {number}"
            out.append(Field(name, field.data, field.meaning, field.section, counts, field.encode))
    return out


def raw_header(first: int, second: int, extended: bytes = b"", key: bytes = b"") -> bytes:
    return bytes([first, second]) + extended + key


# --- What a machine hears.


def heard(
    t, title: str, side: str, given: bytes, expected: list[Value], piece: int = WHOLE, *words
) -> None:
    """A machine on this side must report these events, in order."""
    limit = next((word for word in words if isinstance(word, int)), NO_LIMIT)
    rest = [word for word in words if isinstance(word, str)]
    answer = t.ask(title, "hear", side, given, piece, limit, *rest)
    t.last = [("client" if side == "server" else "server", given)]
    events = [pair for pair in answer if pair[0] not in ("said", "words")]
    opens = any(not one.name.startswith(("failed", "close")) for one in expected)
    words_of_failure = [data.decode() for name, data in answer if name == "words"]
    if words_of_failure and not any(one.name == "failed" for one in expected):
        title += f'; it failed with "{words_of_failure[0]}"'
    if expected and not events:
        title += "; it still waits: does remaining_ become 0?" if opens else "; nothing came of it"
    compare(title, frames_in(given), expected, events)


def frames_in(data: bytes) -> list[str]:
    """What a report says about frames: a row each, the middle of many left out."""
    rows = []
    while data:
        size, at = data[1] & 0x7F, 2
        if size > 125:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
        words = [NAMES.get(data[0] & 0x0F, f"opcode {data[0] & 0x0F:x}")]
        words += [f"RSV{n}" for n in (1, 2, 3) if data[0] & 0x80 >> n]
        words += ["FIN" if data[0] & 0x80 else "no FIN"]
        key = data[at : at + 4] if data[1] & 0x80 else b""
        at += len(key)
        payload = masked(data[at : at + size], key) if key else data[at : at + size]
        words += ["masked"] if key else []
        words += [f"{size} bytes" if len(payload) == size else f"{len(payload)} of {size} bytes"]
        rows.append(f"{', '.join(words)}{': ' if payload else ''}{_few(payload)}")
        data = data[at + size :]
    return rows if len(rows) < 9 else [*rows[:6], f"... {len(rows) - 7} more frames", rows[-1]]


def _few(payload: bytes) -> str:
    if all(0x20 <= byte < 0x7F for byte in payload):
        return (
            f'"{payload[:30].decode()}"' + (" ..." if len(payload) > 30 else "") if payload else ""
        )
    return payload[:12].hex(" ") + (" .." if len(payload) > 12 else "")


def failed(code: int, section: str) -> Value:
    return fact("failed", code, section)


def pieces_of(size: int) -> str:
    if size == WHOLE:
        return "all at once"
    return "one byte at a time" if size == 1 else f"in pieces of {size} bytes"


# --- Conversations.


def greeting(t, client: str, server: str, run, address: str, names: list[str]) -> None:
    """Whoever says a name must be greeted: run(address) gives what the client printed."""
    talk = t.talk(client, server)
    result = run(t.tap(address, talk))
    title = f"{client} says {' and '.join(names)} to {server}"
    wanted = "".join(f"Hello, {name}\n" for name in names)
    if result.text != wanted or result.code:
        got = "".join(f"| {line}\n" for line in (result.text + result.errors).splitlines())
        raise talk.wrong(
            "greeting",
            title,
            f"THE CLIENT ended with {result.code}, and printed",
            got or "| (nothing)",
            "expected",
            *(f"| {line}" for line in wanted.splitlines()),
        )


def reference_greets_itself(t, names, client=None, server=None) -> None:
    """Our client and our server, of which either may be the learner's."""
    run_client = t.client if client else t.reference_client
    running = (t.server if server else t.reference_server)("websocket-server")
    typed = "".join(f"{name}\n" for name in names)

    def run(address: str):
        options = ("-n", str(len(names)), "--no-deflate")
        return run_client("websocket-client", f"ws://{address}/", *options, typed=typed)

    greeting(
        t,
        "your websocket-client" if client else "websocket-client",
        "your websocket-server" if server else "websocket-server",
        run,
        running.address,
        names,
    )


def ws_says(t, words: list[str], expected: list[str], options=("--no-deflate",)) -> None:
    """The client of npm's ws speaks with the learner's server."""
    package = t.node_package("ws")
    server = t.server("websocket-server", *options)
    talk = t.talk("npm's ws", "your websocket-server")
    address = t.tap(server.address, talk)
    result = t.tool("node", HERE / "ws_client.js", package, address, *words)
    if result.text.splitlines() != expected:
        shown = [word if len(word) < 40 else f"{word[:30]}..." for word in words]
        raise talk.wrong(
            "ws",
            f"npm's ws says {', '.join(shown)} to your websocket-server",
            "WS HEARD something else",
            *(f"| {line[:80]}" for line in (result.text + result.errors).splitlines()),
            "expected",
            *(f"| {line[:80]}" for line in expected),
        )


# --- Step 1: the accept key.


def the_answer_to(key: str) -> Value:
    """The Sec-WebSocket-Accept for a key, and what usual mistakes make of it."""
    data = key.encode()
    digest = hashlib.sha1(data + GUID)
    encode = base64.b64encode
    answer = encode(digest.digest())
    return Value(
        "Sec-WebSocket-Accept",
        answer,
        "RFC 6455 §4.2.2",
        True,
        (
            (encode(digest.hexdigest().encode()), "base64 of the hexadecimal digits: take the 20 bytes themselves"),
            (encode(digest.hexdigest().upper().encode()), "base64 of the hexadecimal digits: take the 20 bytes themselves"),
            (digest.hexdigest().encode(), "hexadecimal, where base64 is asked for"),
            (answer + b"\n", "a line feed behind it: it would end the field line"),
            (answer.rstrip(b"="), "the padding, '=', belongs to it"),
            (answer + b"\0", "a NUL behind it: the size counts the terminator of a C string"),
            (encode(hashlib.sha1(GUID + data).digest()), "the key comes first, the GUID behind it"),
            (encode(hashlib.sha1(data + GUID.lower()).digest()), "the GUID is in capital letters"),
            (encode(hashlib.sha1(data).digest()), "the GUID is missing"),
            (encode(hashlib.sha1(GUID).digest()), "the key is missing"),
            (encode(hashlib.sha1(data + GUID + b"\0").digest()), "the NUL behind the C string was digested, too"),
            (encode(hashlib.sha1(data + b"\0" + GUID).digest()), "a NUL between key and GUID was digested, too"),
            (encode(hashlib.sha1(data + b" " + GUID).digest()), "nothing stands between key and GUID"),
            (encode(hashlib.sha1(data + GUID + b"\n").digest()), "a line feed behind the GUID was digested, too"),
            (encode(hashlib.sha1(_decoded(data) + GUID).digest()), "the key is taken as it stands, not decoded"),
            (encode(hashlib.sha256(data + GUID).digest()), "this is SHA-256; RFC 6455 says SHA-1"),
            (encode(data + GUID), "base64 of key and GUID: the digest is missing"),
            (encode(digest.digest()[:16]), "16 bytes of the digest: it has 20"),
            (encode(digest.digest().partition(b"\0")[0]), "the digest was cut at a byte that is 00: it is no C string"),
        ),
    )  # fmt: skip


def _decoded(key: bytes) -> bytes:
    try:
        return base64.b64decode(key)
    except ValueError:
        return b""


def the_rfcs_example(t):
    "the example of RFC 6455, and another key"
    drawn = base64.b64encode(some_bytes(t, 16)).decode()
    for key in ("dGhlIHNhbXBsZSBub25jZQ==", drawn):
        t.values("accept_key()", key.encode(), [the_answer_to(key)], "accept-key", by="client")


def any_key(t):
    "keys of other lengths, with + and / in them, and one whose digest has a byte 00"
    with_nul = t.draw.text(24)
    while b"\0" not in hashlib.sha1(with_nul.encode() + GUID).digest():
        with_nul = t.draw.text(24)
    for key in (t.draw.word(), "+/" * 11 + "==", t.draw.text(60), "", with_nul):
        title = f"accept_key(), given {key!r}"
        t.values(title, key.encode(), [the_answer_to(key)], "accept-key", key)


def our_client_believes(t):
    "your server, and the reference's client"
    reference_greets_itself(t, [t.draw.word()], server="yours")


def ws_believes(t):
    "your server, and npm's ws"
    word = t.draw.word()
    ws_says(t, [word], [f"Hello, {word}", "closed: 1000"])


# --- Step 2: a frame's header.


def header_values(first: int, size: int, key: bytes, read: int) -> list[Value]:
    """What a decoder should find."""
    section = "RFC 6455 §5.2"
    masks = [fact("MASK", "yes" if key else "no", section)]
    return [
        fact("FIN", "yes" if first & 0x80 else "no", section),
        fact("RSV1", "yes" if first & 0x40 else "no", section),
        fact("RSV2", "yes" if first & 0x20 else "no", section),
        fact("RSV3", "yes" if first & 0x10 else "no", section),
        fact("opcode", first & 0x0F, section),
        Value("Payload length", str(size).encode(), section, False, _wrong_lengths(size)),
        *masks,
        *([value("Masking-key", key, "RFC 6455 §5.3")] if key else []),
        fact("bytes of the header", read, section),
    ]


def _wrong_lengths(size: int) -> tuple[tuple[bytes, str], ...]:
    """What a length comes out as where it was read in a wrong way."""
    found = []
    if size > 125:
        width = 2 if size < 1 << 16 else 8
        code = 126 if width == 2 else 127
        wire = size.to_bytes(width, "big")
        found = [
            (int.from_bytes(wire, "little"), "byte order: the wire has the most significant byte first"),
            (code, f"{code} is no length: it says that the length comes next, in {8 * width} bits"),
            (code + size, f"{code} is no part of the length: it only says where it stands"),
            (int.from_bytes(wire[:4], "big"), "the length has 64 bits: this is the first half of them"),
            (int.from_bytes(wire[:2], "big"), "the length has 64 bits: these are the first 16 of them"),
        ]  # fmt: skip
    else:
        found = [(size | 0x80, "the top bit is MASK, and no part of the length")]
    return tuple((str(number).encode(), hint) for number, hint in found)


def first_byte(t):
    "FIN, the reserved bits and the opcode"
    size = t.draw.number(2, 9)
    for first in (0x81, 0x02, 0x89, 0xC1, 0xA2, 0x9F, 0x40, 0x21, 0x18, 0x00):
        expected = header_values(first, size, b"", 2)
        t.values("decode_header()", raw_header(first, size), expected, "decode-header", by="server")


def payload_lengths(t):
    "lengths in one byte, in two more and in eight more; with a key and without"
    for size in (
        t.draw.number(3, 100),
        0,
        125,
        t.draw.number(0x102, 0x1FE),
        126,
        127,
        0xFFFF,
        int.from_bytes(bytes(t.draw.order(list(range(1, 0x7F)))[:8]), "big"),
        (1 << 63) - 1,
        0x10000,
        t.draw.number(0x12345, 0x54321),
    ):
        for key in (b"", a_key(t)):
            code = size if size < 126 else 126 if size < 1 << 16 else 127
            width = {126: 2, 127: 8}.get(code, 0)
            extended = size.to_bytes(8, "big")[8 - width :]
            given = raw_header(0x82, code | (0x80 if key else 0), extended, key)
            expected = header_values(0x82, size, key, len(given))
            by = "client" if key else "server"
            t.values("decode_header()", given, expected, "decode-header", by=by)


def bad_lengths(t):
    "lengths that have a shorter form, or are too long, are refused"
    short = t.draw.number(2, 125)
    for second, extended, why in (
        (126, short.to_bytes(2, "big"), f"{short} fits into Payload len itself"),
        (126, b"\0\x7d", "125 fits into Payload len itself"),
        (126, b"\0\0", "0 fits into Payload len itself"),
        (127, short.to_bytes(8, "big"), f"{short} fits into Payload len itself"),
        (127, b"\0\0\0\0\0\0\xff\xff", "65535 fits into 16 bits"),
        (127, b"\0\0\0\0\0\0\1\0", "256 fits into 16 bits"),
        (127, b"\x80\0\0\0\0\0\0\0", "the highest bit must be 0"),
        (127, b"\xff" * 8, "the highest bit must be 0"),
    ):
        given = raw_header(0x82, second, extended)
        expected = Refusal(1002, why, "RFC 6455 §5.2")
        t.values("decode_header()", given, expected, "decode-header", by="server")


# --- Step 3: masks.


def mask_bytes(t):
    "the example of RFC 6455, and payloads of any length"
    example = bytes.fromhex("37fa213d")
    cases = [(b"Hello", example, 0)]
    cases += [(some_bytes(t, size), a_key(t), 0) for size in (1, 3, 4, 5, 8, 9, 16, 21, 100, 300)]
    for data, key, offset in cases:
        _mask(t, data, key, offset)
    _same(
        t, "mask(), of nothing", b"", "masked", b"", dict(t.ask("mask()", "mask", b"", example, 0))
    )


def mask_from_the_middle(t):
    "a payload that begins in the middle of a frame"
    for offset in (1, 2, 3, 4, 5, 1023, (1 << 32) + 1):
        _mask(t, some_bytes(t, t.draw.number(11, 20)), a_key(t), offset)
    for size in (1, 2, 7, 8):
        _mask(t, some_bytes(t, size), a_key(t), 3)


def _mask(t, data: bytes, key: bytes, offset: int) -> None:
    right = masked(data, key, offset)
    known = [
        (masked(data, key), f"masked as if they began at offset 0, not {offset}"),
        (masked(data, key[::-1], offset), "the key's bytes are used in reverse order"),
        (masked(data, key, offset + 1), "one byte of the key too far"),
        (masked(data, key, offset - 1), "one byte of the key too early"),
        (masked(data, key[:1] * 4), "only the first byte of the key is used"),
        (data, "nothing was changed"),
        (data[:offset] + masked(data[offset:], key, offset), "the loop began at the offset: all of `bytes` are to be masked, the first one, too"),
        (bytes(byte ^ key[(offset + i) % 3] for i, byte in enumerate(data)), "the key has four bytes, of which three are used"),
        (bytes(byte | key[(offset + i) % 4] for i, byte in enumerate(data)), "this is OR, |; XOR is ^"),
        (right[:4] + data[4:], "only the first four bytes were masked"),
        (masked(data, key, -offset), "the offset counts backwards"),
        (masked(data[: len(data) // 4 * 4], key, offset) + data[len(data) // 4 * 4 :], "what is left over behind the last four bytes was not masked"),
        (masked(data[: len(data) // 8 * 8], key, offset) + data[len(data) // 8 * 8 :], "what is left over behind the last eight bytes was not masked"),
    ]  # fmt: skip
    title = f"mask(), key {key.hex(' ')}, at offset {offset} of the payload"
    expected = [Value("masked", right, "RFC 6455 §5.3", True, tuple(known))]
    t.values(title, data, expected, "mask", data, key, offset)


def payload_in_pieces(t):
    "three frames behind each other, in pieces of any size"
    payloads = [
        some_bytes(t, 4 * t.draw.number(8, 9) + 1),
        some_bytes(t, 4 * t.draw.number(3, 4) + 3),
    ]
    payloads.append(some_bytes(t, 4 * t.draw.number(3, 4) + 1))
    keys = [a_key(t), a_key(t), a_key(t)]
    given = said(
        frame(BINARY, payloads[0], keys[0]),
        frame(BINARY, payloads[1], keys[1], fin=False),
        frame(CONTINUATION, payloads[2], keys[2]),
    )
    first, second = 6, 6 + len(payloads[0]) + 6
    for piece in (WHOLE, *SMALL):
        one = _wrongly_unmasked(payloads[0], keys[0], first, piece)
        two = _wrongly_unmasked(payloads[1], keys[1], second, piece)
        three = _wrongly_unmasked(payloads[2], keys[2], second + len(payloads[1]) + 6, piece)
        both = [(x + y, why) for (x, why), (y, _) in zip(two, three)]
        on = masked(masked(payloads[2], keys[2]), keys[2], len(payloads[1]))
        both.append(
            (
                payloads[1] + on,
                "the offset counts from the beginning of the frame, not of the message",
            )
        )
        expected = [
            Value("binary", payloads[0], "RFC 6455 §5.3", True, one),
            Value("binary", payloads[1] + payloads[2], "RFC 6455 §5.3", True, tuple(both)),
        ]
        title = f"a message of one masked frame, and one of two, {pieces_of(piece)}"
        heard(t, title, "server", given, expected, piece)


def _wrongly_unmasked(data: bytes, key: bytes, begin: int, piece: int) -> tuple:
    """What mistakes make of a payload that begins at this byte of what comes in pieces."""
    cuts = [i for i in range(1, len(data)) if (begin + i) % piece == 0]
    pieces = list(zip([0, *cuts], [*cuts, len(data)]))
    wire = masked(data, key)
    anew = b"".join(masked(wire[i:j], key) for i, j in pieces)
    behind = b"".join(masked(wire[i:j], key, j) for i, j in pieces)
    return (
        (wire, "it is still masked"),
        (anew, "each piece was unmasked as if it were the first of its frame"),
        (
            behind,
            "the offset is not where the piece begins: that is payload_length minus remaining_, as it is before this piece is counted",
        ),
    )


def from_a_server(t):
    "frames of a server, which are not masked"
    data = some_bytes(t, t.draw.number(20, 30))
    for piece in (WHOLE, 1, 3):
        given = said(frame(BINARY, data), frame(BINARY, data[:5]))
        expected = [value("binary", data, "RFC 6455 §5.1"), value("binary", data[:5])]
        heard(t, "two frames from a server", "client", given, expected, piece)


def your_server_greets(t):
    "your server, and the reference's client"
    reference_greets_itself(t, t.draw.words(2), server="yours")


def ws_is_greeted(t):
    "your server, and npm's ws, which says something long"
    words = [t.draw.word(), t.draw.text(t.draw.number(200, 300))]
    ws_says(t, words, [*(f"Hello, {word}" for word in words), "closed: 1000"])


# --- Step 4: writing frames.


def write_headers(t):
    "headers of any size, with a key and without"
    for size in (t.draw.number(3, 100), 0, 125, 126, t.draw.number(0x102, 0x1FE), 0xFFFF, 0x10000):
        for key in (b"", a_key(t)):
            message = header(BINARY, [Field("Payload Data", bytes(size))], key)
            _write_header(t, "F", BINARY, size, key, message)
    big = t.draw.number(5 * 10**9, 9 * 10**9)
    message = [
        Field("FIN, RSV1-3, opcode", b"\x82", "FIN, binary", "RFC 6455 §5.2"),
        Field("MASK, Payload len", b"\x7f", "127: the length comes in 64 bits", "RFC 6455 §5.2"),
        Field("Extended payload length", big.to_bytes(8, "big"), f"{big}", "RFC 6455 §5.2"),
    ]
    _write_header(t, "F", BINARY, big, b"", message)
    title = "encode(header) for 2^63 bytes, a length that cannot be written"
    answer = t.ask(title, "encode-too-long")
    compare(title, b"", [fact("encode()", "UsageError", "RFC 6455 §5.2")], answer)
    for bits, fin, rsv in (("", False, 0), ("F1", True, 4), ("2", False, 2), ("F3", True, 1)):
        for opcode in (CONTINUATION, TEXT, PONG):
            data = [Field("Payload Data", bytes(7))]
            message = header(opcode, data, b"", fin, rsv)
            _write_header(t, bits, opcode, 7, b"", message)


def _write_header(t, bits: str, opcode: int, size: int, key: bytes, message: Message) -> None:
    message = [Field(one.name, one.data, one.meaning, one.section) for one in message]
    title = f"encode(header), {NAMES[opcode]}, {size} bytes, {'masked' if key else 'not masked'}"
    got = dict(t.ask(title, "encode-header", bits, opcode, size, *([key] if key else [])))["bytes"]
    name, wanted = "MASK, Payload len", message[1].data[0] & 0x7F
    if len(got) > 1 and got[1] & 0x7F != wanted and {got[1] & 0x7F, wanted} & {126, 127}:
        t.last = [("client" if key else "server", got)]
        forms = {126: "126, the length in 16 bits behind it", 127: "127, the length in 64 bits"}
        right, came = (forms.get(n, f"{n}, the length itself") for n in (wanted, got[1] & 0x7F))
        compare(title, b"", [fact(name, right, "RFC 6455 §5.2")], [(name, came.encode())])
    t.bytes(title, message, "encode-header", bits, opcode, size, *([key] if key else []))


def client_frames(t):
    "what a client says: masked"
    key, text = a_key(t), t.draw.text(t.draw.number(11, 20)).encode()
    long, data = t.draw.text(t.draw.number(300, 400)).encode(), some_bytes(t, 70_000)
    for what, payload, opcode in (
        ("text", text, TEXT),
        ("binary", long, BINARY),
        ("text", b"", TEXT),
        ("ping", text, PING),
        ("close", b"1000", CLOSE),
        ("binary", data, BINARY),
    ):
        on_wire = int(payload).to_bytes(2, "big") if what == "close" else payload
        message = frame(opcode, on_wire, key)
        _said(t, "client", key, message, what, payload)


def server_frames(t):
    "what a server says: not masked"
    key, text = a_key(t), t.draw.text(t.draw.number(11, 20)).encode()
    long = t.draw.text(t.draw.number(300, 400)).encode()
    for what, payload, opcode in (
        ("text", text, TEXT),
        ("text", long, TEXT),
        ("ping", text, PING),
    ):
        _said(t, "server", key, frame(opcode, payload), what, payload)


def several_frames(t):
    "frames behind each other, and a message in pieces"
    key = a_key(t)
    one, two, three = (t.draw.text(t.draw.number(9, 15)).encode() for _ in range(3))
    message = numbered(
        frame(TEXT, one, key, fin=False),
        frame(PING, b"still there?", key),
        frame(CONTINUATION, two, key),
        frame(BINARY, three, key),
    )
    pairs = ("text piece", one, "ping", b"still there?", "text", two, "binary", three)
    _said(t, "client", key, message, *pairs)


def _said(t, side: str, key: bytes, message: Message, *pairs, deflate: str = "plain") -> None:
    """A machine must say this."""
    told = ", ".join(f"{what} of {len(data)} bytes" for what, data in zip(pairs[::2], pairs[1::2]))
    title = f"as a {side}: {told}"
    answer = dict(t.ask(title, "say", side, key, deflate, *pairs))
    t.last = [(side, answer["bytes"])]
    t.compare(title, message, answer["bytes"])
    name = "the caller's bytes"
    expected = [fact(name, "as they were", "RFC 6455 §5.3")]
    compare(f"{title}: mask a copy", b"", expected, [(name, answer[name])])


def your_client_is_greeted(t):
    "your client, and the reference's server"
    reference_greets_itself(t, [t.draw.word(), t.draw.text(300)], client="yours")


def your_halves_talk(t):
    "your client, and your server"
    reference_greets_itself(t, t.draw.words(3), client="yours", server="yours")


# --- Step 5: messages out of frames.


def one_frame_each(t):
    "messages of one frame each, an empty one among them"
    key, word = a_key(t), t.draw.word().encode()
    heard(t, "a part of a frame: no message yet", "server", join(frame(TEXT, word, key))[:9], [])
    given = said(frame(TEXT, word, key), frame(BINARY, b"\0\xff", key), frame(TEXT, b"", key))
    expected = [value("text", word), value("binary", b"\0\xff"), value("text", b"")]
    for piece in (WHOLE, 1):
        heard(t, f"three messages, {pieces_of(piece)}", "server", given, expected, piece)


def fragments(t):
    "messages in fragments, in pieces of any size"
    key, words = a_key(t), [word.encode() for word in t.draw.words(4)]
    given = said(
        frame(TEXT, words[0], key, fin=False),
        frame(CONTINUATION, words[1], key, fin=False),
        frame(CONTINUATION, words[2], key),
        frame(BINARY, b"", key, fin=False),
        frame(CONTINUATION, b"", key, fin=False),
        frame(CONTINUATION, words[3], key, fin=False),
        frame(CONTINUATION, b"", key),
        frame(TEXT, words[3], key),
    )
    first, second = b"".join(words[:3]), words[3]
    for piece in (WHOLE, *SMALL):
        expected = [
            Value("text", first, "RFC 6455 §5.4", True, ((words[2], "the last fragment alone"),)),
            value("binary", second, "RFC 6455 §5.4"),
            value("text", second),
        ]
        title = f"three fragments, then four, then a whole message, {pieces_of(piece)}"
        heard(t, title, "server", given, expected, piece)


def control_frames_between(t):
    "a Ping and a Pong between the fragments of a message"
    one, two = t.draw.words(2)
    given = said(
        frame(TEXT, one.encode(), fin=False),
        frame(PING, b"ping"),
        frame(PONG, b"pong"),
        frame(CONTINUATION, two.encode()),
        frame(PING, b""),
    )
    for piece in (WHOLE, *SMALL):
        expected = [
            value("ping", b"ping", "RFC 6455 §5.4"),
            value("pong", b"pong", "RFC 6455 §5.4"),
            value("text", one + two, "RFC 6455 §5.4"),
            value("ping", b""),
        ]
        title = f"a Ping and a Pong between two fragments, {pieces_of(piece)}"
        heard(t, title, "client", given, expected, piece)


def broken_rules(t):
    "what must not be: refused with 1002"
    key, word = a_key(t), t.draw.word().encode()
    open_text = frame(TEXT, word, key, fin=False)
    cases = [
        ("server", [frame(TEXT, word)], 0, "a client's frame that is not masked", "§5.1"),
        ("server", [frame(PING, b"")], 0, "a client's Ping that is not masked", "§5.1"),
        ("client", [frame(TEXT, word, key)], 0, "a server's frame that is masked", "§5.1"),
        ("client", [frame(CLOSE, b"", key)], 0, "a server's Close that is masked", "§5.1"),
        ("server", [frame(PING, b"", key, fin=False)], 0, "a Ping without FIN", "§5.5"),
        ("server", [frame(CLOSE, b"", key, fin=False)], 0, "a Close without FIN", "§5.5"),
        ("server", [frame(PING, bytes(126), key)], 0, "a Ping of 126 bytes", "§5.5"),
        ("server", [frame(CONTINUATION, word, key)], 0, "a continuation of nothing", "§5.4"),
        (
            "server",
            [frame(TEXT, word, key), frame(CONTINUATION, word, key)],
            1,
            "a continuation behind a whole message",
            "§5.4",
        ),
        (
            "server",
            [open_text, frame(TEXT, word, key)],
            0,
            "a new text inside a text",
            "§5.4",
        ),
        (
            "server",
            [open_text, frame(BINARY, word, key, fin=False)],
            0,
            "a binary message inside a text",
            "§5.4",
        ),
    ]
    for opcode in (0x3, 0x7, 0xB, 0xF):
        one = frame(opcode, word, key)
        cases.append(("server", [one], 0, f"the opcode {opcode:x}, which is reserved", "§5.2"))
        cases.append(("server", [open_text, one], 0, f"the opcode {opcode:x} in a text", "§5.2"))
    for rsv, name in ((4, "RSV1, which nobody has agreed upon"), (2, "RSV2"), (1, "RSV3")):
        for opcode in (TEXT, PING):
            one = frame(opcode, word, key, rsv=rsv)
            cases.append(("server", [one], 0, f"a {NAMES[opcode]} with {name}", "§5.2"))
    for side, frames, before, why, section in cases:
        expected = [value("text", word)] * before + [failed(1002, f"RFC 6455 {section}")]
        heard(t, f"{why}: must be refused", side, said(*frames), expected)


def just_allowed(t):
    "what is unusual, but allowed"
    key, word = a_key(t), t.draw.word().encode()
    heard(
        t,
        "a Ping of 125 bytes",
        "server",
        said(frame(PING, bytes(125), key)),
        [value("ping", bytes(125), "RFC 6455 §5.5")],
    )
    title = "a text with RSV1, where permessage-deflate was agreed upon: no rule is broken"
    squeezed = zlib.compressobj(wbits=-15)
    small = squeezed.compress(word) + squeezed.flush(zlib.Z_SYNC_FLUSH)[:-4]
    heard(
        t,
        title,
        "server",
        said(frame(TEXT, small, key, rsv=4)),
        [value("text", word, "RFC 7692 §6")],
        WHOLE,
        "deflate",
    )
    halves = [frame(TEXT, small[:3], key, fin=False, rsv=4), frame(CONTINUATION, small[3:], key)]
    heard(
        t,
        "a compressed text in two fragments: RSV1 is on the first only",
        "server",
        said(*halves),
        [value("text", word, "RFC 7692 §6")],
        WHOLE,
        "deflate",
    )
    for opcode, frames, why in (
        (PING, [], "a Ping with RSV1: only messages are compressed"),
        (CONTINUATION, [frame(TEXT, word, key, fin=False)], "RSV1 on a continuation"),
    ):
        given = said(*frames, frame(opcode, small, key, rsv=4))
        expected = [failed(1002, "RFC 7692 §6")]
        heard(t, f"{why}: must be refused", "server", given, expected, WHOLE, "deflate")


def sizes_of_messages(t):
    "the longest message, counted over all its fragments, and anew for each"
    key, size = a_key(t), t.draw.number(10, 20)
    half = frame(BINARY, bytes(size), key, fin=False)
    last = frame(CONTINUATION, bytes(size), key)
    whole = value("binary", bytes(2 * size), "RFC 6455 §7.4.1")
    for limit in (2 * size, 3 * size):
        title = f"two messages of two times {size} bytes, where {limit} are allowed"
        heard(t, title, "server", said(half, last, half, last), [whole, whole], WHOLE, limit)
    title = f"two times {size} bytes, where {2 * size - 1} are allowed"
    expected = [failed(1009, "RFC 6455 §7.4.1")]
    heard(t, title, "server", said(half, last), expected, WHOLE, 2 * size - 1)


def message_as_it_comes(t):
    "a message delivered in pieces, where that is wanted"
    one, two = t.draw.word().encode(), t.draw.word().encode()
    given = said(
        frame(TEXT, one, fin=False),
        frame(CONTINUATION, b"", fin=False),
        frame(CONTINUATION, two),
        frame(TEXT, two),
    )
    section = "RFC 6455 §5.4"
    expected = [
        value("text, unfinished", one, section),
        value("more of the text", two, section),
        value("text", two, section),
    ]
    heard(t, "limits.in_pieces: two fragments", "client", given, expected, WHOLE, "pieces")


def ws_sends_fragments(t):
    "your server, and fragments of npm's ws with Pings between them"
    one, two, three = t.draw.words(3)
    expected = [f"Hello, {one}{two}{three}", f"Hello, {two}", "closed: 1000"]
    ws_says(t, [f"{one}|{two}|{three}", two], expected)


# --- Step 6: UTF-8, and status codes.

CHARACTERS = [0x24, 0x7F, 0x80, 0xE9, 0x7FF, 0x800, 0x20AC, 0xD7FF, 0xE000, 0xFFFF]
CHARACTERS += [0x10000, 0x1F600, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF]
NOT_UTF8 = [
    ("80", "a byte that can only follow"),
    ("bf", "a byte that can only follow"),
    ("c0 80", "U+0000 in two bytes: there is a shorter form"),
    ("c1 bf", "U+007F in two bytes: there is a shorter form"),
    ("e0 80 80", "U+0000 in three bytes: there is a shorter form"),
    ("e0 9f bf", "U+07FF in three bytes: there is a shorter form"),
    ("f0 80 80 80", "U+0000 in four bytes: there is a shorter form"),
    ("f0 8f bf bf", "U+FFFF in four bytes: there is a shorter form"),
    ("ed a0 80", "U+D800, a half of a UTF-16 pair"),
    ("ed bf bf", "U+DFFF, a half of a UTF-16 pair"),
    ("f4 90 80 80", "U+110000: characters end at U+10FFFF"),
    ("f5 80 80 80", "f5 begins no character"),
    ("f8 88 80 80 80", "f8 begins no character"),
    ("ff", "ff begins no character"),
    ("c3 28", "the second byte is none that can follow"),
    ("c3 c3 a9", "the second byte is none that can follow"),
    ("e2 82 28", "the third byte is none that can follow"),
    ("e2 28 a1", "the second byte is none that can follow"),
    ("f0 9f 98 28", "the fourth byte is none that can follow"),
    ("f0 9f 28 80", "the third byte is none that can follow"),
    ("e0 a0 c0", "the third byte is none that can follow"),
    ("f4 8f bf c0", "the fourth byte is none that can follow"),
]
SECTION = "RFC 3629 §4"


def _text(t, title: str, pieces: list[bytes], expected: list[Value]) -> None:
    answer = t.ask(title, "utf8", *pieces)
    t.last = [("server", b"".join(pieces))]
    compare(title, b"".join(pieces), expected, answer)


def _valid(pieces: list[bytes], ends: str = "between characters") -> list[Value]:
    found = [fact(f"piece {i}", "may be UTF-8", SECTION) for i in range(1, len(pieces) + 1)]
    return [*found, fact("ends", ends, SECTION)]


def characters(t):
    "every kind of character"
    for code in CHARACTERS:
        data = chr(code).encode()
        _text(t, f"U+{code:04X}, {data.hex(' ')}", [data], _valid([data]))
    text = (t.draw.word() + "".join(map(chr, t.draw.order(CHARACTERS))) + t.draw.text(30)).encode()
    _text(t, "all of them in one text", [text], _valid([text]))


def no_characters(t):
    "what is not UTF-8"
    word = t.draw.text(t.draw.number(3, 12)).encode()
    for digits, why in NOT_UTF8:
        data = bytes.fromhex(digits)
        for text in (data, word + data + word):
            expected = [fact("piece 1", "is not UTF-8", SECTION)]
            _text(t, f"{digits}: {why}", [text], expected)


def cut_anywhere(t):
    "text that comes in pieces, cut inside of characters"
    chosen = t.draw.order(CHARACTERS)[:6]
    text = "".join(map(chr, [*chosen, 0x20AC, 0x1F600])).encode()
    every = [text[i : i + 1] for i in range(len(text))]
    _text(t, "one byte at a time", every, _valid(every))
    for cut in range(1, len(text)):
        pieces = [text[:cut], text[cut:]]
        _text(t, f"cut behind byte {cut}", pieces, _valid(pieces))
    for digits in ("c3", "e2 82", "f0 9f 98", "f0 9f"):
        data = bytes.fromhex(digits)
        title = f"{digits}: the beginning of a character"
        _text(t, title, [data], _valid([data], "inside a character"))
    for digits, why in NOT_UTF8:
        data = bytes.fromhex(digits)
        pieces = [data[i : i + 1] for i in range(len(data))]
        answer = t.ask(why, "utf8", *pieces)
        t.last = [("server", data)]
        expected = [fact("in the end", "is not UTF-8", SECTION)]
        last = answer[-1][1].decode()
        compare(
            f"{digits}, a byte at a time: {why}", data, expected, [("in the end", last.encode())]
        )


def text_in_fragments(t):
    "a character that lies across two fragments, and text that is none"
    word = t.draw.word()
    text = f"{word} €😀"
    data = text.encode()
    for cut in range(len(word) + 1, len(data)):
        given = said(frame(TEXT, data[:cut], fin=False), frame(CONTINUATION, data[cut:]))
        title = f"a text cut behind byte {cut}"
        for piece in (WHOLE, 1):
            heard(t, title, "client", given, [value("text", data, "RFC 6455 §8.1")], piece)
    bad = [failed(1007, "RFC 6455 §8.1")]
    half = data[:-2]
    for frames, why in (
        ([frame(TEXT, b"\xff")], "a text that is not UTF-8"),
        ([frame(TEXT, half)], "a text that ends inside a character"),
        (
            [frame(TEXT, half, fin=False), frame(CONTINUATION, b"")],
            "a text that ends inside a character, its last fragment empty",
        ),
        ([frame(TEXT, b"\xc3\x28", fin=False)], "not UTF-8: known before the message ends"),
    ):
        heard(t, f"{why}: refused with 1007", "client", said(*frames), bad)
    given = said(frame(BINARY, b"\xff\xfe"), frame(BINARY, half), frame(TEXT, data))
    expected = [value("binary", b"\xff\xfe"), value("binary", half), value("text", data)]
    heard(t, "binary messages may hold anything", "client", given, expected)
    early = join(frame(TEXT, b"\xff" + bytes(50)))[:5]
    heard(t, "not UTF-8: known before the frame has come", "client", early, bad)


def close_codes(t):
    "which status codes may be sent"
    some = [t.draw.number(3001, 3998), t.draw.number(4001, 4998), t.draw.number(1016, 2998)]
    for code in (
        *(0, 1, 255, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011),
        *(1012, 1013, 1014, 1015, 1016, 1100, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 65535),
        *some,
    ):
        allowed = code in (1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000))
        title = f"is_valid_close_code({code}): {_about(code)}"
        answer = t.ask(title, "close-codes", code)
        t.last = [("client", join(frame(CLOSE, code.to_bytes(2, "big"))))]
        expected = [fact(f"status code {code}", "yes" if allowed else "no", "RFC 6455 §7.4")]
        compare(title, b"", expected, answer)


def _about(code: int) -> str:
    known = {
        1000: "the usual goodbye",
        1004: "reserved, and without a meaning",
        1005: "stands for a Close without a code; never on the wire",
        1006: "stands for a connection that broke; never on the wire",
        1010: "an extension was missing",
        1011: "something went wrong in the server",
        1014: "registered later: bad gateway",
        1015: "stands for a failure of TLS; never on the wire",
    }
    if code in known:
        return known[code]
    if 3000 <= code <= 3999:
        return "for libraries"
    if 4000 <= code <= 4999:
        return "for applications"
    return "one of RFC 6455, or registered later" if 1000 <= code < 1014 else "not to be used"


def ws_says_goodbye(t):
    "your server, and npm's ws: text beyond ASCII, and a code of its own"
    code, word = t.draw.number(4000, 4999), t.draw.word()
    text = f"{word} €😀"
    ws_says(t, [text, str(code)], [f"Hello, {text}", f"closed: {code}"])


# --- Step 7: the client's handshake.


def _field_line(name: str, text: str, section: str) -> Message:
    return [
        Field(f"field-name {name}", name.encode(), "", section),
        Field(f"colon of {name}", b": ", "a colon and one space", "RFC 9112 §5.1"),
        Field(f"value of {name}", text.encode(), "", section),
        Field(f"line end of {name}", CRLF, "CR LF", "RFC 9112 §2.1"),
    ]


def the_request(t):
    "the request, byte by byte"
    for _ in range(2):
        target, key = t.draw.path(), base64.b64encode(some_bytes(t, 16)).decode()
        host = f"{t.draw.word()}.example"
        message = [
            Field("request-line", f"GET {target} HTTP/1.1".encode(), "", "RFC 9112 §3"),
            Field("line end of the request-line", CRLF, "CR LF", "RFC 9112 §2.1"),
            *_field_line("Host", host, "RFC 9110 §7.2"),
            *_field_line("Upgrade", "websocket", "RFC 6455 §4.1"),
            *_field_line("Connection", "Upgrade", "RFC 6455 §4.1"),
            *_field_line("Sec-WebSocket-Key", key, "RFC 6455 §4.1"),
            *_field_line("Sec-WebSocket-Version", "13", "RFC 6455 §4.1"),
            Field("empty line", CRLF, "ends the head", "RFC 9112 §2.1"),
        ]
        t.bytes("handshake_request()", message, "request", f"ws://{host}{target}", key)


def _answer(status: str, *fields: tuple[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {text}" for name, text in fields), ""]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _right_fields(key: str) -> dict[str, str]:
    accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
    return {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept}


def _checked(t, title: str, given: bytes, key: str, name: str, right: bool) -> None:
    """The response must be accepted, or be refused for the sake of the field named."""
    answer = dict(t.ask(title, "check-response", given, key))
    t.last = [("server", given)]
    got = answer.get("response", b"refused").decode()
    words = answer.get("words", b"").decode()
    if right and words:
        title += f'; you say: "{words}"'
    expected = [fact(name, "accepted" if right else "refused", "RFC 6455 §4.1")]
    compare(title, given, expected, [(name, got.encode())])


def right_responses(t):
    "responses that are right, however they are written"
    key = base64.b64encode(some_bytes(t, 16)).decode()
    fields = _right_fields(key)
    for name, text, why in (
        ("response", "", "as ours says it"),
        ("Upgrade", "WebSocket", "upper and lower case do not count in Upgrade"),
        ("Connection", "upgrade", "nor in Connection"),
        ("Connection", "keep-alive, Upgrade", "Connection is a list"),
    ):
        changed = fields | ({name: text} if text else {})
        given = _answer("101 Switching Protocols", *changed.items())
        _checked(t, f"check_response(): {why}", given, key, name, True)
    given = _answer("101 Whatever", *t.draw.order(list(fields.items())), ("Server", "x"))
    _checked(t, "check_response(): another order, more fields", given, key, "response", True)


def wrong_responses(t):
    "responses that are wrong: each in one thing"
    key = base64.b64encode(some_bytes(t, 16)).decode()
    other = base64.b64encode(some_bytes(t, 16)).decode()
    fields = _right_fields(key)
    accept = fields["Sec-WebSocket-Accept"]
    for status in ("200 OK", "404 Not Found", "100 Continue", "301 Moved Permanently"):
        given = _answer(status, *fields.items())
        _checked(
            t, f"check_response(), status {status}: only 101 will do", given, key, "status", False
        )
    name = "Sec-WebSocket-Accept"
    for name, text, why in (
        ("Upgrade", None, "is missing"),
        ("Upgrade", "h2c", "names another protocol"),
        ("Upgrade", "websocket2", "names another protocol"),
        ("Upgrade", "", "is empty"),
        ("Connection", None, "is missing"),
        ("Connection", "close", "does not say Upgrade"),
        ("Connection", "Upgraded", "does not say Upgrade"),
        (name, None, "is missing"),
        (name, "", "is empty"),
        (name, _right_fields(other)[name], "fits another key"),
        (name, accept.swapcase(), "differs in upper and lower case, which count in base64"),
        (name, accept[:-1], "lacks its last character"),
        (name, accept + "=", "has one character too many"),
        (name, key, "is the key itself"),
    ):
        changed = {one: told for one, told in (fields | {name: text}).items() if told is not None}
        given = _answer("101 Switching Protocols", *changed.items())
        _checked(t, f"check_response(): {name} {why}", given, key, name, False)


def a_server_that_guesses(t):
    "your client, and a server that does not know WebSocket"
    fields = _right_fields("dGhlIHNhbXBsZSBub25jZQ==")  # a recording, played to everyone
    for reply, why in (
        (_answer("101 Switching Protocols", *fields.items()), "an answer to another key"),
        (_answer("404 Not Found", ("Content-Length", "0")), "404"),
    ):
        talk = t.talk("your websocket-client", "a listener")
        title = f"your websocket-client is answered with {why}"
        with t.listen(talk, reply) as listener:
            result = t.client(
                "websocket-client", f"ws://{listener.address}/", "-n", "1", typed="a\n"
            )
        if result.code != 3:
            raise talk.wrong(
                "exit code",
                title,
                f"IT WENT ON: it ended with {result.code}, where 3 says: not opened",
                *result.errors.splitlines(),
            )


def servers_greet_your_client(t):
    "your client, and two servers: the reference's and your own"
    reference_greets_itself(t, t.draw.words(2), client="yours")
    reference_greets_itself(t, t.draw.words(2), client="yours", server="yours")


def ws_greets(t):
    "your client, and a server of npm's ws"
    package = t.node_package("ws")
    server = t.node_server(HERE / "ws_server.js", package)
    names = t.draw.words(2)
    typed = "".join(f"{name}\n" for name in names)

    def run(address: str):
        return t.client("websocket-client", f"ws://{address}/", "-n", "2", typed=typed)

    greeting(t, "your websocket-client", "npm's ws", run, server.address, names)


# --- Step 8, beyond the book: the missing tail.

TAIL = b"\0\0\xff\xff"


def _squeezed(data: bytes) -> bytes:
    """As a compressor writes it, its tail included."""
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH)


def the_tail_is_cut(t):
    "what is sent of a compressed message"
    text = t.draw.text(t.draw.number(20, 30)).encode()
    section = "RFC 7692 §7.2.1"
    for given, wanted, why in (
        (_squeezed(text), _squeezed(text)[:-4], "a message"),
        (_squeezed(b""), b"\0", "nothing: one byte is left"),
        (TAIL, b"\0", "the tail alone: an empty message is one byte, 00"),
        (b"", b"\0", "no byte at all: an empty message is one byte, 00"),
        (b"\x4b\x04\0" + TAIL[:3], b"\x4b\x04\0" + TAIL[:3], "no tail: nothing is cut"),
        (b"\0\xff\xff", b"\0\xff\xff", "three bytes: nothing is cut"),
        (TAIL + b"\x4b", TAIL + b"\x4b", "the four bytes at the front: nothing is cut"),
        (b"\x4b" + TAIL + TAIL, b"\x4b" + TAIL, "twice at the end: one is cut"),
    ):
        answer = dict(t.ask(f"cut_tail(): {why}", "cut-tail", given))
        t.last = [("server", answer["bytes"])]
        known = (
            *([(b"", "nothing is left: send one byte, 00")] if wanted == b"\0" else []),
            (given, "nothing was cut"),
            (wanted[:-1], "one byte too many was cut"),
            (given[: -len(TAIL) - 1], "one byte too many was cut"),
        )
        expected = [Value("compressed", wanted, section, True, known)]
        compare(f"cut_tail(): {why}", given, expected, [("compressed", answer["bytes"])])


def the_tail_is_added(t):
    "compressed messages are unfolded to their ends"
    key = a_key(t)
    deflater = zlib.compressobj(wbits=-15)
    texts = [t.draw.text(t.draw.number(40, 60)).encode() for _ in range(3)]
    texts.append(texts[0])  # the window goes on from message to message
    frames = []
    for text in texts:
        small = deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH)
        frames.append(frame(TEXT, small[:-4], key, rsv=4))
    for piece in (WHOLE, 1, 7):
        expected = [value("text", text, "RFC 7692 §7.2.2") for text in texts]
        title = f"four compressed messages without their tails, {pieces_of(piece)}"
        heard(t, title, "server", said(*frames), expected, piece, "deflate")
    small = _squeezed(texts[0])[:-4]
    halves = [
        frame(TEXT, small[:9], key, fin=False, rsv=4),
        frame(CONTINUATION, small[9:], key),
        frame(TEXT, b"\0", key, rsv=4),
        frame(TEXT, texts[1], key),
    ]
    expected = [value("text", texts[0]), value("text", b""), value("text", texts[1])]
    title = "one in two fragments, an empty one, and one that is not compressed"
    heard(t, title, "server", said(*halves), expected, WHOLE, "deflate")
    broken = frame(TEXT, b"\0\5", key, rsv=4)
    title = (
        "a block that goes on beyond the message's end: the tail does not fit, which is an error"
    )
    heard(t, title, "server", said(broken), [failed(1007, "RFC 7692 §7.2.2")], WHOLE, "deflate")


def which_frame_has_rsv1(t):
    "RSV1: on the first frame of a compressed message, and no other"
    key = a_key(t)
    text = t.draw.text(50)
    pairs = ("text piece", text, "ping", "p", "text piece", text, "text", text, "text", "short")
    pairs += ("text", text)
    wanted = [True, False, False, False, False, True]
    names = ["the first fragment", "a Ping between", "the second fragment", "the last fragment"]
    names += ["a message too short to compress", "another message"]
    got = dict(t.ask("a message in three fragments", "say", "server", key, "deflate", *pairs))
    data, found = got["bytes"], []
    t.last = [("server", data)]
    rest = data
    while len(rest) > 1:
        found.append(bool(rest[0] & 0x40))
        rest = rest[2 + (rest[1] & 0x7F) :]
    expected = [
        fact(f"RSV1 of {n}", "yes" if w else "no", "RFC 7692 §6") for n, w in zip(names, wanted)
    ]
    answer = [(f"RSV1 of {n}", b"yes" if f else b"no") for n, f in zip(names, found)]
    title = "three fragments with a Ping between, then two messages"
    compare(title, frames_in(data), expected, answer)


def compressed_and_back(t):
    "what you write, unfolded by Python's zlib"
    for _ in range(2):
        text = t.draw.text(30).encode() * 3
        got = dict(t.ask("a compressed text", "say", "server", a_key(t), "deflate", "text", text))
        data = got["bytes"]
        t.last = [("server", data)]
        inflater = zlib.decompressobj(wbits=-15)
        try:
            unfolded = inflater.decompress(data[2:] + TAIL)
        except zlib.error as error:
            unfolded = str(error).encode()
        tail_sent = data.endswith(TAIL)
        expected = [fact("tail", "not sent", "RFC 7692 §7.2.1"), value("text", text)]
        answer = [("tail", b"sent" if tail_sent else b"not sent"), ("text", unfolded)]
        compare("a compressed text, unfolded by zlib", data, expected, answer)


def ws_compresses(t):
    "your server, and npm's ws, which compresses long messages"
    long, other = t.draw.text(50) * 30, t.draw.text(40) * 40
    words = [long, t.draw.word(), other]
    ws_says(t, words, [*(f"Hello, {word}" for word in words), "closed: 1000"], ())


# --- What the checks share.


def _same(t, title: str, given: bytes, name: str, expected: bytes, answer: dict) -> None:
    compare(title, given, [value(name, expected)], [(name, answer.get(name, b""))])
