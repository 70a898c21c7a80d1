"""Our client and other people's servers: each has its own way to frame a response."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from support import nginx as nginx_peer
from support.process import Server, free_port
from support.tcp import Script
from support.tools import require, require_module

HERE = Path(__file__).parent


@pytest.fixture(params=["nginx", "http.server"])
def file_server(request, start, files: Path) -> Server:
    """Somebody else's server with the same files as ours."""
    if request.param == "nginx":
        return request.getfixturevalue("nginx")
    port = free_port()
    options = ["--bind", "127.0.0.1", "--protocol", "HTTP/1.1", "--directory", files]
    return start([sys.executable, "-m", "http.server", port, *options], port)


@pytest.fixture(params=["sync", "gthread"])
def gunicorn(request, start) -> Server:
    """gunicorn: its sync worker closes after each response, its threads keep the connection."""
    require_module("gunicorn")
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "-k", request.param]
    return start([*command, "gunicorn_app:app"], port, cwd=HERE)


@pytest.fixture(params=["http", "https"])
def node(request, start) -> tuple[Server, list]:
    """Node's server, and what our client needs to trust it."""
    port, command = free_port(), [require("node"), HERE / "peer.js", "serve"]
    if request.param == "http":
        return start([*command, port], port), []
    file = request.getfixturevalue("certificate")
    return start([*command, port, file, file.parent / "key.pem"], port), ["--cacert", file]


def url_of(node: tuple[Server, list], path: str) -> str:
    """A path on Node's server, by the scheme that it speaks."""
    server, trust = node
    return f"http{'s' if trust else ''}://{server.address}{path}"


def test_files(file_server: Server, client, files: Path, tmp_path) -> None:
    base = f"http://{file_server.address}"
    assert client(f"{base}/hello.txt").text == "Hello, World!"
    assert client(f"{base}/empty.txt").stdout == b""
    assert client(f"{base}/with%20space.txt").text == "space"
    assert client("-o", tmp_path / "copy", f"{base}/random.bin").code == 0
    assert (tmp_path / "copy").read_bytes() == (files / "random.bin").read_bytes()
    head = client("-I", f"{base}/hello.txt")
    assert head.code == 0 and "Content-Length: 13" in head.text and "Hello" not in head.text
    assert client("-f", f"{base}/missing").code == 22
    assert client("-L", f"{base}/sub").text == "<p>the index of sub</p>"


def test_several_urls_share_a_connection(file_server: Server, client) -> None:
    urls = [
        f"http://{file_server.address}/{name}" for name in ("hello.txt", "empty.txt", "page.html")
    ]
    result = client("--trace", *urls)
    assert result.code == 0 and "<title>A page</title>" in result.text
    assert set(re.findall(r"^#(\d+) ", result.text, re.MULTILINE)) == {"1"}


def test_conditions(nginx: Server, client) -> None:
    url = f"http://{nginx.address}/hello.txt"
    etag = re.search(r'ETag: ("\S+")', client("-I", url).text)[1]
    result = client("-i", "-H", f"If-None-Match: {etag}", url)
    assert (
        result.code == 0 and result.text.startswith("HTTP/1.1 304 ") and "Hello" not in result.text
    )
    result = client("-i", "-H", "Range: bytes=7-11", url)
    assert result.text.startswith("HTTP/1.1 206 ") and result.text.endswith("\r\n\r\nWorld")


def test_nginx_compresses(start, tmp_path, files: Path, client) -> None:
    port = free_port()
    blocks = f"gzip on; server {{ listen 127.0.0.1:{port}; root {files}; }}"
    server = start(nginx_peer.command(tmp_path, blocks), port)
    url = f"http://{server.address}/page.html"
    page = (files / "page.html").read_bytes()
    assert client("--compressed", url).stdout == page
    packed = client("-i", "-H", "Accept-Encoding: gzip", url).stdout
    assert b"Content-Encoding: gzip" in packed and len(packed) < len(page) / 2


