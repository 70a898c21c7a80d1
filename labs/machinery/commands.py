"""What `labs/run <lab> <command>` does. Each command returns its exit code."""

from __future__ import annotations

import difflib
import json
import re
import textwrap
import time
from pathlib import Path

from machinery import capture, grade, holes, quiz, screen
from machinery.build import Builder
from machinery.catalogue import Lab, Step, WrongVersion
from machinery.judge import DEFAULT_SEED, Judge, StepResult
from machinery.probe import Probe
from machinery.work import Work
from support import peers, project, system
from support.console import Console, SetupError

OK, FAILED = 0, 1


class Session:
    """A lab, the learner's work, and how to talk to the learner."""

    def __init__(self, lab: Lab, folder: Path, console: Console, assume_yes: bool) -> None:
        self.lab, self.console, self.assume_yes = lab, console, assume_yes
        self.work = Work(lab, folder)
        self.builder = Builder(lab, console)

    def install(self) -> None:
        """The packages that a build and the lab's real tools need."""
        needed = system.read_packages(peers.MANIFESTS / "build.packages")
        tools = {step.tool for step in self.lab.steps}
        needed += [package for package in peers.packages(self.lab.name) if package.proof in tools]
        system.require(needed, self.assume_yes, self.console)

    def install_for_node(self) -> None:
        """The packages of Node.js that the lab's checks use. Who does without them skips these."""
        wanted = {step.tool for step in self.lab.steps} & peers.node_packages(self.lab.name)
        if not wanted:
            return
        known = peers.packages(self.lab.name)
        node = [package for package in known if package.proof in ("node", "npm")]
        try:
            if not system.ensure(node, self.assume_yes, self.console):
                return peers.install_for_node(self.lab.name, self.console)
        except SetupError as error:
            self.console.line(str(error))
        self.console.line(f"Without {', '.join(wanted)} some checks will be skipped.")

    def ready(self) -> None:
        """The work is there, and follows the reference."""
        if not self.work.started:
            missing = self.work.missing
            some = "" if len(missing) == len(self.lab.holes) else f"{', '.join(missing)} is gone: "
            raise SetupError(f"{some}begin with `labs/run {self.lab.name} start`")
        for line in self.work.carry_over():
            self.console.line(line)
        for step in self.lab.steps:
            for hole in step.holes:
                self.work.body(hole)  # or a SetupError: its marks are gone

    def judge(self, seed: str = DEFAULT_SEED, complete: bool = project.IN_CI) -> Judge:
        return Judge(self.lab, self.work, self.builder, seed, complete)

    def step(self, number: int | None) -> Step:
        """The step of that number, else the one to do next."""
        if number is None:
            step = screen.next_step(self.lab, self.work)
            return step or self.lab.steps[-1]
        if not 1 <= number <= len(self.lab.steps):
            raise SetupError(f"{self.lab.name} has the steps 1 to {len(self.lab.steps)}")
        return self.lab.steps[number - 1]

    def command(self, rest: str) -> str:
        return f"labs/run {self.lab.name} {rest}"


def start(session: Session) -> int:
    """Make the learner's files, and let the first failure be seen for what it is."""
    session.install()
    session.install_for_node()
    console, lab, work = session.console, session.lab, session.work
    new = work.start()
    session.ready()
    if new:
        console.line(f"Made {', '.join(work.shown(file) for file in new)}.")
        console.line(
            f"\n{lab.title}: {len(lab.steps)} steps, about {lab.minutes} minutes. In these files "
            "some code is missing;\neach hole says which step it belongs to and what is to stand "
            "there. Everything else is the\nreference, and so is whatever you have not written "
            "yet when a check runs."
        )
    else:
        console.line("Your files are there already. Nothing was changed.")
    result = _judged(session, session.judge(), session.step(None))
    screen.show_step(console, lab, work, result)
    if result.not_yet:
        console.line(
            "\nThat is intended: it is to fail until you have written it. When what you wrote is wrong, "
            "the verdict\nlooks like this one, which is about somebody else's mistake in a later step:\n"
        )
        _, _, report = lab.stored_report(lab.example).partition("\n\n")
        console.line(textwrap.indent(report.rstrip(), "    | "))
    introduce(session, result.step)
    console.line(f"\nWrite it, then: {session.command('check')}")
    console.line(f"Or let it check whenever you save: {session.command('check --watch')}")
    return OK


def introduce(session: Session, step: Step) -> None:
    """What to read before a step."""
    session.console.line(f"\n--- {screen.heading(step, session.work)}\n")
    session.console.line(screen.text_of(session.lab, step))


