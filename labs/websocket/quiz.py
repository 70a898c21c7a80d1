"""A handshake and a handful of frames, and what a reader should be able to tell about them."""

import base64
import hashlib

from machinery.quiz import Question

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def quiz(draw):
    """What was said, and the questions."""
    key = base64.b64encode(bytes(draw.number(0, 255) for _ in range(16)))
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    request = (
        b"GET /%s HTTP/1.1\r\nHost: %s.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ) % (draw.word().encode(), draw.word().encode(), key)
    response = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %s\r\n\r\n" % accept
    )
    masks = [bytes(draw.order(list(range(1, 256)))[:4]) for _ in range(4)]
    name, halves, long = draw.word(), draw.words(2), draw.text(draw.number(200, 400))
    hello = _frame(0x81, name.encode(), masks[0])
    greeting = _frame(0x81, f"Hello, {name}".encode())
    first = _frame(0x01, halves[0].encode(), masks[1])
    ping = _frame(0x89, b"", masks[2])
    last = _frame(0x80, halves[1].encode(), masks[3])
    pong, many = _frame(0x8A, b""), _frame(0x82, long.encode())
    code = draw.number(4000, 4999)
    goodbye = _frame(0x88, code.to_bytes(2, "big"))
    said = [
        ("client", request),
        ("server", response),
        ("client", hello),
        ("server", greeting),
        ("client", first + ping + last),
        ("server", pong + many + goodbye),
    ]
    questions = [
        Question(
            "How many bytes of key does the client send, before they are written in base64?",
            "16",
            "Its value are 24 characters, two of which are padding (RFC 6455 §4.1).",
        ),
        Question(
            "What is the first character of Sec-WebSocket-Accept?",
            chr(accept[0]),
            "It stands in the response (RFC 6455 §4.2.2).",
        ),
        Question(
            "Which opcode, in hexadecimal, has the first frame of the client?",
            "1",
            "The low four bits of its first byte, 81: text (RFC 6455 §5.2).",
        ),
        Question(
            "What is the masking key of that frame, in hexadecimal?",
            masks[0].hex(" "),
            "The four bytes behind the length (RFC 6455 §5.3).",
        ),
        Question(
            "Which text does that frame hold, unmasked?",
            name,
            "XOR each byte with a byte of the key, in turn (RFC 6455 §5.3).",
        ),
        Question(
            "How many bytes of payload has the server's first frame?",
            str(len(name) + 7),
            "The low seven bits of its second byte (RFC 6455 §5.2).",
        ),
        Question(
            "Of how many fragments is the client's second message?",
            "2",
            "A frame without FIN, and a continuation with it; the Ping between them is none of it.",
        ),
        Question(
            "Which opcode, in hexadecimal, has the last of these fragments?",
            "0",
            "It is a continuation: the type stands on the first (RFC 6455 §5.4).",
        ),
        Question(
            "Which message does the client send in fragments, as one word?",
            "".join(halves),
            "The payloads of the two frames, unmasked with two different keys.",
        ),
        Question(
            "How many bytes has the header of the server's binary frame?",
            "4",
            "Its Payload len is 126, so that the length comes in two bytes more (RFC 6455 §5.2).",
        ),
        Question(
            "And how many has its payload?",
            str(len(long)),
            "Two bytes, the most significant first (RFC 6455 §5.2).",
        ),
        Question(
            "With which status code does the server say goodbye?",
            str(code),
            "The first two bytes of a Close frame's payload (RFC 6455 §5.5.1).",
        ),
    ]
    return said, questions


def _frame(first: int, payload: bytes, key: bytes = b"") -> bytes:
    size, mask = len(payload), 0x80 if key else 0
    long = size > 125
    head = bytes([first, mask | (126 if long else size)]) + (
        size.to_bytes(2, "big") if long else b""
    )
    masked = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload)) if key else payload
    return head + key + masked