def test_gunicorn(gunicorn: Server, client) -> None:
    base = f"http://{gunicorn.address}"
    result = client("-i", f"{base}/pieces")
    assert "Transfer-Encoding: chunked" in result.text
    assert result.text.partition("\r\n\r\n")[2] == "in three pieces"
    assert client(f"{base}/pieces", f"{base}/pieces").text == "in three pieces" * 2
    assert client("-d", "sent", f"{base}/echo").text == "sent"
    content = os.urandom(3 << 20)  # in chunks, and asked for with Expect
    assert client("-d", "@-", f"{base}/echo", input=content).stdout == content


def test_node_keeps_the_connection(node, client) -> None:
    server, trust = node
    result = client(*trust, *[url_of(node, "/seen")] * 3)
    seen = [json.loads(part) for part in re.findall(r"\{.*?\}\S*?\}", result.text)]
    assert [one["connections"] for one in seen] == [1, 1, 1]
    assert seen[0]["method"] == "GET" and seen[0]["headers"]["host"] == server.address


def test_node_closes_the_connection(node, client) -> None:
    urls = [url_of(node, "/close"), url_of(node, "/close"), url_of(node, "/seen")]
    result = client(*node[1], *urls)
    assert result.code == 0 and result.text.startswith("byebye")
    assert json.loads(result.text[len("byebye") :])["connections"] == 3


def test_node_sends_trailers(node, client) -> None:
    result = client("--trace", *node[1], url_of(node, "/trailers"))
    assert result.code == 0 and "X-Sum: 42" in result.text
    plain = client(*node[1], url_of(node, "/trailers"))
    assert plain.text == "first, second"


def test_node_hints_early(node, client) -> None:
    """103 comes before the response, and is not taken for it."""
    assert client("-f", *node[1], url_of(node, "/hints")).text == "after the hints"
    assert "HTTP/1.1 103 " in client("--trace", *node[1], url_of(node, "/hints")).text


def test_node_is_asked_first(node, client, tmp_path) -> None:
    content = tmp_path / "content"
    content.write_bytes(os.urandom(2 << 20))
    result = client(*node[1], "-d", f"@{content}", url_of(node, "/echo"))
    assert result.stdout == content.read_bytes()
    node[0].wait_for("asked to continue")


def test_node_refuses_before_we_send(node, client, tmp_path) -> None:
    content = tmp_path / "content"
    content.write_bytes(bytes(2 << 20))
    result = client(*node[1], "-d", f"@{content}", url_of(node, "/refuse"))
    assert (result.code, result.text) == (0, "too much")
    assert int(node[0].wait_for(r"read (\d+) bytes")[1]) < 10_000


def test_not_a_byte_after_a_refusal(client, tmp_path) -> None:
    content, words = tmp_path / "content", b"too much " * 500_000
    content.write_bytes(bytes(2 << 20))
    head = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: %d\r\n\r\n" % len(words)
    with Script([head, words]) as server:
        result = client("-d", f"@{content}", f"http://{server.address}/")
    assert (result.code, result.stdout) == (0, words)
    assert server.requests[0].endswith(b"\r\n\r\n")


def test_a_server_that_does_not_know_expect(client, tmp_path) -> None:
    """It says nothing before it has the content: after a second we send it all the same."""
    content = tmp_path / "content"
    content.write_bytes(bytes(2 << 20) + b"END")
    with Script([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], after=b"END") as server:
        result = client("-d", f"@{content}", f"http://{server.address}/")
    assert result.text == "ok"
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert b"Expect: 100-continue" in head and sent == content.read_bytes()


def test_a_server_that_closes_between_two_requests(client) -> None:
    """It had every right to. The second request is tried once more, on a new connection."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with Script([answer], [answer]) as server:
        result = client(*[f"http://{server.address}/"] * 2)
    assert (result.code, result.text) == (0, "okok")
    assert len(server.requests) == 2
