"""What our server answers to requests that break the rules, or almost do, and what nginx answers.

One case a row. After its bytes comes a good request, LAST, that asks to close the connection. So
the statuses that come back tell everything: a single one means refused, and closed: what follows a
message whose end is in doubt was not taken for a request. An accepted case has LAST's 200 behind
its own status.

nginx is asked the same. Where it differs, the row says so: each such row is a decision of ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

import pytest

from support import nginx as nginx_peer
from support.process import Server, free_port
from support.tcp import Tcp, cut

HOST = b"Host: a\r\n"
LAST = b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"2\r\nok\r\n0\r\n\r\n"

REFUSED = [400]
NOT_ASKED: list[int] = [0]  # for nginx: its answer depends on how the network cuts the bytes
ACCEPTED = [200, 200]


@dataclass
class Case:
    """Some bytes, and the statuses that come back from ours and from nginx, if that differs."""

    name: str
    sent: bytes
    ours: list[int]
    nginx: Optional[list[int]] = None


def line(request_line: bytes, fields: bytes = b"") -> bytes:
    """A request of this request-line, with a Host."""
    return request_line + b"\r\n" + HOST + fields + b"\r\n"


def fields(*lines: bytes) -> bytes:
    """A request of these field lines, Host not included."""
    return b"GET /hello HTTP/1.1\r\n" + b"".join(one + b"\r\n" for one in lines) + b"\r\n"


def field(one: bytes) -> bytes:
    """A request with this field line beside Host."""
    return fields(b"Host: a", one)


def post(*lines: bytes, content: bytes = b"ok") -> bytes:
    """A request with these field lines and this content."""
    head = b"POST /echo HTTP/1.1\r\n" + HOST + b"".join(one + b"\r\n" for one in lines)
    return head + b"\r\n" + content


def chunked(content: bytes) -> bytes:
    """A request whose content these bytes are, in chunks that may be wrong."""
    return post(CHUNKED, content=content)


REQUEST_LINE = [
    Case("nonsense", b"GARBAGE\r\n\r\n", REFUSED),
    # RFC 9112 §2.3: HTTP/0.9 is gone. nginx still speaks it: content, and no status.
    Case("no version", line(b"GET /hello"), REFUSED, []),
    Case("HTTP/0.9 without fields", b"GET /hello\r\n", REFUSED, []),
    Case("lower case version", line(b"GET /hello http/1.1"), REFUSED),
    Case("HTTP/9.9", line(b"GET /hello HTTP/9.9"), [505]),
    Case("HTTP/2.0", line(b"GET /hello HTTP/2.0"), [505]),
    Case("HTTP/0.9", line(b"GET /hello HTTP/0.9"), [505], [400]),
    Case("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505], [400]),
    Case("HTTP/1.2", line(b"GET /hello HTTP/1.2"), ACCEPTED),  # RFC 9110 §2.5: is taken for 1.1
    Case("HTTP/1.10", line(b"GET /hello HTTP/1.10"), REFUSED, ACCEPTED),
    Case("HTTP/1", line(b"GET /hello HTTP/1"), REFUSED),
    Case("HTTP/+1.1", line(b"GET /hello HTTP/+1.1"), REFUSED),
    Case("HTTP/1,1", line(b"GET /hello HTTP/1,1"), REFUSED),
    # RFC 9112 §3 allows leniency about spaces, and warns of what it leads to.
    Case("two spaces before the target", line(b"GET  /hello HTTP/1.1"), REFUSED, ACCEPTED),
    Case("two spaces after the target", line(b"GET /hello  HTTP/1.1"), REFUSED, ACCEPTED),
    Case("space at the end", line(b"GET /hello HTTP/1.1 "), REFUSED, ACCEPTED),
    Case("space at the beginning", line(b" GET /hello HTTP/1.1"), REFUSED),
    Case("tabs for spaces", line(b"GET\t/hello\tHTTP/1.1"), REFUSED),
    Case("space in the target", line(b"GET /he llo HTTP/1.1"), REFUSED),
    Case("no method", line(b"/hello HTTP/1.1"), REFUSED),
    Case("method with @", line(b"G@T /hello HTTP/1.1"), REFUSED),
    Case("method with (", line(b"GET( /hello HTTP/1.1"), REFUSED),
    # A method is case-sensitive: this one is well formed, and unknown (RFC 9110 §9.1).
    Case("lower case method", line(b"get /hello HTTP/1.1"), [501, 200], [400]),
    Case("unknown method", line(b"FROB /hello HTTP/1.1"), [501, 200], ACCEPTED),
    Case("TRACE", line(b"TRACE /hello HTTP/1.1"), [405, 200], [405]),
    Case("control character in the target", line(b"GET /he\x01llo HTTP/1.1"), REFUSED),
    Case("NUL in the target", line(b"GET /he\x00llo HTTP/1.1"), REFUSED),
    Case("DEL in the target", line(b"GET /he\x7fllo HTTP/1.1"), REFUSED),
    Case("byte above ASCII in the target", line(b"GET /he\xffllo HTTP/1.1"), REFUSED, [404, 200]),
    Case("TLS on the plain port", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", REFUSED),
    Case("SSH on the plain port", b"SSH-2.0-OpenSSH_9.2\r\n", REFUSED),
]

TARGET = [
    Case("fragment", line(b"GET /hello#x HTTP/1.1"), REFUSED, ACCEPTED),
    Case("no slash", line(b"GET hello HTTP/1.1"), REFUSED),
    Case("asterisk for GET", line(b"GET * HTTP/1.1"), REFUSED),
    Case("asterisk for OPTIONS", line(b"OPTIONS * HTTP/1.1"), [204, 200], [400]),
    Case("absolute", line(b"GET http://a/hello HTTP/1.1"), ACCEPTED),
    Case("absolute, upper case", line(b"GET HTTP://A/hello HTTP/1.1"), ACCEPTED),
    Case("absolute, other than Host", line(b"GET http://b/hello HTTP/1.1"), ACCEPTED),
    Case("absolute, without a path", line(b"GET http://a HTTP/1.1"), [404, 200], [403, 200]),
    Case("absolute, ftp", line(b"GET ftp://a/hello HTTP/1.1"), REFUSED, ACCEPTED),
    Case("absolute, without a host", line(b"GET http:///hello HTTP/1.1"), REFUSED),
    Case("absolute, with a user", line(b"GET http://u@a/hello HTTP/1.1"), REFUSED),
    Case("CONNECT", line(b"CONNECT a:80 HTTP/1.1"), [501, 200], [400]),  # this is no proxy
    Case("CONNECT without a port", line(b"CONNECT a HTTP/1.1"), REFUSED),
    Case("% and no digits", line(b"GET /%zz HTTP/1.1"), REFUSED),
    Case("% and one digit", line(b"GET /%4 HTTP/1.1"), REFUSED),
    Case("%00", line(b"GET /hello.txt%00.html HTTP/1.1"), [400, 200], [400]),
    Case("9,000 bytes", line(b"GET /" + b"a" * 9000 + b" HTTP/1.1"), [414]),
]

LINE_ENDS = [
    # RFC 9112 §2.2 allows a recipient to take LF for CRLF: nginx does, we do not.
    Case("LF everywhere", b"GET /hello HTTP/1.1\nHost: a\n\n", REFUSED, ACCEPTED),
    Case("LF after a field", field(b"X: 1\nY: 2"), REFUSED, ACCEPTED),
    Case("LF CR", b"GET /hello HTTP/1.1\r\nHost: a\r\n\n\r", REFUSED, ACCEPTED),
    Case("LF before the request", b"\n" + field(b"X: 1"), REFUSED, ACCEPTED),
    Case("CR in the request-line", line(b"GET /hello HTTP/1.1\rX: 1"), REFUSED),
    Case("CR in a field", field(b"X: a\rb"), REFUSED),
    Case("CR CR LF", b"GET /hello HTTP/1.1\r\r\nHost: a\r\n\r\n", REFUSED),
    Case("empty lines before the request", b"\r\n\r\n" + field(b"X: 1"), ACCEPTED),
]

HOSTS = [
    Case("no Host", fields(), REFUSED),
    Case("no Host in HTTP/1.0", b"GET /hello HTTP/1.0\r\n\r\n", [200]),
    Case("no Host, absolute target", b"GET http://a/hello HTTP/1.1\r\n\r\n", REFUSED),
    Case("the same Host twice", fields(b"Host: a", b"Host: a"), REFUSED),
    Case("two Hosts", fields(b"Host: a", b"Host: b"), REFUSED),
    Case("two Hosts, absolute target", line(b"GET http://a/hello HTTP/1.1", HOST), REFUSED),
    # RFC 9110 §7.2: the empty value is what a client sends for a URL without a host.
    Case("empty Host", fields(b"Host:"), ACCEPTED, REFUSED),
    Case("space in Host", fields(b"Host: a b"), REFUSED),
    Case("slash in Host", fields(b"Host: a/b"), REFUSED),
    Case("user in Host", fields(b"Host: u@a"), REFUSED, ACCEPTED),
    Case("open bracket in Host", fields(b"Host: [::1"), REFUSED, ACCEPTED),
    Case("port of letters", fields(b"Host: a:b"), REFUSED, ACCEPTED),
    Case("port of six digits", fields(b"Host: a:999999"), ACCEPTED),  # port = *DIGIT: RFC 3986 §3.2.3
    Case("control character in Host", fields(b"Host: a\x01b"), REFUSED),
    Case("IPv6 Host", fields(b"Host: [::1]:8080"), ACCEPTED),
]

FIELDS = [
    Case("space before the colon", field(b"X : 1"), REFUSED),
    Case("space before Host's colon", fields(b"Host : a"), REFUSED),
    Case("tab before the colon", field(b"X\t: 1"), REFUSED),
    Case("folded line", field(b"X: 1\r\n 2"), REFUSED),
    Case("folded first line", fields(b" X: 1", b"Host: a"), REFUSED),
    Case("no colon", field(b"X"), REFUSED, ACCEPTED),
    Case("no name", field(b": 1"), REFUSED),
    Case("name with @", field(b"X@: 1"), REFUSED, ACCEPTED),
    Case("name with a space", field(b"X Y: 1"), REFUSED),
    Case("name above ASCII", field(b"X\xe4: 1"), REFUSED, ACCEPTED),
    Case("name with NUL", field(b"X\x00: 1"), REFUSED),
    Case("value with NUL", field(b"X: \x00"), REFUSED),
    Case("value with a control character", field(b"X: \x01"), REFUSED, ACCEPTED),
    Case("value with DEL", field(b"X: \x7f"), REFUSED, ACCEPTED),
    Case("value above ASCII", field(b"X: \xe4"), ACCEPTED),
    Case("value with a tab", field(b"X: a\tb"), ACCEPTED),
    Case("empty value", field(b"X:"), ACCEPTED),
    Case("100 fields", fields(b"Host: a", *[b"X: 1"] * 99), ACCEPTED),
    Case("101 fields", fields(b"Host: a", *[b"X: 1"] * 100), [431], ACCEPTED),
    Case("40 KiB in many fields", fields(b"Host: a", *[b"X: " + b"1" * 1000] * 40), [431], [400]),
    Case("40 KiB in one field", field(b"X: " + b"1" * 40_000), [431], [400]),
]

LENGTHS = [
    Case("length and chunks", post(b"Content-Length: 12", CHUNKED, content=CHUNKS), REFUSED),
    Case("chunks and length", post(CHUNKED, b"Content-Length: 12", content=CHUNKS), REFUSED),
    Case("length and chunks for GET", fields(b"Host: a", b"Content-Length: 0", CHUNKED), REFUSED),
    Case("negative length", post(b"Content-Length: -1"), REFUSED),
    Case("length with a sign", post(b"Content-Length: +2"), REFUSED),
    Case("length in hexadecimal", post(b"Content-Length: 0x2"), REFUSED),
    Case("length with a space inside", post(b"Content-Length: 2 2"), REFUSED),
    Case("length with a comma", post(b"Content-Length: 2, 2"), REFUSED),
    Case("length with a point", post(b"Content-Length: 2.0"), REFUSED),
    Case("empty length", post(b"Content-Length:"), REFUSED),
    Case("two lengths", post(b"Content-Length: 2", b"Content-Length: 3"), REFUSED),
    Case("the same length twice", post(b"Content-Length: 2", b"Content-Length: 2"), REFUSED),
    Case("length beyond 64 bits", post(b"Content-Length: 18446744073709551618"), [413], [400]),
    Case("length beyond 63 bits", post(b"Content-Length: 9223372036854775808"), [413], [400]),
    Case("length with spaces around", post(b"Content-Length:   2  "), ACCEPTED),
    Case("length with a zero before", post(b"Content-Length: 02"), ACCEPTED),
    # Another name, whatever some gateways make of it: there is no content.
    Case("length with underscore", post(b"Content_Length: 2", content=b""), ACCEPTED),
    Case("POST without a length", post(content=b""), ACCEPTED),
    Case("HTTP/1.0 POST without a length", line(b"POST /echo HTTP/1.0"), [411], [200]),
]

# RFC 9112 §6.3, rule 4: where chunked is not the last coding, the length is in doubt: 400. nginx
# answers 501 to every coding but a single chunked.
CODINGS = [
    Case("identity", post(b"Transfer-Encoding: identity"), REFUSED, [501]),
    Case("gzip, chunked", post(b"Transfer-Encoding: gzip, chunked", content=CHUNKS), [501]),
    Case("chunked, gzip", post(b"Transfer-Encoding: chunked, gzip"), REFUSED, [501]),
    Case("chunked, chunked", post(b"Transfer-Encoding: chunked, chunked"), REFUSED, [501]),
    Case("chunked in two lines", post(CHUNKED, CHUNKED, content=CHUNKS), REFUSED),
    Case("chunked, then identity", post(CHUNKED, b"Transfer-Encoding: identity"), REFUSED),
    Case("xchunked", post(b"Transfer-Encoding: xchunked", content=CHUNKS), REFUSED, [501]),
    Case('"chunked"', post(b'Transfer-Encoding: "chunked"', content=CHUNKS), REFUSED, [501]),
    Case("VT before chunked", post(b"Transfer-Encoding: \x0bchunked"), REFUSED, [501]),
    Case("space before its colon", post(b"Transfer-Encoding : chunked"), REFUSED),
    Case("chunked in a folded line", post(b"Transfer-Encoding:\r\n chunked"), REFUSED),
    Case("no coding", post(b"Transfer-Encoding:"), REFUSED, [501]),
    Case("chunked with a parameter", post(b"Transfer-Encoding: chunked;q=1"), REFUSED, [501]),
    Case("chunked in HTTP/1.0", line(b"POST /echo HTTP/1.0", CHUNKED + b"\r\n"), REFUSED),
    Case("upper case", post(b"Transfer-Encoding: CHUNKED", content=CHUNKS), ACCEPTED),
    Case(
        "empty list members", post(b"Transfer-Encoding: , chunked", content=CHUNKS), ACCEPTED, [501]
    ),
]

CHUNK_SIZES = [
    Case("size Z", chunked(b"Z\r\nok\r\n0\r\n\r\n"), REFUSED),
    Case("size 0x2", chunked(b"0x2\r\nok\r\n0\r\n\r\n"), REFUSED),
    Case("size -2", chunked(b"-2\r\nok\r\n0\r\n\r\n"), REFUSED),
    Case("size +2", chunked(b"+2\r\nok\r\n0\r\n\r\n"), REFUSED),
    Case("space before the size", chunked(b" 2\r\nok\r\n0\r\n\r\n"), REFUSED),
    # Old servers padded sizes; the grammar of RFC 9112 §7.1 has no place for that.
    Case("space after the size", chunked(b"2 \r\nok\r\n0\r\n\r\n"), REFUSED, ACCEPTED),
    Case("no size", chunked(b"\r\nok\r\n0\r\n\r\n"), REFUSED),
    Case("size ends in LF", chunked(b"2\nok\r\n0\r\n\r\n"), REFUSED, ACCEPTED),
    Case("size ends in CR", chunked(b"2\rok\r\n0\r\n\r\n"), REFUSED),
    Case("size beyond 64 bits", chunked(b"10000000000000002\r\nok\r\n0\r\n\r\n"), [413], [400]),
    Case("size beyond 63 bits", chunked(b"8000000000000000\r\nok\r\n0\r\n\r\n"), [413], [400]),
    Case("extensions", chunked(b'2;a=b;c="d\\"e";f\r\nok\r\n0;x\r\n\r\n'), ACCEPTED),
    Case("extension without a name", chunked(b"2;=\r\nok\r\n0\r\n\r\n"), REFUSED, ACCEPTED),
    Case("extension ends in LF", chunked(b"2;a\nok\r\n0\r\n\r\n"), REFUSED, ACCEPTED),
    Case("extension with CRLF in quotes", chunked(b'2;a="\r\nok\r\n0\r\n\r\n'), REFUSED, ACCEPTED),
    Case(
        "extension of 2,000 bytes",
        chunked(b"2;" + b"a" * 2000 + b"\r\nok\r\n0\r\n\r\n"),
        REFUSED,
        ACCEPTED,
    ),
    Case("last size 000", chunked(b"2\r\nok\r\n000\r\n\r\n"), ACCEPTED),
    # /echo has answered when it meets these: all it can do is to break its answer off.
    Case("data too long", chunked(b"2\r\nokay\r\n0\r\n\r\n"), [200], [400]),
    Case("data ends in XX", chunked(b"2\r\nokXX0\r\n\r\n"), [200], [400]),
    Case("data ends in LF", chunked(b"2\r\nok\n0\r\n\r\n"), [200], NOT_ASKED),
    Case("second size is wrong", chunked(b"2\r\nok\r\nZ\r\n\r\n"), [200], [400]),
]

TRAILERS = [
    Case("trailer", chunked(b"2\r\nok\r\n0\r\nT: 1\r\n\r\n"), ACCEPTED),
    Case("space before the colon", chunked(b"0\r\nT : 1\r\n\r\n"), REFUSED, ACCEPTED),
    Case("no colon", chunked(b"0\r\nT\r\n\r\n"), REFUSED, ACCEPTED),
    Case("ends in LF", chunked(b"0\r\nT: 1\n\r\n"), REFUSED, ACCEPTED),
    Case("folded", chunked(b"0\r\nT: 1\r\n 2\r\n\r\n"), REFUSED, ACCEPTED),
    Case("a length", chunked(b"0\r\nContent-Length: 5\r\n\r\n"), ACCEPTED),  # ignored: it is late
    Case("a Host", chunked(b"0\r\nHost: b\r\n\r\n"), ACCEPTED),
    Case("40 KiB", chunked(b"0\r\n" + (b"T: " + b"1" * 1000 + b"\r\n") * 40), [431], NOT_ASKED),
    Case("one line of 40 KiB", chunked(b"0\r\nT: " + b"1" * 40_000 + b"\r\n\r\n"), [431], ACCEPTED),
]

EXPECTATIONS = [
    Case("unknown", post(b"Content-Length: 2", b"Expect: a-miracle"), [417], ACCEPTED),
    Case("100-continue", post(b"Content-Length: 2", b"Expect: 100-continue"), [100, 200, 200]),
    Case("in HTTP/1.0", line(b"GET /hello HTTP/1.0", b"Expect: a-miracle\r\n"), [200]),
]

TABLES = {
    "request line": REQUEST_LINE,
    "target": TARGET,
    "line ends": LINE_ENDS,
    "host": HOSTS,
    "fields": FIELDS,
    "length": LENGTHS,
    "coding": CODINGS,
    "chunk": CHUNK_SIZES,
    "trailers": TRAILERS,
    "expect": EXPECTATIONS,
}
ROWS = [
    pytest.param(case, id=f"{table}: {case.name}")
    for table, cases in TABLES.items()
    for case in cases
]


def answers(server: Server, pieces: list[bytes]) -> tuple[list[int], bytes]:
    """Send a case and LAST; the statuses until the server closes, and all that came."""
    with Tcp(server.address) as tcp:
        try:
            tcp.send(*pieces[:-1], pieces[-1] + LAST)
        except OSError:
            pass  # it was refused before it was all sent
        came = tcp.read_to_close()
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", came)], came


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    """nginx that, as our server does, reads a request to /echo to its end before it answers."""
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    (folder / "files").mkdir()
    blocks = f"""
      server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
        location = /hello {{ return 200 "Hello, World!"; }}
        location = /echo {{ proxy_pass http://127.0.0.1:{port}/hello; }}
      }}"""
    with Server(nginx_peer.command(folder, blocks), port) as running:
        yield running


@pytest.fixture(scope="module")
def ours(programs, tmp_path_factory):
    """One server for all rows: whatever a row did to it, the next one would notice."""
    root = tmp_path_factory.mktemp("files")
    command = [programs / "http1-server", "--root", root, "--port", "0"]
    with Server(command) as running:
        yield running
        assert running.stop() == 0, running.output


@pytest.mark.parametrize("case", ROWS)
def test_bad_request(case: Case, ours: Server) -> None:
    statuses, came = answers(ours, [case.sent])
    assert statuses == case.ours, came
    if statuses == [200]:
        # Either the answer closes the connection because HTTP/1.0 wanted that, or it is cut short.
        assert came.endswith(b"Hello, World!") or not came.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("case", ROWS)
def test_the_same_byte_by_byte(case: Case, ours: Server) -> None:
    """Where the network cuts the bytes must not matter."""
    statuses, came = answers(ours, cut(case.sent, max(1, len(case.sent) // 1000)))
    assert statuses == case.ours, came


@pytest.mark.parametrize("case", [row for row in ROWS if row.values[0].nginx != NOT_ASKED])
def test_nginx(case: Case, nginx: Server) -> None:
    statuses, came = answers(nginx, [case.sent])
    assert statuses == (case.ours if case.nginx is None else case.nginx), came
    assert case.nginx != case.ours, "the row claims a difference where there is none"


def test_every_answer_is_whole(ours: Server) -> None:
    """A refusal is a complete response, which says that the connection ends, and why."""
    for row in ROWS:
        case = row.values[0]
        statuses, came = answers(ours, [case.sent])
        if len(statuses) == 1 and statuses[0] >= 400:
            head, _, content = came.partition(b"\r\n\r\n")
            assert b"Connection: close" in head, case.name
            length = int(re.search(rb"Content-Length: (\d+)", head)[1])
            assert len(content) == length > 0, case.name


@pytest.mark.parametrize(
    "sent",
    [b"GET /hello HTTP/1.1\r\nHo", post(b"Content-Length: 5"), chunked(b"5\r\nok"), chunked(b"2")],
    ids=["head", "content", "chunk", "chunk-size"],
)
def test_cut_short(sent: bytes, ours: Server) -> None:
    """The client says that it has said everything, in the middle of a message."""
    with Tcp(ours.address) as tcp:
        tcp.send(sent)
        tcp.finish()
        came = tcp.read_to_close()
    statuses = re.findall(rb"HTTP/1\.1 (\d{3}) ", came)
    answered = sent.endswith(b"ok")  # the echo has begun: it can only be broken off
    assert statuses == [b"200" if answered else b"400"], came
    assert not came.endswith(b"0\r\n\r\n") and not came.endswith(b"5\r\n\r\nok\r\n")


def test_content_limit(serve) -> None:
    server = serve("--max-content", "10")
    fits, too_much = b"0123456789", b"0123456789a"
    assert answers(server, [post(b"Content-Length: 10", content=fits)])[0] == ACCEPTED
    assert answers(server, [post(b"Content-Length: 11", content=too_much)])[0] == [413]
    chunks = b"a\r\n" + fits + b"\r\n0\r\n\r\n"
    assert answers(server, [chunked(chunks)])[0] == ACCEPTED
    assert answers(server, [chunked(b"b\r\n" + too_much + b"\r\n0\r\n\r\n")])[0] == [413]


def test_pipelined_in_order(ours: Server) -> None:
    """Many requests in one go, cut anywhere, are answered in the order in which they came."""
    bodies = [f"request {number}".encode() for number in range(40)]
    requests = b"".join(
        (
            post(b"Content-Length: %d" % len(body), content=body)
            if number % 2
            else chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        )
        for number, body in enumerate(bodies)
    )
    for size in (1, 7, 1000, len(requests)):
        statuses, came = answers(ours, cut(requests, size))
        assert statuses == [200] * (len(bodies) + 1)
        whole = re.sub(rb"\r\n[0-9a-f]+\r\n", b"", came)  # /echo passes on the pieces that it gets
        assert re.findall(rb"request \d+", whole) == bodies
