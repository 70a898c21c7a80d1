"""labs/run as a learner uses it: in a terminal and without one, with the mistakes that happen."""

from __future__ import annotations

import json
import os
import pty
import re
import runpy
import select
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

import pytest

from labs.conftest import LABS
from machinery import capture, commands, holes
from machinery.trial import Draw
from machinery.work import Work
from support.project import ROOT

TIMEOUT = 100
HTTP1 = LABS["http1"]


@pytest.fixture
def labs(tmp_path):
    """labs(*arguments): runs labs/run on work of its own; (exit code, output)."""

    def run(*arguments: str, code: int | None = 0, **environment: str) -> str:
        result = subprocess.run(
            [sys.executable, ROOT / "labs" / "run", "--work", tmp_path / "work", *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
            env={**os.environ, **environment},
        )
        output = result.stdout + result.stderr
        assert code is None or result.returncode == code, output
        assert "Traceback" not in output
        return output

    return run


@pytest.fixture
def work(tmp_path) -> Work:
    return Work(HTTP1, tmp_path / "work")


def write(work: Work, number: int, wrong: str = "") -> None:
    """Do a step as the reference does it, or with one of the stored mistakes."""
    step = HTTP1.steps[number - 1]
    if wrong:
        version = next(version for version in step.wrong if version.name == wrong)
        commands.apply_wrong(HTTP1, work, step, version)
    else:
        work.fill(step)


def test_start_check_skip_grade(labs, work, tmp_path):
    assert "not started" in labs()
    assert "begin with `labs/run http1 start`" in labs("http1", "check", code=2)

    output = labs("http1", "start")
    assert "That is intended: it is to fail" in output and "likely    LF alone" in output
    assert "Step 1 · The request line" in output
    assert "Nothing was changed" in labs("http1", "start")

    write(work, 1, "space-kept")
    output = labs("http1", "check", code=1)
    assert "REFUSED: request-target" in output
    assert "labs/run http1 hint 1" in output
    assert "request head" in labs("http1", "explain", "last")
    write(work, 1)
    output = labs("http1", "check", code=1)
    assert re.search(r"1 +The request line +10 of 10", output)
    assert "Step 2 · Field lines" in output and "not implemented yet" in output

    assert "1. " in labs("http1", "hint") and "2. " in labs("http1", "hint", "2")
    assert "say which step" in labs("http1", "skip", code=2)
    assert "earns nothing" in labs("http1", "skip", "2")
    assert "Step 3" in labs("http1", "check", code=1)
    assert "to the letter" in labs("http1", "diff", "1")
    assert "not passed yet" in labs("http1", "diff", "3", code=2)
    listed = labs()
    assert re.search(r"1 +The request line +passed +10 of 10", listed)
    assert re.search(r"2 +Field lines +skipped +0 of 12", listed)
    assert "Next: labs/run http1 check" in listed

    output = labs("grade", "--junit", str(tmp_path / "junit.xml"), code=1)
    assert "HTTP/1.1: 10 of 100 points" in output
    cases = ET.parse(tmp_path / "junit.xml").findall(".//testcase")
    assert len(cases) == sum(len(step.checks) for step in HTTP1.steps)

    assert "as it was at the start" in labs("http1", "reset", "1")
    assert "not implemented yet" in labs("http1", "check", "1", code=1)
    kept = "".join(file.read_text() for file in (work.folder / ".kept").iterdir())
    assert "request.method = line.substr(0, first)" in kept  # what reset took away


def test_the_whole_lab_passes_and_is_graded_in_every_form(labs, work, tmp_path):
    labs("http1", "start")
    for step in HTTP1.steps:
        write(work, step.number)
    assert "All of HTTP/1.1 is done" in labs("http1", "check")
    files = {form: tmp_path / form for form in ("junit", "gradescope", "classroom50", "markdown")}
    arguments = [word for form, file in files.items() for word in (f"--{form}", str(file))]
    started = time.monotonic()
    assert "110 of 100 points" in labs("grade", "http1", *arguments, "--seed", "alice")
    print(f"graded in {time.monotonic() - started:.1f} s")
    scope = json.loads(files["gradescope"].read_text())
    assert scope["score"] == 110 and sum(test["max_score"] for test in scope["tests"]) == 100
    result = json.loads(files["classroom50"].read_text())
    assert (result["score"], result["max-score"]) == (100, 100)  # it knows no extra credit
    assert all(test["passed"] for test in result["tests"])
    assert (tmp_path / "release-body.md").read_text() == files["markdown"].read_text()


def test_an_answer_with_the_bytes_written_into_it_fails(labs, work):
    labs("http1", "start")
    hole = HTTP1.steps[0].holes[0]
    body = (
        'request.method = line.starts_with("GET") ? "GET" : "DELETE";\n'
        'request.target = "/maple/458";\nversion = "HTTP/1.1";\n'
    )
    text = holes.with_body(work.text(hole.file), hole.name, body)
    work.path(hole.file).write_text(text)
    output = labs("http1", "check", "1", "--seed", "alice", code=1)
    assert "WRONG VALUE: request-target" in output


def test_points_for_a_part(labs, work, tmp_path):
    labs("http1", "start")
    write(work, 1, "query-dropped")
    labs("grade", "--gradescope", str(tmp_path / "results.json"), code=1)
    tests = json.loads((tmp_path / "results.json").read_text())["tests"]
    first = [test["score"] for test in tests if test["number"].startswith("1.")]
    assert first == [4, 0, 2, 2]
    failed = next(test for test in tests if test["number"] == "1.2")
    assert "WRONG VALUE: request-target" in failed["output"]


def test_compiler_errors_name_the_learners_line(labs, work):
    labs("http1", "start")
    hole = HTTP1.steps[0].holes[0]
    text = holes.with_body(work.text(hole.file), hole.name, "  request.methud = line;\n")
    work.path(hole.file).write_text(text)
    number = text.splitlines().index("  request.methud = line;") + 1
    output = labs("http1", "check", code=1)
    assert "it does not compile" in output
    assert f"head.cpp:{number}:" in output and "methud" in output
    assert len(output.splitlines()) < 16


CRASHES = [
    ("  request.method = std::string(line.data() - 4000, 100000);\n", "A CRASH: "),
    (
        "  for (std::size_t i = 0;; ++i) request.minor_version = static_cast<int>(i & 1);\n",
        "AN ENDLESS LOOP",
    ),
    ("  request.method = line.substr(99999);\n", "AN EXCEPTION"),
    (
        "  int n = 2147483647;\n  request.minor_version = n + static_cast<int>(line.size());\n",
        "A CRASH: ",
    ),
]


@pytest.mark.parametrize("body, said", CRASHES)
def test_bad_ends_are_told_apart(labs, work, body, said):
    labs("http1", "start")
    hole = HTTP1.steps[0].holes[0]
    text = holes.with_body(work.text(hole.file), hole.name, body)
    work.path(hole.file).write_text(text)
    output = labs("http1", "check", code=1)
    assert said in output
    if "EXCEPTION" not in said:
        first = holes.regions(text)[hole.name].first + 1
        lines = range(first, first + len(body.splitlines()))
        assert any(f"head.cpp:{number}" in output.split(said)[1] for number in lines), output


def test_inherited_faults_are_told_apart(labs, work):
    """A mistake of step 4 that step 8 runs into."""
    labs("http1", "start")
    write(work, 3)
    write(work, 4)
    hole = HTTP1.steps[3].holes[0]
    body = work.body(hole).replace("size, 16)", "size, 10)")
    work.path(hole.file).write_text(holes.with_body(work.text(hole.file), hole.name, body))
    write(work, 8)
    output = labs("http1", "check", "8", code=1)
    assert "look for the fault in what you wrote for step 3, 4" in output
    assert "13 of 13 points" in labs("http1", "check", "8", "--solo")


def test_a_reference_that_changes(labs, work):
    """Work that was begun with an older reference is carried over; nothing is lost."""
    labs("http1", "start")
    write(work, 1)
    for folder in (work.folder, work.folder / ".start"):  # as if the reference had been older
        file = folder / "head.cpp"
        file.write_text(file.read_text().replace("max_fields)", "older_limit)"))
    output = labs("http1", "check", "1")
    assert "the reference has changed, and your work was carried over" in output
    assert "older_limit" not in work.text("head.cpp")
    assert "request.method = line.substr(0, first)" in work.text("head.cpp")
    assert "carried over" not in labs("http1", "check", "1")


def test_what_both_changed_stays_the_learners(labs, work):
    labs("http1", "start")
    for folder in (work.folder, work.folder / ".start"):
        file = folder / "head.cpp"
        file.write_text(file.read_text().replace("max_fields)", "older_limit)"))
    file = work.path("head.cpp")
    file.write_text(file.read_text().replace("older_limit)", "my_limit)"))
    output = labs("http1", "check", "1", code=1)
    assert "both you and the reference changed it" in output
    assert "my_limit" in work.text("head.cpp")
    assert (work.folder / ".kept" / "head.cpp.new-starter").exists()


def test_marks_that_are_gone(labs, work):
    labs("http1", "start")
    file = work.path("head.cpp")
    file.write_text(re.sub(r".*// region request-line\n", "", file.read_text()))
    output = labs("http1", "check", code=2)
    assert "head.cpp" in output and "reset 1" in output
    labs("http1", "reset", "1")
    assert "not implemented yet" in labs("http1", "check", "1", code=1)


def test_explain(labs, tmp_path):
    hexadecimal = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".hex()
    output = labs("http1", "explain", hexadecimal)
    assert "client → server  request head, 27 bytes" in output and "RFC 9112 §3" in output
    output = labs("http1", "explain", b"GET /\r\n\r\n".hex(" "))
    assert "malformed: " in output
    said = [
        ("client", b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("server", b"HTTP/1.1 200 OK\r\n\r\n"),
    ]
    capture.write(tmp_path / "talk.pcap", said)
    output = labs("http1", "explain", str(tmp_path / "talk.pcap"))
    assert "client ← server  response head, 19 bytes" in output
    for bad in ("xyz", "abc", str(tmp_path / "nothing.pcap")):
        assert "labs/run: " in labs("http1", "explain", bad, code=2)


def test_usage(labs):
    for arguments in (["nothing"], ["http1", "nothing"], ["http1", "check", "two"]):
        assert "labs/run: " in labs(*arguments, code=2)
    labs("http1", "start")
    assert "steps 1 to 9" in labs("http1", "check", "10", code=2)
    assert "nothing to grade" in labs("grade", "sse", code=2)


def test_a_missing_package_is_no_zero(labs, work, tmp_path):
    """Without a compiler nothing can be said about the work: exit 2, and nothing is written."""
    labs("http1", "start")
    empty = tmp_path / "empty"
    empty.mkdir()
    results = tmp_path / "results.json"
    output = labs("grade", "--gradescope", str(results), code=2, PATH=str(empty))
    assert "missing" in output
    assert not results.exists()


class Terminal:
    """labs/run in a pseudo-terminal."""

    def __init__(self, *arguments) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execv(
                sys.executable, [sys.executable, str(ROOT / "labs" / "run"), *map(str, arguments)]
            )
        self.output = ""

    def wait_for(self, text: str) -> None:
        """Read until the text comes; what was before it counts no more."""
        deadline = time.monotonic() + TIMEOUT
        while text not in self.output:
            ready, _, _ = select.select([self._fd], [], [], max(deadline - time.monotonic(), 0))
            # It redraws its status all the time: that something came is no reason to wait longer.
            assert ready and time.monotonic() < deadline, f"no {text!r} in {self.output}"
            self.output += os.read(self._fd, 4096).decode(errors="replace")
        self.output = self.output.partition(text)[2]

    def press(self, key: str) -> None:
        os.write(self._fd, key.encode())

    def end(self) -> int:
        """Its exit code."""
        try:
            while os.read(self._fd, 4096):
                pass
        except OSError:  # EIO: the other side is closed
            pass
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_watch_in_a_terminal(labs, work):
    labs("http1", "start")
    terminal = Terminal("--work", work.folder.parent, "http1", "check", "--watch")
    terminal.wait_for("not implemented yet")
    terminal.wait_for("watching")
    write(work, 1)
    terminal.wait_for("10 of 10")
    terminal.wait_for("watching")
    terminal.press("h")
    terminal.wait_for("1. ")
    terminal.press("?")
    terminal.wait_for("q(uit)")
    terminal.press("q")
    assert terminal.end() == 1  # step 2 is still open


def test_watch_without_a_terminal(labs, work, tmp_path):
    labs("http1", "start")
    command = [
        sys.executable,
        ROOT / "labs" / "run",
        "--work",
        tmp_path / "work",
        "http1",
        "check",
        "1",
    ]
    with subprocess.Popen(
        [*command, "--watch"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        lines = iter(process.stdout.readline, "")
        assert any("not implemented yet" in line for line in lines)
        write(work, 1)
        assert any("10 of 10 points" in line for line in lines)
        process.terminate()
        assert "\033" not in process.stdout.read()


def test_quiz(labs, tmp_path):
    labs("http1", "quiz", "--seed", "alice")
    folder = tmp_path / "work" / "http1" / "quiz"
    text = (folder / "questions.md").read_text()
    assert "seed alice" in text and "10. " in text
    [connection] = capture.read(folder / "capture.pcap")
    answers = folder / "answers.txt"
    output = labs("http1", "quiz", "--seed", "alice", "--answers", str(answers), code=1)
    assert "0 of 10 points" in output
    _, asked = runpy.run_path(str(HTTP1.folder / "quiz.py"))["quiz"](Draw("alice", "http1", "quiz"))
    right = [question.answer for question in asked]
    assert not any(f" {answer}." in output for answer in right if len(answer) > 2)  # none is told
    answers.write_text("".join(f"{n}: {answer}\n" for n, answer in enumerate(right, 1)))
    assert "10 of 10 points" in labs("http1", "quiz", "--seed", "alice", "--answers", str(answers))
    assert "10 of 10" not in labs(
        "http1", "quiz", "--seed", "bob", "--answers", str(answers), code=1
    )
    first = connection.said[0][1]
    assert right[0] == str(len(first))
    assert first[int(right[1]) - 6 :].startswith(b"Host: ")
