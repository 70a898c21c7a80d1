"""Our server as other clients see it: two generations of Python's websockets, npm's ws, Chromium."""

from __future__ import annotations

import re

import pytest

from support.process import Server

PEERS = ["websockets", "websockets-sync", "websockets-13", "ws"]
# Where the length of a frame changes its form; a mebibyte; and nothing.
SIZES = [0, 1, 125, 126, 65535, 65536, 1 << 20]
WINDOW = "server_max_window_bits=12; client_max_window_bits=12"

any_peer = pytest.mark.parametrize("peer", PEERS)


def parameters(answer: str) -> dict:
    """Those of permessage-deflate, as a response has them."""
    name, *parts = answer.split("; ")
    assert name == "permessage-deflate", answer
    pairs = [part.partition("=") for part in parts]
    return {name: int(value) if value else True for name, _, value in pairs}


@any_peer
@pytest.mark.parametrize("deflate", [None, {}], ids=["plain", "deflate"])
def test_messages_of_all_sizes(server: Server, talk, peer: str, deflate) -> None:
    """As text, in binary, in fragments; a ping; a goodbye."""
    seen = talk(peer, f"ws://{server.address}/", deflate=deflate, sizes=SIZES)
    assert seen["echoed"] == SIZES * 2
    assert seen["closed"] == [1000, ""]
    assert bool(seen["extensions"]) == (deflate is not None)


@any_peer
def test_no_compression_where_the_server_wants_none(serve, talk, peer: str) -> None:
    server = serve("--echo", "--no-deflate")
    seen = talk(peer, f"ws://{server.address}/", deflate={}, sizes=[1000])
    assert seen["extensions"] == "" and seen["echoed"] == [1000] * 2


OFFERS = {
    "server forgets": {"server_no_context_takeover": True},
    "client forgets": {"client_no_context_takeover": True},
    "both forget": {"server_no_context_takeover": True, "client_no_context_takeover": True},
    **{f"server's window {bits}": {"server_max_window_bits": bits} for bits in range(8, 16)},
    **{f"client's window {bits}": {"client_max_window_bits": bits} for bits in range(8, 16)},
    "all": {
        "server_no_context_takeover": True,
        "client_no_context_takeover": True,
        "server_max_window_bits": 9,
        "client_max_window_bits": 9,
    },
}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("peer", ["websockets", "ws"])
def test_parameters_of_compression(server: Server, talk, peer: str, offer: dict) -> None:
    """What the client asks for is granted, and what is larger than ours made smaller."""
    if peer == "websockets" and offer == {"client_max_window_bits": 8}:
        return  # it knows that zlib cannot do that, and does not offer it; ws does
    seen = talk(peer, f"ws://{server.address}/", deflate=offer, sizes=[0, 10, 70_000])
    assert seen["echoed"] == [0, 10, 70_000] * 2
    granted = parameters(seen["extensions"])
    for name in ("server_no_context_takeover", "client_no_context_takeover"):
        assert granted.get(name, False) == offer.get(name, False)
    for name in ("server_max_window_bits", "client_max_window_bits"):
        if name in offer:
            assert granted[name] == min(offer[name], 12)


@any_peer
@pytest.mark.parametrize(
    "close", [[1000, "that was it"], [1001, ""], [3000, "é"], [4999, "x" * 123]]
)
def test_a_client_s_goodbye_is_answered(server: Server, talk, peer: str, close: list) -> None:
    """With its code (RFC 6455 §5.5.1). A reason is the client's own."""
    seen = talk(peer, f"ws://{server.address}/", close=close)
    assert seen["closed"][0] == close[0]


@any_peer
def test_subprotocols(serve, talk, peer: str) -> None:
    """The client's order decides; what is not spoken here is passed over."""
    server = serve("--echo", "--subprotocol", "soap", "--subprotocol", "mqtt")
    url = f"ws://{server.address}/"
    assert talk(peer, url, subprotocols=["other", "mqtt", "soap"])["subprotocol"] == "mqtt"
    assert talk(peer, url)["subprotocol"] is None


@pytest.mark.parametrize("peer", ["websockets", "websockets-sync", "websockets-13"])
def test_no_common_subprotocol(serve, talk, peer: str) -> None:
    """The server goes on without; the client may live with that."""
    server = serve("--echo", "--subprotocol", "soap")
    assert talk(peer, f"ws://{server.address}/", subprotocols=["other"])["subprotocol"] is None


