"""The options of http1-client, and its exit codes, beside curl's."""

from __future__ import annotations

import os
import pty
import re
import socket
import subprocess
from pathlib import Path

import pytest

from support.process import Server, free_port, run
from support.tcp import Script
from support.tools import require

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(params=["ours", "curl"])
def either(request, programs) -> list:
    """Our client, and curl: same options, same result."""
    if request.param == "ours":
        return [programs / "http1-client"]
    return [require("curl"), "-sS"]


def redirect(status: int, location: str) -> bytes:
    """A redirect with some content, which nobody wants to see."""
    head = f"HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 4\r\n"
    return head.encode() + b"Connection: close\r\n\r\ngone"


def request_lines(server: Script) -> list[str]:
    """What the server was asked, one line a request."""
    return [request.split(b"\r\n", 1)[0].decode() for request in server.requests]


# --- What is sent.


def test_the_request_says_what_it_must(client) -> None:
    with Script([OK]) as server:
        assert client(f"http://{server.address}/a/b?c=d#fragment").text == "ok"
    head = server.requests[0].decode()
    assert head.startswith("GET /a/b?c=d HTTP/1.1\r\nHost: " + server.address + "\r\n")
    assert "fragment" not in head and head.endswith("\r\n\r\n")


def test_fields(either: list) -> None:
    """Added, replaced, taken out."""
    options = ["-H", "X-One: 1", "-H", "User-Agent: me", "-H", "Accept:"]
    with Script([OK]) as server:
        assert run([*either, *options, f"http://{server.address}/"]).text == "ok"
    head = server.requests[0].decode()
    assert "\r\nX-One: 1\r\n" in head and "\r\nUser-Agent: me\r\n" in head
    assert head.count("User-Agent") == 1 and "Accept" not in head


def test_a_field_cannot_smuggle_another(client) -> None:
    with Script([OK]) as server:
        result = client("-H", "X: 1\r\nY: 2", f"http://{server.address}/")
        assert result.code != 0 and result.errors
    assert server.requests in ([], [b""])


def test_methods(either: list, server: Server) -> None:
    base = f"http://{server.address}"
    assert run([*either, "-i", "-X", "OPTIONS", f"{base}/echo"]).text.startswith("HTTP/1.1 204 ")
    assert run([*either, "-X", "PUT", "-d", "sent", f"{base}/echo"]).text == "sent"
    head = run([*either, "-I", f"{base}/hello"]).text
    assert "Content-Length: 13\r\n" in head and head.endswith("\r\n\r\n")


def test_content_from_argument_file_and_standard_input(
    either: list, server: Server, tmp_path
) -> None:
    url = f"http://{server.address}/echo"
    file = tmp_path / "content"
    file.write_bytes(b"from a file")
    assert run([*either, "-d", "from an argument", url]).text == "from an argument"
    assert run([*either, "-d", f"@{file}", url]).text == "from a file"
    assert run([*either, "-d", "@-", url], b"from standard input").text == "from standard input"


def test_no_expectation_for_little(client) -> None:
    with Script([OK]) as server:
        client("-d", "little", f"http://{server.address}/")
    assert b"Expect" not in server.requests[0]


# --- What comes back.


def test_head_and_content(client, server: Server) -> None:
    result = client("-i", f"http://{server.address}/hello")
    head, _, content = result.text.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\n") and content == "Hello, World!"


def test_several_urls_share_a_connection(serve, client) -> None:
    server = serve("--trace")
    base = f"http://{server.address}"
    result = client(
        f"{base}/hello", f"{base}/missing", f"{base}/hello.txt", f"{base}/hello"
    )
    assert result.text == "Hello, World!404 Not Found\nHello, World!Hello, World!"
    server.wait_for(r"(?s)(/hello .*){3}")
    assert set(re.findall(r"^#(\d+) ", server.output, re.MULTILINE)) == {"1"}


def test_two_servers_two_connections(serve, client) -> None:
    first, second = serve(), serve()
    urls = [f"http://{server.address}/hello" for server in (first, second, first)]
    assert client(*urls).text == "Hello, World!" * 3


def test_output_to_a_file(either: list, server: Server, tmp_path, files: Path) -> None:
    copy = tmp_path / "copy"
    result = run([*either, "-o", copy, f"http://{server.address}/random.bin"])
    assert (result.code, result.stdout, result.stderr) == (0, b"", b"")
    assert copy.read_bytes() == (files / "random.bin").read_bytes()


def test_a_progress_bar_for_who_watches(programs, server: Server, tmp_path) -> None:
    reader, terminal = pty.openpty()
    command = [
        programs / "http1-client",
        "-o",
        tmp_path / "copy",
        f"http://{server.address}/random.bin",
    ]
    process = subprocess.Popen(command, stderr=terminal)
    os.close(terminal)
    shown = b""
    try:
        while piece := os.read(reader, 4096):
            shown += piece
    except OSError:
        pass  # that is how a terminal says that the last writer is gone
    os.close(reader)
    assert process.wait(10) == 0
    assert b"[" + b"=" * 40 + b"] 1 MiB" in shown


