"""The book: what book/refresh checks, as test cases."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from support.project import IN_CI, ROOT
from support.results import Case

sys.path += [str(ROOT / "book"), str(ROOT / "labs")]

from weave.book import Book, problems_without_programs, targets

__all__ = ["cases", "problems", "targets"]

problems = problems_without_programs


def cases(preset: str, folders: list[str], status: Callable[[str], None]) -> Iterator[Case]:
    """Every session run again, and every page woven from what is stored.

    `folders`: of which pages; foundations, which all chapters stand on, is always among them.
    """
    book = Book(preset, status)
    outcome = book.outcome
    for session in book.library.sessions:
        if session.run_by_hand or session.file.parent.name not in ("foundations", *folders):
            continue
        book.run_sessions([session.name], check=True)
        verdict = "failed" if outcome.problems else "passed"
        if outcome.skipped:
            verdict = "failed" if IN_CI else "skipped"
        yield Case(session.name, verdict, "\n".join(outcome.problems + outcome.skipped))
        outcome.problems, outcome.skipped = [], []
    book.weave(check=True, stored=False)
    yield Case("pages", "failed" if outcome.problems else "passed", "\n".join(outcome.problems))
