"""The tutorial's own two programs, unchanged, with ours.

They speak on localhost:8765, and nowhere else. So where a user namespace can be had without being
root, each test has a network of its own, in which that port is free; else it must be free here.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from support.process import run
from websocket.conftest import legacy_python

TUTORIAL = Path(__file__).parent / "tutorial"
PORT = 8765


@functools.cache
def own_network() -> list:
    """What to put before a command that is to run in a network of its own; [] if there is none."""
    command = [
        "unshare",
        "--map-root-user",
        "--net",
        "sh",
        "-c",
        'ip link set lo up && exec "$@"',
        "sh",
    ]
    if not shutil.which("unshare") or not shutil.which("ip"):
        return []
    works = subprocess.run([*command, "true"], capture_output=True, timeout=20).returncode == 0
    return command if works else []


def taken() -> bool:
    """Whether somebody else has the port."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.create_server((host, PORT), family=family):
                pass
        except OSError as error:
            if family == socket.AF_INET or error.errno == 98:
                return True
    return False


def together(server: list, client: list, input: bytes = b"") -> str:
    """What a client says and hears while a server runs, both in one network."""
    network = own_network()
    if not network and taken():
        pytest.skip(f"port {PORT} is taken, and no network of our own can be had")
    script = Path(__file__).parent / "together.py"
    command = [legacy_python(), script, *server, "--", *client]
    env = dict(os.environ, PYTHONUNBUFFERED="1")
    result = run([*network, *command], input, env=env)
    assert result.code == 0, result.text + result.errors
    return result.text


def test_the_tutorial_s_client_and_our_server(programs) -> None:
    server = [programs / "websocket-server", "--port", PORT]
    client = [legacy_python(), TUTORIAL / "websocket_client.py"]
    assert together(server, client) == "Response: Hello, WebSocket\n"


def test_our_client_and_the_tutorial_s_server(programs) -> None:
    server = [legacy_python(), TUTORIAL / "websocket_server.py"]
    client = [programs / "websocket-client", "-n", "2", f"ws://localhost:{PORT}"]
    heard = together(server, client, b"WebSocket\nagain\n")
    assert heard == "Hello, WebSocket\nHello, again\n"


def test_the_tutorial_s_client_and_server(programs) -> None:
    """What the tutorial promises; were this to fail, the two above would prove nothing."""
    server = [legacy_python(), TUTORIAL / "websocket_server.py"]
    client = [legacy_python(), TUTORIAL / "websocket_client.py"]
    assert together(server, client) == "Response: Hello, WebSocket\n"
