"""Measurements of running servers, and tables that compare ours with the peer's."""

from __future__ import annotations

import os
import statistics
from pathlib import Path
from typing import Callable, Optional

from support.console import Console
from support.process import Server


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


class Comparison:
    """Lines of `what, ours, the peer's, their ratio with its spread, the goal and whether it is met`."""

    def __init__(self, console: Console, peer: str) -> None:
        self._console = console
        console.line(f"{'':<34}{'ours':>12}{peer:>12}    ratio (lowest .. highest)")

    def add(self, what: str, ours: list[float], peers: list[float], goal: Callable[[float], bool], text: str) -> None:
        """One quantity, measured in rounds; ours and the peer's of a round belong together."""
        ratios = [mine / other for mine, other in zip(ours, peers)]
        ratio = statistics.median(ratios)
        spread = f"{ratio:5.2f} ({min(ratios):.2f} .. {max(ratios):.2f})"
        self._line(what, statistics.median(ours), statistics.median(peers), spread, goal(ratio), text)

    def add_absolute(self, what: str, ours: float, peers: float, goal: Callable[[float], bool], text: str) -> None:
        """One quantity of which ours itself has a goal, whatever the peer's is."""
        self._line(what, ours, peers, "", goal(ours), text)

    def _line(self, what: str, ours: float, peers: float, spread: str, met: bool, goal: str) -> None:
        verdict = f"goal {goal}: {'met' if met else 'missed'}"
        self._console.line(f"{what:<34}{_figure(ours):>12}{_figure(peers):>12}    {spread:<26}{verdict}")


def _figure(value: float) -> str:
    """Three digits are enough."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
