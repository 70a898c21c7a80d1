"""What was said, as Wireshark reads it in our --pcap, and as our own --trace explains it."""

from __future__ import annotations

import http.client
import os
import re
from pathlib import Path

import pytest

from support.process import Server, run
from support.tcp import Script, Tcp
from support.tools import require
from support.tshark import dissect

HOST = b"Host: a\r\n"
# A conversation of one connection: every kind of message, with what Wireshark calls each.
CONVERSATION = [
    (b"GET /hello HTTP/1.1\r\n" + HOST + b"\r\n", "GET /hello", "200 OK"),
    (b"HEAD /hello HTTP/1.1\r\n" + HOST + b"\r\n", "HEAD /hello", "200 OK"),
    (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", "OPTIONS *", "204 No Content"),
    (b"GET /missing HTTP/1.1\r\n" + HOST + b"\r\n", "GET /missing", "404 Not Found"),
    (b"DELETE /hello HTTP/1.1\r\n" + HOST + b"\r\n", "DELETE /hello", "405 Method Not Allowed"),
    (b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nfirst", "POST /echo", "200 OK"),
    (
        b"PUT /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
        b"6;x=y\r\nsecond\r\n5\r\nthird\r\n0\r\nT: 1\r\n\r\n",
        "PUT /echo",
        "200 OK",
    ),
    (b"GET /random.bin HTTP/1.1\r\n" + HOST + b"\r\n", "GET /random.bin", "200 OK"),
    (
        b"GET /page.html HTTP/1.1\r\n" + HOST + b"Accept-Encoding: gzip\r\n\r\n",
        "GET /page.html",
        "200 OK",
    ),
    (
        b"GET /hello HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
        "GET /hello",
        "200 OK",
    ),
]
REQUESTS = b"".join(request for request, _, _ in CONVERSATION)


def converse(server: Server) -> None:
    """One after the other: pipelined, Wireshark would not know which answer is the one to HEAD."""
    with Tcp(server.address) as tcp:
        for request, _, _ in CONVERSATION:
            tcp.send(request)
            response = http.client.HTTPResponse(tcp.socket, method=request.split()[0].decode())
            response.begin()
            response.read()


def pipeline(server: Server) -> bytes:
    """All at once; the answers."""
    with Tcp(server.address) as tcp:
        tcp.send(REQUESTS)
        return tcp.read_to_close()


def summaries(messages: list[str]) -> tuple[list[str], list[str]]:
    """Wireshark's summaries, as "GET /path" and "200 OK". What shares a packet shares a line."""
    requests, responses = [], []
    for message in messages:
        requests += re.findall(r"([A-Z]+ (?:/\S*|\*)) HTTP/1\.1", message)
        responses += re.findall(r"HTTP/1\.1 (\d{3} [A-Z]\w+(?: [A-Z][a-z]+)*)", message)
    return requests, responses


def exported(pcap: Path, port: int, folder: Path) -> dict[str, bytes]:
    """The contents that Wireshark puts together from a capture, by name."""
    options = ["-d", f"tcp.port=={port},http", "--export-objects", f"http,{folder}"]
    result = run([require("tshark"), "-n", "-q", "-r", pcap, *options], timeout=60)
    assert result.code == 0, result.errors
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_server_s_capture(serve, tmp_path, files: Path) -> None:
    pcap = tmp_path / "server.pcap"
    server = serve("--pcap", pcap)
    converse(server)
    assert server.stop() == 0
    dissection = dissect(pcap, "http", server.port)
    assert dissection.complaints == []
    requests, responses = summaries(dissection.messages)
    assert requests == [request for _, request, _ in CONVERSATION]
    assert responses == [response for _, _, response in CONVERSATION]
    contents = exported(pcap, server.port, tmp_path / "objects")
    assert contents["random.bin"] == (files / "random.bin").read_bytes()
    assert b"secondthird" in contents.values()


def test_the_server_s_capture_of_many_connections(serve, tmp_path, files: Path) -> None:
    """Curl, three connections at a time; each stream is put together by itself."""
    pcap, names = tmp_path / "server.pcap", ["random.bin", "hello.txt", "page.html"]
    server = serve("--pcap", pcap)
    urls = [f"http://{server.address}/{name}" for name in names]
    outputs = [part for _ in names for part in ("-o", os.devnull)]
    assert run([require("curl"), "-sS", "-Z", *outputs, *urls]).code == 0
    server.stop()
    dissection = dissect(pcap, "http", server.port)
    assert dissection.complaints == []
    requests, responses = summaries(dissection.messages)
    assert sorted(requests) == sorted(f"GET /{name}" for name in names)
    assert responses == ["200 OK"] * 3
    contents = exported(pcap, server.port, tmp_path / "objects")
    for name in names:
        assert contents[name] == (files / name).read_bytes()


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "TLS"])
def test_the_client_s_capture(serve, client, tmp_path, files: Path, certificate, tls: bool) -> None:
    """What was said inside TLS is captured in the clear: for learners, not for eavesdroppers."""
    pcap, content = tmp_path / "client.pcap", tmp_path / "content"
    content.write_bytes(os.urandom(2 << 20))
    key = ["--cert", certificate, "--key", certificate.parent / "key.pem"]
    server = serve("--tls", *key) if tls else serve()
    url = f"http{'s' if tls else ''}://{server.address}"
    options = ["--pcap", pcap, "--cacert", certificate, "-d", f"@{content}"]
    assert client(*options, f"{url}/echo", f"{url}/echo").stdout == content.read_bytes() * 2
    dissection = dissect(pcap, "http", server.port)
    assert dissection.complaints == []
    requests, responses = summaries(dissection.messages)
    assert requests == ["POST /echo"] * 2
    assert responses == ["100 Continue", "200 OK"] * 2
    contents = exported(pcap, server.port, tmp_path / "objects")
    assert list(contents.values()).count(content.read_bytes()) >= 2


