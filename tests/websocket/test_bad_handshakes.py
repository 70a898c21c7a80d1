"""What our server answers to handshakes that break the rules, or almost do, and what npm's ws and
Python's websockets answer.

Where the others differ the row says so: each such row is a decision of ours, or of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import pytest

from support.process import Server
from support.tcp import Tcp
from websocket.frames import ACCEPT, CLOSE, DEFLATE, KEY, MASK, TEXT, Fake, frame, request

ACCEPTED, REFUSED = 101, 400
OTHER_KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
NAME, CLIENT_WINDOW = "permessage-deflate", "; client_max_window_bits"


@dataclass
class Case:
    """A request, the status that ours answers, and those of the others, if they differ. 0: it hangs
    up without a word."""

    name: str
    sent: bytes
    ours: int
    ws: Optional[int] = None
    websockets: Optional[int] = None


def key(value: str) -> bytes:
    """A request with this key."""
    return request(f"Sec-WebSocket-Key: {value}", without="Sec-WebSocket-Key")


def version(value: str) -> bytes:
    """A request for this version."""
    return request(f"Sec-WebSocket-Version: {value}", without="Sec-WebSocket-Version")


def upgrade(value: str) -> bytes:
    """A request for another protocol."""
    return request(f"Upgrade: {value}", without="Upgrade")


def connection(value: str) -> bytes:
    """A request with another Connection."""
    return request(f"Connection: {value}", without="Connection")


def extensions(value: str) -> bytes:
    """A request that offers these extensions."""
    return request(f"Sec-WebSocket-Extensions: {value}")


def method(name: bytes) -> bytes:
    """A request with another method than GET."""
    return request().replace(b"GET", name, 1)


CASES = [
    Case("as it should be", request(), ACCEPTED),
    Case("names in other cases", request().replace(b"Upgrade:", b"uPGRADE:"), ACCEPTED),
    # RFC 6455 §4.2.1: the key.
    Case("no key", request(without="Sec-WebSocket-Key"), REFUSED),
    Case("empty key", key(""), REFUSED),
    Case("short key", key("c2hvcnQ="), REFUSED),
    Case("long key", key("dGhpcyBpcyBtb3JlIHRoYW4gMTYgYnl0ZXM="), REFUSED),
    Case("key without padding", key(KEY[:-2]), REFUSED),
    Case("key that is not base64", key("!" * 22 + "=="), REFUSED),
    # The last character has four bits too many: no encoder makes this. ws looks at the alphabet,
    # and Python's decoder drops such bits.
    Case("two keys", request(f"Sec-WebSocket-Key: {OTHER_KEY}"), REFUSED),
    # RFC 6455 §4.4: another version is answered with the right one, and "an appropriate HTTP error
    # code (such as 426)"; the others chose 400. ws also speaks the last draft, 8, which differs in
    # names only, and reads numbers as JavaScript does.
    Case("version 8", version("8"), 426, ACCEPTED, REFUSED),
    Case("version 14", version("14"), 426, REFUSED, REFUSED),
    Case("version 013", version("013"), 426, ACCEPTED, REFUSED),
    Case("version x", version("x"), 426, REFUSED, REFUSED),
    Case("no version", request(without="Sec-WebSocket-Version"), REFUSED),
    Case("two versions", request("Sec-WebSocket-Version: 13"), REFUSED),
    # Not a handshake at all. RFC 9110 §15.5.22: 426 says what is spoken here.
    Case("plain GET", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426),
    Case("no Upgrade", request(without="Upgrade"), 426),
    # To ws this is a broken handshake. Neither of the others reads Upgrade as the list that it is.
    Case("upgrade to another protocol", upgrade("h2c"), 426, REFUSED),
    Case("upgrade to one of two", upgrade("h2c, websocket"), ACCEPTED, REFUSED, 426),
    Case("WebSocket in other cases", upgrade("WebSocket"), ACCEPTED),
    Case("version of the protocol", upgrade("websocket/13"), 426, REFUSED),
    Case("no Connection", request(without="Connection"), 426),
    Case("Connection without upgrade", connection("keep-alive"), 426),
    Case("Connection with more", connection("keep-alive, Upgrade"), ACCEPTED),
    Case("Connection: close, Upgrade", connection("close, Upgrade"), ACCEPTED),
    # RFC 9110 §7.8: Upgrade does not count in HTTP/1.0. Node.js looks at no version, and Python's
    # websockets knows but one; it hangs up on whatever is no HTTP/1.1 for it.
    Case("HTTP/1.0", request().replace(b"HTTP/1.1", b"HTTP/1.0"), 426, ACCEPTED, 505),
    Case("HTTP/1.0, plain", b"GET / HTTP/1.0\r\n\r\n", 426, None, 505),
    Case("HTTP/2.0", request().replace(b"HTTP/1.1", b"HTTP/2.0"), 505, ACCEPTED, 0),
    # Methods. HEAD is what GET would say, here as everywhere in our server.
    Case("POST", method(b"POST"), 405),
    Case("PUT", method(b"PUT"), 405),
    Case("HEAD", method(b"HEAD"), 426, 405, 405),
    Case("unknown method", method(b"FROB"), 501, REFUSED, 405),
    # RFC 9112 §3.2: 400 without Host. The others leave that to whoever uses them.
    Case("no Host", request().replace(b"Host: a\r\n", b""), REFUSED, ACCEPTED, ACCEPTED),
    # With content, ws reads it as the first frame: what a proxy took for a request's content would
    # be spoken by somebody else. Python's websockets hangs up.
    Case("content", request("Content-Length: 5") + b"hello", REFUSED, ACCEPTED, 0),
    Case("empty content", request("Content-Length: 0"), ACCEPTED),
    Case("chunks", request("Transfer-Encoding: chunked") + b"0\r\n\r\n", REFUSED, ACCEPTED, 0),
    Case("no end of the line", request().replace(b"\r\n", b"\n"), REFUSED, None, 0),
    Case("a target with a fragment", request(path="/#x"), REFUSED, ACCEPTED, ACCEPTED),
    # Extensions. A parameter that is unknown, or wrong, declines the offer (RFC 7692 §7.1): the
    # connection opens without it, but not at ws. What is no list of extensions is refused.
    Case("deflate", request(DEFLATE), ACCEPTED),
    Case("an unknown extension", extensions("x-unknown; a=1"), ACCEPTED),
    Case("an unknown parameter", extensions(f"{NAME}; x=1"), ACCEPTED, REFUSED),
    Case("window of 7", extensions(f"{NAME}; server_max_window_bits=7"), ACCEPTED, REFUSED),
    Case("window of 16", extensions(f"{NAME}; server_max_window_bits=16"), ACCEPTED, REFUSED),
    Case("window of 010", extensions(f"{NAME}; server_max_window_bits=010"), ACCEPTED),
    Case("window of nothing", extensions(f"{NAME}; server_max_window_bits"), ACCEPTED, REFUSED),
    Case("a parameter twice", extensions(f"{NAME}{CLIENT_WINDOW * 2}"), ACCEPTED, REFUSED),
    Case("an offer behind a bad one", extensions(f"{NAME}; x, {NAME}"), ACCEPTED, REFUSED),
    Case("quoted value", extensions(f'{NAME}; server_max_window_bits="10"'), ACCEPTED),
    Case("no name of an extension", extensions("; a=1"), REFUSED),
    Case("no name of a parameter", extensions(f"{NAME}; =1"), REFUSED),
    Case("no value of a parameter", extensions(f"{NAME}; a="), REFUSED),
    Case("a quote without an end", extensions(f'{NAME}; a="1'), REFUSED),
    Case("a space in a name", extensions("permessage deflate"), REFUSED),
    # Subprotocols: what is unknown is not chosen. Nobody has a use for an empty list, but lists may
    # have empty members (RFC 9110 §5.6.1.2).
    Case("subprotocols", request("Sec-WebSocket-Protocol: a, b"), ACCEPTED),
    Case(
        "an empty list of subprotocols",
        request("Sec-WebSocket-Protocol: "),
        ACCEPTED,
        REFUSED,
        REFUSED,
    ),
    # Origins (RFC 6455 §10.2): here no page may connect but our own. The others let all in.
    Case("page of another origin", request("Origin: https://example.org"), 403, ACCEPTED, ACCEPTED),
    Case("page of our origin", request("Origin: http://a"), ACCEPTED),
    Case("page of none", request("Origin: null"), 403, ACCEPTED, ACCEPTED),
    Case("two origins", request("Origin: http://a", "Origin: http://b"), REFUSED, ACCEPTED),
]


def answer(server: Server, sent: bytes) -> str:
    """The head of what comes back; nothing, if the server hangs up."""
    with Tcp(server.address) as tcp:
        tcp.send(sent)
        came = b""
        while b"\r\n\r\n" not in came:
            try:
                came += tcp.read(1)
            except AssertionError as closed:
                assert str(closed).startswith("closed before")
                break
        return came.decode()


def status(server: Server, sent: bytes) -> int:
    """The status alone."""
    head = answer(server, sent)
    return int(head.split()[1]) if head else 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ours(server: Server, case: Case) -> None:
    assert status(server, case.sent) == case.ours
    assert status(server, request()) == ACCEPTED


@pytest.mark.parametrize("peer", ["ws", "websockets"])
def test_the_others(host, peer: str) -> None:
    """All at one server: so the table stays true when a version changes."""
    server = host(peer, deflate={})
    expected = {case.name: case.ours for case in CASES}
    expected |= {case.name: other for case in CASES if (other := getattr(case, peer)) is not None}
    assert {case.name: status(server, case.sent) for case in CASES} == expected


def test_the_right_answer(server: Server) -> None:
    """RFC 6455 §1.3 has this very key."""
    head = answer(server, request(DEFLATE)).splitlines()
    assert head[0] == "HTTP/1.1 101 Switching Protocols"
    assert {"Upgrade: websocket", "Connection: Upgrade"} <= set(head)
    assert f"Sec-WebSocket-Accept: {ACCEPT}" in head
    assert f"{DEFLATE}; server_max_window_bits=12" in head
    assert not any(line.startswith(("Content-Length", "Transfer-Encoding")) for line in head)


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", version("8")], ids=["plain GET", "version 8"]
)
def test_upgrade_required(server: Server, sent: bytes) -> None:
    """426 names what is spoken here (RFC 9110 §15.5.22, RFC 6455 §4.4), also for a person."""
    with Tcp(server.address) as tcp:
        tcp.send(sent)
        head = tcp.read_until(b"\r\n\r\n").decode().splitlines()
        assert head[0] == "HTTP/1.1 426 Upgrade Required"
        assert {"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"} <= set(
            head
        )
        assert b"WebSocket" in tcp.read_until(b"\n")
        tcp.send(request())  # and the connection lasts: the client may do better
        assert tcp.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    "case",
    [each for each in CASES if "extension" in each.name or "window of" in each.name],
    ids=lambda case: case.name,
)
def test_declined_is_not_agreed(server: Server, case: Case) -> None:
    """Who offers what we can't do gets no extension; the second offer of two may do."""
    if case.ours == ACCEPTED:
        assert "Sec-WebSocket-Extensions" not in answer(server, case.sent)