def check(
    session: Session,
    number: int | None,
    seed: str = DEFAULT_SEED,
    solo: bool = False,
    read: str = "",
) -> int:
    """Judge one step, or all in order up to the first that is not passed.

    `read`: the step whose text the learner has just been shown.
    """
    session.ready()
    judge = session.judge(seed)
    for step in [session.step(number)] if number is not None else session.lab.steps:
        if number is None and _is_skipped(session, step):
            session.console.line(f"{session.console.mark('skipped')}{step.number}  {step.title}")
            continue
        if number is None and _is_known(session, judge, step):
            screen.show_known(session.console, step)
            continue
        result = _judged(session, judge, step, solo)
        if result.passed and number is None:
            screen.show_passed(session.console, result)
        else:
            screen.show_step(session.console, session.lab, session.work, result)
        if not result.passed:
            if not solo:
                _whose_fault(session, judge, result)
            if result.not_yet and number is None and read != step.id:
                introduce(session, step)
                session.console.line(f"\nWrite it, then: {session.command('check')}")
            return FAILED
    _what_next(session, number)
    return OK


def _judged(session: Session, judge: Judge, step: Step, solo: bool = False) -> StepResult:
    """Judge a step, remember the outcome, and keep the bytes of a failure for `explain last`."""
    result = judge.step(step, solo=solo)
    if not solo and not _is_skipped(session, step):
        state = "passed" if result.passed else ""
        session.work.progress.note(
            session.lab.name, step.id, state=state, points=result.earned, key=judge.key(step)
        )
    if result.failure and result.failure.said:
        said = [(who, data.hex()) for who, data in result.failure.said]
        (session.work.folder / ".last").write_text(json.dumps(said))
    return result


def _is_known(session: Session, judge: Judge, step: Step) -> bool:
    """Whether the step was passed, and nothing has changed since that it depends on."""
    known = session.work.progress.step(session.lab.name, step.id)
    return known.get("state") == "passed" and known.get("key") == judge.key(step)


def _is_skipped(session: Session, step: Step) -> bool:
    """Whether what stands there is what `skip` has put there."""
    known = session.work.progress.step(session.lab.name, step.id)
    return known.get("state") == "skipped" and all(
        session.work.body(hole) == holes.body(session.lab.reference(hole.file), hole.name)
        for hole in step.holes
    )


def _whose_fault(session: Session, judge: Judge, result: StepResult) -> None:
    """Tell the learner's own fault from an inherited one: try the step in a correct program."""
    failure, step = result.failure, result.step
    earlier = [one for one in session.lab.steps[: step.number - 1] if session.work.is_touched(one)]
    if not failure or not earlier or result.compile_error:
        return
    alone = judge.step(step, solo=True, only=failure.name)
    if alone.passed:
        numbers = ", ".join(str(one.number) for one in earlier)
        session.console.line(
            f"  With the reference in all other steps this check passes: look for the fault in what "
            f"you wrote for step {numbers}, or outside the holes."
        )


def _what_next(session: Session, number: int | None) -> None:
    lab, console = session.lab, session.console
    step = screen.next_step(lab, session.work)
    if step is None or (step.extension and number is None):
        console.line(
            f"\nAll of {lab.title} is done. {session.command('diff N')} compares with the reference."
        )
    if step:
        introduce(session, step)
        console.line(f"\nThen: {session.command('check')}")


def hint(session: Session, number: int | None) -> int:
    """One more hint than before."""
    session.ready()
    step = session.step(number)
    progress = session.work.progress
    given = min(progress.step(session.lab.name, step.id).get("hints", 0) + 1, len(step.hints))
    progress.note(session.lab.name, step.id, hints=given)
    session.console.line(f"Step {step.number} · {step.title}")
    for index, text in enumerate(step.hints[:given], 1):
        session.console.line(f"  {index}. {text}")
    left = len(step.hints) - given
    more = f"{left} more: the same command again" if left else "that was the last"
    session.console.line(
        f"  ({more}; {session.command(f'skip {step.number}')} puts the reference in)"
    )
    return OK


def skip(session: Session, number: int | None) -> int:
    """Put the reference into a step, so that the learner can go on."""
    if number is None:
        raise SetupError(f"say which step: {session.command('skip N')}")
    session.ready()
    step = session.step(number)
    session.work.fill(step)
    session.work.progress.note(session.lab.name, step.id, state="skipped", points=0)
    session.console.line(
        f"Step {step.number} · {step.title}: the reference stands in your files now; it earns nothing."
    )
    session.console.line(f"What you had is in {_kept(session)}.")
    _what_next(session, None)
    return OK


def reset(session: Session, number: int | None) -> int:
    """Put the stub back into a step."""
    if number is None:
        raise SetupError(f"say which step: {session.command('reset N')}")
    if not session.work.started:
        raise SetupError(f"begin with `labs/run {session.lab.name} start`")
    step = session.step(number)
    session.work.reset(step)
    session.work.progress.forget(session.lab.name, step.id)
    session.console.line(f"Step {step.number} · {step.title}: as it was at the start.")
    session.console.line(f"What you had is in {_kept(session)}.")
    return OK


def _kept(session: Session) -> str:
    return session.work.shown(".kept/")


