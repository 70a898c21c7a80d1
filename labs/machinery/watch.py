"""`check --watch`: judges again whenever the learner saves."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

from machinery import commands, screen
from machinery.commands import Session

_PAUSE = 0.1  # seconds between two looks at the files
_KEYS = "enter h(int) e(xplain) r(ead) d(iff) q(uit)"


def watch(session: Session, number: Optional[int], seed: str) -> int:
    """Check now and after every save, until q or Ctrl-C. The exit code of the last check."""
    session.ready()
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    code, read = _check(session, number, seed, "")
    seen = _saved(session)
    with _single_keys(interactive):
        while True:
            if interactive:
                session.console.status(f"watching  {_KEYS} ")
            key = _key(interactive)
            if key == "q":
                session.console.line("")
                return code
            now = _saved(session)
            if now != seen or key in ("\n", "\r"):
                seen = _settled(session)
                session.console.line(f"\n{'-' * 40} {time.strftime('%H:%M:%S')}")
                code, read = _check(session, number, seed, read)
            elif key:
                _other(session, number, key)


def _check(session: Session, number: Optional[int], seed: str, read: str) -> tuple[int, str]:
    """A check whose problems end nothing: the next save may mend them. Its exit code, and the step
    whose text has now been shown."""
    try:
        code = commands.check(session, number, seed, read=read)
    except commands.SetupError as error:
        session.console.line(f"labs/run: {error}")
        code = 2
    following = screen.next_step(session.lab, session.work)
    return code, following.id if following else ""


def _other(session: Session, number: Optional[int], key: str) -> None:
    step = session.step(number)
    actions: dict[str, Callable[[], object]] = {
        "h": lambda: commands.hint(session, step.number),
        "e": lambda: commands.explain(session, "last"),
        "r": lambda: commands.introduce(session, step),
        "d": lambda: commands.diff(session, _last_passed(session, number)),
    }
    try:
        action = actions.get(key)
        session.console.line("" if action else _KEYS)
        if action:
            action()
    except commands.SetupError as error:
        session.console.line(f"labs/run: {error}")


def _last_passed(session: Session, number: Optional[int]) -> int:
    """The step to compare: the one that is watched, else the last that was passed."""
    following = screen.next_step(session.lab, session.work)
    return number or max((following.number if following else len(session.lab.steps) + 1) - 1, 1)


def _saved(session: Session) -> tuple[int, ...]:
    """When each file was changed last. An editor may take one away for a moment."""
    times = []
    for file in session.lab.holes:
        try:
            times.append(session.work.path(file).stat().st_mtime_ns)
        except FileNotFoundError:
            times.append(0)
    return tuple(times)


def _settled(session: Session) -> tuple[int, ...]:
    """Wait until the files stay as they are: some editors write twice. At most a second."""
    before = _saved(session)
    for _ in range(10):
        time.sleep(_PAUSE / 2)
        now = _saved(session)
        if now == before and 0 not in now:
            break
        before = now
    return before


def _key(interactive: bool) -> str:
    """A key, if one is pressed now; else nothing, after a pause."""
    if not interactive:
        time.sleep(_PAUSE)
        return ""
    ready, _, _ = select.select([sys.stdin], [], [], _PAUSE)
    if not ready:
        return ""
    # Not sys.stdin.read: it would take more keys into its buffer than it gives.
    return os.read(sys.stdin.fileno(), 1).decode(errors="replace") or "q"  # the terminal is gone


@contextmanager
def _single_keys(interactive: bool) -> Iterator[None]:
    """A terminal that gives keys at once, without Enter; as it was when this ends."""
    if not interactive:
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