def test_a_fall_back_is_agreed(server: Server) -> None:
    """RFC 7692 §5.2"""
    offers = f"{NAME}; server_max_window_bits=99, {NAME}; server_max_window_bits=10"
    assert f"{DEFLATE}; server_max_window_bits=10\r\n" in answer(server, extensions(offers))


def test_a_frame_behind_the_request(server: Server) -> None:
    """A client may not wait for the answer; but what it says then is not lost."""
    with Tcp(server.address) as tcp:
        tcp.send(request() + frame(TEXT, b"early", mask=MASK))
        tcp.read_until(b"\r\n\r\n")
        assert tcp.read(7) == frame(TEXT, b"early")


def test_byte_by_byte(server: Server) -> None:
    """However the network cuts it."""
    with Tcp(server.address) as tcp:
        sent = request() + frame(TEXT, b"cut", mask=MASK)
        tcp.send(*(sent[at : at + 1] for at in range(len(sent))))
        tcp.read_until(b"\r\n\r\n")
        assert tcp.read(5) == frame(TEXT, b"cut")


def test_origins(serve) -> None:
    """Those that are named, and of any."""
    named = serve("--echo", "--origin", "https://example.org", "--origin", "http://b:8080")
    assert status(named, request("Origin: https://example.org")) == ACCEPTED
    assert status(named, request("Origin: http://b:8080")) == ACCEPTED
    assert status(named, request("Origin: http://a")) == ACCEPTED  # ours
    assert status(named, request("Origin: http://b")) == 403
    assert status(named, request("Origin: http://example.org")) == 403
    assert status(named, request("Origin: https://example.org.evil")) == 403
    assert status(serve("--echo", "--origin", "*"), request("Origin: null")) == ACCEPTED


