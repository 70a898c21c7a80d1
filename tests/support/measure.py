"""Measurements of running servers, and tables that compare ours with the peer's."""

from __future__ import annotations

import os
import re
import statistics
from pathlib import Path

from support.console import Console
from support.process import Server, wait_until


def pinned(cpu: int) -> dict:
    """Options for Server and run: everything that starts stays on this processor."""
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2:
        return {}
    return {"preexec_fn": lambda: os.sched_setaffinity(0, {cpu})}


def processes(server: Server) -> list[Path]:
    """The /proc folders of a server and its children."""
    alive = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == server.pid:
                alive.append(folder)
        except ProcessLookupError:
            pass
    return alive


def cpu_seconds(server: Server) -> float:
    """Processor time that a server has used so far, its children included (Linux)."""
    threads = [file for folder in processes(server) for file in folder.glob("task/*/schedstat")]
    return sum(int(file.read_text().split()[0]) for file in threads) / 1e9


def resident_bytes(server: Server) -> int:
    """Memory that a server occupies now, its children included (Linux)."""
    pages = sum(int((folder / "statm").read_text().split()[1]) for folder in processes(server))
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_bytes(pid: int) -> int:
    """The most memory that a running process ever occupied; 0 once it has ended (Linux)."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(found[1]) * 1024 if found else 0


def descriptors(server: Server) -> int:
    """How many file descriptors a server has open now (Linux)."""
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def descriptors_at_rest(server: Server) -> int:
    """How many it has open while it waits for something to do. To ask whether an address can be
    read, the sanitizers open a pipe for a moment, also just after the server said that it listens;
    counted then, there were two too many (Linux)."""
    counted = 0

    def at_rest() -> bool:
        nonlocal counted
        before = _scheduling(server.pid)
        counted = descriptors(server)
        return before[0] == "S" and before == _scheduling(server.pid)

    wait_until(at_rest, "the server waits for something to do")
    return counted


def _scheduling(pid: int) -> tuple[str, ...]:
    """The state of a process, and how often it has got, and lost, the processor so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return tuple(
        re.findall(r"^(?:State|\w*voluntary_ctxt_switches):\s+(\w+)", status, re.MULTILINE)
    )


class Comparison:
    """A table: what ours and the peer's measure at, their ratio and its spread, our goals."""

    def __init__(self, console: Console, peer: str) -> None:
        self._console = console
        console.line(f"{'':<36}{'ours':>10}{peer:>16}    ratio (lowest .. highest)")

    def add(self, what: str, ours: list[float], peers: list[float], goal: str = "") -> None:
        """Measured in rounds: ours and the peer's of a round belong together. A goal such as
        `>= 1.0` is one for the ratio."""
        ratios = [mine / other for mine, other in zip(ours, peers)]
        ratio = statistics.median(ratios)
        spread = f"{ratio:.2f} ({min(ratios):.2f} .. {max(ratios):.2f})"
        self._line(
            what, statistics.median(ours), statistics.median(peers), spread, _verdict(ratio, goal)
        )

    def add_absolute(self, what: str, ours: float, peers: float, goal: str) -> None:
        """Measured once; the goal is one for ours, whatever the peer's is."""
        self._line(what, ours, peers, "", _verdict(ours, goal))

    def _line(self, what: str, ours: float, peers: float, spread: str, verdict: str) -> None:
        line = f"{what:<36}{_figure(ours):>10}{_figure(peers):>16}    {spread:<24}{verdict}"
        self._console.line(line.rstrip())


def _verdict(value: float, goal: str) -> str:
    if not goal:
        return ""
    relation, number = goal.split()
    met = value >= float(number) if relation == ">=" else value <= float(number)
    return f"goal {goal}: {'met' if met else 'missed'}"


def _figure(value: float) -> str:
    """Three digits are enough."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
