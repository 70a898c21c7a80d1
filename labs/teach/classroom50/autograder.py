"""Grades a submission of the HTTP/1.1 lab for Classroom 50, which runs this in the student's checkout.

Install it as CLASSROOM/autograders/ASSIGNMENT/autograder.py. It looks for On the Wire at
/on-the-wire, where the image of labs/teach/Containerfile has it, else in on-the-wire.tar.gz beside
itself (`git archive --format=tar.gz --output=on-the-wire.tar.gz HEAD`), which it builds first.

Writes result.json and release-body.md. Exit code 0 if it has graded, whatever the verdict; else
there is no result.json, and Classroom 50 reports an error, not a score.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

LAB = "http1"
IMAGE = Path(os.environ.get("ON_THE_WIRE", "/on-the-wire"))
ARCHIVE = Path(__file__).resolve().parent / "on-the-wire.tar.gz"


def repository() -> Path:
    """Where On the Wire is, built."""
    if (IMAGE / "labs" / "run").exists():
        return IMAGE
    if not ARCHIVE.exists():
        sys.exit(f"On the Wire is neither in {IMAGE} nor in {ARCHIVE}")
    folder = Path(tempfile.mkdtemp())
    subprocess.run(["tar", "-xzf", ARCHIVE, "-C", folder], check=True)
    reference = folder / "chapters" / LAB
    if subprocess.run(
        [sys.executable, folder / "labs/teach/grade", LAB, reference, "--yes"]
    ).returncode:
        sys.exit("the reference itself does not get full marks here")
    return folder


def main() -> int:
    result = Path("result.json")
    result.unlink(missing_ok=True)
    seed = os.environ.get("USERNAME") or os.environ["OWNER"]
    command = [sys.executable, repository() / "labs/teach/grade", LAB, ".", "--seed", seed]
    code = subprocess.run([*command, "--classroom50", result]).returncode
    return 0 if code in (0, 1) else code


if __name__ == "__main__":
    sys.exit(main())
