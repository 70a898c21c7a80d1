"""Fixtures of the websocket chapter: our programs, the peers' clients and servers, a browser."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Callable

import pytest

from support import peers
from support.browser import chromium
from support.process import Result, Server, run
from support.tools import require

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch) -> None:
    """Clients take proxies and authorities from the environment; here they must not."""
    for name in list(os.environ):
        if name.lower().endswith(("_proxy", "_ca_bundle", "ssl_cert_file", "ssl_cert_dir")):
            monkeypatch.delenv(name)


@pytest.fixture
def serve(start, programs: Path) -> Callable[..., Server]:
    """serve(*options): our server with these options."""
    return lambda *options: start([programs / "websocket-server", *options])


@pytest.fixture
def server(serve) -> Server:
    """Our server, echoing."""
    return serve("--echo")


@pytest.fixture
def client(programs: Path) -> Callable[..., Result]:
    """client(*arguments, **options): runs our client to its end."""
    return lambda *arguments, **options: run([programs / "websocket-client", *arguments], **options)


@pytest.fixture
def certificate(programs, start, tmp_path) -> Path:
    """A certificate for 127.0.0.1 and localhost that our server made; key.pem is beside it."""
    file = tmp_path / "certificate.pem"
    command = [programs / "websocket-server", "--tls", "--cert", file]
    start([*command, "--key", tmp_path / "key.pem"]).stop()
    return file


def peer_command(name: str, role: str) -> list:
    """The command that runs a peer as "client" or "server"; its settings, as JSON, come behind it.

    ws: of Node.js. websockets: of Python, asyncio; websockets-sync: its other half, with threads;
    websockets-13: the version that the tutorial's server was written for.
    """
    if name == "ws":
        return [require("node"), HERE / "peer.js", role]
    if name == "websockets-13":
        return [legacy_python(), HERE / "peer.py", role]
    kind = f"{role}-sync" if name == "websockets-sync" else role
    return [peers.venv_python("websocket"), HERE / "peer.py", kind]


def legacy_python() -> Path:
    """The interpreter that has the old version of websockets."""
    return require(str(peers.venv_python("websocket", "legacy")))


@pytest.fixture
def talk(node_env) -> Callable[..., dict]:
    """talk(peer, url, **settings): lets a peer's client converse; what it saw."""

    def talk_to(name: str, url: str, **settings) -> dict:
        command = [*peer_command(name, "client"), json.dumps({"url": url, **settings})]
        result = run(command, env=node_env, timeout=60)
        assert result.code == 0, result.text + result.errors
        return json.loads(result.text)

    return talk_to


@pytest.fixture
def host(start, node_env) -> Callable[..., Server]:
    """host(peer, **settings): a peer's server. It prints what it saw of each connection."""

    def start_peer(name: str, **settings) -> Server:
        command = [*peer_command(name, "server"), json.dumps(settings)]
        return start(command, env=node_env)

    return start_peer


@pytest.fixture(scope="session")
def browser():
    """Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture
def visit(browser):
    """visit(address): a page that is open, in a context of its own."""
    contexts = []

    def open_page(address: str, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
