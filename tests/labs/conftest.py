"""The labs are judged here as learners are: a folder of work, the real checks, the real tools."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support import project

sys.path.insert(0, str(project.ROOT / "labs"))

from machinery import catalogue  # noqa: E402
from machinery.build import Builder  # noqa: E402
from machinery.judge import Judge  # noqa: E402
from machinery.work import Work  # noqa: E402
from support.console import Console  # noqa: E402

LABS = {name: catalogue.load(name) for name in catalogue.names() if catalogue.has_steps(name)}
STEPS = [
    pytest.param(lab, step, id=f"{lab.name}-{step.number}-{step.id}")
    for lab in LABS.values()
    for step in lab.steps
]
WRONG = [
    pytest.param(lab, step, version, id=f"{lab.name}-{step.number}-{version.name}")
    for lab in LABS.values()
    for step in lab.steps
    for version in step.wrong
]


@pytest.fixture(scope="session")
def builders() -> dict[str, Builder]:
    """One for each lab: what they have built is used again."""
    return {name: Builder(lab, Console()) for name, lab in LABS.items()}


@pytest.fixture
def learner(tmp_path: Path, builders):
    """learner(lab): work just started, and a judge of it."""

    def begin(lab: catalogue.Lab, seed: str = "1") -> tuple[Work, Judge]:
        work = Work(lab, tmp_path / "work")
        work.start()
        return work, Judge(lab, work, builders[lab.name], seed)

    return begin
