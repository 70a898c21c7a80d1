"""What teachers use: labs/teach/. Whole submissions are graded here, as Gradescope and Classroom 50
would have them graded, and the forms that come of it are looked at key by key.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.project import ROOT

FILES = ["head.cpp", "framing.cpp", "connection.cpp", "conditional.cpp"]
TEACH = ROOT / "labs" / "teach"
REFERENCE = ROOT / "chapters" / "http1"
CLASSROOM = {
    "CLASSROOM": "networks",
    "ASSIGNMENT": "http1",
    "SUBMISSION_TAG": "submit/2026-06-01T14-32-05Z-a1b2c3d",
    "USERNAME": "ada",
    "COMMIT_URL": "https://example.org/commit",
    "RELEASE_URL": "https://example.org/release",
    "REVIEW_URL": "https://example.org/review",
}

# The first of them builds the lab, if nobody has.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def starter(tmp_path) -> Path:
    """The lab's files as a student gets them."""
    sys.path.append(str(ROOT / "labs"))
    from machinery import catalogue
    from machinery.work import Work

    work = Work(catalogue.load("http1"), tmp_path / "starter")
    work.start()
    return work.folder


@pytest.fixture
def gradescope(tmp_path):
    """gradescope(submission, ...): run_autograder's exit code, output and results.json, if any."""
    base = tmp_path / "autograder"
    (base / "results").mkdir(parents=True)
    (base / "source").symlink_to(ROOT)
    (base / "results" / "results.json").write_text("left over")

    def grade(submission: Path, users=("ada@example.edu",), source=ROOT, **env):
        (base / "source").unlink()
        (base / "source").symlink_to(source)
        (base / "submission").symlink_to(submission)
        users = {"users": [{"email": user, "id": 1, "name": user} for user in users]}
        (base / "submission_metadata.json").write_text(json.dumps(users))
        ended = run([TEACH / "gradescope" / "run_autograder"], AUTOGRADER_ROOT=base, **env)
        results = base / "results" / "results.json"
        return (
            ended.returncode,
            ended.stdout,
            json.loads(results.read_text()) if results.exists() else None,
        )

    return grade


def run(command: list, cwd: Path = ROOT, **env) -> subprocess.CompletedProcess:
    env = {**os.environ, **{name: str(value) for name, value in env.items()}}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def handed_in(folder: Path, source: Path = REFERENCE, but: str = "") -> Path:
    """A submission of the four files, or of three."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        if file != but:
            shutil.copy(source / file, folder)
    return folder


def without_compiler(folder: Path) -> dict:
    """An environment in which scripts run, but nothing can be built."""
    folder.mkdir()
    for name in "bash basename cat chmod cp dirname env id mktemp rm timeout".split():
        (folder / name).symlink_to(shutil.which(name))
    (folder / "python3").symlink_to(sys.executable)
    return {"PATH": folder}


def crashing(folder: Path) -> Path:
    """A repository whose labs/run ends with 1 and without a verdict, as with an uncaught exception."""
    for name in ("chapters", "tests", "labs/http1", "labs/machinery"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(TEACH, folder / "labs" / "teach")
    (folder / "labs" / "run").write_text("raise SystemExit('no space left on device')\n")
    return folder


# --- Gradescope


def check_results(results: dict, score: int) -> None:
    """What Gradescope's specification of results.json says of each key."""
    assert set(results) == {
        "score", "execution_time", "output", "output_format", "stdout_visibility", "tests",
    }  # fmt: skip
    assert results["score"] == sum(test["score"] for test in results["tests"]) == score
    assert isinstance(results["execution_time"], int)
    assert isinstance(results["output"], str)
    assert results["output_format"] == "text"
    assert results["stdout_visibility"] == "hidden"
    assert sum(test["max_score"] for test in results["tests"]) == 100
    for test in results["tests"]:
        assert set(test) == {
            "name", "number", "score", "max_score", "status", "output", "output_format", "visibility",
        }  # fmt: skip
        assert test["name"].startswith("http1 ")
        assert [part.isdigit() for part in test["number"].split(".")] == [True, True]
        assert isinstance(test["score"], int) and isinstance(test["max_score"], int)
        assert test["status"] in ("passed", "failed")
        assert bool(test["output"]) == (test["status"] == "failed")
        assert test["output_format"] == "text"
        assert test["visibility"] == "visible"


def test_gradescope_reference(gradescope, tmp_path):
    code, _, results = gradescope(handed_in(tmp_path / "in"), users=["zoe@a.edu", "ada@a.edu"])
    assert code == 0
    check_results(results, score=110)  # the extension is on top
    assert {test["status"] for test in results["tests"]} == {"passed"}
    assert "seed ada@a.edu+zoe@a.edu" in results["output"]


