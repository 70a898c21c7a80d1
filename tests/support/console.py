"""What the project's commands show while they work: one changing line, and lines that stay."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

_COLOURS = {"ok": "\033[32m", "FAILED": "\033[31m", "skipped": "\033[33m"}


class SetupError(Exception):
    """The command could not do its work: something that it needs is not there."""


class Console:
    """Prints lines; on a terminal the last one may be a status that the next line replaces."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._colour = self._live and "NO_COLOR" not in os.environ

    def line(self, text: str = "") -> None:
        """Print a line that stays."""
        self.status("")
        try:
            print(text, flush=True)
        except BrokenPipeError:  # `| head` has seen enough; the work goes on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def status(self, text: str) -> None:
        """Show what goes on at the moment; nothing where the output is not a terminal."""
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            print("\r\033[K" + text[:width], end="", flush=True)

    def mark(self, word: str) -> str:
        """A verdict in its colour, padded to a column."""
        colour = _COLOURS[word] if self._colour else ""
        return f"{colour}{word:<8}{colour and chr(27) + '[0m'}"

    def run(self, command, label: str, timeout: float, **options) -> tuple[int, str]:
        """Run a command, its latest line as status; its exit code and all of its output."""
        started = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            **options,
        )
        watchdog = threading.Timer(timeout, stop_group, [process])
        watchdog.start()
        output = []
        try:
            for text in process.stdout:
                output.append(text)
                seconds = time.monotonic() - started
                self.status(f"{label}  {seconds:.0f} s  {text.strip()}")
            code = process.wait()
        finally:
            expired = not watchdog.is_alive()
            watchdog.cancel()
            stop_group(process)
            self.status("")
        if expired:
            output.append(f"\nstopped: longer than {timeout:.0f} s\n")
        return code, "".join(output)


def stop_group(process: subprocess.Popen) -> None:
    """Kill what is left of the process group that the process leads."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # it ended by itself (macOS says EPERM for a group of zombies)
