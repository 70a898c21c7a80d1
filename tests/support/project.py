"""Where things stand in this repository, which chapters there are, and how they are built."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from support.console import Console, SetupError

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"  # what the project installs for itself; git ignores it
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")

_CHAPTER = re.compile(r"^\s*chapter\(([^)]*)\)", re.MULTILINE)
_KEYWORD = re.compile(r"[A-Z]+")


@dataclass
class Chapter:
    """One `chapter(...)` line of chapters/CMakeLists.txt."""

    name: str
    uses: list[str]  # all chapters that it may use, near or far
    io_files: list[str]  # the files that may touch sockets, without their endings
    programs: list[str]


def chapters() -> dict[str, Chapter]:
    """The chapters in reading order."""
    found: dict[str, Chapter] = {}
    lines = re.sub(r"#.*", "", (ROOT / "chapters" / "CMakeLists.txt").read_text())
    for arguments in _CHAPTER.findall(lines):
        name, *words = arguments.split()
        values: dict[str, list[str]] = {}
        for word in words:
            if _KEYWORD.fullmatch(word):
                keyword = word
            else:
                values.setdefault(keyword, []).append(word)
        uses = dict.fromkeys(values.get("USES", []))
        for other in list(uses):
            uses.update(dict.fromkeys(found[other].uses))
        programs = values.get("PROGRAMS", [])
        io_files = ["client", "server", *values.get("IO", []), *programs]
        found[name] = Chapter(name, list(uses), io_files, programs)
    return found


def bin_dir(preset: str) -> Path:
    """Where a preset's programs and test executables are built."""
    return ROOT / "build" / preset / "bin"


def configure(preset: str, console: Console) -> None:
    """Let CMake look at everything again: the dependencies, and which files there are."""
    strict = ["-DWIRE_WERROR=ON"] if IN_CI else []
    _run(["cmake", "--preset", preset, *strict], f"configuring {preset}", console)


def build(preset: str, targets: list[str], console: Console) -> None:
    """Build the targets. Raises BuildError with the compiler's words."""
    if not (ROOT / "build" / preset / "build.ninja").exists():
        configure(preset, console)
    _run(
        ["cmake", "--build", "--preset", preset, "--target", *targets],
        f"building {preset}",
        console,
    )


class BuildError(SetupError):
    """The configuration or the compiler refused; the message is what it said."""


def _run(command: list[str], label: str, console: Console) -> None:
    code, output = console.run(command, label, timeout=3600, cwd=ROOT)
    if code != 0:
        raise BuildError(output)
