"""Judges a step: builds it, runs its checks, and says what came of them."""

from __future__ import annotations

import runpy
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from machinery import holes
from machinery.build import Builder, CompileError
from machinery.catalogue import Hole, Lab, Step
from machinery.probe import Probe
from machinery.trial import Draw, Trial
from machinery.verdict import Absent, NotYet, Wrong
from machinery.work import Work
from support import project
from support.console import SetupError

DEFAULT_SEED = "1"


@dataclass
class CheckResult:
    """What came of one check."""

    name: str
    title: str
    points: int  # that it is worth
    verdict: str = "passed"  # or "failed", "absent" (its tool), "not yet", "not run"
    report: str = ""
    at_fault: str = ""  # the field
    written_at: str = ""
    seconds: float = 0.0
    printed: str = ""  # by the learner's code
    said: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def earned(self) -> int:
        return self.points if self.verdict == "passed" else 0


@dataclass
class StepResult:
    """What came of a step."""

    step: Step
    checks: list[CheckResult]
    compile_error: str = ""
    warnings: str = ""
    stand_ins: list[Step] = field(default_factory=list)  # earlier steps, not written yet
    seconds: float = 0.0

    @property
    def earned(self) -> int:
        return sum(check.earned for check in self.checks)

    @property
    def passed(self) -> bool:
        """What needs a tool that is absent holds nobody up; nor does it earn anything."""
        return all(check.verdict in ("passed", "absent") for check in self.checks)

    @property
    def not_yet(self) -> bool:
        """Whether the stub was reached."""
        return any(check.verdict == "not yet" for check in self.checks)

    @property
    def failure(self) -> Optional[CheckResult]:
        return next((check for check in self.checks if check.verdict == "failed"), None)


class Judge:
    """Judges one learner's work of one lab."""

    def __init__(
        self,
        lab: Lab,
        work: Work,
        builder: Builder,
        seed: str = DEFAULT_SEED,
        complete: bool = project.IN_CI,
    ) -> None:
        """`complete`: where a tool is absent, nothing is judged at all."""
        self.lab, self.work, self.builder, self.seed = lab, work, builder, seed
        self._complete = complete
        self._functions = runpy.run_path(str(lab.folder / "checks.py"))
        self.compared: list = []  # every message that a check has compared: for tests

    def title(self, check: str) -> str:
        """A check's own words: the first line of its docstring."""
        return self._functions[check].__doc__.strip().splitlines()[0]

    def step(
        self, step: Step, all_checks: bool = False, solo: bool = False, only: Optional[str] = None
    ) -> StepResult:
        """Judge a step. It stops at the first failed check, unless all are wanted.

        The step's holes are the learner's, and so are those of earlier steps, if anything was
        written there; the reference stands in for all others. With `solo` it does for all but
        this step's.
        """
        started = time.monotonic() - self.builder.seconds
        names = [only] if only else list(step.checks)
        checks = [
            CheckResult(name, self.title(name), step.checks[name], "not run") for name in names
        ]
        result = StepResult(step, checks)
        own, result.stand_ins = self._own(step, solo)
        try:
            probe = self.builder.program(self.builder.probe, self.work, own, solo)
            result.warnings = self._warnings(step)
        except CompileError as error:
            result.compile_error = str(error)
            for check in checks:
                check.verdict, check.report = "failed", f"does not compile\n{error}"
            result.seconds = time.monotonic() - started - self.builder.seconds
            return result

        def program(name: str) -> Path:
            return self.builder.program(name, self.work, own, solo)

        with Probe(probe, self.work.folder) as running:
            for check in checks:
                self._run(check, running, program)
                check.printed = running.printed()
                if check.verdict == "not yet":
                    for other in checks:
                        other.verdict = "not yet"
                    break
                if check.verdict == "failed" and not all_checks:
                    break
        result.seconds = time.monotonic() - started - self.builder.seconds
        return result

    def key(self, step: Step) -> str:
        """Changes with everything that a verdict about the step depends on."""
        own, _ = self._own(step, solo=False)
        checks = (self.lab.folder / "checks.py").read_text()
        return self.builder.key(self.work, own, self.seed, checks)

    def _warnings(self, step: Step) -> str:
        """What the compiler thinks of the step's own holes."""
        inside = []
        for hole in step.holes:
            region = holes.regions(self.work.text(hole.file))[hole.name]
            name = self.work.shown(hole.file)
            inside += [f"{name}:{line}:" for line in range(region.first + 1, region.end + 1)]
        said = [text for text in self.builder.warnings if text.startswith(tuple(inside))]
        return "\n".join(dict.fromkeys(said))

    def _own(self, step: Step, solo: bool) -> tuple[set[str], list[Step]]:
        """The holes that are the learner's, and earlier steps for which the reference stands in."""
        own, stand_ins = {hole.name for hole in step.holes}, []
        for earlier in self.lab.steps[: step.number - 1] if not solo else ():
            written = {hole.name for hole in earlier.holes if not self._is_stub(hole)}
            own |= written
            if len(written) < len(earlier.holes):
                stand_ins.append(earlier)
        return own, stand_ins

    def _is_stub(self, hole: Hole) -> bool:
        try:
            return self.work.is_stub(hole)
        except SetupError:  # its marks are gone: the build will say so
            return False

    def _run(self, check: CheckResult, probe: Probe, program: Callable[[str], Path]) -> None:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="labs-") as scratch:
            trial = Trial(
                Draw(self.seed, self.lab.name, check.name),
                probe,
                program,
                self.builder.reference,
                self.work.folder,
                Path(scratch),
                self.lab.name,
            )
            check.verdict = "passed"
            try:
                self._functions[check.name](trial)
            except NotYet:
                check.verdict = "not yet"
            except Absent as absent:
                if self._complete:
                    raise SetupError(str(absent)) from None
                check.verdict, check.report = "absent", f"skipped: {absent}"
            except Wrong as wrong:
                self._fail(check, trial, trial.explain_failure(wrong))
            except CompileError as error:
                check.verdict, check.report = "failed", str(error)
            except AssertionError as error:  # a program that did not even start
                self._fail(check, trial, trial.explain_failure(Wrong("program", str(error))))
            except (KeyError, IndexError, TypeError, ValueError, OSError) as error:
                raise SetupError(
                    f"the check {check.name} broke down itself, which is our fault and not yours: "
                    f"{type(error).__name__} {error}"
                ) from error
            finally:
                trial.close()
                self.compared += trial.compared
        check.seconds = time.monotonic() - started

    @staticmethod
    def _fail(check: CheckResult, trial: Trial, error: Exception) -> None:
        if isinstance(error, NotYet):
            check.verdict = "not yet"
            return
        check.verdict, check.report, check.at_fault = "failed", error.report, error.field
        check.written_at = error.written_at
        check.said = trial.said()
