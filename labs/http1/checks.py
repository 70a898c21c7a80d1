"""The checks of the HTTP/1.1 lab. lab.toml says which step each belongs to and what it is worth.

Each is a function of a Trial (labs/machinery/trial.py); the first line of its docstring is what
the learner sees. Values come from t.draw, so that no two learners need to have the same.
"""

from __future__ import annotations

import re

from machinery.talk import Caller
from machinery.verdict import Refusal, compare, fact, value
from support import nginx, system
from support.bytes_report import Field, Message, length
from support.console import SetupError
from support.process import free_port

CRLF = b"\r\n"
SMALL = [1, 2, 3, 7]  # sizes of the pieces in which a machine gets its bytes


# --- Messages, taken apart into what a report can name.


def line(name: str, text: str, section: str) -> Message:
    """A line and its end."""
    return [
        Field(name, text.encode(), "", section),
        Field(f"line end of the {name}", CRLF, "CR LF", "RFC 9112 §2.1"),
    ]


def field_line(name: str, text: str, section: str = "RFC 9112 §5") -> Message:
    """A field line: its name, the colon, its value, its end."""
    return [
        Field(f"field-name {name}", name.encode(), "", section),
        Field(f"colon of {name}", b": ", "a colon and one space", "RFC 9112 §5.1"),
        Field(f"value of {name}", text.encode(), "", section),
        Field(f"line end of {name}", CRLF, "CR LF", "RFC 9112 §2.1"),
    ]


EMPTY_LINE = Field("empty line", CRLF, "ends the head", "RFC 9112 §2.1")


def head(first: str, *fields: tuple[str, str], name: str = "request-line") -> Message:
    """A whole head."""
    section = "RFC 9112 §3" if name == "request-line" else "RFC 9112 §4"
    parts = line(name, first, section)
    for field in fields:
        parts += field_line(*field)
    return [*parts, EMPTY_LINE]


def response(status: str, *fields: tuple[str, str], content: bytes = b"") -> Message:
    """A whole response. Its Content-Length counts the content, if there is some."""
    message = head(f"HTTP/1.1 {status}", *fields, name="status-line")
    if not content:
        return message
    body = [Field("content", content, "", "RFC 9112 §6")]
    name = "value of Content-Length"
    derived = length(name, body, lambda size: str(size).encode(), "RFC 9110 §8.6")
    return [derived if field.name == name else field for field in message] + body


def raw(first: str, *lines: str, content: bytes = b"") -> bytes:
    """Bytes of a head as they are, and content behind it."""
    return "".join(f"{one}\r\n" for one in [first, *lines, ""]).encode() + content


def request(target: str, *lines: str, method: str = "GET", content: bytes = b"") -> bytes:
    return raw(f"{method} {target} HTTP/1.1", "Host: a", *lines, content=content)


def parts_of(method: str, target: str, minor: int, *fields: tuple[str, str]) -> list:
    """What a decoder should find in a request's head."""
    found = [
        value("method", method, "RFC 9112 §3.1"),
        value("request-target", target, "RFC 9112 §3.2"),
        fact("minor-version", minor, "RFC 9112 §2.3"),
    ]
    for name, text in fields:
        found += [
            value("field-name", name, "RFC 9112 §5"),
            value("field-value", text, "RFC 9112 §5"),
        ]
    return found


def refused(why: str, section: str, status: int = 400) -> Refusal:
    return Refusal(status, why, section)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


# --- Step 1: the request line.


def three_parts(t):
    "method, target and version of a request-line"
    for method in ("GET", "DELETE"):
        target = t.draw.path()
        given = request(target, method=method)
        t.values(
            "decode_request_line()",
            given,
            parts_of(method, target, 1, ("Host", "a")),
            "decode-request",
        )


def odd_targets(t):
    "targets with all that may be in them"
    for target in (
        f"/?q={t.draw.word()}&n=1",
        "*",
        "/a#b",
        f"http://a/{t.draw.word()}",
        "/a%20b/;x=1",
    ):
        given = raw(f"OPTIONS {target} HTTP/1.0", "Host: a")
        t.values(
            "decode_request_line()",
            given,
            parts_of("OPTIONS", target, 0, ("Host", "a")),
            "decode-request",
        )


def not_three_parts(t):
    "lines with too few parts, or too many, are refused"
    word = t.draw.word()
    for text, why in (
        (word, "one word only"),
        (f"GET /{word}", "no version"),
        ("", "an empty line"),
        (f"GET /{word} x HTTP/1.1", "four parts"),
        (f"GET  /{word} HTTP/1.1", "two spaces (ours is strict)"),
        (f"GET /{word} HTTP/1.1 x", "something behind the version"),
        (f"GET /{word} HTTP/1.1 ", "a space behind the version"),
        (f" /{word} HTTP/1.1", "no method"),
    ):
        given = raw(text, "Host: a")
        t.values("decode_request_line()", given, refused(why, "RFC 9112 §3"), "decode-request")


