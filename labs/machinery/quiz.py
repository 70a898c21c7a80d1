"""Questions about a capture that is a little different for every seed, and their grading.

A lab's quiz.py has one function, quiz(draw), which returns what was said on a connection and the
questions about it.
"""

from __future__ import annotations

import re
import runpy
from dataclasses import dataclass
from pathlib import Path

from machinery import capture
from machinery.catalogue import Lab
from machinery.trial import Draw
from support.console import Console, SetupError

_ANSWER = re.compile(r"^\s*(\d+)\s*[.:)]\s*(.*?)\s*$")


@dataclass(frozen=True)
class Question:
    """One question, with an answer of few characters."""

    text: str
    answer: str
    why: str  # shown where the answer was wrong


def run(lab: Lab, seed: str, answers: str | None, folder: Path, console: Console) -> int:
    """Write the questions and the capture into a folder, or grade a file of answers."""
    said, asked = runpy.run_path(str(lab.folder / "quiz.py"))["quiz"](Draw(seed, lab.name, "quiz"))
    if answers is None:
        return _make(lab, seed, said, asked, folder, console)
    return _grade(asked, Path(answers), console)


def _make(lab: Lab, seed: str, said, asked: list[Question], folder: Path, console: Console) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    capture.write(folder / "capture.pcap", said)
    lines = [
        f"# {lab.title}: questions about a conversation (seed {seed})",
        "",
        "The conversation is in `capture.pcap`, for Wireshark, and below in hexadecimal: offset, bytes, "
        "characters. `labs/run` can explain it, but do the first questions by eye. Offsets are decimal "
        "and count from 0 in what that side has said. Write each answer behind its number in "
        "`answers.txt`.",
        "",
    ]
    for number, (who, data) in enumerate(said, 1):
        lines += [
            f"{number}. The {who} says {len(data)} bytes:",
            "",
            "```text",
            *_dump(data),
            "```",
            "",
        ]
    lines += ["## Questions", ""]
    lines += [f"{number}. {question.text}" for number, question in enumerate(asked, 1)]
    (folder / "questions.md").write_text("\n".join(lines) + "\n")
    sheet = folder / "answers.txt"
    if not sheet.exists():
        sheet.write_text("".join(f"{number}: \n" for number in range(1, len(asked) + 1)))
    console.line(f"Made questions.md, capture.pcap and answers.txt in {folder}.")
    return 0


def _grade(asked: list[Question], file: Path, console: Console) -> int:
    try:
        found = [_ANSWER.match(line) for line in file.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{file}: {error}") from None
    given = {int(match[1]): match[2] for match in found if match}
    right = 0
    for number, question in enumerate(asked, 1):
        answer = given.get(number, "")
        ok = _plain(answer) == _plain(question.answer)
        right += ok
        console.line(f"{console.mark('ok' if ok else 'FAILED')}{number}. {question.text}")
        if not ok:
            console.line(f"          yours: {answer or '(none)'}. {question.why}")
    console.line(f"{right} of {len(asked)} points")
    return 0 if right == len(asked) else 1


def _plain(answer: str) -> str:
    """What counts of an answer: not its case, spaces, quotes or the 0x of a number."""
    return re.sub(r"0x|[\s\"'`.,]", "", answer.lower())


def _dump(data: bytes) -> list[str]:
    rows = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        rows.append(f"{at:5}  {row.hex(' '):<47}  {text}")
    return rows