def test_a_capture_ends_well(server: Server, client, tmp_path, files: Path) -> None:
    """The last packets are written while everything is taken down: in the right order, please."""
    options = ["--pcap", tmp_path / "client.pcap", "-o", os.devnull, "-d", f"@{files}/random.bin"]
    for _ in range(10):
        result = client(*options, *[f"http://{server.address}/echo"] * 2)
        assert (result.code, result.errors) == (0, "")


def test_a_capture_is_there_when_the_server_still_runs(serve, tmp_path) -> None:
    """Whoever watches with Wireshark should not have to stop the server first."""
    pcap = tmp_path / "server.pcap"
    server = serve("--pcap", pcap)
    with Tcp(server.address) as tcp:
        tcp.send(CONVERSATION[0][0])
        tcp.read_until(b"Hello, World!")
        assert len(dissect(pcap, "http", server.port).messages) == 2


# --- The trace.

FRAME = re.compile(r"^#(\d+) [\d.]+ s  client (.) server  (.*), (\d+) bytes$", re.MULTILINE)


def frames(output: str) -> list[tuple[str, str, int]]:
    """The direction, the title and the size of each frame that a trace shows."""
    return [(way, title, int(size)) for _, way, title, size in FRAME.findall(output)]


def explained(output: str, way: str, wanted: int) -> bool:
    """Whether the frames of one direction are as many bytes as were sent, and all have a name."""
    assert "(not explained)" not in output
    return sum(size for direction, _, size in frames(output) if direction == way) == wanted


def test_the_server_explains_every_byte(serve, tmp_path) -> None:
    server = serve("--trace")
    came = pipeline(server)
    assert server.stop() == 0
    assert explained(server.output, "→", len(REQUESTS))
    assert explained(server.output, "←", len(came))
    titles = [title for _, title, _ in frames(server.output)]
    for title in ("request head", "content", "chunk-size", "end of the chunk", "trailer section"):
        assert title in titles
    for title in ("response head", "chunk", "last-chunk and trailer section"):
        assert title in titles


def test_the_client_explains_every_byte(client, tmp_path) -> None:
    sent = [
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nT: 1\r\n\r\n"
    ]
    with Script(sent, after=b"0\r\n\r\n") as server:
        options = ["--trace", "-o", os.devnull, "-H", "Expect:", "-d", "@-"]
        result = client(*options, f"http://{server.address}/", input=b"content")
    assert result.code == 0, result.errors
    assert explained(result.text, "→", len(server.requests[0]))
    assert explained(result.text, "←", len(sent[0]))


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /hello HTTP/9.9\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n",
    ],
)
def test_a_refusal_is_explained(serve, request_bytes: bytes) -> None:
    """What broke the rule is shown, and so is the answer."""
    server = serve("--trace")
    with Tcp(server.address) as tcp:
        tcp.send(request_bytes)
        came = tcp.read_to_close()
    server.stop()
    answered = sum(size for way, _, size in frames(server.output) if way == "←")
    assert answered == len(came)
    assert "request head" in server.output


def test_a_trace_is_live(serve) -> None:
    """Each frame is shown when it passes, and not when the program ends."""
    server = serve("--trace")
    with Tcp(server.address) as tcp:
        tcp.send(CONVERSATION[0][0])
        server.wait_for("request head")
        server.wait_for("Hello, World!")