def diff(session: Session, number: int | None) -> int:
    """Compare a step that is passed with the reference."""
    session.ready()
    if number is None:
        raise SetupError(f"say which step: {session.command('diff N')}")
    step = session.step(number)
    state = session.work.progress.step(session.lab.name, step.id).get("state")
    if state not in ("passed", "skipped") and not _judged(session, session.judge(), step).passed:
        raise SetupError(
            f"step {step.number} is not passed yet; then there is something to compare"
        )
    same = True
    for hole in step.holes:
        yours = session.work.body(hole).splitlines()
        ours = holes.body(session.lab.reference(hole.file), hole.name).splitlines()
        lines = list(
            difflib.unified_diff(
                yours, ours, session.work.shown(hole.file), "reference", lineterm=""
            )
        )
        same = same and not lines
        for line in lines:
            session.console.line(line)
    if same:
        session.console.line("Yours is the reference, to the letter.")
    return OK


def explain(session: Session, what: str | None) -> int:
    """Walk through bytes with the chapter's own decoder."""
    session.install()
    program = session.builder.reference(session.builder.probe)
    with Probe(program, session.work.folder) as probe:
        for title, said in _conversations(session, what):
            if title:
                session.console.line(title)
            arguments = [part for pair in said for part in pair] if len(said) > 1 else [said[0][1]]
            if len(said) == 1 and said[0][0]:
                arguments = [*said[0]]
            answer = dict(probe.ask("explain", "explain", *arguments))
            session.console.line(answer["text"].decode().rstrip())
    return OK


def _conversations(session: Session, what: str | None) -> list[tuple[str, list[tuple[str, bytes]]]]:
    """What to explain: hex digits, a capture file, or the bytes of the last failure."""
    if not what:
        raise SetupError(f"explain what? {session.command('explain HEX|FILE.pcap|last')}")
    if what == "last":
        last = session.work.folder / ".last"
        if not last.exists():
            raise SetupError("no check has failed yet on bytes that could be explained")
        said = [(who, bytes.fromhex(data)) for who, data in json.loads(last.read_text())]
        return [("", [pair for pair in said if pair[1]] or [("client", b"")])]
    if Path(what).exists():
        connections = capture.read(Path(what))
        if not connections:
            raise SetupError(f"nothing was said over TCP in {what}")
        return [
            (
                f"--- {one.client[0]} port {one.client[1]} to {one.server[0]} port {one.server[1]}",
                one.said,
            )
            for one in connections
        ]
    digits = re.sub(r"(0x)|[\s:,]", "", what)
    if re.fullmatch(r"([0-9a-fA-F]{2})+", digits):
        return [("", [("", bytes.fromhex(digits))])]
    if " " in what:  # text, with \r and \n for what cannot be typed
        text = what.replace("\\r", "\r").replace("\\n", "\n").encode()
        return [("", [("", text)])]
    raise SetupError(f"{what[:40]!r} is no file, and no bytes in hexadecimal")


def graded(sessions: list[Session], files: dict[str, Path], seed: str) -> int:
    """The whole record, of every lab that was started."""
    records = []
    for session in sessions:
        for line in session.work.carry_over():
            session.console.line(line)
        started = time.monotonic()
        session.install()
        session.install_for_node()
        session.builder.prepare(session.builder.probe, *session.builder.programs)
        judge, steps = session.judge(seed, complete=True), []
        for step in session.lab.steps:
            session.console.status(f"{session.lab.name}  step {step.number}")
            steps.append(_graded(session, judge, step))
        records.append(grade.Record(session.lab, steps, seed, time.monotonic() - started))
    grade.write(records, files)
    for record in records:
        for result in record.steps:
            word = "ok" if result.passed else "skipped" if result.not_yet else "FAILED"
            mark = sessions[0].console.mark(word)
            points = f"{result.earned} of {result.step.points}"
            sessions[0].console.line(
                f"{mark}{result.step.number}  {result.step.title:<36}{points:>9}"
            )
        sessions[0].console.line(
            f"{record.lab.title}: {record.earned} of {record.lab.points} points"
        )
    return OK if all(record.finished for record in records) else FAILED


def _graded(session: Session, judge: Judge, step: Step) -> StepResult:
    """All checks of a step. What `skip` has put there is the reference's, and earns nothing."""
    result = judge.step(step, all_checks=True)
    if _is_skipped(session, step):
        for one in result.checks:
            one.verdict, one.report = "not yet", ""
    return result


def apply_wrong(lab: Lab, work: Work, step: Step, version: WrongVersion) -> None:
    """Put a stored wrong version into the learner's files: for tests, and for teachers to see what
    their students will read."""
    work.fill(step)
    hole = next(hole for hole in step.holes if hole.name == version.hole)
    body = work.body(hole)
    if body.count(version.replace) != 1:
        raise SetupError(
            f"{lab.name} {step.number} {version.name}: {version.replace!r} is {body.count(version.replace)} "
            f"times in {hole.name}"
        )
    text = holes.with_body(
        work.text(hole.file), hole.name, body.replace(version.replace, version.by)
    )
    work.path(hole.file).write_text(text)


def questions(session: Session, seed: str, answers: str | None, folder: Path) -> int:
    """A questionnaire about a capture of the learner's own: make it, or grade it."""
    return quiz.run(session.lab, seed, answers, folder, session.console)
