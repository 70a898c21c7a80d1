"""What our client, and curl, make of responses that break the rules, or almost do.

One case a row: the bytes that a server sends before it closes the connection, our client's exit
code and output, and curl's where they differ. Our codes have curl's meaning: 0 good, 18 cut short,
52 no answer, 56 bad answer, 61 bad coding, 63 too much. Where curl is more lenient it is for old
servers' sake, and we keep to RFC 9112. Where only the codes differ, curl knows more kinds of bad
(1 "not HTTP/1", 8 "weird reply").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import pytest

from support.process import run
from support.tcp import Script, cut
from support.tools import require

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TWO = b"Content-Length: 2\r\n\r\nok"
CHUNKS = b"2\r\nok\r\n0\r\n\r\n"

Outcome = tuple[int, bytes]  # exit code and standard output
GOOD: Outcome = (0, b"ok")
BAD: Outcome = (56, b"")
BAD_AFTER_OK: Outcome = (56, b"ok")
CUT: Outcome = (18, b"ok")
NO_ANSWER: Outcome = (52, b"")
TOO_MUCH: Outcome = (63, b"")
WEIRD: Outcome = (8, b"")
NOT_HTTP: Outcome = (1, b"")


@dataclass
class Case:
    """A reply, and how our client and curl end; None: curl as ours."""

    name: str
    reply: bytes
    ours: Outcome
    curl: Optional[Outcome] = None


def length(value: bytes) -> bytes:
    """A response with this Content-Length, and two bytes."""
    return OK + b"Content-Length: " + value + b"\r\n\r\nok"


def coding(value: bytes, content: bytes = CHUNKS) -> bytes:
    """A response with this Transfer-Encoding."""
    return OK + b"Transfer-Encoding: " + value + b"\r\n\r\n" + content


def status(line: bytes) -> bytes:
    """A response with this status-line, and two bytes."""
    return line + b"\r\n" + TWO


def field(line: bytes) -> bytes:
    """A response with this field line, and two bytes."""
    return OK + line + b"\r\n" + TWO


LENGTHS = [
    Case("until the connection closes", OK + b"\r\nok", GOOD),
    Case("until it closes, HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\nok", GOOD),
    Case("HTTP/1.0 with a length", status(b"HTTP/1.0 200 OK"), GOOD),
    Case("short", length(b"5"), CUT),
    Case("long", length(b"1"), (0, b"o")),
    Case("length and chunks", OK + b"Content-Length: 9\r\n" + coding(b"chunked")[len(OK) :], GOOD),
    Case("two lengths", OK + b"Content-Length: 3\r\n" + TWO, BAD, GOOD),
    Case("the same length twice", OK + b"Content-Length: 2\r\n" + TWO, BAD, GOOD),
    Case("a list", length(b"2, 2"), BAD, GOOD),
    Case("negative", length(b"-2"), BAD, WEIRD),
    Case("with a sign", length(b"+2"), BAD, GOOD),
    Case("with a letter", length(b"2x"), BAD, GOOD),
    Case("letters", length(b"abc"), BAD, WEIRD),
    Case("empty", length(b""), BAD, WEIRD),
    Case("beyond 64 bits", length(b"99999999999999999999"), TOO_MUCH, GOOD),
    Case("204 has none", b"HTTP/1.1 204 No Content\r\n" + TWO, (0, b"")),
    Case("304 has none", b"HTTP/1.1 304 Not Modified\r\n" + TWO, (0, b"")),
]

CHUNKS_CASES = [
    Case("extension and trailer", CHUNKED + b"2;x=y\r\nok\r\n0\r\nT: 1\r\n\r\n", GOOD),
    Case("bad size", CHUNKED + b"Z\r\nok\r\n0\r\n\r\n", BAD),
    Case("negative size", CHUNKED + b"-2\r\nok\r\n0\r\n\r\n", BAD),
    Case("size beyond 64 bits", CHUNKED + b"f" * 17 + b"\r\nok\r\n0\r\n\r\n", TOO_MUCH, BAD),
    Case("data too long", CHUNKED + b"2\r\nokay\r\n0\r\n\r\n", BAD_AFTER_OK),
    Case("data ends in XX", CHUNKED + b"2\r\nokXX0\r\n\r\n", BAD_AFTER_OK),
    Case("LF for CRLF", CHUNKED + b"2\nok\n0\n\n", BAD, GOOD),
    Case("cut after a chunk", CHUNKED + b"2\r\nok\r\n", CUT),
    Case("cut in a chunk", CHUNKED + b"5\r\nok", CUT),
    Case("cut in a size", CHUNKED + b"2", (18, b"")),
    Case("cut in the trailers", CHUNKED + b"2\r\nok\r\n0\r\nT: 1\r\n", CUT),
    Case("cut before the empty line", CHUNKED + b"2\r\nok\r\n0\r\n", CUT),
    Case("bad trailer", CHUNKED + b"2\r\nok\r\n0\r\nT\r\n\r\n", BAD_AFTER_OK, (43, b"ok")),
    Case("gzip", coding(b"gzip", b"ok"), BAD, (61, b"")),
    Case("gzip, chunked", coding(b"gzip, chunked"), BAD, (61, b"")),
    Case("unknown coding", coding(b"shrunk", b"ok"), BAD, (61, b"")),
    Case("identity", coding(b"identity", b"ok"), BAD, GOOD),
    Case("chunked twice", coding(b"chunked, chunked"), BAD, GOOD),
    Case("in HTTP/1.0", coding(b"chunked").replace(b"1.1", b"1.0"), BAD, GOOD),  # RFC 9112 §6.1
]

HEADS = [
    Case("nothing", b"", NO_ANSWER),
    Case("half a head", OK + b"Conte", NO_ANSWER, (0, b"")),
    Case("no empty line", OK, NO_ANSWER, (0, b"")),
    Case("nonsense", b"hello there\r\n\r\n", BAD, NOT_HTTP),
    Case("40 kB of nonsense", b"x" * 40_000, TOO_MUCH, NOT_HTTP),
    Case("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", NO_ANSWER, NOT_HTTP),
    Case("HTTP/2.0", status(b"HTTP/2.0 200 OK"), BAD, GOOD),
    Case("HTTP/3.7", status(b"HTTP/3.7 200 OK"), BAD, NOT_HTTP),
    Case("lower case", status(b"http/1.1 200 OK"), BAD, GOOD),
    Case("status 99", status(b"HTTP/1.1 99 X"), BAD, NOT_HTTP),
    Case("status 2000", status(b"HTTP/1.1 2000 X"), BAD, NOT_HTTP),
    Case("status -20", status(b"HTTP/1.1 -20 X"), BAD, NOT_HTTP),
    Case("status abc", status(b"HTTP/1.1 abc X"), BAD, NOT_HTTP),
    Case("status 600", status(b"HTTP/1.1 600 X"), GOOD),
    Case("no status", status(b"HTTP/1.1"), BAD, NOT_HTTP),
    Case("no reason", status(b"HTTP/1.1 200 "), GOOD),
    Case("no reason, no space", status(b"HTTP/1.1 200"), GOOD),
    Case("reason above ASCII", status(b"HTTP/1.1 200 \xc3\xa4"), GOOD),
    Case("two spaces", status(b"HTTP/1.1  200 OK"), BAD, GOOD),
    Case("LF for CRLF", status(b"HTTP/1.1 200 OK").replace(b"\r", b""), BAD, GOOD),
    Case("space before the colon", field(b"X : 1"), BAD, GOOD),
    Case("folded line", field(b"X: 1\r\n 2"), GOOD),  # RFC 9112 §5.2: means a space
    Case("no colon", field(b"X"), BAD, WEIRD),
    Case("NUL", field(b"X: \x00"), BAD, WEIRD),
    Case("CR", field(b"X: a\rb"), BAD, GOOD),
    Case("100 fields", OK + b"X: 1\r\n" * 99 + TWO, GOOD),
    Case("101 fields", OK + b"X: 1\r\n" * 100 + TWO, TOO_MUCH, GOOD),
    Case("40 kB", OK + (b"X: " + b"1" * 1000 + b"\r\n") * 40 + TWO, TOO_MUCH, GOOD),
    Case("400 kB", OK + (b"X: " + b"1" * 1000 + b"\r\n") * 400 + TWO, TOO_MUCH, BAD),
]

INTERIM = [
    Case("100", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + TWO, GOOD),
    Case("103", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + TWO, GOOD),
    Case("199", b"HTTP/1.1 199 X\r\n\r\n" + OK + TWO, GOOD),
    Case("five", b"HTTP/1.1 100 Continue\r\n\r\n" * 5 + OK + TWO, GOOD),
    Case("a thousand", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000 + OK + TWO, TOO_MUCH, GOOD),
    Case("nothing else", b"HTTP/1.1 100 Continue\r\n\r\n", NO_ANSWER),
    Case("101 unasked", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", BAD, NO_ANSWER),
]

TABLES = {"length": LENGTHS, "chunks": CHUNKS_CASES, "head": HEADS, "interim": INTERIM}
ROWS = [
    pytest.param(case, id=f"{table}: {case.name}")
    for table, cases in TABLES.items()
    for case in cases
]


def outcome(command: list, reply: list[bytes]) -> Outcome:
    """How a client ends that is given this reply."""
    with Script(reply) as server:
        result = run([*command, "--max-time", "10", f"http://{server.address}/"])
    assert (result.code == 0) == (result.errors == ""), "whoever fails says why"
    return result.code, result.stdout


@pytest.mark.parametrize("case", ROWS)
def test_bad_response(case: Case, programs) -> None:
    assert outcome([programs / "http1-client"], [case.reply]) == case.ours


@pytest.mark.parametrize("case", [row for row in ROWS if len(row.values[0].reply) < 2000])
def test_the_same_byte_by_byte(case: Case, programs) -> None:
    assert outcome([programs / "http1-client"], cut(case.reply, 1)) == case.ours


@pytest.mark.parametrize("case", ROWS)
def test_curl(case: Case) -> None:
    expected = case.ours if case.curl is None else case.curl
    assert outcome([require("curl"), "-sS"], [case.reply]) == expected
    assert case.curl != case.ours, "the row claims a difference where there is none"
