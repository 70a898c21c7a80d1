"""Every step of every lab: its starter, its reference, its wrong versions, its texts.

With WRITE_GOLDEN=1 in the environment, what is said about the wrong versions is written instead of
compared: read it before you commit it.
"""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path

import pytest

from labs.conftest import LABS, STEPS, WRONG
from machinery import commands, holes
from machinery.grade import explained
from machinery.trial import Draw
from style.links import anchors
from support.project import ROOT

BUDGET = {"codec": 1.5, "client": 4.0, "server": 4.0}  # seconds, reported and not asserted


@pytest.mark.parametrize("lab, step", STEPS)
def test_starter_is_not_implemented_yet(learner, lab, step):
    """The stub compiles without a warning, and all of the step's checks reach it."""
    work, judge = learner(lab)
    result = judge.step(step, all_checks=True)
    assert not result.compile_error
    assert not result.warnings
    assert {check.verdict for check in result.checks} == {"not yet"}
    assert result.earned == 0


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_a_stub_fails_no_other_step(learner, lab):
    """Where a step is not written, the reference stands in: only its own checks fail."""
    work, judge = learner(lab)
    missing = lab.steps[len(lab.steps) // 2]
    for step in lab.steps:
        if step is not missing:
            work.fill(step)
    for step in lab.steps:
        result = judge.step(step, all_checks=True)
        assert result.passed == (step is not missing)
        assert (missing in result.stand_ins) == (step.number > missing.number)


@pytest.mark.parametrize("seed", ["1", "alice", "bob"])
@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_reference_passes(learner, lab, seed, record_property):
    work, judge = learner(lab, seed)
    for step in lab.steps:
        work.fill(step)
    for step in lab.steps:
        result = judge.step(step, all_checks=True)
        assert result.passed, "\n".join(map(explained, result.checks))
        assert not result.warnings
        within = result.seconds <= BUDGET[step.side]
        record_property(f"step-{step.number}", f"{result.seconds:.2f} s, {within=}")


@pytest.mark.parametrize("lab, step", STEPS)
def test_starter_gives_nothing_away(lab, step):
    """No line of the region that is cut out stands in its stub, nor more often elsewhere."""
    for hole in step.holes:
        reference, starter = lab.reference(hole.file), holes.starter(lab, hole.file)
        stub = holes.body(starter, hole.name)
        for line in holes.body(reference, hole.name).splitlines():
            line = line.strip()
            if len(line) > 6:  # "}" is everywhere
                assert line not in stub
                assert starter.count(line) < reference.count(line)


@pytest.mark.parametrize("lab, step", STEPS)
def test_texts_and_sizes(lab, step):
    text = lab.text(step)
    assert text.startswith(f"# {step.title}\n")
    assert len(text.split()) <= 250
    assert len(step.hints) == 4
    assert step.side in BUDGET
    assert step.points == sum(step.checks.values()) > 0
    written = [holes.body(lab.reference(hole.file), hole.name) for hole in step.holes]
    assert sum(len(body.splitlines()) for body in written) <= 25
    assert all(hole.contract for hole in step.holes)
    assert len(step.wrong) >= 3
    if step.page:
        page, _, anchor = step.page.partition("#")
        assert anchor in anchors((ROOT / page).read_text())


@pytest.mark.parametrize("seed", ["1", "alice", "bob"])
@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_quiz(lab, seed):
    """There are questions for any seed, about something that was said."""
    said, asked = runpy.run_path(str(lab.folder / "quiz.py"))["quiz"](Draw(seed, lab.name, "quiz"))
    assert {who for who, _ in said} == {"client", "server"} and all(data for _, data in said)
    assert len(asked) >= 10 and all(one.answer and one.why for one in asked)


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_both_sides_are_built(lab):
    sides = [step.side for step in lab.steps]
    assert sides.count("client") >= 2 and sides.count("server") >= 2
    assert any(step.extension for step in lab.steps)
    assert lab.points == 100


@pytest.mark.parametrize("lab, step, version", WRONG)
def test_wrong_version(learner, lab, step, version):
    """It fails, the planted field is blamed, and the learner reads what is stored."""
    work, judge = learner(lab)
    commands.apply_wrong(lab, work, step, version)
    failure = judge.step(step).failure
    assert failure, "it passes"
    assert failure.at_fault == version.blames
    said = masked(f"{failure.name}: {failure.title}\n\n{explained(failure)}\n", work.folder)
    golden = lab.folder / "wrong" / f"{step.number:02}-{version.name}.txt"
    if os.environ.get("WRITE_GOLDEN") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(said)
    assert said == golden.read_text()


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_no_golden_report_without_its_version(lab):
    known = {f"{step.number:02}-{version.name}.txt" for step in lab.steps for version in step.wrong}
    assert {file.name for file in (lab.folder / "wrong").iterdir()} == known


def masked(text: str, folder: Path) -> str:
    """Without what differs from run to run and from day to day."""
    text = text.replace(str(folder), f"labs/work/{folder.name}")
    text = re.sub(r"(\.cpp):\d+", r"\1:N", text)
    text = re.sub(r"\d+\.\d{3} s$", "0.000 s", text, flags=re.MULTILINE)
    text = re.sub(
        r"(basic_string)\w*::\w+", r"\1::F", text
    )  # each version of the library's own words
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:0", text)
