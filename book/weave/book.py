"""The whole book: which weaver knows what, and what refreshing and checking do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from support import project
from support.console import SetupError
from support.project import ROOT
from weave import listings, pages, parts, sections, sessions, values
from weave.ladders import Ladders
from weave.sessions import Library, Session, Unavailable
from weave.values import Values
from weave.walks import Walks


@dataclass
class Outcome:
    """What came of it; an entry is a line, or a few where something is shown."""

    problems: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)  # sessions that cannot be run here


class Book:
    """The pages, and all that is woven into them."""

    def __init__(self, preset: str, say: Callable[[str], None]) -> None:
        """`preset`: whose programs run sessions and walks; `say`: is told what goes on."""
        self._preset, self._say = preset, say
        self.library = Library()
        self.outcome = Outcome()

    def run_sessions(self, names: list[str], check: bool) -> None:
        """Run sessions, all unless named; compare with what is stored, or store it."""
        unknown = set(names) - {session.name for session in self.library.sessions}
        if unknown:
            raise SetupError(f"no session {', '.join(sorted(unknown))}")
        for session in _in_order(self.library.sessions):
            if not session.run_by_hand and (not names or session.name in names):
                self._say(f"running {session.name}")
                self._run(session, check)

    def _run(self, session: Session, check: bool) -> None:
        with tempfile.TemporaryDirectory(prefix="book-") as folder:
            try:
                recording = sessions.run(session, Path(folder), self._preset, own_ports=not check)
            except Unavailable as reason:
                self.outcome.skipped.append(f"skipped {session.name}: {reason}")
                return
            except AssertionError as failure:  # a server that does not start, a command that hangs
                self.outcome.problems.append(f"{session.file.relative_to(ROOT)}: {failure}")
                return
            if check:
                for difference in sessions.differences(session, recording):
                    where = self._where(session, difference)
                    self.outcome.problems.append(f"{where}\n{difference.report}")
            else:
                for name in sessions.store(session, recording):
                    self.outcome.changed.append(f"{session.name}: {name} is new")

    def _where(self, session: Session, difference: sessions.Difference) -> str:
        """The line of a page that shows it; of a capture, or a block that no page shows, the
        session's own file."""
        message = "the programs now say something else"
        for page in pages.pages():
            for place in pages.places(page, page.read_text()):
                if (place.kind, place.what) == ("session", difference.name):
                    return place.problem(message, place.line + 1 + difference.line)  # 1: the fence
        return f"{session.file.relative_to(ROOT)}: {difference.name}: {message}"

    def weave(self, check: bool, stored: bool) -> None:
        """Weave all pages: compare, or rewrite. `stored`: leave out what needs programs."""
        walks = Walks(self.library, self._preset)
        ladders = Ladders(walks)
        weavers: dict[str, pages.Weaver | None] = {
            "listing": listings.weave,
            "value": Values(self.library).weave,
            "session": self.library.weave,
            "walk": None if stored else walks.weave,
            "ladder": None if stored else ladders.weave,
        }
        for page in pages.pages():
            self._say(f"weaving {page.name}")
            text = page.read_text()
            woven = pages.weave(page, text, weavers)
            self.outcome.problems += woven.failures
            if check:
                self.outcome.problems += woven.stale
            else:
                self._write(page, woven.text)
        for file, picture in ladders.pictures.items():
            if not check:
                self._write(file, picture)
            elif not file.exists() or file.read_text() != picture:
                self.outcome.problems.append(f"{file.relative_to(ROOT)}: stale")

    def _write(self, file: Path, text: str) -> None:
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            self.outcome.changed.append(f"{file.relative_to(ROOT)}: rewritten")

    def look_over(self) -> None:
        """Citations, the parts of the book, and what is kept although nobody needs it."""
        self.outcome.problems += sections.problems() + parts.problems() + self._unused()

    def _unused(self) -> list[str]:
        shown = {
            (place.kind, place.what)
            for page in pages.pages()
            for place in pages.places(page, page.read_text())
        }
        found = [
            f"book/{values.TABLE.name}: no page says {name}"
            for name in Values(self.library).expressions
            if ("value", name) not in shown
        ]
        kept = {file for session in self.library.sessions for file in session.recordings}
        for file in sorted((ROOT / "book").glob("*/recorded/*")):
            if file not in kept:
                found.append(f"{file.relative_to(ROOT)}: no session makes that")
        return found


def targets(chapters: list[project.Chapter]) -> list[str]:
    """What must be built for sessions and walks: the programs, and the probes that make walks."""
    probes = [
        f"lab-{one.name}" for one in chapters if (ROOT / "labs" / one.name / "probe.cpp").exists()
    ]
    return [program for one in chapters for program in one.programs] + probes


def problems_without_programs() -> list[str]:
    """What `book/refresh --check --stored` finds."""
    book = Book("release", lambda _: None)
    book.weave(check=True, stored=True)
    book.look_over()
    return book.outcome.problems


def _in_order(all_sessions: list[Session]) -> list[Session]:
    """Those that use what others have stored come after them."""
    return sorted(
        all_sessions, key=lambda one: any("/recorded/" in path for path in one.files.values())
    )
