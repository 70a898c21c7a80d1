"""What may differ between a stored run and a new one, and why. Everything else is compared.

Nothing is masked in the pages: they show what a real run said. Masks only say which differences
between two runs mean nothing, and both sides of a comparison go through the same ones.
"""

from __future__ import annotations

import re

_CLOCK = r"\d\d:\d\d:\d\d"
_MASKS = [
    # The time of day, in HTTP's and in Python's form.
    (re.compile(rf"\w{{3}}, \d\d \w{{3}} \d{{4}} {_CLOCK} GMT"), "Ddd, DD Mmm YYYY HH:MM:SS GMT"),
    (re.compile(rf"\[\d\d/\w{{3}}/\d{{4}} {_CLOCK}\]"), "[DD/Mmm/YYYY HH:MM:SS]"),
    # --trace: seconds since the program's start.
    (re.compile(r"^(#\d+) \d+\.\d{3} s ", re.MULTILINE), r"\1 S.SSS s "),
    # bash's `time`.
    (re.compile(r"^(real|user|sys)\t\d+m\d+\.\d{3}s$", re.MULTILINE), r"\1\tMmS.SSSs"),
    # Our entity tags are made of a file's time, its inode and its size: the inode differs.
    (re.compile(r'^(ETag: "\w+)-\w+-(\w+")', re.MULTILINE), r"\1-INODE-\2"),
    # The peer's version, where only the peer names it. curl's stands in bytes that the page counts:
    # see PINNED in sessions.py.
    (re.compile(r"nginx/\d+\.\d+\.\d+"), "nginx/V"),
]


def masked(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text
