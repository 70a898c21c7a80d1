"""websocket-server against libwebsockets and npm's ws: echo servers of one thread each, loaded by
the same client in turns, on the same processor."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from support import peers
from support.console import Console
from support.measure import Comparison, cpu_seconds, pinned, resident_bytes
from support.process import Server, run
from support.project import TOOLS as INSTALLED
from support.project import bin_dir
from support.system import find_program

TOOLS = ["node", "npm", "libwebsockets.h"]
CONNECTIONS, IDLE_CONNECTIONS = 16, 5000
HERE = Path(__file__).resolve().parent
LOAD = bin_dir("release") / "load-websocket"

# The goals for each size: ours must be as fast as the fastest, and twice as fast as a scripting
# language where messages are small.
MEASURED = {
    "16 B": (16, {"libwebsockets": ">= 1.0", "ws": ">= 2.0"}),
    "4 KiB": (4096, {"libwebsockets": ">= 1.0", "ws": ">= 1.0"}),
    "1 MiB": (1 << 20, {"libwebsockets": ">= 1.0", "ws": ">= 1.0"}),
}


@dataclass
class Load:
    """What one run of the load client showed."""

    messages_per_second: float
    cpu_per_message: float  # microseconds, of the server
    client_cpu: float  # percent of a processor, of the load client


def bench(console: Console, rounds: int, seconds: int) -> None:
    """All measurements of the chapter."""
    # Room for the idle connections, in the programs that are started here.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    peers.install("websocket", console)  # ws
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        commands = {"ours": ours(), "libwebsockets": libwebsockets(Path(folder)), "ws": ws()}
        servers = {name: running.enter_context(start(commands[name])) for name in commands}
        console.line(f"websocket: {rounds} rounds of {seconds} s each, in turns; one thread each\n")
        table = Comparison(console, "peer")
        busiest = 0.0
        for what, (size, goals) in MEASURED.items():
            loads: dict[str, list[Load]] = {name: [] for name in servers}
            for number in range(rounds):
                for name, server in servers.items():
                    console.status(f"{what}  round {number + 1} of {rounds}  {name}")
                    loads[name].append(load(server, size, seconds))
            rates = {name: [one.messages_per_second for one in loads[name]] for name in loads}
            costs = {name: [one.cpu_per_message for one in loads[name]] for name in loads}
            for peer, goal in goals.items():
                table.add(f"{what}, messages/s, to {peer}", rates["ours"], rates[peer], goal)
                table.add("  CPU per message, us", costs["ours"], costs[peer])
            busiest = max(busiest, *(one.client_cpu for side in loads.values() for one in side))
        memory = {}
        for name, command in commands.items():
            console.status(f"{IDLE_CONNECTIONS} idle connections  {name}")
            memory[name] = [idle_memory(command) / 1024]
        for peer in ("libwebsockets", "ws"):
            what = f"idle, KiB each, to {peer}"
            table.add(what, memory["ours"], memory[peer], "<= 1.0")
        console.line(f"\nThe load client kept its processor busy for at most {busiest:.0f} %.")


def ours() -> list:
    return [bin_dir("release") / "websocket-server", "--echo", "--port", "0"]


def libwebsockets(folder: Path) -> list:
    """The command that runs its server, which is compiled first."""
    program = folder / "lws_echo"
    compile = [find_program("cc"), "-O2", HERE / "lws_echo.c", "-o", program, "-lwebsockets"]
    built = run(compile, timeout=60)
    assert built.code == 0, built.errors
    return [program]


def ws() -> list:
    return [find_program("node"), HERE / "ws_echo.js"]


def start(command: list) -> Server:
    modules = INSTALLED / "websocket" / "node_modules"
    return Server(command, env=dict(os.environ, NODE_PATH=str(modules)), **pinned(0))


def load_command(server: Server, *options) -> list:
    return [LOAD, server.host, server.port, "/", *options]


def load(server: Server, size: int, seconds: int) -> Load:
    """Run the load client, which fails at anything but good echoes."""
    before = cpu_seconds(server)
    options = ["--connections", CONNECTIONS, "--size", size, "--seconds", seconds]
    result = run(load_command(server, *options), timeout=seconds + 30, **pinned(1))
    used = cpu_seconds(server) - before
    assert result.code == 0, result.errors
    messages, rate, client_cpu = (
        float(re.search(rf"([\d.]+) {unit}", result.text)[1])
        for unit in ("messages in", "messages/s", "% of a processor")
    )
    return Load(rate, used / messages * 1e6, client_cpu)


def idle_memory(command: list) -> float:
    """Bytes that a connection costs a fresh server, when it has had one echo and is quiet. (One
    that was busy has memory to reuse.)"""
    with start(command) as server:
        before = resident_bytes(server)
        hold = [str(part) for part in load_command(server, "--idle", IDLE_CONNECTIONS)]
        with subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            said = client.stdout.readline()
            assert said == b"ready\n", said
            return (resident_bytes(server) - before) / IDLE_CONNECTIONS
