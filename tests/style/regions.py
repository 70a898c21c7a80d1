"""Regions, which the book prints and the labs cut out: each has an end and a name of its own.

// region decode-connect
...
// endregion
"""

from __future__ import annotations

import re
from pathlib import Path

from style.sources import files, place

_MARKER = re.compile(r"^[ \t]*//[ \t]*(region|endregion)\b[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def problems() -> list[str]:
    """What is wrong with any region of the project."""
    return [
        found for file in files(".cpp", ".hpp") for found in problems_in(file, file.read_text())
    ]


def problems_in(file: Path, text: str) -> list[str]:
    """What is wrong with the regions of one file."""
    found, names, begun = [], set(), []
    for marker in _MARKER.finditer(text):
        where, (kind, name) = place(file, text, marker.start()), marker.groups()
        if kind == "region":
            begun.append(where)
            if not _NAME.fullmatch(name):
                found.append(
                    f"{where}: a region's name is words in lower case with hyphens, not '{name}'"
                )
            if name in names:
                found.append(f"{where}: a second region '{name}'")
            names.add(name)
        elif not begun:
            found.append(f"{where}: endregion without a region")
        else:
            begun.pop()
    return found + [f"{where}: region without an end" for where in begun]
