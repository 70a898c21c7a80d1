"""Our server as other programs see it, in the clear and over TLS."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import pytest

from support import nginx
from support.process import Server, free_port, run
from support.tools import require, require_module

HELLO = "Hello, World!"
CLIENT = Path(__file__).parent / "peer.js"


@dataclass
class Site:
    """Our server, where it is, and the certificate to trust where that is needed."""

    server: Server
    url: str
    certificate: str

    @property
    def connections(self) -> int:
        """How many connections it has seen: its trace numbers them. Ends it: then it is complete."""
        assert self.server.stop() == 0
        return max(map(int, re.findall(r"^#(\d+) ", self.server.output, re.MULTILINE)))

    @property
    def curl(self) -> list:
        trust = ["--cacert", self.certificate] if self.certificate else []
        return [require("curl"), "-sS", "--max-time", "10", *trust]

    @property
    def verify(self):
        """As requests has it: whom to trust."""
        return self.certificate or True

    @property
    def tls_context(self):
        """As the standard library has it."""
        return ssl.create_default_context(cafile=self.certificate) if self.certificate else None


@pytest.fixture(params=["http", "https"])
def site(request, serve, tmp_path) -> Site:
    """Our server, once in the clear and once over TLS with a certificate that it made."""
    if request.param == "http":
        server = serve("--trace")
        return Site(server, f"http://{server.address}", "")
    certificate = tmp_path / "certificate.pem"
    server = serve("--trace", "--tls", "--cert", certificate, "--key", tmp_path / "key.pem")
    return Site(server, f"https://{server.address}", str(certificate))


def test_curl(site: Site) -> None:
    """What the tutorial's reader sees with `curl -i .../api`, on a route that this chapter has."""
    result = run([*site.curl, "-i", f"{site.url}/hello"])
    assert result.code == 0, result.errors
    head, _, content = result.text.partition("\r\n\r\n")
    status, *fields = head.split("\r\n")
    assert status == "HTTP/1.1 200 OK"
    names = dict(field.split(": ", 1) for field in fields)
    assert names["Content-Type"] == "text/plain" and names["Content-Length"] == "13"
    assert names["Server"] == "on-the-wire" and names["Date"].endswith(" GMT")
    assert content == HELLO


def test_curl_keeps_the_connection(site: Site) -> None:
    shown = "%{http_code} %{http_version} %{num_connects}\n"
    urls = [f"{site.url}/hello", f"{site.url}/missing", f"{site.url}/hello"]
    outputs = [part for _ in urls for part in ("-o", os.devnull)]
    result = run([*site.curl, *outputs, "-w", shown, *urls])
    assert result.text.splitlines() == ["200 1.1 1", "404 1.1 0", "200 1.1 0"]
    assert site.connections == 1


@pytest.mark.parametrize(
    "how", [["--data-binary", "@-"], ["-T", "-"], ["-H", "Expect:", "-T", "-"]]
)
def test_curl_sends(site: Site, how: list) -> None:
    """With a length (and Expect, because it is big) and in chunks."""
    content = os.urandom(3 << 20)
    result = run([*site.curl, *how, f"{site.url}/echo"], content)
    assert result.stdout == content


def test_curl_asks_first(site: Site) -> None:
    """Expect: 100-continue. curl would wait a second for the answer; it does not have to."""
    options = ["-v", "-H", "Expect: 100-continue", "--expect100-timeout", "9", "-d", "content"]
    result = run([*site.curl, *options, f"{site.url}/echo"], timeout=8)
    assert "HTTP/1.1 100 Continue" in result.errors and result.text == "content"


def test_curl_is_refused_before_it_sends(site: Site) -> None:
    options = ["-v", "-H", "Expect: 100-continue", "-d", "content"]
    result = run([*site.curl, *options, f"{site.url}/hello"])
    assert "405 Method Not Allowed" in result.errors and "Allow: GET, HEAD" in result.errors
    assert "100 Continue" not in result.errors


def test_curl_head_options_and_old_http(site: Site) -> None:
    assert "Content-Length: 13" in run([*site.curl, "-I", f"{site.url}/hello"]).text
    assert "Allow: POST, PUT" in run([*site.curl, "-i", "-X", "OPTIONS", f"{site.url}/echo"]).text
    result = run([*site.curl, "-i", "-0", f"{site.url}/hello", f"{site.url}/hello"])
    assert result.text.count(HELLO) == 2 and result.text.count("Connection: close") == 2


def test_http_client(site: Site) -> None:
    host, port = site.server.host, site.server.port
    if site.certificate:
        connection = http.client.HTTPSConnection(host, port, timeout=10, context=site.tls_context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=10)

    def exchange(*arguments, **options) -> tuple[int, bytes]:
        connection.request(*arguments, **options)
        response = connection.getresponse()
        return response.status, response.read()

    assert exchange("GET", "/hello") == (200, HELLO.encode())
    assert exchange("POST", "/echo", body=b"sent") == (200, b"sent")
    chunks = iter([b"in ", b"chunks"])
    assert exchange("POST", "/echo", body=chunks, encode_chunked=True) == (200, b"in chunks")
    assert exchange("HEAD", "/hello") == (200, b"")
    assert exchange("DELETE", "/hello")[0] == 405
    assert exchange("FROB", "/hello")[0] == 501
    connection.close()
    assert site.connections == 1


