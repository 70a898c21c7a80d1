"""The project's own files, and which of its sources include which."""

from __future__ import annotations

import re
from pathlib import Path

from support.project import ROOT

_FOLDERS = ["book", "chapters", "common", "labs", "tests"]
_NOT_OURS = {"__pycache__", "work"}  # labs/work/ is the learner's
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
_INCLUDE_PATH = [ROOT / "common", ROOT / "chapters", ROOT / "tests"]


def files(*suffixes: str, folders: list[str] = _FOLDERS) -> list[Path]:
    """Files with these endings, sorted; those at the top level where all folders are asked for."""
    found = [file for file in ROOT.iterdir() if file.is_file()] if folders is _FOLDERS else []
    for folder in folders:
        found += (ROOT / folder).rglob("*")
    return sorted(
        file
        for file in found
        if file.suffix in suffixes
        and file.is_file()
        and not _NOT_OURS & set(file.relative_to(ROOT).parts)
    )


def place(file: Path, text: str, position: int) -> str:
    """`path:line` as compilers print it."""
    shown = file.relative_to(ROOT) if ROOT in file.parents else file
    line = text.count("\n", 0, position) + 1
    return f"{shown}:{line}"


def includes(file: Path) -> list[str]:
    """What a source includes: "quoted" names bare, <system> names with their angle."""
    return [
        name if bracket == '"' else f"<{name}>"
        for bracket, name in _INCLUDE.findall(file.read_text(errors="replace"))
    ]


def resolve(name: str) -> Path:
    """The file of a quoted include; it may not exist."""
    return next(
        (folder / name for folder in _INCLUDE_PATH if (folder / name).exists()), ROOT / name
    )


def reachable(file: Path) -> dict[Path, list[Path]]:
    """Every file of the project that a source includes, near or far, with the way to it."""
    ways = {file: [file]}
    waiting = [file]
    while waiting:
        current = waiting.pop()
        for name in includes(current):
            target = resolve(name)
            if name[0] != "<" and target.exists() and target not in ways:
                ways[target] = [*ways[current], target]
                waiting.append(target)
    return ways


def way_to_asio(file: Path) -> list[str]:
    """How a source comes to include Asio: the files on the way; empty if it does not."""
    for target, way in reachable(file).items():
        for name in includes(target):
            if name.startswith("<asio"):
                return [str(step.relative_to(ROOT)) for step in way] + [name]
    return []