# --- Our client, and servers that get it wrong.

SWITCHING = "HTTP/1.1 101 Switching Protocols\r\n"
RIGHT = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"


def switching(fields: str = RIGHT, *more: str) -> str:
    """A response that accepts, with these fields."""
    return SWITCHING + fields + "".join(f"{each}\r\n" for each in more) + "\r\n"


ANSWERS = {
    "no Accept": (switching(RIGHT.partition("Sec-")[0]), "Sec-WebSocket-Accept does not fit"),
    "another Accept": (switching(RIGHT.replace("{accept}", ACCEPT)), "does not fit the key"),
    "Accept twice": (switching(RIGHT, "Sec-WebSocket-Accept: {accept}"), "Accept comes twice"),
    "no Upgrade": (switching(RIGHT.partition("\r\n")[2]), 'Upgrade is not "websocket"'),
    "other Upgrade": (switching(RIGHT.replace("websocket", "h2c", 1)), 'is not "websocket"'),
    "no Connection": (
        switching(RIGHT.replace("Connection: Upgrade\r\n", "")),
        "Connection does not",
    ),
    "200": (
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + RIGHT + "\r\n",
        "the server answered 200 OK",
    ),
    "404": ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answered 404 Not Found"),
    "401": ("HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n", "answered 401 Unauthorized"),
    "redirect": (
        "HTTP/1.1 302 Found\r\nLocation: ws://a/\r\nContent-Length: 0\r\n\r\n",
        "answered 302 Found",
    ),
    "a subprotocol that was not offered": (
        switching(RIGHT, "Sec-WebSocket-Protocol: soap"),
        "a subprotocol that was not offered: soap",
    ),
    "an extension that was not offered": (
        switching(RIGHT, "Sec-WebSocket-Extensions: x-other"),
        "an extension that was not offered: x-other",
    ),
    "deflate twice": (switching(RIGHT, DEFLATE, DEFLATE), "that was not offered"),
    "unknown parameters": (switching(RIGHT, f"{DEFLATE}; x=1"), "permessage-deflate has not"),
    "a window of 7": (
        switching(RIGHT, f"{DEFLATE}; server_max_window_bits=7"),
        "permessage-deflate has not",
    ),
    "a window without a value": (
        switching(RIGHT, f"{DEFLATE}; client_max_window_bits"),
        "permessage-deflate has not",
    ),
    "extensions that are no list": (
        switching(RIGHT, f"{DEFLATE}; ="),
        'Sec-WebSocket-Extensions: "="',
    ),
    "no HTTP": ("SSH-2.0-OpenSSH_9.2\r\n\r\n", ""),
    "another version of HTTP": ("HTTP/2.0 101 Switching Protocols\r\n" + RIGHT + "\r\n", ""),
}


