"""How long to wait for a program that may never answer.

Not by the clock alone: on a busy machine a right program may take its time, and nothing may fail
for that. Here only time counts in which nothing moves: nothing was said, and no program that has
a part in it ran or wanted to. So what has hung is found in two seconds on any machine.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, Iterable, Optional

SECONDS = 2.0  # in which nothing moves
LIMIT = 30.0  # for a program that works on and on
_LOOP = 2.0  # seconds of processor time that no call of a check needs


def _activity(pid: int) -> Optional[tuple[str, int]]:
    """What a process does, and how many ticks of processor time it has had. Linux tells."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended, or this is no Linux
        return None
    return words[0], int(words[11]) + int(words[12])


class Patience:
    """Watches processes, and a count of whatever else happens."""

    def __init__(self, pids: Callable[[], Iterable[int]], events: Callable[[], int]) -> None:
        self._pids, self._events = pids, events
        self._start = self._moved = time.monotonic()
        self._before: tuple = ()

    @property
    def over(self) -> bool:
        """Nothing has moved for too long, or it never ends."""
        now = time.monotonic()
        activities = [_activity(pid) for pid in self._pids()]
        state = (self._events(), *activities)
        runs = any(activity and activity[0] in "RD" for activity in activities)
        if state != self._before or runs:
            self._before, self._moved = state, now
        return now - self._moved > SECONDS or now - self._start > LIMIT


def loops(pid: int, since: Optional[int], started: float) -> bool:
    """Whether a process has worked longer on one call than any needs, or does not work at all."""
    activity = _activity(pid)
    waited = time.monotonic() - started
    if activity is None or since is None:
        return waited > 5 * SECONDS
    seconds = (activity[1] - since) / 100  # ticks are hundredths of a second
    return seconds > _LOOP or waited > LIMIT or (waited > SECONDS and activity[0] == "S")


def ticks(pid: int) -> Optional[int]:
    """Processor time that a process has had so far, for loops()."""
    activity = _activity(pid)
    return activity[1] if activity else None