@any_peer
def test_wss(serve, talk, certificate, peer: str) -> None:
    key = certificate.parent / "key.pem"
    server = serve("--echo", "--tls", "--cert", certificate, "--key", key)
    url = f"wss://localhost:{server.port}/"
    seen = talk(peer, url, ca=str(certificate), deflate={}, sizes=SIZES)
    assert seen["echoed"] == SIZES * 2 and seen["closed"] == [1000, ""]


@any_peer
def test_fields_of_a_client(serve, talk, peer: str) -> None:
    """Cookies and others get through, and ours has nothing against them."""
    server = serve("--echo", "--trace")
    headers = {"Cookie": "a=b; c=d", "X-Own": "1", "Authorization": "Basic dTpw"}
    talk(peer, f"ws://{server.address}/any/path?q=1", headers=headers)
    assert server.stop() == 0
    for field in ("Cookie: a=b; c=d", "X-Own: 1", "GET /any/path?q=1"):
        assert field in server.output


@any_peer
def test_an_origin_of_ours(server: Server, talk, peer: str) -> None:
    url = f"ws://{server.address}/"
    assert talk(peer, url, origin=f"http://{server.address}")["closed"] == [1000, ""]


# --- The browser.

CONVERSATION = """async ([url, protocols, sizes, close]) => {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = "arraybuffer";
  const came = [], waiting = [];
  socket.onmessage = (event) => (waiting.length ? waiting.shift()(event.data) : came.push(event.data));
  const next = () => (came.length ? came.shift() : new Promise((resolve) => waiting.push(resolve)));
  const closed = new Promise((resolve) => {
    socket.onclose = (event) => resolve([event.code, event.reason, event.wasClean]);
  });
  if (!(await new Promise((resolve) => {
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
  }))) return { opened: false };
  const echoed = [];
  for (const size of sizes) {
    const text = "\\u00e9 0123456789".repeat(size / 13 + 1).slice(0, size);
    socket.send(text);
    echoed.push((await next()) === text);
    const bytes = crypto.getRandomValues(new Uint8Array(Math.min(size, 65536)));
    socket.send(bytes);
    const back = new Uint8Array(await next());
    echoed.push(back.length === bytes.length && back.every((byte, i) => byte === bytes[i]));
  }
  socket.close(...close);
  return { opened: true, echoed, closed: await closed, protocol: socket.protocol,
           extensions: socket.extensions };
}"""


@pytest.fixture
def page(start, programs, visit):
    """A page of another origin than the server that it will talk to."""
    elsewhere = start([programs / "http1-server"])
    opened = visit(f"http://{elsewhere.address}/hello")
    return opened, f"http://{elsewhere.address}"


@pytest.mark.parametrize("options", [[], ["--no-deflate"]], ids=["deflate", "plain"])
def test_chromium(serve, page, options: list) -> None:
    opened, origin = page
    server = serve("--echo", "--subprotocol", "chat", "--origin", origin, *options)
    url = f"ws://{server.address}/"
    talked = opened.evaluate(CONVERSATION, [url, ["other", "chat"], SIZES, [4000, "that was it"]])
    assert talked["opened"] and talked["echoed"] == [True] * (2 * len(SIZES))
    assert talked["closed"] == [4000, "", True] and talked["protocol"] == "chat"
    # Chromium offers client_max_window_bits, and says nothing of the server's.
    assert talked["extensions"] == ("" if options else f"permessage-deflate; {WINDOW}")


def test_chromium_over_tls(serve, certificate, visit) -> None:
    key = certificate.parent / "key.pem"
    server = serve("--chat", "--tls", "--cert", certificate, "--key", key)
    opened = visit(f"https://{server.address}/", ignore_https_errors=True)
    url = f"wss://{server.address}/chat"
    heard = """(url) => new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.onmessage = (event) => resolve(event.data);
      socket.onerror = reject;
    })"""
    assert opened.evaluate(heard, url) == "What is your name?"


def test_pages_of_other_origins_stay_outside(serve, page) -> None:
    """Who does not say that they may come in has them refused: 403, as the trace shows."""
    opened, _ = page
    server = serve("--echo", "--trace", "--origin", "https://example.org")
    talked = opened.evaluate(CONVERSATION, [f"ws://{server.address}/", [], [1], [1000]])
    assert talked == {"opened": False}
    assert server.stop() == 0
    assert re.search(r"HTTP/1\.1 403 ", server.output)
    assert "HTTP/1.1 101" not in server.output