def test_gradescope_starter(gradescope, starter):
    code, _, results = gradescope(starter)
    assert code == 0
    check_results(results, score=0)
    assert {test["output"] for test in results["tests"]} == {"not implemented yet"}


@pytest.mark.parametrize("file", FILES)
def test_gradescope_missing_file(gradescope, tmp_path, file):
    code, output, results = gradescope(handed_in(tmp_path / "in", but=file))
    assert code == 0
    check_results(results, score=0)
    assert f"{file} is missing" in results["output"]
    assert f"{file} is missing" in output


def test_gradescope_without_compiler(gradescope, tmp_path):
    env = without_compiler(tmp_path / "bin")
    code, output, results = gradescope(handed_in(tmp_path / "in"), **env)
    assert (code, results) == (2, None)
    assert "C++ compiler" in output
    assert "says nothing about the submission" in output


def test_gradescope_crash(gradescope, tmp_path):
    code, output, results = gradescope(
        handed_in(tmp_path / "in"), source=crashing(tmp_path / "wire")
    )
    assert (code, results) == (2, None)
    assert "no space left" in output


def test_gradescope_nobody(gradescope, tmp_path):
    code, output, results = gradescope(handed_in(tmp_path / "in"), users=[{}])
    assert (code, results) == (2, None)


def test_bundle(tmp_path):
    """The scripts stand at the root, can be executed, and are those of the commit."""
    fake = tmp_path / "bin" / "apt-get"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nfor last; do :; done\ntouch $last.deb\n")
    fake.chmod(0o755)
    bundle = tmp_path / "autograder.zip"
    command = [TEACH / "gradescope" / "make-bundle", "HEAD", bundle]
    ended = run(command, PATH=f"{fake.parent}:{os.environ['PATH']}")
    if "needs Debian 12" in ended.stdout:
        pytest.skip("the bundle is made on Debian 12")
    assert ended.returncode == 0, ended.stdout
    with zipfile.ZipFile(bundle) as file:
        for name in ("setup.sh", "run_autograder", "labs/run", "labs/teach/grade"):
            assert file.getinfo(name).external_attr >> 16 & 0o111, f"{name} cannot be executed"
        for name in ("setup.sh", "run_autograder"):
            assert file.read(name) == file.read(f"labs/teach/gradescope/{name}")
        assert "packages/libfmt9.deb" in file.namelist()


# --- Classroom 50


