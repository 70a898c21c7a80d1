"""Fixtures of the http1 chapter: our programs, files to serve, nginx with the same files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest

from support import nginx as nginx_peer
from support.process import Result, Server, free_port, run

HELLO = b"Hello, World!"
PAGE = b"<!doctype html>\n<title>A page</title>\n" + b"<p>The same words again.</p>\n" * 200


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch) -> None:
    """Clients take proxies and authorities from the environment; here they must not."""
    for name in list(os.environ):
        if name.lower().endswith(("_proxy", "_ca_bundle", "ssl_cert_file", "ssl_cert_dir")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Path:
    """A folder to serve, with a secret beside it that no request may reach."""
    top = tmp_path_factory.mktemp("http1")
    (top / "secret.txt").write_text("the secret")
    root = top / "files"
    (root / "sub" / "inner").mkdir(parents=True)
    (root / "page.html").write_bytes(PAGE)
    (root / "sub" / "index.html").write_text("<p>the index of sub</p>")
    (root / "sub" / "inner" / "deep.txt").write_text("deep")
    (root / "hello.txt").write_bytes(HELLO)
    (root / "with space.txt").write_text("space")
    (root / "random.bin").write_bytes(os.urandom(1 << 20))
    (root / "empty.txt").write_bytes(b"")
    return root


@pytest.fixture
def serve(start, programs: Path, files: Path) -> Callable[..., Server]:
    """serve(*options): our server with these options, serving `files`."""
    return lambda *options: start([programs / "http1-server", "--root", files, *options])


@pytest.fixture
def server(serve) -> Server:
    """Our server, as it comes."""
    return serve()


@pytest.fixture
def client(programs: Path) -> Callable[..., Result]:
    """client(*arguments, **options): runs our client to its end."""
    return lambda *arguments, **options: run([programs / "http1-client", *arguments], **options)


@pytest.fixture
def certificate(programs, start, tmp_path) -> Path:
    """A certificate for 127.0.0.1 and localhost that our server made; key.pem is beside it."""
    file = tmp_path / "certificate.pem"
    command = [programs / "http1-server", "--tls", "--cert", file, "--key", tmp_path / "key.pem"]
    start(command).stop()
    return file


@pytest.fixture(scope="session")
def nginx(tmp_path_factory, files: Path):
    """nginx with the same files and the same /hello as our server."""
    port = free_port()
    blocks = f"""
      server {{
        listen 127.0.0.1:{port};
        root {files};
        location = /hello {{ default_type text/plain; return 200 "Hello, World!"; }}
      }}"""
    command = nginx_peer.command(tmp_path_factory.mktemp("nginx"), blocks)
    with Server(command, port) as running:
        yield running
