"""Our client with other servers: two generations of Python's websockets, and npm's ws."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import pytest

from support.process import Server

PEERS = ["websockets", "websockets-13", "ws"]
SIZES = [0, 1, 125, 126, 65535, 65536, 1 << 20]

any_peer = pytest.mark.parametrize("peer", PEERS)


def content(size: int) -> bytes:
    """What peer.py and peer.js send."""
    return bytes((i * i >> 3) % 95 + 32 for i in range(size))


def seen_by(server: Server) -> dict:
    """What the server saw of the last connection, when that is over."""
    server.wait_for(r"(?m)^\{.*\}$")
    return json.loads(re.findall(r"(?m)^\{.*\}$", server.output)[-1])


@any_peer
@pytest.mark.parametrize("deflate", [None, {}], ids=["plain", "deflate"])
def test_echo_of_all_sizes(host, client, peer: str, deflate) -> None:
    """We say it, and it comes back: a line a message."""
    server = host(peer, deflate=deflate)
    lines = [content(size).decode() for size in SIZES]
    result = client(
        "-n", len(lines), f"ws://{server.address}/echo", input="\n".join(lines).encode()
    )
    assert (result.code, result.errors) == (0, "")
    assert result.text.splitlines() == lines
    assert seen_by(server)["closed"] == [1000, ""]


@any_peer
def test_binary_echo(host, client, peer: str) -> None:
    server = host(peer)
    url = f"ws://{server.address}/echo"
    result = client("-n", "2", "--binary", url, input=b"\xff\xfe\x00\nascii\n")
    assert result.code == 0
    assert result.text.splitlines() == ['3 bytes: "\\xff\\xfe\\x00"', '5 bytes: "ascii"']


@any_peer
@pytest.mark.parametrize("deflate", [None, {}], ids=["plain", "deflate"])
@pytest.mark.parametrize("type", ["text", "binary"])
def test_the_server_sends(host, client, peer: str, deflate, type: str) -> None:
    server = host(peer, deflate=deflate)
    sizes = ",".join(map(str, SIZES))
    url = f"ws://{server.address}/send?sizes={sizes}&type={type}"
    result = client("-n", len(SIZES), url)
    assert (result.code, result.errors) == (0, "")
    expected = [content(size).decode() for size in SIZES]
    if type == "binary":
        expected = [f'{len(each)} bytes: "{visible(each)}"' for each in expected]
    assert result.text.splitlines() == expected


def visible(text: str) -> str:
    """As our programs show bytes: in quotes, so these and the backslash are escaped."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


@any_peer
@pytest.mark.parametrize("deflate", [None, {}], ids=["plain", "deflate"])
def test_fragments_and_ping(host, client, peer: str, deflate) -> None:
    server = host(peer, deflate=deflate)
    assert client("-n", "1", f"ws://{server.address}/fragments").text == "in three pieces\n"
    assert client("-n", "1", f"ws://{server.address}/ping").text == "the pong has come\n"


ANSWERS = {
    "server forgets": {"server_no_context_takeover": True},
    "client forgets": {"client_no_context_takeover": True},
    "both forget": {"server_no_context_takeover": True, "client_no_context_takeover": True},
    **{f"server's window {bits}": {"server_max_window_bits": bits} for bits in range(9, 16)},
    **{f"client's window {bits}": {"client_max_window_bits": bits} for bits in range(8, 16)},
    "all": {
        "server_no_context_takeover": True,
        "client_no_context_takeover": True,
        "server_max_window_bits": 9,
        "client_max_window_bits": 9,
    },
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("peer", ["websockets", "ws"])
def test_parameters_of_compression(host, client, tmp_path, peer: str, answer: dict) -> None:
    """Those that a server may choose by itself; the last message refers to the one before."""
    server, pcap = host(peer, deflate=answer), tmp_path / "client.pcap"
    lines = [content(size).decode() for size in (0, 10, 70_000, 70_000)]
    options = ["-n", 4, "--pcap", pcap, f"ws://{server.address}/echo"]
    result = client(*options, input="\n".join(lines).encode())
    assert (result.code, result.errors) == (0, "")
    assert result.text.splitlines() == lines
    said = re.findall(rb"Sec-WebSocket-Extensions: (.*)\r\n", pcap.read_bytes())[1].decode()
    for name, value in answer.items():
        assert (name if value is True else f"{name}={value}") in said.split("; ")


@any_peer
@pytest.mark.parametrize(
    "code, reason, ours",
    [
        (1000, "that was it", (0, "")),
        (1001, "", (0, "")),
        (1008, "house rules", (4, "the server closed with 1008 house rules")),
        (1011, "", (4, "the server closed with 1011")),
        (4001, "é", (4, "the server closed with 4001 é")),
    ],
)
def test_the_server_closes(host, client, peer: str, code: int, reason: str, ours) -> None:
    server = host(peer)
    query = urlencode({"code": code, "reason": reason})
    result = client(f"ws://{server.address}/close?{query}")
    shown = f"websocket-client: {ours[1]}\n" if ours[1] else ""
    assert (result.code, result.errors) == (ours[0], shown)
    assert seen_by(server)["closed"][0] == code  # our answer has it, too


@any_peer
def test_subprotocols(host, client, peer: str) -> None:
    server = host(peer, subprotocols=["mqtt"])
    url = f"ws://{server.address}/fragments"
    options = ["--subprotocol", "soap", "--subprotocol", "mqtt", "-n", "1"]
    assert client(*options, url).errors == "the subprotocol is mqtt\n"
    assert seen_by(server)["subprotocol"] == "mqtt"
    # Without an offer: Python's present version, where it speaks subprotocols, speaks nothing else.
    without = "websocket-client: the server answered 400 Bad Request\n"
    assert client("-n", "1", url).errors == (without if peer == "websockets" else "")


@any_peer
def test_fields(host, client, peer: str) -> None:
    server = host(peer)
    options = ["-H", "Cookie: a=b; c=d", "-H", "X-Own:1", "--origin", "https://example.org"]
    client(*options, "-n", "1", f"ws://{server.address}/fragments?q=1")
    seen = seen_by(server)
    assert seen["path"] == "/fragments?q=1"
    headers = seen["headers"]
    assert headers["cookie"] == "a=b; c=d" and headers["x-own"] == "1"
    assert headers["origin"] == "https://example.org" and headers["host"] == server.address


@any_peer
def test_wss(host, client, certificate, peer: str) -> None:
    server = host(peer, certificate=str(certificate), key=str(certificate.parent / "key.pem"))
    url = f"wss://localhost:{server.port}/echo"
    lines = [content(size).decode() for size in SIZES]
    options = ["--cacert", certificate, "-n", len(lines)]
    result = client(*options, url, input="\n".join(lines).encode())
    assert (result.code, result.errors) == (0, "")
    assert result.text.splitlines() == lines
    refused = client("-n", "1", url, input=b"hello\n")
    assert refused.code == 3 and "certificate" in refused.errors
