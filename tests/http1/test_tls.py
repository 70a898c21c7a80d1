"""Whom to trust, and what happens where the answer is no. Exit codes are curl's."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from pathlib import Path
from typing import Iterator

import pytest

from support import nginx as nginx_peer
from support.process import Server, free_port, run
from support.tools import require

TLS_FAILED, NOT_TRUSTED = 35, 60


@pytest.fixture
def nginx_tls(start, tmp_path, certificate: Path) -> Server:
    """nginx with that certificate, also on an address that the certificate does not name."""
    port = free_port()
    blocks = f"""
      server {{
        listen 127.0.0.1:{port} ssl;
        listen 127.0.0.2:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate.parent}/key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        location = /hello {{ return 200 "$ssl_protocol $ssl_server_name"; }}
      }}"""
    return start(nginx_peer.command(tmp_path, blocks), port)


@pytest.fixture(params=["ours", "curl"])
def either(request, programs) -> list:
    """Our client, and curl: they must decide alike."""
    if request.param == "ours":
        return [programs / "http1-client"]
    return [require("curl"), "-sS"]


def test_trusted(either: list, nginx_tls: Server, certificate: Path) -> None:
    result = run([*either, "--cacert", certificate, f"https://127.0.0.1:{nginx_tls.port}/hello"])
    assert (result.code, result.text) == (0, "TLSv1.3 ")


def test_trusted_by_name(either: list, nginx_tls: Server, certificate: Path) -> None:
    """A name is also sent: SNI, RFC 6066 §3."""
    result = run([*either, "--cacert", certificate, f"https://localhost:{nginx_tls.port}/hello"])
    assert (result.code, result.text) == (0, "TLSv1.3 localhost")


def test_unknown_authority(either: list, nginx_tls: Server) -> None:
    result = run([*either, f"https://127.0.0.1:{nginx_tls.port}/hello"])
    assert (result.code, result.text) == (NOT_TRUSTED, "")


def test_another_certificate(either: list, nginx_tls: Server, programs, start, tmp_path) -> None:
    other = tmp_path / "other.pem"
    command = [programs / "http1-server", "--tls", "--cert", other, "--key", tmp_path / "other.key"]
    start(command).stop()
    result = run([*either, "--cacert", other, f"https://127.0.0.1:{nginx_tls.port}/hello"])
    assert (result.code, result.text) == (NOT_TRUSTED, "")


def test_wrong_host(either: list, nginx_tls: Server, certificate: Path) -> None:
    result = run([*either, "--cacert", certificate, f"https://127.0.0.2:{nginx_tls.port}/hello"])
    assert (result.code, result.text) == (NOT_TRUSTED, "")


def test_no_tls_there(either: list, server: Server) -> None:
    result = run([*either, f"https://{server.address}/hello"])
    assert (result.code, result.text) == (TLS_FAILED, "")


def test_plain_http_to_a_tls_server(either: list, serve) -> None:
    server = serve("--tls")
    result = run([*either, f"http://{server.address}/hello"])
    assert result.code in (52, 56) and result.text == ""


def test_old_tls_is_refused(serve) -> None:
    """RFC 8996."""
    server = serve("--tls")
    old = [require("curl"), "-sS", "-k", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"]
    assert run([*old, f"https://{server.address}/hello"]).code == TLS_FAILED
    new = [require("curl"), "-sS", "-k", "--tls-max", "1.2"]
    assert run([*new, f"https://{server.address}/hello"]).text == "Hello, World!"


def test_our_client_and_our_server(client, serve, certificate: Path) -> None:
    key = certificate.parent / "key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    server = serve("--tls", "--cert", certificate, "--key", key)  # they exist now, and are used
    url = f"https://{server.address}"
    content = bytes(range(256)) * 20_000
    result = client("--cacert", certificate, "-d", "@-", f"{url}/echo", input=content)
    assert result.stdout == content


def test_our_server_says_goodbye(serve, certificate: Path) -> None:
    """close_notify: without it, nobody could tell the end from an attacker's cut."""
    server = serve("--tls", "--cert", certificate, "--key", certificate.parent / "key.pem")
    context = ssl.create_default_context(cafile=str(certificate))
    with socket.create_connection((server.host, server.port), timeout=10) as tcp:
        # suppress_ragged_eofs would hide the very thing that this test is about.
        options = {"server_hostname": server.host, "suppress_ragged_eofs": False}
        with context.wrap_socket(tcp, **options) as tls:
            tls.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
            came = b"".join(iter(lambda: tls.recv(4096), b""))
    assert came.endswith(b"Hello, World!")


@pytest.fixture(params=[True, False], ids=["goodbye", "cut"])
def ends_by_closing(request, certificate: Path) -> Iterator[tuple[str, bool]]:
    """A TLS server whose response lasts until it closes: with close_notify, or without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.parent / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def serve() -> None:
        tcp, _ = listener.accept()
        tcp.settimeout(10)
        tls = context.wrap_socket(tcp, server_side=True)
        tls.recv(4096)
        tls.sendall(b"HTTP/1.1 200 OK\r\n\r\nall that there")
        if request.param:
            tls.sendall(b" is")
            tls.unwrap().close()
        tls.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}/", request.param
    thread.join(10)
    listener.close()


def test_truncation_attack(client, ends_by_closing, certificate: Path) -> None:
    """RFC 9112 §9.8: without close_notify, a response that lasts until the end is incomplete.
    (curl 7.88 takes it for complete.)"""
    url, politely = ends_by_closing
    result = client("--cacert", certificate, url)
    if politely:
        assert (result.code, result.text) == (0, "all that there is")
    else:
        assert result.code in (18, 56) and result.text == "all that there"


def test_trace_and_key_log(serve, client, tmp_path, monkeypatch, certificate: Path) -> None:
    """The trace shows what was said inside TLS; SSLKEYLOGFILE is for those who captured outside."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    server = serve(
        "--trace", "--tls", "--cert", certificate, "--key", certificate.parent / "key.pem"
    )
    result = client("--trace", "--cacert", certificate, f"https://{server.address}/hello")
    assert "Hello, World!" in result.text and "(not explained)" not in result.text
    server.wait_for("Hello, World!")
    secrets = re.findall(
        r"^(\w+) [0-9a-f]{64} [0-9a-f]+$", (tmp_path / "keys").read_text(), re.MULTILINE
    )
    assert "CLIENT_TRAFFIC_SECRET_0" in secrets and "SERVER_TRAFFIC_SECRET_0" in secrets