def what_curl_asks(t):
    "what curl really sends"
    target = t.draw.path()
    talk = t.talk("curl", "a listener")
    with t.listen(talk, b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n") as listener:
        t.tool("curl", "-sS", "-A", "test", f"http://{listener.address}{target}")
        address = listener.address
    expected = parts_of(
        "GET", target, 1, ("Host", address), ("User-Agent", "test"), ("Accept", "*/*")
    )
    t.values("decode_request_line(), given by curl", listener.heard, expected, "decode-request")


# --- Step 2: field lines.


def name_and_value(t):
    "the name and the value of a field line"
    name, text = f"X-{t.draw.word().title()}", t.draw.word()
    t.values(
        "decode_field_line()",
        request("/", f"{name}: {text}"),
        parts_of("GET", "/", 1, ("Host", "a"), (name, text)),
        "decode-request",
    )


def white_space_and_colons(t):
    "white space around a value does not count, colons in it do"
    word = t.draw.word()
    for text, wanted in (
        (f"X-A:{word}", word),
        (f"X-A: \t {word} \t", word),
        (f"X-A: a {word}", f"a {word}"),
        (f"X-A: a\t{word}", f"a\t{word}"),
        (f"X-A: Grüße {word}", f"Grüße {word}"),
        ("X-A:", ""),
        (f"X-A: 12:30:{t.draw.number(10, 59)}", None),
    ):
        name, _, rest = text.partition(":")
        wanted = rest.strip() if wanted is None else wanted
        t.values(
            "decode_field_line()",
            request("/", text),
            parts_of("GET", "/", 1, ("Host", "a"), (name, wanted)),
            "decode-request",
        )


def bad_field_lines(t):
    "lines that are no field line are refused"
    word = t.draw.word()
    for text, why in (
        (f"X-A {word}", "no colon"),
        (f"X-A : {word}", "a space before the colon"),
        (f": {word}", "no name"),
        (f"X(A): {word}", "a name that is no token"),
        (f"X-A: {word}\0", "a control character in the value"),
        (f"X-A: {word}\rHost: b", "a CR inside the value"),
    ):
        given = request("/", text)
        section = "RFC 9110 §5.5" if "value" in why else "RFC 9112 §5"
        t.values("decode_field_line()", given, refused(why, section), "decode-request")


def write_fields(t):
    "three field lines, written"
    target, words = t.draw.path(), t.draw.words(3)
    fields = [("Host", f"{words[0]}.example"), ("Accept", "text/plain"), ("X-Word", words[1])]
    arguments = [part for field in fields for part in field]
    t.bytes(
        "encode_fields()",
        head(f"GET {target} HTTP/1.1", *fields),
        "encode-request",
        "GET",
        target,
        *arguments,
    )
    t.bytes("encode_fields(), without fields", head("GET / HTTP/1.1"), "encode-request", "GET", "/")


# --- Step 3: the length of a message.


def length_of(kind: str, size: int = 0) -> list:
    section = "RFC 9112 §6.3"
    return [fact("framing", kind, section), fact("length", size, section)]


def content_length(t):
    "the number in Content-Length"
    small, large = t.draw.number(10, 99), t.draw.number(5 * 10**9, 9 * 10**9)
    for text in (small, large, 300, 70_000, 2**63, 2**64 - 1, f"{small:030}"):
        given = raw("HTTP/1.1 200 OK", f"Content-Length: {text}")
        expected = length_of("length", int(text))
        t.values("content_length()", given, expected, "response-length", "GET", given, by="server")


def bad_content_length(t):
    "a Content-Length that is no number is refused"
    number = t.draw.number(10, 99)
    for text, why, status in (
        (f"+{number}", "a sign", 400),
        (f"-{number}", "a sign", 400),
        (f"{number}, {number}", "a list (§6.3, rule 5 would allow equal ones)", 400),
        (f"{number}x", "something behind the digits", 400),
        (f"0x{number}", "hexadecimal", 400),
        ("", "nothing", 400),
        (f"{number}\r\nContent-Length: {number}", "two fields", 400),
        (f"{number}000000000000000000000", "more than 64 bits", 413),
        ("30000000000000000000", "more than 64 bits", 413),
    ):
        given = raw("HTTP/1.1 200 OK", f"Content-Length: {text}")
        expected = refused(why, "RFC 9112 §6.3", status)
        t.values("content_length()", given, expected, "response-length", "GET", given, by="server")


def response_length(t):
    "how a client finds the end of a response"
    number = t.draw.number(10, 99)
    for lines, kind, size in (
        ([f"Content-Length: {number}"], "length", number),
        (["Content-Length: 0"], "none", 0),
        ([], "until close", 0),
        (["Transfer-Encoding: chunked"], "chunked", 0),
        (["Transfer-Encoding: chunked", f"Content-Length: {number}"], "chunked", 0),
    ):
        given = raw("HTTP/1.1 200 OK", *lines)
        t.values(
            "framing_of(response)",
            given,
            length_of(kind, size),
            "response-length",
            "GET",
            given,
            by="server",
        )


def content_that_nginx_sends(t):
    "an answer of nginx, read to its end"
    text = t.draw.text(t.draw.number(1000, 2000))
    server = _nginx(t, text)
    talk = t.talk("the reference's client", "nginx")
    address = t.tap(server.address, talk)
    t.reference_client("http1-client", f"http://{address}/file.txt")
    said = talk.said(by_client=False)
    answer = dict(t.ask("your machine, given what nginx said", "client", "GET", 1, said, 1000))
    t.last = [("server", said)]
    if answer.get("content") != text.encode() or "end" not in answer:
        came = len(answer.get("content", b""))
        raise talk.wrong(
            "length",
            "your machine, given what nginx said",
            f"THE CONTENT has {len(text)} bytes; yours found {came}",
            "the message has ended" if "end" in answer else "and it still waits for more",
        )


# --- Step 4: chunks.


def chunk_sizes(t):
    "chunk sizes, in hexadecimal"
    number = t.draw.number(0x1A, 0x99)
    for text, size in (
        (f"{number:x}", number),
        (f"{number:X}", number),
        (f"00{number:x}", number),
        ("abc", 0xABC),
        (f"1{number:x}00000000", (0x100 + number) << 32),
        ("8000000000000000", 1 << 63),
        (f"{number:030x}", number),
        ("0", 0),
        (f"{number:x};name=value", number),
        (f'{number:x} ; name="a;b"', number),
    ):
        given = text.encode() + CRLF
        expected = [fact("number", size, "RFC 9112 §7.1")]
        t.values("decode_chunk_size()", given, expected, "decode-chunk-size")


def bad_chunk_sizes(t):
    "chunk sizes that are none, too short or too long, are refused"
    number = f"{t.draw.number(0x1A, 0x99):x}"
    for text, why, status in (
        ("", "no digit", 400),
        ("g", "no digit", 400),
        (f"0x{number}", "a prefix", 400),
        (f"-{number}", "a sign", 400),
        (f"{number} {number}", "a second number", 400),
        (f"{number};", "an extension without a name", 400),
        (f"{number}{'0' * 16}", "more than 64 bits", 413),
    ):
        given = text.encode() + CRLF
        expected = refused(why, "RFC 9112 §7.1", status)
        t.values("decode_chunk_size()", given, expected, "decode-chunk-size")


def write_chunks(t):
    "a chunk, written"
    for size in (t.draw.number(26, 30), t.draw.number(170, 200)):
        data = t.draw.text(size).encode()
        content = [Field("chunk-data", data, "", "RFC 9112 §7.1")]
        message = [
            length("chunk-size", content, lambda number: b"%x" % number, "RFC 9112 §7.1"),
            Field("line end of the chunk-size", CRLF, "CR LF", "RFC 9112 §7.1"),
            *content,
            Field("line end of the chunk-data", CRLF, "CR LF", "RFC 9112 §7.1"),
        ]
        t.bytes("encode_chunk()", message, "encode-chunk", data)


def chunks_that_curl_sends(t):
    "a request that curl sends in chunks"
    text = t.draw.text(t.draw.number(300, 400)).encode()
    talk = t.talk("curl", "a listener")
    file = t.scratch / "upload"
    file.write_bytes(text)
    with t.listen(talk, b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n") as listener:
        t.tool(
            "curl",
            "-sS",
            f"http://{listener.address}/echo",
            *("-H", "Transfer-Encoding: chunked", "--data-binary", f"@{file}"),
        )
    for piece in (1, 10_000):
        answer = t.ask("your machine, given what curl said", "server", listener.heard, piece)
        expected = [("request", b"POST /echo"), ("content", text), ("end", b"")]
        if answer[:3] != expected:
            heard = ", ".join(f"{name} ({len(data)} bytes)" for name, data in answer[:3])
            raise talk.wrong(
                "chunk-size",
                f"your machine, given what curl said, {_pieces(piece)}",
                f"EXPECTED a request, {len(text)} bytes of content, and its end",
                f"got {heard}",
            )


# --- Step 5: the client.


def first_words(t):
    "what a client says"
    target = t.draw.path()
    answer = dict(t.ask("send(request)", "ask", "GET", target, "Host", "a", "Accept", "*/*"))
    t.last = [("client", answer["said"])]
    expected = head(f"GET {target} HTTP/1.1", ("Host", "a"), ("Accept", "*/*"))
    t.compare("send(request)", expected, answer["said"])
    for name, wanted, why in (
        ("content may follow", "no", "a request without content ends with its head"),
        ("keep-alive", "yes", "HTTP/1.1 goes on unless somebody says close"),
    ):
        _same(t, f"send(request): {why}", answer["said"], name, wanted, answer[name])
    answer = dict(t.ask("send(request)", "ask", "GET", target, "Host", "a", "Connection", "close"))
    why = "we say close ourselves"
    _same(t, f"send(request): {why}", answer["said"], "keep-alive", "no", answer["keep-alive"])


def another_request(t):
    "when the connection may be used again"
    length_2 = ("Content-Length: 2",)
    for first, lines, content, again, why in (
        ("HTTP/1.1 200 OK", length_2, b"ok", "yes", "HTTP/1.1 goes on unless somebody says close"),
        ("HTTP/1.1 200 OK", (*length_2, "Connection: close"), b"ok", "no", "it says close"),
        ("HTTP/1.1 200 OK", (*length_2, "Connection: x, Close"), b"ok", "no", "it says close"),
        (
            "HTTP/1.1 200 OK",
            (*length_2, "Connection: close, keep-alive"),
            b"ok",
            "no",
            "close wins",
        ),
        ("HTTP/1.0 200 OK", length_2, b"ok", "no", "HTTP/1.0 ends unless somebody says keep-alive"),
        (
            "HTTP/1.0 200 OK",
            (*length_2, "Connection: keep-alive"),
            b"ok",
            "yes",
            "it says keep-alive",
        ),
        (
            "HTTP/1.1 200 OK",
            ("Transfer-Encoding: chunked", "Content-Length: 7"),
            b"2\r\nok\r\n0\r\n\r\n",
            "no",
            "two lengths: what comes next cannot be trusted",
        ),
    ):
        given = raw(first, *lines, content=content)
        title = f"received(response): {why}"
        answer = t.ask(title, "client", "GET", 1, given, 1000)
        t.last = [("server", given)]
        _events(t, title, given, [("response", b"200"), ("content", b"ok"), ("end", b"")], answer)
        _same(t, title, given, "keep-alive", again, dict(answer)["keep-alive"])
    title = "received(response): the answer to HEAD has no content"
    given = raw("HTTP/1.1 200 OK", "Content-Length: 5")
    answer = t.ask(title, "client", "HEAD", 1, given, 1000)
    t.last = [("server", given)]
    _events(t, title, given, [("response", b"200"), ("end", b"")], answer)
    given = raw("HTTP/1.1 200 OK", *length_2, "Connection: keep-alive", content=b"ok")
    title = "received(response): we have said close ourselves"
    answer = t.ask(title, "client", "GET", 1, given, 1000, "no", "Connection", "close")
    t.last = [("server", given)]
    _same(t, title, given, "keep-alive", "no", dict(answer)["keep-alive"])


def other_protocols(t):
    "switching protocols: only if we offered it"
    given = raw("HTTP/1.1 101 Switching Protocols", "Upgrade: x")
    refused = [("failed", b"101 out of place")]
    for fields, expected, title in (
        (["Upgrade", "x"], [("response", b"101")], "101, after a request with Upgrade"),
        ([], refused, "101, after a request without"),
    ):
        answer = t.ask(title, "client", "GET", 1, given, 1000, "no", *fields)
        t.last = [("server", given)]
        _events(t, title, given, expected, answer)


def the_reference_answers(t):
    "your client, and the reference's server"
    text = t.draw.text(40)
    server = t.reference_server("http1-server")
    talk = t.talk("your http1-client", "http1-server")
    address = t.tap(server.address, talk)
    result = t.client("http1-client", f"http://{address}/hello")
    _content(talk, "your http1-client, GET /hello", b"Hello, World!", result)
    talk = t.talk("your http1-client", "http1-server")
    address = t.tap(server.address, talk)
    result = t.client("http1-client", "-d", text, f"http://{address}/echo")
    _content(talk, "your http1-client, POST /echo", text.encode(), result)


def nginx_answers(t):
    "your client, and nginx: two requests on one connection"
    text = t.draw.text(t.draw.number(200, 300))
    server = _nginx(t, text)
    talk = t.talk("your http1-client", "nginx")
    address = t.tap(server.address, talk)
    url = f"http://{address}/file.txt"
    result = t.client("http1-client", url, url)
    _content(talk, "your http1-client, twice GET /file.txt", 2 * text.encode(), result)
    if talk.connections != 1:
        raise talk.wrong(
            "keep-alive",
            "your http1-client, twice GET /file.txt",
            f"{talk.connections} CONNECTIONS, where one is enough (RFC 9112 §9.3)",
            "nginx did not ask for a new one: does keep_alive_ say so, too?",
        )


# --- Step 6: the server's answer.


def where_the_answer_ends(t):
    "how the client will know where an answer ends"
    word = t.draw.word().encode()
    sized = ("Content-Length", str(len(word)))
    chunked = ("Transfer-Encoding", "chunked")
    cases = [
        ("HTTP/1.1", "GET", 200, [sized], response("200 OK", sized, content=word)),
        (
            "HTTP/1.1",
            "GET",
            200,
            [],
            [
                *response("200 OK", chunked),
                Field("chunk", chunk(word), "the content as one chunk", "RFC 9112 §7.1"),
                Field("last chunk", b"0\r\n\r\n", "no more", "RFC 9112 §7.1"),
            ],
        ),
        (
            "HTTP/1.0",
            "GET",
            200,
            [],
            response("200 OK", ("Connection", "close"), content=word),
        ),
        ("HTTP/1.1", "HEAD", 200, [sized], response("200 OK", sized)),
        ("HTTP/1.1", "HEAD", 200, [], response("200 OK")),
        ("HTTP/1.1", "GET", 204, [("Content-Length", "0")], response("204 No Content")),
        ("HTTP/1.1", "GET", 204, [], response("204 No Content")),
        ("HTTP/1.1", "GET", 304, [], response("304 Not Modified")),
        ("HTTP/1.1", "GET", 200, [chunked, sized], response("200 OK", sized, content=word)),
    ]
    for version, method, status, fields, expected in cases:
        content = word if status == 200 else b""
        _answer(t, raw(f"{method} / {version}", "Host: a"), status, content, fields, expected)


def connection_field(t):
    "what an answer says about the connection"
    word = t.draw.word().encode()
    sized = ("Content-Length", str(len(word)))
    for version, lines, fields, say in (
        ("HTTP/1.1", ["Connection: close"], [], [("Connection", "close")]),
        ("HTTP/1.1", [], [("Connection", "close")], []),
        ("HTTP/1.1", [], [("Connection", "Close")], []),
        ("HTTP/1.0", ["Connection: keep-alive"], [], [("Connection", "keep-alive")]),
        ("HTTP/1.0", [], [], [("Connection", "close")]),
    ):
        expected = response("200 OK", sized, *fields, *say, content=word)
        given = raw(f"GET / {version}", "Host: a", *lines)
        _answer(t, given, 200, word, [sized, *fields], expected)


def curl_understands(t):
    "your server, and curl"
    server = t.server("http1-server")
    for options in ([], ["--http1.0"], ["--head"]):
        talk = t.talk("curl", "your http1-server")
        address = t.tap(server.address, talk)
        result = t.tool("curl", "-sS", *options, f"http://{address}/hello")
        said = _without_date(talk.said(by_client=False))
        last = [("Connection", "close")] if "--http1.0" in options else []
        expected = response(
            "200 OK",
            ("Content-Type", "text/plain"),
            ("Content-Length", "13"),
            ("Server", "on-the-wire"),
            *last,
            ("Date", "(now)"),
            content=b"" if "--head" in options else b"Hello, World!",
        )
        t.compared.append(("curl", expected))
        talk.compare(" ".join(["curl", *options, "/hello"]), expected, said)
        if result.code:
            raise talk.wrong("curl", "curl /hello", f"curl ended with {result.code}", result.errors)


def your_client_understands(t):
    "your server, and your own client"
    server = t.server("http1-server")
    text = t.draw.text(t.draw.number(3000, 4000))
    talk = t.talk("your http1-client", "your http1-server")
    address = t.tap(server.address, talk)
    file = t.scratch / "upload"
    file.write_text(text)
    result = t.client(
        "http1-client",
        "-H",
        "Transfer-Encoding: chunked",
        "-d",
        f"@{file}",
        f"http://{address}/echo",
    )
    _content(talk, "your http1-client sends chunks to your http1-server", text.encode(), result)


# --- Step 7: refusing.


def request_length(t):
    "how a server finds the end of a request, and when it must not guess"
    number = t.draw.number(10, 99)
    both = refused("two lengths: a smuggled request", "RFC 9112 §6.3")
    for lines, expected in (
        ([], length_of("none")),
        ([f"Content-Length: {number}"], length_of("length", number)),
        (["Content-Length: 0"], length_of("none")),
        (["Transfer-Encoding: chunked"], length_of("chunked")),
        ([f"Content-Length: {number}", "Transfer-Encoding: chunked"], both),
        (["Transfer-Encoding: chunked", f"Content-Length: {number}"], both),
        (["Content-Length: 0", "Transfer-Encoding: chunked"], both),
        (["Transfer-Encoding: gzip"], refused("chunked is not the last coding", "RFC 9112 §6.3")),
        ([f"Content-Length: {number}x"], refused("no number", "RFC 9112 §6.3")),
    ):
        given = request("/", *lines, method="POST")
        t.values("framing_of(request)", given, expected, "request-length")


def the_refusal(t):
    "the answer to a request that breaks the rules"
    for given, status in (
        (_smuggled(t.draw.word()), "400 Bad Request"),
        (raw("GET / HTTP/1.1"), "400 Bad Request"),
        (request("/", "Expect: tea"), "417 Expectation Failed"),
        (raw("GET / HTTP/2.0", "Host: a"), "505 HTTP Version Not Supported"),
        (raw("HEAD / HTTP/1.1"), "400 Bad Request"),
        (raw("HEAD / HTTP/1.1", "Host a"), "400 Bad Request"),
    ):
        answer = t.ask("fail(error)", "server", given, 1000)
        values = dict(answer)
        t.last = [("client", given), ("server", values["said"])]
        requests = [data for name, data in answer if name == "request"]
        if requests:
            shown = b", ".join(requests)
            why = "fail(error): nothing here is to be trusted"
            _same(t, why, given, "requests", "(none)", shown)
        if "failed" not in values:
            why = "fail(error): the code below your hole emits Failed: do not return before it"
            _same(t, why, given, "Failed event", "yes", "no")
        content = values["failed"] + b"\n"  # whatever words the error has
        expected = response(
            status,
            ("Content-Type", "text/plain"),
            ("Content-Length", str(len(content))),
            ("Connection", "close"),
            content=b"" if given.startswith(b"HEAD ") else content,
        )
        asked = given.partition(b"\r\n")[0].decode()
        t.compare(f"fail(error), asked {asked}", expected, values["said"])
        _same(t, "fail(error): the answer is the last", given, "closed", "yes", values["closed"])


def nothing_is_smuggled(t):
    "a smuggled request, sent to your server"
    server = t.server("http1-server")
    talk = t.talk("an attacker", "your http1-server")
    title = "POST with two lengths, and a request hidden behind it"
    with Caller(server.address, talk) as caller:
        caller.send(_smuggled(t.draw.word()))
        said = caller.wait_for_close(title)
    statuses = re.findall(rb"^HTTP/1\.1 (\d+)", said, re.MULTILINE)
    if statuses != [b"400"]:
        got = ", ".join(status.decode() for status in statuses) or "none"
        raise talk.wrong(
            "status-line",
            title,
            f"ANSWERED with: {got}; expected one 400 and no more (RFC 9112 §6.3, rule 3)",
        )


def curl_is_refused(t):
    "a request with two lengths, sent by curl"
    server = t.server("http1-server")
    talk = t.talk("curl", "your http1-server")
    address = t.tap(server.address, talk)
    result = t.tool(
        "curl",
        *("-sS", "-o", "/dev/null", "-w", "%{http_code}"),
        *("-H", "Transfer-Encoding: chunked", "-H", "Content-Length: 3", "-d", t.draw.word()),
        f"http://{address}/echo",
    )
    if result.text != "400":
        words = result.errors.strip() or "no error"
        raise talk.wrong(
            "status-line",
            "curl sends two lengths",
            f"STATUS {result.text}, where 400 is expected",
            f"curl says: {words}",
        )


# --- Step 8: one request behind the other.


def bytes_one_at_a_time(t):
    "three requests at once, in pieces of any size"
    targets = [t.draw.path() for _ in range(3)]
    given = b"".join(request(target) for target in targets)
    _conversation(t, given, [(f"GET {target}", b"") for target in targets])


def content_between(t):
    "content between the requests, in pieces of any size"
    word, text = t.draw.word().encode(), t.draw.text(40).encode()
    given = (
        request("/one", f"Content-Length: {len(text)}", method="POST", content=text)
        + request("/two")
        + request(
            "/three",
            "Transfer-Encoding: chunked",
            method="POST",
            content=chunk(word) + chunk(text) + b"0\r\n\r\n",
        )
        + request("/four")
    )
    heard = [
        ("POST /one", text),
        ("GET /two", b""),
        ("POST /three", word + text),
        ("GET /four", b""),
    ]
    _conversation(t, given, heard)


def content_as_it_comes(t):
    "content is passed on before all of it is there"
    half = t.draw.text(20).encode()
    given = request("/one", "Content-Length: 40", method="POST", content=half)
    title = "the first half of the content has come"
    answer = t.ask(title, "server", given, 1000)
    t.last = [("client", given)]
    _events(t, title, given, [("request", b"POST /one"), ("content", half)], answer)


def until_the_end(t):
    "content that ends with the connection, and answers one after the other"
    text = t.draw.text(50).encode()
    for piece in (1, 7, 1000):
        given = raw("HTTP/1.1 200 OK", content=text)
        title = f"as a client, {_pieces(piece)}"
        answer = t.ask(title, "client", "GET", 1, given, piece, "yes")
        t.last = [("server", given)]
        expected = [("response", b"200"), ("content", text), ("end", b"")]
        _events(t, title, given, expected, answer)
    one, two = raw("HTTP/1.1 200 OK", "Content-Length: 2", content=b"ok"), t.draw.word().encode()
    answers = [one, raw("HTTP/1.1 200 OK", f"Content-Length: {len(two)}", content=two)]
    given = b"".join(answers)
    title = "as a client, two answers, one byte at a time"
    answer = t.ask(title, "client", "GET", 2, given, 1)
    t.last = [("server", given)]
    expected = [("response", b"200"), ("content", b"ok"), ("end", b"")]
    expected += [("response", b"200"), ("content", two), ("end", b"")]
    _events(t, title, given, expected, answer)


def the_last_one(t):
    "nothing is answered behind the last request"
    for last in (request("/last", "Connection: close"), raw("GET /last HTTP/1.0", "Host: a")):
        given = request("/first") + last + request("/too-late")
        answer = t.ask("a request behind the last", "server", given, 1000)
        t.last = [("client", given), ("server", dict(answer)["said"])]
        expected = [
            ("request", b"GET /first"),
            ("end", b""),
            ("request", b"GET /last"),
            ("end", b""),
        ]
        _events(t, "a request behind the last", given, expected, answer)
        closed = dict(answer)["closed"]
        _same(t, "a request behind the last (RFC 9112 §9.6)", given, "closed", "yes", closed)
    extra = raw("HTTP/1.1 200 OK", "Content-Length: 2", content=b"ok")
    title = "as a client, an answer that nobody asked for (RFC 9112 §9.2)"
    answer = t.ask(title, "client", "GET", 2, extra + extra, 1000)
    t.last = [("server", extra + extra)]
    expected = [("response", b"200"), ("content", b"ok"), ("end", b"")]
    _events(t, title, extra + extra, expected, answer)
    _same(t, title, extra + extra, "closed", "yes", dict(answer)["closed"])


def answered_early(t):
    "a request behind one that was answered before it had ended"
    text = t.draw.text(20).encode()
    lengths = (f"Content-Length: {len(text)}",)
    given = request("/early", *lengths, method="POST", content=text)
    given += request("/two", *lengths, method="POST", content=text)
    for piece in (1, 1000):
        title = f"the first is answered at once, {_pieces(piece)}"
        answer = t.ask(title, "server", given, piece)
        t.last = [("client", given), ("server", dict(answer)["said"])]
        expected = [("request", b"POST /early"), ("request", b"POST /two"), ("content", text)]
        _events(t, title, given, [*expected, ("end", b"")], answer)


def fifty_at_once(t):
    "fifty requests in one write, then one byte at a time"
    server = t.server("http1-server")
    count = t.draw.number(45, 55)
    one = request("/hello")
    for pieces, how in (
        ([one * count], "in one write"),
        ([bytes([b]) for b in one * 3], "byte by byte"),
    ):
        wanted = sum(map(len, pieces)) // len(one)
        talk = t.talk("a client", "your http1-server")
        title = f"{wanted} requests {how}"
        with Caller(server.address, talk) as caller:
            caller.send(*pieces)
            enough = lambda got: got.count(b"Hello, World!") >= wanted  # noqa: E731
            said = caller.wait(enough, f"{wanted} answers", title)
        answers = said.count(b"HTTP/1.1 200 OK")
        if answers != wanted:
            raise talk.wrong("answers", title, f"{answers} ANSWERS to {wanted} requests")


def curl_keeps_the_connection(t):
    "curl fetches three times over one connection"
    server = t.server("http1-server")
    talk = t.talk("curl", "your http1-server")
    address = t.tap(server.address, talk)
    url = f"http://{address}/hello"
    result = t.tool("curl", "-sS", url, url, url)
    _content(talk, "curl, three URLs", 3 * b"Hello, World!", result)
    if talk.connections != 1:
        raise talk.wrong(
            "keep-alive", "curl, three URLs", f"{talk.connections} CONNECTIONS, where one is enough"
        )


# --- Step 9, beyond the book: byte ranges.


def ranges(t):
    "which bytes a Range means"
    size = t.draw.number(500, 900)
    first = t.draw.number(100, 200)
    for text, start, count in (
        ("bytes=0-9", 0, 10),
        (f"bytes={first}-{first}", first, 1),
        (f"bytes={first}-", first, size - first),
        (f"bytes=-{first}", size - first, first),
        (f"bytes={first}-99999", first, size - first),
        ("bytes=-99999", 0, size),
        ("bytes=0-18446744073709551615", 0, size),
    ):
        section = "RFC 9110 §14.1.2"
        expected = [
            fact("answer", "part", section),
            fact("first", start, section),
            fact("length", count, section),
        ]
        _range(t, text, size, expected)


def no_ranges(t):
    "ranges that cannot be served, and ranges that are none"
    size = t.draw.number(500, 900)
    for text, answer in (
        (f"bytes={size}-", "unsatisfiable"),
        ("bytes=99999-", "unsatisfiable"),
        ("bytes=-0", "unsatisfiable"),
        ("bytes=9-3", "whole"),
        ("bytes=-", "whole"),
        ("bytes=abc-", "whole"),
        ("bytes=0-9,20-29", "whole"),
        ("bytes=9", "whole"),
        ("bytes=5-abc", "whole"),
    ):
        _range(t, text, size, [fact("answer", answer, "RFC 9110 §14.2")])
    _range(t, "bytes=-5", 0, [fact("answer", "whole", "RFC 9110 §14.1.2")])


def curl_fetches_a_part(t):
    "curl fetches a part of a file"
    text = t.draw.text(800)
    (t.scratch / "file.txt").write_text(text)
    server = t.server("http1-server", "--root", t.scratch)
    first = t.draw.number(100, 200)
    for asked, wanted in ((f"{first}-{first + 9}", text[first : first + 10]), ("-20", text[-20:])):
        talk = t.talk("curl", "your http1-server")
        address = t.tap(server.address, talk)
        result = t.tool("curl", "-sS", "-r", asked, f"http://{address}/file.txt")
        _content(talk, f"curl -r {asked}", wanted.encode(), result)


# --- What the checks share.


def _pieces(size: int) -> str:
    return "one byte at a time" if size == 1 else f"in pieces of {size} bytes"


def _smuggled(word: str) -> bytes:
    """A request with two lengths: who goes by the chunks finds another request behind them."""
    content = b"0\r\n\r\n" + request(f"/hello?{word}")
    lengths = (f"Content-Length: {len(content)}", "Transfer-Encoding: chunked")
    return request("/echo", *lengths, method="POST", content=content)


def _same(t, title: str, given: bytes, name: str, expected: str, got) -> None:
    """One value that must be what the specification says."""
    got = got.encode() if isinstance(got, str) else got
    compare(title, given, [fact(name, expected)], [(name, got)])


def _answer(t, given: bytes, status: int, content: bytes, fields: list, expected: Message) -> None:
    arguments = [part for field in fields for part in field]
    asked = given.split(b"\r\n")[0].decode()
    title = f"send({status}) to {asked}, content {content.decode()!r}, fields {_listed(fields)}"
    answer = dict(t.ask(title, "answer", given, status, content, *arguments))
    t.last = [("client", given), ("server", answer["said"])]
    t.compare(title, expected, answer["said"])


def _listed(fields: list) -> str:
    return ", ".join(f"{name}: {text}" for name, text in fields) or "(none)"


def _content(talk, title: str, expected: bytes, result) -> None:
    """A client must have printed this content."""
    message = [Field("content", expected, "", "RFC 9112 §6")]
    if result.code:
        raise talk.wrong(
            "exit code", title, f"THE CLIENT ended with {result.code}", result.errors.strip()
        )
    talk.compare(title, message, result.stdout)


def _conversation(t, given: bytes, heard: list[tuple[str, bytes]]) -> None:
    """A server must hear these requests, however its bytes are cut, and answer each in turn."""
    expected, said = [], []
    for asked, content in heard:
        expected.append(("request", asked.encode()))
        expected += [("content", content)] * bool(content)
        expected.append(("end", b""))
        target = asked.split()[1]
        said += [
            Field(
                f"answer to {target}", b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(target)
            ),
            Field(f"end of the head for {target}", CRLF),
            Field(f"content for {target}", target.encode()),
        ]
    for piece in (*SMALL, 10_000):
        title = f"{len(heard)} requests behind each other, {_pieces(piece)}"
        answer = t.ask(title, "server", given, piece, "Content-Length", "0")
        t.last = [("client", given), ("server", dict(answer)["said"])]
        _events(t, title, given, expected, answer)
        t.compare(title, said, dict(answer)["said"])


def _events(t, title: str, given: bytes, expected: list, answer: list) -> None:
    """What a machine must report, in order."""
    events = [
        pair for pair in answer if pair[0] in ("request", "response", "content", "end", "failed")
    ]
    make = {"content": value}
    wanted = [make.get(name, fact)(name, data) for name, data in expected]
    compare(title, given, wanted, events)


def _range(t, text: str, size: int, expected: list) -> None:
    given = request("/file", f"Range: {text}")
    t.values(f"check_range(), of {size} bytes", given, expected, "check-range", text, size)


def _without_date(said: bytes) -> bytes:
    return re.sub(rb"(\r\nDate: )[^\r\n]*", rb"\1(now)", said)


def _nginx(t, text: str):
    """nginx, serving one file."""
    if not system.find_program("nginx"):
        raise SetupError("nginx is not installed: `labs/run http1` installs it")
    root = t.scratch / "files"
    root.mkdir()
    (root / "file.txt").write_text(text)
    t.scratch.chmod(0o755)
    port = free_port()
    blocks = f"server {{ listen 127.0.0.1:{port}; root {root}; }}"
    return t.peer(nginx.command(t.scratch, blocks), port)