@pytest.mark.parametrize("head, complaint", ANSWERS.values(), ids=ANSWERS)
def test_answers_that_our_client_refuses(client, head: str, complaint: str) -> None:
    """It fails the connection, and does not say a single frame (RFC 6455 §4.1)."""
    with Fake(frame(TEXT, b"heard"), head=head, hangs_up=True) as server:
        result = client("-n", "1", server.url, input=b"said\n")
        assert server.frames == []
    assert result.code == 3 and result.text == ""
    assert result.errors.startswith("websocket-client: ") and complaint in result.errors


def test_without_an_offer_there_is_no_deflate(client) -> None:
    with Fake(head=switching(RIGHT, DEFLATE), hangs_up=True) as server:
        result = client("--no-deflate", "-n", "1", server.url)
    assert result.code == 3 and "was not offered: permessage-deflate" in result.errors
    assert b"Sec-WebSocket-Extensions" not in server.request


@pytest.mark.parametrize(
    "head",
    [
        switching(RIGHT),
        switching(RIGHT.lower().replace("{accept}", "{accept}")),
        switching(RIGHT.replace("websocket", "WEBSOCKET", 1).replace("Upgrade\r", "x, UPGRADE\r")),
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + switching(RIGHT),
        switching(RIGHT, f"{DEFLATE}; server_no_context_takeover; client_max_window_bits=9"),
        switching(RIGHT, "Set-Cookie: a=b", "X-Other: 1"),
    ],
)
def test_answers_that_are_right(client, head: str) -> None:
    with Fake(frame(TEXT, b"heard"), head=head) as server:
        result = client("-n", "1", server.url)
        assert [each.opcode for each in server.frames] == [CLOSE]
    assert (result.code, result.text, result.errors) == (0, "heard\n", "")
