"""Mistakes made by rule: does the report blame the field in which one was planted, and is every one
found? (Those that were thought out are in test_steps.py.)"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from labs.conftest import LABS
from machinery import holes
from support.bytes_report import difference, is_text, join

GOAL = 0.95


def faults(message):
    """(name, bytes): one mistake in one field each, made by rule."""
    for i, field in enumerate(message):
        before, after, data = message[:i], message[i + 1 :], field.data
        changes = {
            "missing": b"",
            "LF": data.replace(b"\r\n", b"\n"),
            "CR": data.replace(b"\r\n", b"\r"),
            "off by one": re.sub(rb"\d(?=\D*$)", lambda d: b"%d" % ((int(d[0]) + 1) % 10), data),
            "case": data.swapcase(),
            "NUL": data + b"\0" if len(data) > 1 and is_text(data) else data,  # numbers have none
            "reversed": data[::-1] if len(data) < 9 else data,
        }
        for name, changed in changes.items():
            if changed != data:
                yield f"{name} {field.name}", field, join(
                    [*before, replace(field, data=changed), *after]
                )


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_generated_mistakes(learner, lab, record_property):
    """In every message that a check compares: a field dropped, LF for CR LF, a digit off by one."""
    work, judge = learner(lab)
    for step in lab.steps:
        work.fill(step)
        judge.step(step, all_checks=True)
    messages = {join(message): message for _, message in judge.compared}
    total, wrong = 0, []
    for message in messages.values():
        for name, field, got in faults(message):
            found = difference(message, got, "")
            if found is None:
                continue
            total += 1
            same_bytes = field.name != found.field and _equal_fields(message, field, found.field)
            if found.field != field.name and not same_bytes:
                wrong.append((name, found.field))
    named = total - len(wrong)
    record_property("attribution", f"{named} of {total}")
    assert total > 100
    assert named >= GOAL * total, wrong


def _equal_fields(message, field, name: str) -> bool:
    """Two fields of the same bytes side by side: nobody can tell which one is missing."""
    data = {other.name: other.data for other in message}
    return data.get(name) == field.data


MECHANICAL = [
    ("LF for CR LF", r'"\\r\\n"', r'"\\n"'),
    ("off by one", r"\+ 1\b", "+ 2"),
    ("off by one", r"- 1\b", "- 2"),
    ("another base", r"\b16\)", "10)"),
    ("the opposite", r"\bif \(!", "if ("),
    ("the opposite", r" == ", " != "),
    ("the opposite", r" != ", " == "),
    ("the opposite", r" \|\| ", " && "),
    ("the opposite", r" && ", " || "),
    ("the opposite", r"\btrue\b", "false"),
    ("the opposite", r"\bfalse\b", "true"),
]


def mutations(body: str):
    """(what, body): every mechanical change, and every line that is a statement left out."""
    for what, pattern, by in MECHANICAL:
        for found in re.finditer(pattern, body):
            yield f"{what}: {found[0]}", body[: found.start()] + by + body[found.end() :]
    lines = body.splitlines(keepends=True)
    for i, line in enumerate(lines):
        if re.fullmatch(r"\s*[\w.>-]+(\(.*\)| = .*);\s*(//.*)?\n", line):
            yield f"left out: {line.strip()}", "".join([*lines[:i], *lines[i + 1 :]])


@pytest.mark.timeout(1800)  # some hundred builds
@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_mechanical_mutations_are_caught(learner, lab, record_property):
    """Whoever passes has written every part of the step: no line may be wrong unnoticed."""
    work, judge = learner(lab)
    total, survivors = 0, []
    for step in lab.steps:
        for hole in step.holes:
            reference = holes.body(lab.reference(hole.file), hole.name)
            for what, body in mutations(reference):
                work.fill(step)
                text = work.text(hole.file)
                work.path(hole.file).write_text(holes.with_body(text, hole.name, body))
                total += 1
                result = judge.step(step)
                if result.passed:
                    survivors.append(f"{step.number} {hole.name}: {what}")
    record_property("caught", f"{total - len(survivors)} of {total}")
    print("not caught:", *survivors, sep="\n")
    assert total > 50
    assert len(survivors) <= (1 - GOAL) * total, survivors