def test_whoever_stops_reading_does_not_hang_us(programs, server: Server) -> None:
    """`http1-client URL | head -c 1`"""
    command = [programs / "http1-client", f"http://{server.address}/random.bin"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(1)
        process.stdout.close()
        assert process.wait(10) != 0


# --- Redirects.

# The status, the method and content that are sent, and the method and content of the next request.
REDIRECTS = [
    (301, [], "GET", ""),
    (302, [], "GET", ""),
    (303, [], "GET", ""),
    (307, [], "GET", ""),
    (308, [], "GET", ""),
    (301, ["-d", "sent"], "GET", ""),  # for history's sake: RFC 9110 §15.4.2
    (302, ["-d", "sent"], "GET", ""),
    (303, ["-d", "sent"], "GET", ""),
    (307, ["-d", "sent"], "POST", "sent"),
    (308, ["-d", "sent"], "POST", "sent"),
    (303, ["-I"], "HEAD", ""),
]


@pytest.mark.parametrize("status, options, method, content", REDIRECTS)
def test_redirects(either: list, status: int, options: list, method: str, content: str) -> None:
    after = b"\r\n\r\n" + (b"sent" if options[:1] == ["-d"] and not content else b"")
    if content:
        after = b"sent"
    answer = OK if method != "HEAD" else OK[:-2]
    with Script([answer], after=content.encode() or b"\r\n\r\n") as target:
        there = f"http://{target.address}/there?a=b"
        with Script([redirect(status, there)], after=after) as server:
            result = run([*either, "-L", *options, f"http://{server.address}/"])
    assert result.code == 0 and "gone" not in result.text
    assert request_lines(target) == [f"{method} /there?a=b HTTP/1.1"]
    assert target.requests[0].decode().partition("\r\n\r\n")[2] == content


def test_without_L_a_redirect_is_an_answer(either: list) -> None:
    with Script([redirect(301, "/there")]) as server:
        result = run([*either, f"http://{server.address}/"])
    assert (result.code, result.text) == (0, "gone")


@pytest.mark.parametrize(
    "location, target",
    [
        ("/there", "/there"),
        ("there", "/a/there"),
        ("../there", "/there"),
        ("?q", "/a/b?q"),
        ("/there#part", "/there"),
        ("./././x/../y/", "/a/y/"),
    ],
)
def test_where_a_redirect_leads(either: list, location: str, target: str) -> None:
    """Relative references: RFC 3986 §5."""
    with Script([redirect(302, location)], [OK]) as server:
        result = run([*either, "-L", f"http://{server.address}/a/b?old"])
    assert (result.code, result.text) == (0, "ok")
    assert request_lines(server)[1] == f"GET {target} HTTP/1.1"


def test_a_redirect_that_keeps_the_scheme(either: list) -> None:
    with Script([OK]) as other, Script([redirect(302, f"//{other.address}/there")]) as server:
        assert run([*either, "-L", f"http://{server.address}/"]).text == "ok"
    assert request_lines(other) == ["GET /there HTTP/1.1"]


def test_credentials_stay_at_home(either: list) -> None:
    """A redirect to another host (here: port) must not carry the password there."""
    options = ["-L", "-H", "Authorization: Basic c2VjcmV0", "-H", "Cookie: a=b"]
    with Script([OK]) as other, Script([redirect(302, f"http://{other.address}/")]) as server:
        assert run([*either, *options, f"http://{server.address}/"]).text == "ok"
    assert b"Authorization" in server.requests[0] and b"Cookie" in server.requests[0]
    assert b"Authorization" not in other.requests[0] and b"Cookie" not in other.requests[0]


# --- Exit codes.


def test_exit_codes(either: list, server: Server, tmp_path) -> None:
    """Without anything being wrong with HTTP."""
    base, closed = f"http://{server.address}", free_port()
    missing = tmp_path / "missing"
    ends = {
        0: [f"{base}/missing"],
        3: ["http://"],
        6: [
            f"http://{'a' * 64}/"
        ],  # a label of 64 characters cannot exist: no name server is asked
        7: [f"http://127.0.0.1:{closed}/"],
        22: ["-f", f"{base}/missing"],
        23: ["-o", missing / "file", f"{base}/hello"],
        35: [f"https://{server.address}/"],
        28: ["-m", "0.2", None],
    }
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ends[28][2] = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        for code, arguments in ends.items():
            result = run([*either, *arguments])
            assert result.code == code, (arguments, result)
            assert bool(result.errors) == (code not in (0, 22)) or "curl" in str(either[0])


def test_a_full_disk(either: list, server: Server) -> None:
    assert run([*either, "-o", "/dev/full", f"http://{server.address}/random.bin"]).code == 23
    assert run([*either, "-o", "/dev/full", f"http://{server.address}/hello"]).code == 23


def test_unreadable_content(client, server: Server, tmp_path) -> None:
    """26, as curl's -T has it; its -d only warns."""
    result = client("-d", f"@{tmp_path}/missing", f"http://{server.address}/echo")
    assert result.code == 26 and "missing" in result.errors


def test_too_many_redirects(programs) -> None:
    for command in ([programs / "http1-client"], [require("curl"), "-sS", "--max-redirs", "20"]):
        with Script(*[[redirect(302, "/again")]] * 30) as server:
            assert run([*command, "-L", f"http://{server.address}/"]).code == 47
        assert len(server.requests) == 21


def test_urls_that_are_none(client) -> None:
    for url in (
        "ftp://127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://u:p@127.0.0.1/",
        "http://[::1/",
        "",
    ):
        assert client(url).code == 3, url


def test_one_bad_url_does_not_stop_the_others(client, server: Server) -> None:
    good = f"http://{server.address}/hello"
    result = client(good, f"http://127.0.0.1:{free_port()}/", good)
    assert (result.code, result.text) == (7, "Hello, World!" * 2)


def test_help(programs) -> None:
    for name in ("http1-client", "http1-server"):
        result = run([programs / name, "--help"])
        assert result.code == 0 and "--trace" in result.text and "--pcap" in result.text
        assert run([programs / name, "--no-such-option"]).code != 0