def test_requests(site: Site, files: Path) -> None:
    requests = require_module("requests")
    with requests.Session() as session:
        session.verify = site.verify
        assert session.get(f"{site.url}/hello").text == HELLO
        assert session.post(f"{site.url}/echo", data={"a": "b"}).text == "a=b"
        chunks = (piece for piece in [b"in ", b"chunks"])
        assert session.put(f"{site.url}/echo", data=chunks).content == b"in chunks"
        page = session.get(f"{site.url}/page.html")
        assert page.headers["Content-Encoding"] == "gzip"
        assert page.content == (files / "page.html").read_bytes()
        redirected = session.get(f"{site.url}/sub")
        assert [step.status_code for step in redirected.history] == [301]
        assert redirected.text == "<p>the index of sub</p>"
        assert session.get(f"{site.url}/missing").status_code == 404
        with session.get(f"{site.url}/random.bin", stream=True) as response:
            assert b"".join(response.iter_content(7777)) == (files / "random.bin").read_bytes()
    assert site.connections == 1


def test_httpx(site: Site, files: Path) -> None:
    httpx = require_module("httpx")

    def chunks() -> Iterator[bytes]:
        yield b"in "
        yield b"chunks"

    with httpx.Client(verify=site.tls_context or True, base_url=site.url) as client:
        answer = client.get("/hello")
        assert (answer.text, answer.http_version) == (HELLO, "HTTP/1.1")
        assert client.post("/echo", json={"a": 1}).json() == {"a": 1}
        assert client.post("/echo", content=chunks()).content == b"in chunks"
        assert client.head("/hello").headers["Content-Length"] == "13"
        assert client.get("/page.html").content == (files / "page.html").read_bytes()
    assert site.connections == 1


def test_aiohttp(site: Site) -> None:
    """Many at once: 200 requests over 20 connections."""
    aiohttp = require_module("aiohttp")

    trust = site.tls_context or True  # the same for all, or aiohttp would not share connections

    async def one(session, number: int) -> bool:
        text = f"number {number} " * number
        async with session.post("/echo", data=text, ssl=trust) as response:
            return response.status == 200 and await response.text() == text

    async def talk() -> list[bool]:
        connector = aiohttp.TCPConnector(limit=20)
        async with aiohttp.ClientSession(site.url, connector=connector) as session:
            return await asyncio.gather(*[one(session, number) for number in range(200)])

    assert all(asyncio.run(talk()))
    assert site.connections <= 20


@pytest.mark.parametrize("module", ["http", "undici"])
def test_node(site: Site, module: str, node_env: dict) -> None:
    """Node's own client, and undici, which pipelines."""
    env = dict(node_env, NODE_EXTRA_CA_CERTS=site.certificate) if site.certificate else node_env
    result = run([require("node"), CLIENT, module, site.url], env=env)
    assert result.code == 0, result.errors
    answers = json.loads(result.text)
    texts = [(answer["status"], answer["text"]) for answer in answers]
    missing = "404 Not Found\n"
    assert texts == [(200, HELLO), (200, "sent"), (200, "in chunks"), (200, ""), (404, missing)]
    assert answers[3]["headers"]["content-length"] == "13"
    if module == "http":
        assert [answer["reused"] for answer in answers] == [False, True, True, True, True]
        assert site.connections == 1


def test_wrk(serve) -> None:
    server = serve()
    script = Path(__file__).parent / "pipeline.lua"
    for options in ([], ["-s", script]):
        url = f"http://{server.address}/hello"
        result = run([require("wrk"), "-t1", "-c16", "-d1s", *options, url])
        assert "Non-2xx" not in result.text and "Socket errors" not in result.text, result.text
        assert int(re.search(r"(\d+) requests in", result.text)[1]) > 1000


@pytest.mark.parametrize("keep_alive", [[], ["-k"]])
def test_ab(serve, keep_alive: list, tmp_path) -> None:
    """HTTP/1.0, with a connection for each request, and with keep-alive."""
    server = serve()
    (tmp_path / "content").write_bytes(b"x" * 5000)
    post = ["-p", tmp_path / "content", "-T", "text/plain"]
    for options, path in (([], "/hello"), ([], "/page.html"), (post, "/echo")):
        url = f"http://{server.address}{path}"
        result = run([require("ab"), "-q", "-c8", "-n2000", *keep_alive, *options, url])
        counts = dict(re.findall(r"^([A-Z][\w -]+):\s+(\d+)", result.text, re.MULTILINE))
        assert (
            counts["Complete requests"] == "2000" and counts["Failed requests"] == "0"
        ), result.text
        assert "Non-2xx responses" not in counts
        assert counts.get("Keep-Alive requests") == ("2000" if keep_alive else None)


def test_nginx_in_front(serve, start, tmp_path) -> None:
    """nginx as a reverse proxy that keeps its connection to ours, and streams both ways."""
    server, port = serve("--trace"), free_port()
    blocks = f"""
      upstream ours {{ server {server.address}; keepalive 1; }}
      client_max_body_size 100m;
      server {{
        listen 127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location / {{ proxy_pass http://ours; }}
        location /echo {{
          proxy_pass http://ours;
          proxy_request_buffering off;
          proxy_buffering off;
        }}
      }}"""
    proxy = start(nginx.command(tmp_path, blocks), port)
    curl = [require("curl"), "-sS", "--max-time", "10"]
    content = os.urandom(1 << 20)
    for _ in range(5):
        assert run([*curl, f"http://{proxy.address}/hello"]).text == HELLO
        chunked = run([*curl, "-T", "-", f"http://{proxy.address}/echo"], content)
        assert chunked.stdout == content
        assert "404" in run([*curl, "-i", f"http://{proxy.address}/missing"]).text
        assert "Content-Length: 13" in run([*curl, "-I", f"http://{proxy.address}/hello"]).text
    assert Site(server, "", "").connections == 1
