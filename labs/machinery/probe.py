"""Runs a program made of the learner's code, and tells apart how it can end badly.

A crash is told by the first line of the sanitizer's stack that is the learner's own; so is an
endless loop, which is stopped with a signal that makes the sanitizer print where it was.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from machinery.patience import LIMIT, SECONDS, loops, ticks
from machinery.verdict import Answer, NotYet, Wrong, given
from support import project

_NOT_YET = re.compile(r"step \d+ is not implemented yet")
_FRAME = re.compile(r"#\d+ 0x[0-9a-f]+ in (?P<what>.+?) (?P<file>[^\s:]+):(?P<line>\d+)")
_RUNTIME = re.compile(
    r"^(?P<file>\S+?):(?P<line>\d+):\d+: runtime error: (?P<what>.+)$", re.MULTILINE
)
_ASAN = re.compile(r"ERROR: AddressSanitizer: (?P<what>[\w-]+)")
_ASSERTION = re.compile(r"^.*Assertion '.*' failed\.?$", re.MULTILINE)

# Leaks are looked for by the chapter's own tests; looking takes time at every end of a program.
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=0:handle_abort=1:color=never",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


@dataclass(frozen=True)
class Place:
    """A line of the learner's code."""

    shown: str  # "labs/work/http1/head.cpp:57"
    function: str


def learner_frame(text: str, folder: Path) -> Optional[Place]:
    """The first line of a stack that lies in the learner's folder."""
    inside = str(folder.resolve())
    for frame in _FRAME.finditer(text):
        path = os.path.abspath(project.ROOT / frame["file"])
        if path.startswith(inside + os.sep):
            return Place(f"{_short(path)}:{frame['line']}", _name(frame["what"]))
    found = _RUNTIME.search(text)
    path = os.path.abspath(project.ROOT / found["file"]) if found else ""
    return (
        Place(f"{_short(path)}:{found['line']}", "") if path.startswith(inside + os.sep) else None
    )


def _short(path: str) -> str:
    relative = os.path.relpath(path, project.ROOT)
    return path if relative.startswith("..") else relative


def _name(function: str) -> str:
    """A function without its arguments and templates."""
    name = re.sub(r"\(anonymous namespace\)::", "", function)
    name = re.sub(r"\[clone [^]]*\]", "", name)
    name = re.sub(r"^.*?(\w[\w:~]*)\(.*$", r"\1", name).strip()
    return "" if name.startswith("operator") else name  # a lambda has no name that helps


def what_happened(stderr: str) -> str:
    """The sanitizer's or the library's own words for a crash, in one line."""
    found = _RUNTIME.search(stderr)
    if found:
        return found["what"]
    if found := _ASSERTION.search(stderr):
        return found[0].split(": ", 2)[-1].strip()
    if found := _ASAN.search(stderr):
        return {
            "SEGV": "a pointer that leads nowhere was followed (SEGV)",
            "stack-overflow": "the stack is full: a function that calls itself without end?",
        }.get(found["what"], found["what"].replace("-", " "))
    lines = [line for line in stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "it ended without a word"


class Probe:
    """A lab's probe: call after call, and a new process behind each that ended badly."""

    def __init__(self, program: Path, folder: Path, ) -> None:
        """`folder`: the learner's."""
        self._program, self._folder = program, folder
        self._process: Optional[subprocess.Popen] = None

    def ask(self, title: str, verb: str, *arguments: bytes | str | int) -> Answer:
        """What the learner's code answers. Raises NotYet, and Wrong for a crash or an endless loop,
        under the title."""
        ended = self._call(title, verb, arguments)
        if isinstance(ended, list):
            answer = dict(ended)
            if "threw" in answer:
                text = answer["threw"].decode(errors="replace")
                if _NOT_YET.search(text):
                    raise NotYet(text)
                head = f"  AN EXCEPTION came out of your code: {text}"
                lines = [title, head, *_given(arguments), *_thrown_at(text, self._folder)]
                raise Wrong("exception", "\n".join(lines))
            return ended
        raise ended

    def origin(self, offset: int, verb: str, *arguments: bytes | str | int) -> Optional[Place]:
        """Which line of the learner's writes the byte at this offset of what an encoder makes."""
        self._call("", "origin", (offset,))
        self._start()
        self._write(verb, arguments)
        self._read()  # it faults: see probe.hpp
        return learner_frame(self._end(), self._folder)

    def close(self) -> None:
        if self._process:
            self._end()

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def _call(self, title: str, verb: str, arguments: tuple) -> Answer | Exception:
        self._start()
        self._write(verb, arguments)
        lines = self._read()
        if lines is not None:
            return [_parse(line) for line in lines]
        hung = self._process.poll() is None
        if hung:
            self._process.send_signal(signal.SIGABRT)
        stderr = self._end()
        place = learner_frame(stderr, self._folder)
        lines = _given(arguments)
        lines += [f"    at        {place.shown}   {place.function}".rstrip()] if place else []
        if hung:
            head = f"  AN ENDLESS LOOP: no answer after {SECONDS:g} s of work; it was stopped"
            error = Wrong("endless loop", "\n".join([title, head, *lines]))
        else:
            head = f"  A CRASH: {what_happened(stderr)}"
            error = Wrong("crash", "\n".join([title, head, *lines]))
        return error

    def _start(self) -> None:
        if self._process is None:
            self._process = subprocess.Popen(
                [str(self._program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **ENVIRONMENT},
                start_new_session=True,
            )

    def _write(self, verb: str, arguments: tuple) -> None:
        words = [verb, *(_encoded(argument) for argument in arguments)]
        try:
            self._process.stdin.write((" ".join(words) + "\n").encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it is gone; reading will tell

    def _read(self) -> Optional[list[str]]:
        """The lines of one answer; None if there is none."""
        received = b""
        started, since = time.monotonic(), ticks(self._process.pid)
        while not received.endswith(b".\n") or (len(received) > 2 and received[-3:-2] != b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], 0.1)
            if ready:
                chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                if not chunk:
                    self._process.wait()
                    return None
                received += chunk
            elif loops(self._process.pid, since, started):
                return None
        return received.decode().splitlines()[:-1]

    def _end(self) -> str:
        """Leave nothing behind; what it wrote to standard error."""
        process, self._process = self._process, None
        try:
            _, stderr = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            _, stderr = process.communicate()
        return stderr.decode(errors="replace")


def _given(arguments: tuple) -> list[str]:
    """What a call was about: the bytes among its arguments."""
    return given(next((one for one in arguments if isinstance(one, bytes)), b""))


def _thrown_at(text: str, folder: Path) -> list[str]:
    """The line whose words these are, if there is just one."""
    found = [
        f"{_short(str(file))}:{number}"
        for file in sorted(folder.glob("*.cpp"))
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if f'"{text}"' in line
    ]
    return [f"    thrown at {found[0]}"] if len(found) == 1 else []


def _encoded(argument: bytes | str | int) -> str:
    data = argument if isinstance(argument, bytes) else str(argument).encode()
    return data.hex() or "-"


def _parse(line: str) -> tuple[str, bytes]:
    name, _, hexadecimal = line.rpartition(" ")
    return name, b"" if hexadecimal == "-" else bytes.fromhex(hexadecimal)
