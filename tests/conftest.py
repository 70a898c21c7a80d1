"""Fixtures of all conformance tests."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.process import Server
from support.project import TOOLS, bin_dir


@pytest.fixture(scope="session")
def programs() -> Path:
    """Where the programs under test are: of the preset that WIRE_PRESET names."""
    return bin_dir(os.environ.get("WIRE_PRESET", "release"))


@pytest.fixture
def start():
    """start(command, port=None, **options): a Server that ends with the test.

    Without a port it is one of ours: it picks a free one, and it must end well, with exit code 0,
    which is where the sanitizers would speak up. What a server printed is part of the report where
    the test fails.
    """
    with ExitStack() as ending:

        def start_server(command: list, port: int = None, **options) -> Server:
            if port is None and "--port" not in command:
                command = [*command, "--port", "0"]
            server = Server(command, port, **options)
            ending.callback(lambda: print(f"--- {command[0]}\n{server.output}"))
            ending.enter_context(server)
            if port is None:
                ending.callback(_end_well, server)
            return server

        yield start_server


def _end_well(server: Server) -> None:
    if server.running:
        assert server.stop() == 0, f"{server.command[0]} ended badly:\n{server.output}"


@pytest.fixture
def node_env(request) -> dict:
    """The environment in which Node.js finds the chapter's pinned packages."""
    chapter = request.path.parent.name
    return dict(os.environ, NODE_PATH=str(TOOLS / chapter / "node_modules"))
