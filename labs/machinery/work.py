"""The learner's folder, labs/work/<lab>/: files with holes, and beside them what is known of them.

head.cpp ...        what the learner edits
.start/             the starter they began with
.kept/              whatever a command replaced: nothing that was written is lost
../progress.json    how far each lab has come
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from machinery import holes
from machinery.catalogue import Hole, Lab, Step
from support.console import SetupError
from support.project import ROOT


class Progress:
    """What the reader has done so far: one file for all labs."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, lab: str) -> dict:
        """{"seen": bool, "steps": {"request-line": {"state", "points", "hints"}}}, or less."""
        return self._read().get(lab, {})

    def step(self, lab: str, step: str) -> dict:
        return self.of(lab).get("steps", {}).get(step, {})

    def seen(self, lab: str) -> None:
        self._change(lab, lambda entry: entry.update(seen=True))

    def note(self, lab: str, step: str, **facts) -> None:
        """Remember facts about a step."""

        def change(entry: dict) -> None:
            entry.setdefault("steps", {}).setdefault(step, {}).update(facts)

        self._change(lab, change)

    def forget(self, lab: str, step: str) -> None:
        self._change(lab, lambda entry: entry.get("steps", {}).pop(step, None))

    def _read(self) -> dict:
        try:
            known = json.loads(self._file.read_text())
            if not isinstance(known, dict) or not all(isinstance(v, dict) for v in known.values()):
                raise ValueError
            return known
        except FileNotFoundError:
            return {}
        except (ValueError, OSError):
            raise SetupError(f"{self._file} is no JSON any more; remove it to begin anew") from None

    def _change(self, lab: str, change) -> None:
        known = self._read()
        change(known.setdefault(lab, {}))
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(known, indent=1) + "\n")
        temporary.replace(self._file)


class Work:
    """One learner's files of one lab."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        """`folder` holds all labs' work, as labs/work/ does."""
        self.lab = lab
        self.folder = folder / lab.name
        self.progress = Progress(folder / "progress.json")

    @property
    def started(self) -> bool:
        return not self.missing

    @property
    def missing(self) -> list[str]:
        """The files that are not there (yet)."""
        return [file for file in self.lab.holes if not (self.folder / file).exists()]

    def start(self) -> list[str]:
        """Put the starter there; files that exist stay as they are. Returns the new ones."""
        new = self.missing
        (self.folder / ".start").mkdir(parents=True, exist_ok=True)
        for file in new:
            text = holes.starter(self.lab, file)
            (self.folder / file).write_text(text)
            (self.folder / ".start" / file).write_text(text)
        return new

    def path(self, file: str) -> Path:
        return self.folder / file

    def shown(self, file: str) -> str:
        """A file's path as the learner would type it."""
        path = self.path(file)
        return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)

    def text(self, file: str) -> str:
        try:
            return self.path(file).read_text(encoding="utf-8-sig")  # some editors mark UTF-8
        except FileNotFoundError:
            message = (
                f"{self.shown(file)} is not there; begin with `labs/run {self.lab.name} start`"
            )
            raise SetupError(message) from None
        except UnicodeDecodeError as error:
            raise SetupError(f"{self.shown(file)} is no text in UTF-8: {error}") from None

    def body(self, hole: Hole) -> str:
        """What the learner has written in a hole."""
        try:
            return holes.body(self.text(hole.file), hole.name)
        except holes.BrokenMarks as error:
            raise SetupError(
                f"{self.shown(hole.file)}: {error}; put them back, or let "
                f"`labs/run {self.lab.name} reset {self.lab.step_of(hole).number}` do it"
            ) from None

    def is_touched(self, step: Step) -> bool:
        """Whether the learner has written anything for a step; broken marks are something, too."""
        try:
            return not all(map(self.is_stub, step.holes))
        except SetupError:
            return True

    def is_stub(self, hole: Hole) -> bool:
        """Whether nothing is written in a hole: the line that says so is there."""
        return holes.refusal(self.lab.step_of(hole).number) in self.body(hole)

    def line_of(self, hole: Hole) -> str:
        """file:line where a hole's own lines begin."""
        region = holes.regions(self.text(hole.file)).get(hole.name)
        return f"{self.shown(hole.file)}:{region.first + 1}" if region else self.shown(hole.file)

    def fill(self, step: Step) -> None:
        """Put the reference into a step's holes."""
        for hole in step.holes:
            self._replace(hole, holes.body(self.lab.reference(hole.file), hole.name))

    def reset(self, step: Step) -> None:
        """Put the stubs back into a step's holes, and the marks, if they are gone."""
        for hole in step.holes:
            learner = self.text(hole.file)
            if hole.name not in holes.regions(learner):  # then the file is put together anew
                self._keep(hole.file)
                text = self._base(hole.file)
                for other in self.lab.holes[hole.file]:
                    if other.name in holes.regions(learner):
                        body = holes.body(learner, other.name)
                        text = holes.with_body(text, other.name, body)
                self.path(hole.file).write_text(text)
            self._replace(hole, self._stub(hole))

    def carry_over(self) -> list[str]:
        """Follow a reference that has changed. What there is to say about it, a line each."""
        said = []
        for file in self.lab.holes:
            base, present = self._base(file), holes.starter(self.lab, file)
            if base == present:
                continue
            try:
                text, conflicts = holes.merged(self.lab, file, base, self.text(file))
            except (holes.BrokenMarks, ValueError):
                text, conflicts = self.text(file), ["its holes are others now"]
            self._keep(file)
            self.path(file).write_text(text)
            (self.folder / ".start" / file).write_text(present)
            said.append(
                f"{self.shown(file)}: the reference has changed, and your work was carried over"
            )
            said += [
                f"  look at {place}: both you and the reference changed it" for place in conflicts
            ]
            if conflicts:
                fresh = self.folder / ".kept" / f"{file}.new-starter"
                fresh.write_text(present)
                said.append(f"  the new starter is {fresh.relative_to(self.folder)}, yours stays")
        return said

    def _base(self, file: str) -> str:
        """The starter that the learner began with."""
        kept = self.folder / ".start" / file
        return kept.read_text() if kept.exists() else holes.starter(self.lab, file)

    def _stub(self, hole: Hole) -> str:
        return holes.body(self._base(hole.file), hole.name)

    def _replace(self, hole: Hole, new: str) -> None:
        self.body(hole)  # or a SetupError that says what to do
        self._keep(hole.file)
        text = self.text(hole.file)
        self.path(hole.file).write_text(holes.with_body(text, hole.name, new))

    def _keep(self, file: str) -> None:
        """Store a file as it is, before a command changes it."""
        kept = self.folder / ".kept"
        kept.mkdir(exist_ok=True)
        name = time.strftime(f"{file}.%Y-%m-%d-%H%M%S")
        number, target = 0, kept / name
        while target.exists():
            number, target = number + 1, kept / f"{name}-{number + 1}"
        target.write_text(self.path(file).read_text())