@pytest.fixture
def classroom50(tmp_path):
    """classroom50(checkout, ...): autograder.py's exit code, result.json and release-body.md."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    shutil.copy(TEACH / "classroom50" / "autograder.py", bundle)

    def grade(checkout: Path, image=ROOT, **env):
        (checkout / "result.json").write_text("left over")
        env = {**CLASSROOM, "ON_THE_WIRE": image, **env}
        ended = run([sys.executable, bundle / "autograder.py"], cwd=checkout, **env)
        result, body = checkout / "result.json", checkout / "release-body.md"
        return (
            ended.returncode,
            json.loads(result.read_text()) if result.exists() else None,
            body.read_text() if body.exists() else ended.stdout,
        )

    return grade


def check_result(result: dict, score: int) -> None:
    """What schemas/result-v1.schema.json and the validators of Classroom 50 want. Its runner adds
    what is missing of the owner and the dates."""
    assert set(result) == {
        "schema", "classroom", "assignment", "submission", "commit", "release", "review",
        "datetime", "score", "max-score", "tests",
    }  # fmt: skip
    assert result["schema"] == "classroom50/result/v1"
    assert result["classroom"] == CLASSROOM["CLASSROOM"]
    assert result["assignment"] == CLASSROOM["ASSIGNMENT"]
    assert result["submission"] == CLASSROOM["SUBMISSION_TAG"]
    assert result["commit"] == CLASSROOM["COMMIT_URL"]
    assert result["release"] == CLASSROOM["RELEASE_URL"]
    assert result["review"] == CLASSROOM["REVIEW_URL"]
    assert len(result["datetime"]) == len("2026-06-01T14:32:01Z") and result["datetime"][-1] == "Z"
    for tests in (result["tests"], [result]):
        for test in tests:
            assert isinstance(test["score"], int) and isinstance(test["max-score"], int)
            assert 0 <= test["score"] <= test["max-score"]  # else the whole payload is refused
    assert result["score"] == sum(test["score"] for test in result["tests"]) == score
    assert result["max-score"] == sum(test["max-score"] for test in result["tests"])
    for test in result["tests"]:
        assert {"test-name", "passed", "score", "max-score"} <= set(test)
        assert test["test-name"].startswith("http1 ")
        assert isinstance(test["passed"], bool)


def test_classroom50_reference(classroom50, tmp_path):
    code, result, body = classroom50(handed_in(tmp_path / "checkout"))
    assert code == 0
    check_result(result, score=result["max-score"])
    assert all(test["passed"] for test in result["tests"])
    assert "seed ada" in body


def test_classroom50_starter(classroom50, starter):
    code, result, body = classroom50(starter)
    assert code == 0
    check_result(result, score=0)
    assert "not yet" in body


def test_classroom50_missing_file(classroom50, tmp_path):
    code, result, body = classroom50(handed_in(tmp_path / "checkout", but="framing.cpp"))
    assert code == 0
    check_result(result, score=0)
    assert body.startswith("**Nothing was judged.** framing.cpp is missing")


def test_classroom50_without_compiler(classroom50, tmp_path):
    env = without_compiler(tmp_path / "bin")
    code, result, _ = classroom50(handed_in(tmp_path / "checkout"), **env)
    assert (code, result) == (2, None)


def test_classroom50_crash(classroom50, tmp_path):
    image = crashing(tmp_path / "wire")
    code, result, _ = classroom50(handed_in(tmp_path / "checkout"), image=image)
    assert (code, result) == (2, None)


def test_classroom50_nothing_installed(classroom50, tmp_path):
    code, result, output = classroom50(handed_in(tmp_path / "checkout"), image=tmp_path / "no")
    assert (code, result) == (1, None)
    assert "On the Wire is neither in" in output


# --- What was handed in, and how. (No toolchain: what gets as far as labs/run ends with 2.)


def collected(submission: Path, tmp_path: Path) -> str:
    """What labs/teach/grade says; "judged" where it would have begun to judge."""
    env = without_compiler(tmp_path / "bin")
    ended = run([sys.executable, TEACH / "grade", "http1", submission], **env)
    assert ended.returncode in (1, 2)
    return "judged" if ended.returncode == 2 else ended.stdout.strip()


def test_files_in_a_folder(tmp_path):
    handed_in(tmp_path / "in" / "homework" / "http1")
    assert collected(tmp_path / "in", tmp_path) == "judged"


def test_what_stands_beside_them(tmp_path):
    for folder in ("", ".start", ".kept", "__MACOSX"):
        handed_in(tmp_path / "in" / folder)
    assert collected(tmp_path / "in", tmp_path) == "judged"


def test_whole_repository(tmp_path):
    """Git ignores labs/work/: who hands in a clone has handed in the reference, and nothing else."""
    handed_in(tmp_path / "in" / "chapters" / "http1")
    assert collected(tmp_path / "in", tmp_path).startswith("None of the lab's files was handed in")


def test_whole_repository_with_work(tmp_path):
    handed_in(tmp_path / "in" / "chapters" / "http1")
    handed_in(tmp_path / "in" / "old")
    handed_in(tmp_path / "in" / "labs" / "work" / "http1")
    assert collected(tmp_path / "in", tmp_path) == "judged"


def test_two_folders(tmp_path):
    handed_in(tmp_path / "in" / "a")
    handed_in(tmp_path / "in" / "b")
    assert "files of the lab in a/, b/" in collected(tmp_path / "in", tmp_path)


def test_symbolic_link(tmp_path):
    """It could lead to the reference."""
    folder = handed_in(tmp_path / "in", but="head.cpp")
    (folder / "head.cpp").symlink_to(REFERENCE / "head.cpp")
    assert "head.cpp is missing" in collected(folder, tmp_path)


def test_lost_marks(tmp_path):
    folder = handed_in(tmp_path / "in")
    head = folder / "head.cpp"
    head.write_text(head.read_text().replace("// region request-line", ""))
    said = collected(folder, tmp_path)
    assert "head.cpp has lost the lines `// region request-line`" in said
    assert "labs/run http1 reset 1" in said


def test_no_text(tmp_path):
    folder = handed_in(tmp_path / "in")
    (folder / "head.cpp").write_bytes(b"// caf\xe9\n")
    assert collected(folder, tmp_path) == "head.cpp is no text in UTF-8."


def test_files_of_the_lab(starter):
    """The pages for teachers name them, too."""
    assert sorted(file.name for file in starter.glob("*.cpp")) == sorted(FILES)
    text = (TEACH / "README.md").read_text()
    assert all(f"`{file}`" in text for file in FILES)
