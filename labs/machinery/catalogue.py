"""What a lab consists of: lab.toml read into plain objects.

labs/<name>/lab.toml      title, minutes, steps: see labs/http1/lab.toml, which explains each key
labs/<name>/NN-id.md      what a learner reads before step NN, at most 250 words
labs/<name>/checks.py     the checks, one function each
labs/<name>/probe.cpp     lets the checks call the chapter's functions
labs/<name>/wrong/        what the tool must say about each of the stored wrong versions
labs/<name>/see.py        what `labs/run <name>` shows
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from support import project

LABS = project.ROOT / "labs"


@dataclass(frozen=True)
class Hole:
    """A region of the reference that the learner writes."""

    name: str
    file: str  # of the chapter: "head.cpp"
    contract: str  # what has to be true of the code that goes there
    mentions: tuple[str, ...] = ()  # names that the compiler would call unused without that code


@dataclass(frozen=True)
class WrongVersion:
    """A mistake that the checks must catch: one piece of a hole's reference, replaced."""

    name: str
    hole: str
    replace: str
    by: str
    blames: str  # the field that the report must name


@dataclass(frozen=True)
class Step:
    """One behaviour that the learner adds."""

    number: int
    id: str
    title: str
    side: str  # codec, client, server
    section: str  # of the specification
    tool: str  # the real tool that judges it, too; empty for none
    page: str  # where the book tells about it
    hints: tuple[str, ...]
    holes: tuple[Hole, ...]
    checks: dict[str, int]  # names of checks and what each is worth
    wrong: tuple[WrongVersion, ...]
    extension: bool = False  # beyond the book: not needed to finish

    @property
    def points(self) -> int:
        return sum(self.checks.values())

    @property
    def files(self) -> list[str]:
        """The learner's files that this step is written in."""
        return list(dict.fromkeys(hole.file for hole in self.holes))


@dataclass(frozen=True)
class Lab:
    """One lab, as its lab.toml describes it."""

    name: str
    title: str
    minutes: int
    example: str  # the name of a stored report
    steps: tuple[Step, ...] = field(default=())

    @property
    def folder(self) -> Path:
        return LABS / self.name

    @property
    def chapter_folder(self) -> Path:
        return project.ROOT / "chapters" / self.name

    @cached_property
    def holes(self) -> dict[str, list[Hole]]:
        """The holes of each file, in the order of the steps."""
        found: dict[str, list[Hole]] = {}
        for step in self.steps:
            for hole in step.holes:
                found.setdefault(hole.file, []).append(hole)
        return found

    def reference(self, file: str) -> str:
        """The chapter's own text of a file."""
        return (self.chapter_folder / file).read_text()

    def step_of(self, hole: Hole) -> Step:
        return next(step for step in self.steps if hole in step.holes)

    def text(self, step: Step) -> str:
        """What the learner reads before the step."""
        return (self.folder / f"{step.number:02}-{step.id}.md").read_text()

    def stored_report(self, name: str) -> str:
        """What is said about a stored wrong version: the check's name, then the report."""
        return (self.folder / "wrong" / f"{name}.txt").read_text()

    @property
    def points(self) -> int:
        """What there is to earn, extensions apart."""
        return sum(step.points for step in self.steps if not step.extension)


def load(name: str) -> Lab:
    """Read a lab's description. What is wrong with it shows in tests/labs."""
    data = tomllib.loads((LABS / name / "lab.toml").read_text())
    steps = tuple(_step(number, entry) for number, entry in enumerate(data["step"], 1))
    return Lab(name, data["title"], data["minutes"], data["example"], steps)


def _step(number: int, entry: dict) -> Step:
    holes = tuple(
        Hole(hole["name"], hole["file"], hole["contract"], tuple(hole.get("mentions", ())))
        for hole in entry["hole"]
    )
    wrong = tuple(WrongVersion(**version) for version in entry["wrong"])
    return Step(
        number,
        entry["id"],
        entry["title"],
        entry["side"],
        entry["section"],
        entry.get("tool", ""),
        entry.get("page", ""),
        tuple(entry["hints"]),
        holes,
        entry["checks"],
        wrong,
        entry.get("extension", False),
    )


def names() -> list[str]:
    """The chapters that have something to see or to do, in reading order."""
    return [name for name in project.chapters() if (LABS / name / "see.py").exists()]


def has_steps(name: str) -> bool:
    return (LABS / name / "lab.toml").exists()


def about(name: str) -> str:
    """What a lab shows: the first line of its see.py."""
    return ast.get_docstring(ast.parse((LABS / name / "see.py").read_text())).splitlines()[0]
