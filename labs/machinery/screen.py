"""What a learner reads: verdicts, progress, and what to do next."""

from __future__ import annotations

import re
import textwrap

from machinery.catalogue import Lab, Step
from machinery.judge import CheckResult, StepResult
from machinery.work import Work
from support.console import Console

_WIDTH = 100


def heading(step: Step, work: Work) -> str:
    """The step and the lines it is written at."""
    places = ", ".join(work.line_of(hole) for hole in step.holes)
    return f"Step {step.number} · {step.title}   {places}"


def text_of(lab: Lab, step: Step) -> str:
    """What to read before a step, as plain text."""
    text = lab.text(step)
    out = []
    for block in re.split(r"\n\n+", text.strip()):
        if block.startswith("#"):
            continue  # the heading is shown already
        if block.startswith("```"):
            out.append(textwrap.indent(re.sub(r"^```\w*\n|\n?```$", "", block), "    "))
        elif block.startswith("- "):
            out.append(block)
        else:
            words = re.sub(r"\*(\w+)\*", r"\1", block)  # no emphasis on a terminal
            out.append(textwrap.fill(words, _WIDTH, break_on_hyphens=False))
    return "\n\n".join(out)


def show_passed(console: Console, result: StepResult) -> None:
    """One line about a step that gives no more to say."""
    step, points = result.step, f"{result.earned} of {result.step.points}"
    console.line(
        f"{console.mark('ok')}{step.number}  {step.title:<34}{points:>9}{result.seconds:>7.1f} s"
    )
    for check in result.checks:
        if check.verdict == "absent":
            show_absent(console, check)
    if result.warnings:
        console.line("  the compiler says:")
        console.line(textwrap.indent(result.warnings, "    "))


def show_absent(console: Console, check: CheckResult) -> None:
    """Why a check was skipped."""
    console.line(textwrap.indent(textwrap.fill(check.report, _WIDTH - 18), " " * 18))


def show_known(console: Console, step: Step) -> None:
    """One line about a step that was passed, and has not changed since."""
    points = f"{step.points} of {step.points}"
    console.line(f"{console.mark('ok')}{step.number}  {step.title:<34}{points:>9}  unchanged")


def show_step(console: Console, lab: Lab, work: Work, result: StepResult) -> None:
    """The verdict about one step: a line a check, then the first failure."""
    console.line(f"\n{heading(result.step, work)}")
    if result.stand_ins:
        numbers = ", ".join(str(step.number) for step in result.stand_ins)
        one = len(result.stand_ins) == 1
        console.line(
            f"  (step{'' if one else 's'} {numbers} {'is' if one else 'are'} not all written yet: "
            "the reference stands in)"
        )
    if result.compile_error:
        console.line(f"  {console.mark('FAILED')}it does not compile\n")
        console.line(textwrap.indent(result.compile_error, "    "))
        return
    if result.not_yet:
        stubs = [hole for hole in result.step.holes if work.is_stub(hole)] or result.step.holes
        places = ", ".join(work.line_of(hole) for hole in stubs)
        console.line(f"  not implemented yet: the stub at {places} ({result.seconds:.1f} s)")
        return
    for check in result.checks:
        if check.verdict == "not run":
            continue
        word = {"passed": "ok", "absent": "skipped"}.get(check.verdict, "FAILED")
        mark = console.mark(word)
        points = f"{check.earned}/{check.points}"
        console.line(f"  {mark}{points:>6}   {check.title}")
        if check.verdict == "absent":
            show_absent(console, check)
    failure = result.failure
    if failure:
        show_failure(console, lab, result, failure)
    else:
        seconds = f"{result.seconds:.1f} s"
        console.line(f"  {result.earned} of {result.step.points} points, {seconds}")


def show_failure(console: Console, lab: Lab, result: StepResult, failure: CheckResult) -> None:
    """The report, where it was written, where to read on, what to run next."""
    step = result.step
    console.line("\n" + textwrap.indent(failure.report, "  "))
    if failure.printed.strip():
        console.line("  your code printed")
        printed = failure.printed.strip().splitlines()
        console.line(textwrap.indent("\n".join(printed[:10]), "    | "))
        if len(printed) > 10:
            console.line(f"    | ... {len(printed) - 10} more lines")
    if failure.written_at:
        console.line(f"  written by  {failure.written_at}")
    if result.warnings:
        console.line("  the compiler also says:")
        console.line(textwrap.indent(result.warnings, "    "))
    read = " · ".join(filter(None, (step.section, step.page)))
    console.line(f"  read        {read}")
    explain = f" · labs/run {lab.name} explain last" if failure.said else ""
    console.line(f"  next        labs/run {lab.name} hint {step.number}{explain}")
    console.line(f"  {result.earned} of {step.points} points, {result.seconds:.1f} s")


def show_progress(console: Console, lab: Lab, work: Work) -> None:
    """Every step of a lab, and how far the learner has come."""
    earned = 0
    for step in lab.steps:
        known = work.progress.step(lab.name, step.id)
        state = known.get("state", "")
        points = known.get("points", 0)
        earned += points
        extra = "  (beyond the book)" if step.extension else ""
        console.line(
            f"  {step.number}  {step.title:<34}{state or 'open':<9}{points:>3} of {step.points}{extra}"
        )
    beyond = f", and {earned - lab.points} beyond" if earned > lab.points else ""
    console.line(f"     {'':<34}{'':<9}{min(earned, lab.points):>3} of {lab.points}{beyond}")


def next_step(lab: Lab, work: Work) -> Step | None:
    """The first step that is neither passed nor skipped."""
    for step in lab.steps:
        if work.progress.step(lab.name, step.id).get("state") not in ("passed", "skipped"):
            return step
    return None
