"""http1-server against nginx: one worker each, loaded by wrk in turns, on the same processor."""

from __future__ import annotations

import os
import re
import resource
import socket
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from support import nginx
from support.console import Console
from support.measure import Comparison, cpu_seconds, pinned, resident_bytes
from support.process import Server, free_port, run
from support.project import bin_dir
from support.system import find_program

TOOLS = ["nginx", "wrk"]
IDLE_CONNECTIONS = 5000
HERE = Path(__file__).resolve().parent

NGINX = """
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  default_type text/plain;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {files};
    location = /hello {{ return 200 "Hello, World!"; }}
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
        peer = running.enter_context(start_nginx(files))
        console.line(f"http1: {rounds} rounds of {seconds} s each, in turns; one worker each\n")
        table = Comparison(console, run([find_program("nginx"), "-v"]).errors.split()[-1])

        def compare(what: str, path: str, *options: str, rate: str, cpu: str = "") -> None:
            loads = []
            for number in range(rounds):
                console.status(f"{what}  round {number + 1} of {rounds}")
                loads.append([load(server, path, seconds, *options) for server in (ours, peer)])
            mine, other = zip(*loads)
            rates = [[one.requests_per_second for one in side] for side in (mine, other)]
            costs = [[one.cpu_per_request for one in side] for side in (mine, other)]
            table.add(f"{what}, requests/s", *rates, rate)
            table.add("  CPU per request, us", *costs, cpu)

        compare("13-byte reply", "/hello", rate=">= 1.0", cpu="<= 1.0")
        pipelined = ["-s", str(HERE / "pipeline.lua")]
        compare("the same, pipelined by 16", "/hello", *pipelined, rate=">= 5.0")
        compare("1 MiB file", "/mebibyte.bin", rate=">= 1.0")
        console.status(f"{IDLE_CONNECTIONS} idle connections")
        # Servers that were busy have memory to reuse: fresh ones show what connections take.
        memory = [idle_memory(server) / 1024 for server in (start_ours(files), start_nginx(files))]
        table.add_absolute("memory per idle connection, KiB", *memory, "<= 4.0")


def start_ours(files: Path) -> Server:
    return Server(
        [bin_dir("release") / "http1-server", "--port", "0", "--root", files], **pinned(0)
    )


def start_nginx(files: Path) -> Server:
    port = free_port()
    folder = Path(tempfile.mkdtemp(dir=files.parent))
    command = nginx.command(folder, NGINX.format(port=port, files=files))
    return Server(command, port=port, **pinned(0))


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
    """Bytes that a connection costs, when it has had one answer and is quiet."""
    with server, ExitStack() as open_connections:
        before = resident_bytes(server)
        for _ in range(IDLE_CONNECTIONS):
            address = (server.host, server.port)
            client = open_connections.enter_context(socket.create_connection(address, timeout=10))
            client.sendall(b"GET /hello HTTP/1.1\r\nHost: bench\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        return (resident_bytes(server) - before) / IDLE_CONNECTIONS
