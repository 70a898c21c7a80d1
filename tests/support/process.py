"""Programs that a test starts: ours and the peers. Each is owned, timed, and stopped by its pid.

server = Server([bin_dir("release") / "http1-server"])              # ours: it says where it listens
nginx = Server(["nginx", "-c", conf], port=port)                    # a peer: we chose a free port
result = run(["curl", "-sS", f"http://{server.address}/hello"])     # a client: runs to its end
"""

from __future__ import annotations

import glob
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from support.console import stop_group

TIMEOUT = 20.0  # seconds; generous, because a test machine may be busy
_LISTENING = re.compile(r"listening on ([\w.:\[\]]+):(\d+)")


@dataclass
class Result:
    """How a client ended."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode(errors="replace")

    @property
    def errors(self) -> str:
        return self.stderr.decode(errors="replace")


def run(command: list, input: bytes = b"", timeout: float = TIMEOUT, **options) -> Result:
    """Run a client to its end. One that takes longer is killed, and fails the test."""
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **options,
    )
    try:
        stdout, stderr = process.communicate(input, timeout=timeout)
    except subprocess.TimeoutExpired:
        stop_group(process)
        stdout, stderr = process.communicate()
        shown = (stdout + stderr).decode(errors="replace")
        raise AssertionError(
            f"{command[0]} took longer than {timeout} s, and said:\n{shown}"
        ) from None
    finally:
        stop_group(process)
    return Result(process.returncode, stdout, stderr)


class Server:
    """A running server, ready to be talked to; a context manager that stops it."""

    def __init__(self, command: list, port: Optional[int] = None, **options) -> None:
        """Start it and wait until it is ready: until it prints `listening on HOST:PORT`, or,
        where a port is given, until that port is listened on by this very process or its children.
        """
        self.command = [str(part) for part in command]
        self.host, self.port = "127.0.0.1", port
        self._output = bytearray()
        self._news = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **options,
        )
        self._collector = threading.Thread(target=self._collect, daemon=True)
        self._collector.start()
        try:
            if port is None:
                found = self.wait_for(_LISTENING.pattern)
                self.host, self.port = found[1], int(found[2])
            else:
                self._wait_for_port()
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def address(self) -> str:
        """HOST:PORT, as in a URL."""
        return f"{self.host}:{self.port}"

    @property
    def output(self) -> str:
        """What it has printed so far, standard error included."""
        with self._news:
            return self._output.decode(errors="replace")

    def wait_for(self, pattern: str, timeout: float = TIMEOUT) -> re.Match:
        """Wait until the output matches; fails when the program ends or the time is over."""
        found = None

        def satisfied() -> bool:
            nonlocal found
            found = re.search(pattern, self._output.decode(errors="replace"))
            return bool(found) or self._ended

        with self._news:
            self._news.wait_for(satisfied, timeout)
        if not found:
            state = "ended" if self._ended else f"ran for {timeout} s"
            raise AssertionError(
                f"{self.command[0]} {state} without {pattern!r}; it said:\n{self.output}"
            )
        return found

    def stop(self, timeout: float = TIMEOUT) -> int:
        """Ask it to end (SIGTERM to its pid), as an operator does. Its exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.command[0]} did not end within {timeout} s of SIGTERM"
            ) from None
        finally:
            self.kill()

    def kill(self) -> None:
        """Leave nothing behind: ends the whole process group, and collects the last output."""
        stop_group(self._process)
        self._process.wait()
        self._collector.join(TIMEOUT / 10)
        if (
            not self._collector.is_alive()
        ):  # else a process that it started, and that left the group, holds on
            self._process.stdout.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error) -> None:
        self.kill()

    def _collect(self) -> None:
        while True:
            chunk = self._process.stdout.read1(65536)
            with self._news:
                self._output += chunk
                self._ended = not chunk
                self._news.notify_all()
            if not chunk:
                return

    def _wait_for_port(self) -> None:
        def mine() -> bool:
            return any(_session(pid) == self.pid for pid in _listeners(self.port))

        deadline = time.monotonic() + TIMEOUT
        while not mine():
            try:
                code = self._process.wait(timeout=0.01)  # wakes at once when it gives up
            except subprocess.TimeoutExpired:
                code = None
            if code is not None and not mine():
                raise AssertionError(
                    f"{self.command[0]} ended with {code}; it said:\n{self.output}"
                )
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{self.command[0]} does not listen on {self.port}:\n{self.output}"
                )


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], bool], what: str, timeout: float = TIMEOUT) -> None:
    """For conditions that nobody reports, such as a file that appears: ask until they hold."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout} s still not: {what}")
        pause.wait(0.005)


def _session(pid: int) -> int:
    """The session of a process; all that a server starts stay in the server's own."""
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return -1


def _listeners(port: int) -> list[int]:
    """The processes that own a socket bound to the port: listening TCP, or UDP."""
    if not sys.platform.startswith("linux"):
        found = subprocess.run(["lsof", "-nP", "-t", f"-i:{port}"], capture_output=True, text=True)
        return [int(pid) for pid in found.stdout.split()]
    # In /proc/net, state 0A is a listening TCP socket and 07 an unconnected UDP socket.
    suffix, links = f":{port:04X}", set()
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[1].endswith(suffix) and columns[3] == state:
                links.add(f"socket:[{columns[9]}]")
    if not links:
        return []
    return [int(fd.split("/")[2]) for fd in glob.glob("/proc/[0-9]*/fd/*") if _link(fd) in links]


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""  # the process or its file is gone, or is not ours
