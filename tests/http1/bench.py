"""http1-server against nginx: one worker each, loaded by wrk in turns, on the same processor."""

from __future__ import annotations

import getpass
import os
import re
import resource
import socket
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from support.console import Console
from support.measure import Comparison, cpu_seconds, pinned, resident_bytes
from support.process import Server, free_port, run
from support.project import bin_dir
from support.system import find_program

TOOLS = ["nginx", "wrk"]
IDLE_CONNECTIONS = 5000
HERE = Path(__file__).resolve().parent

NGINX = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  default_type text/plain;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {folder}/files;
    location = /hello {{ return 200 "Hello, World!"; }}
  }}
}}
"""


@dataclass
class Load:
    """What one run of wrk showed."""

    requests_per_second: float
    cpu_per_request: float  # microseconds


def bench(console: Console, rounds: int, seconds: int) -> None:
    """All measurements of the chapter."""
    # Room for the idle connections, in this process and in the servers that it starts.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        files = Path(folder) / "files"
        files.mkdir()
        (files / "mebibyte.bin").write_bytes(os.urandom(1 << 20))
        ours = running.enter_context(start_ours(files))
        nginx = running.enter_context(start_nginx(Path(folder)))
        console.line(f"http1: {rounds} rounds of {seconds} s each, in turns\n")
        table = Comparison(console, "nginx")

        def compare(path: str, *options: str) -> tuple[list[Load], list[Load]]:
            mine, other = [], []
            for number in range(rounds):
                console.status(f"{path} {' '.join(options)}  round {number + 1} of {rounds}")
                mine.append(load(ours, path, seconds, *options))
                other.append(load(nginx, path, seconds, *options))
            return mine, other

        def add(what: str, loads: tuple[list[Load], list[Load]], faster: float, cheaper: float = 0) -> None:
            rates = [[one.requests_per_second for one in side] for side in loads]
            table.add(f"{what}, requests/s", *rates, lambda ratio: ratio >= faster, f">= {faster:g}")
            costs = [[one.cpu_per_request for one in side] for side in loads]
            if cheaper:
                table.add("  CPU per request, us", *costs, lambda ratio: ratio <= cheaper, f"<= {cheaper:g}")

        add("13-byte reply", compare("/hello"), faster=1, cheaper=1)
        add("the same, pipelined by 16", compare("/hello", "-s", str(HERE / "pipeline.lua")), faster=5)
        add("1 MiB file", compare("/mebibyte.bin"), faster=1)
        console.status(f"{IDLE_CONNECTIONS} idle connections")
        memory = [idle_memory(server) / 1024 for server in (ours, nginx)]
        table.add_absolute("memory per idle connection, KiB", *memory, lambda kib: kib <= 4, "<= 4")


def start_ours(files: Path) -> Server:
    return Server([bin_dir("release") / "http1-server", "--port", "0", "--root", files], **pinned(0))


def start_nginx(folder: Path) -> Server:
    port = free_port()
    # Started by root, it would become another user, who can't read our folder.
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, user=user))
    return Server([find_program("nginx"), "-p", folder, "-c", config, "-e", "stderr"], port=port, **pinned(0))


def load(server: Server, path: str, seconds: int, *options: str) -> Load:
    """Run wrk with 32 connections; every response must be a good one."""
    before = cpu_seconds(server)
    url = f"http://{server.address}{path}"
    command = [find_program("wrk"), "-t1", "-c32", f"-d{seconds}s", *options, url]
    result = run(command, timeout=seconds + 30, **pinned(1))
    used = cpu_seconds(server) - before
    assert "Non-2xx" not in result.text and "Socket errors" not in result.text, result.text
    requests = int(re.search(r"(\d+) requests in", result.text)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", result.text)[1])
    return Load(rate, used / requests * 1e6)


def idle_memory(server: Server) -> float:
    """Bytes that each further connection costs, when it has had one answer and waits for more to ask."""
    before = resident_bytes(server)
    with ExitStack() as open_connections:
        for _ in range(IDLE_CONNECTIONS):
            address = (server.host, server.port)
            client = open_connections.enter_context(socket.create_connection(address, timeout=10))
            client.sendall(b"GET /hello HTTP/1.1\r\nHost: bench\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        return (resident_bytes(server) - before) / IDLE_CONNECTIONS
