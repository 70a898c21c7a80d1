"""Runs a program made of the learner's code, and tells apart how it can end badly.

A crash is told by the first line of the sanitizer's stack that is the learner's own; so is an
endless loop, which is stopped with a signal that makes the sanitizer print where it was.
"""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from machinery import holes
from machinery.patience import SECONDS, loops, ticks
from machinery.verdict import Answer, NotYet, Wrong, given
from support import project
from support.console import stop_group

_RUNTIME = re.compile(
    r"^(?P<file>\S+?):(?P<line>\d+):\d+: runtime error: (?P<what>.+)$", re.MULTILINE
)
_ASAN = re.compile(r"ERROR: AddressSanitizer: (?P<what>[\w-]+)")
_ASSERTION = re.compile(r"^.*Assertion [`'].*' failed\.?$", re.MULTILINE)
_SHOWN = 1 << 16  # bytes of what a program printed that are looked at
_MOST_OUTPUT = 64 << 20

# Leaks are looked for by the chapter's own tests; looking takes time at every end of a program.
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=0:handle_abort=1:color=never:hard_rss_limit_mb=2048",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


@dataclass(frozen=True)
class Place:
    """A line of the learner's code."""

    shown: str  # "labs/work/http1/head.cpp:57"
    function: str


def learner_frame(text: str, folder: Path) -> Optional[Place]:
    """The first line of a stack that the learner wrote: in a hole, if any is, else in their files."""
    others = []
    places = "|".join(re.escape(name) for name in {str(folder.resolve()), _short(str(folder))})
    stack = re.compile(rf"#\d+ .* in (?P<what>.+?) (?P<file>(?:{places})/[\w.-]+):(?P<line>\d+)")
    runtime = re.compile(rf"^(?P<file>(?:{places})/[\w.-]+):(?P<line>\d+):\d+: runtime error", re.M)
    for frame in [*stack.finditer(text), *runtime.finditer(text)]:
        path = Path(os.path.abspath(project.ROOT / frame["file"]))
        if not path.exists():
            continue
        number, what = int(frame["line"]), frame["what"] if frame.re is stack else ""
        place = Place(f"{_short(str(path))}:{number}", _name(what))
        found = holes.regions(path.read_text(errors="replace")).values()
        if any(region.first < number <= region.end for region in found):
            return place
        others.append(place)
    return others[0] if others else None


def _short(path: str) -> str:
    relative = os.path.relpath(path, project.ROOT)
    return path if relative.startswith("..") else relative


def _name(function: str) -> str:
    """A function without its arguments and templates."""
    name = re.sub(r"\(anonymous namespace\)::", "", function)
    name = re.sub(r"\[clone [^]]*\]", "", name)
    name = re.sub(r"^.*?(\w[\w:~]*)\(.*$", r"\1", name).strip()
    return "" if name.startswith("operator") else name  # a lambda has no name that helps


def what_happened(stderr: str, code: Optional[int] = None) -> str:
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
            "stack-use-after-scope": "something was used that is gone: a view of a string that has ended?",
            "heap-use-after-free": "something was used that is gone: a view of a string that has changed?",
            "ABRT": "the program was aborted",
            "requested": "more memory was asked for than there is",
        }.get(found["what"], found["what"].replace("-", " "))
    if "hard rss limit" in stderr:
        return "it asked for more memory than any answer needs"
    if code is not None and code >= 0:
        return f"it ended by itself, with exit code {code}"
    return f"it was ended by signal {-code}" if code else "it ended without a word"


class Probe:
    """A lab's probe: call after call, and a new process behind each that ended badly."""

    def __init__(self, program: Path, folder: Path) -> None:
        """`folder`: the learner's."""
        self._program, self._folder = program, folder
        self._process: Optional[subprocess.Popen] = None
        self._errors = tempfile.TemporaryFile()
        self._seen = 0  # of what it has printed
        self._printed = ""  # by the learner, since printed() was asked

    def ask(self, title: str, verb: str, *arguments: bytes | str | int) -> Answer:
        """What the learner's code answers. Raises NotYet, and Wrong for a crash or an endless loop,
        under the title."""
        answer = self._call(verb, arguments)
        if answer is None:
            raise self._bad_end(title, arguments)
        self._printed += self._new_output()
        facts = dict(answer)
        if "threw" not in facts:
            return answer
        text, kind = (facts[name].decode(errors="replace") for name in ("threw", "type"))
        if holes.NOT_YET.search(text):
            raise NotYet(text)
        self._call("throws", ())
        self._call(verb, arguments)  # once more, to see where: see probe.hpp
        lines = [title, f"  AN EXCEPTION came out of your code: {kind}: {text}", *_given(arguments)]
        raise Wrong("exception", "\n".join([*lines, *self._at("thrown at", self._new_output())]))

    def origin(self, offset: int, verb: str, *arguments: bytes | str | int) -> Optional[Place]:
        """Which line of the learner's writes the byte at this offset of what an encoder makes."""
        self._call("origin", (offset,))
        self._call(verb, arguments)  # it faults: see probe.hpp
        self._end()
        return learner_frame(self._new_output(), self._folder)

    def printed(self) -> str:
        """What the learner's code has printed since this was asked last."""
        printed, self._printed = self._printed, ""
        return printed

    def close(self) -> None:
        self._end()
        self._errors.close()

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def _call(self, verb: str, arguments: tuple) -> Optional[Answer]:
        """One answer; None if there is none."""
        if self._process is None:
            self._process = subprocess.Popen(
                [str(self._program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, **ENVIRONMENT},
                start_new_session=True,
                preexec_fn=_limit_files,
            )
        words = [verb, *(_encoded(argument) for argument in arguments)]
        with suppress(BrokenPipeError):  # it is gone; reading will tell
            self._process.stdin.write((" ".join(words) + "\n").encode())
            self._process.stdin.flush()
        received = b""
        started, since = time.monotonic(), ticks(self._process.pid)
        while received != b".\n" and not received.endswith(b"\n.\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], 0.1)
            if ready:
                chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                if not chunk:
                    return None
                received += chunk
            elif self._process.poll() is not None or loops(self._process.pid, since, started):
                return None
        return [_parse(line) for line in received.decode().splitlines()[:-1]]

    def _bad_end(self, title: str, arguments: tuple) -> Wrong:
        """Why there was no answer."""
        hung, code = self._end()
        said = self._new_output()
        if hung:
            field = "endless loop"
            head = f"AN ENDLESS LOOP: no answer after {SECONDS:g} s of work; it was stopped"
        else:
            field, head = "crash", f"A CRASH: {what_happened(said, code)}"
        lines = [title, f"  {head}", *_given(arguments), *self._at("at", said)]
        return Wrong(field, "\n".join(lines))

    def _at(self, word: str, stack: str) -> list[str]:
        place = learner_frame(stack, self._folder)
        return [f"    {word:<9} {place.shown}   {place.function}".rstrip()] if place else []

    def _end(self) -> tuple[bool, Optional[int]]:
        """Leave nothing behind. Whether it had to be stopped, and its exit code."""
        process, self._process = self._process, None
        if process is None:
            return False, None
        process.stdin.close()
        hung = False
        try:
            process.wait(0.5)
        except subprocess.TimeoutExpired:
            hung = True
            process.send_signal(signal.SIGABRT)  # prints where it is
            with suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS)
        stop_group(process)  # and whatever it has started
        process.stdout.close()
        return hung, process.wait()

    def _size(self) -> int:
        return os.fstat(self._errors.fileno()).st_size

    def _new_output(self) -> str:
        data = os.pread(self._errors.fileno(), _SHOWN, self._seen)
        self._seen = self._size()
        return data.decode(errors="replace")


def _limit_files() -> None:
    """In the child: a loop that prints must not fill the disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_OUTPUT, _MOST_OUTPUT))


def _given(arguments: tuple) -> list[str]:
    """What a call was about: the bytes among its arguments."""
    return given(next((one for one in arguments if isinstance(one, bytes)), b""))


def _encoded(argument: bytes | str | int) -> str:
    data = argument if isinstance(argument, bytes) else str(argument).encode()
    return data.hex() or "-"


def _parse(line: str) -> tuple[str, bytes]:
    name, _, hexadecimal = line.rpartition(" ")
    return name, b"" if hexadecimal == "-" else bytes.fromhex(hexadecimal)
