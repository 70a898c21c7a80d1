"""The whole record of a learner's labs, in the forms in which courses want it."""

from __future__ import annotations

import datetime
import json
import os
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from machinery.catalogue import Lab
from machinery.judge import CheckResult, StepResult


@dataclass
class Record:
    """What came of all steps of one lab."""

    lab: Lab
    steps: list[StepResult]
    seed: str
    seconds: float

    @property
    def earned(self) -> int:
        """Extensions included: they are on top."""
        return sum(step.earned for step in self.steps)

    @property
    def finished(self) -> bool:
        """Whether all is passed that has to be."""
        return all(step.passed for step in self.steps if not step.step.extension)

    def checks(self):
        for step in self.steps:
            for check in step.checks:
                yield step, check


def explained(check: CheckResult) -> str:
    """A check's verdict in words."""
    if check.verdict == "passed":
        return ""
    if check.verdict == "not yet":
        return "not implemented yet"
    at = f"\nwritten by {check.written_at}" if check.written_at else ""
    return f"{check.report}{at}"


def _name(record: Record, step: StepResult, check: CheckResult) -> str:
    return f"{record.lab.name} {step.step.number} {step.step.title}: {check.title}"


def junit(records: list[Record]) -> str:
    """JUnit XML, a suite a lab; points and message stand among the properties of each case."""
    root = ET.Element("testsuites")
    for record in records:
        cases = list(record.checks())
        suite = ET.SubElement(
            root,
            "testsuite",
            name=record.lab.name,
            tests=str(len(cases)),
            failures=str(sum(check.verdict != "passed" for _, check in cases)),
            time=f"{record.seconds:.3f}",
        )
        for step, check in cases:
            case = ET.SubElement(
                suite,
                "testcase",
                classname=f"{record.lab.name}.{step.step.number:02}-{step.step.id}",
                name=check.title,
                time=f"{check.seconds:.3f}",
            )
            properties = ET.SubElement(case, "properties")
            for name, text in (
                ("points", str(check.earned)),
                ("max-points", str(check.points)),
                ("message", explained(check)),
            ):
                ET.SubElement(properties, "property", name=name, value=_xml_text(text))
            if check.verdict != "passed":
                text = _xml_text(explained(check))
                failure = ET.SubElement(case, "failure", message=text.partition("\n")[0])
                failure.text = text
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def gradescope(records: list[Record]) -> str:
    """Gradescope's results.json."""
    tests = []
    for record in records:
        for step, check in record.checks():
            test = {
                "name": _name(record, step, check),
                "number": f"{step.step.number}.{step.checks.index(check) + 1}",
                "score": check.earned,
                "max_score": 0 if step.step.extension else check.points,
                "status": "passed" if check.verdict == "passed" else "failed",
                "output": explained(check),
                "output_format": "text",
                "visibility": "visible",
            }
            tests.append(test)
    return _json(
        {
            "score": sum(record.earned for record in records),
            "execution_time": round(sum(record.seconds for record in records)),
            "output": "\n".join(_summary(record) for record in records),
            "output_format": "text",
            "stdout_visibility": "hidden",
            "tests": tests,
        }
    )


def classroom50(records: list[Record]) -> str:
    """Classroom 50's result.json (schema classroom50/result/v1). What identifies the submission
    comes from the environment, where its runner puts it. It refuses scores above the maximum, so
    an extension counts for nothing here; release-body.md tells its points."""
    tests = [
        {
            "test-name": _name(record, step, check),
            "passed": check.verdict == "passed",
            "score": 0 if step.step.extension else check.earned,
            "max-score": 0 if step.step.extension else check.points,
        }
        for record in records
        for step, check in record.checks()
    ]
    env = os.environ.get
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _json(
        {
            "schema": "classroom50/result/v1",
            "classroom": env("CLASSROOM", ""),
            "assignment": env("ASSIGNMENT", ""),
            "submission": env("SUBMISSION_TAG", ""),
            "commit": env("COMMIT_URL", ""),
            "release": env("RELEASE_URL", ""),
            "review": env("REVIEW_URL") or env("COMMIT_URL", ""),
            "datetime": now,
            "score": sum(test["score"] for test in tests),
            "max-score": sum(test["max-score"] for test in tests),
            "tests": tests,
        }
    )


def markdown(records: list[Record]) -> str:
    """A page with a table a lab, and a report for all that failed."""
    out = []
    for record in records:
        out += [f"# {record.lab.title}", "", _summary(record), ""]
        out += ["| step | check | points | verdict |", "|---|---|---|---|"]
        for step, check in record.checks():
            place = f"{step.step.number} {step.step.title}"
            points = f"{check.earned} of {check.points}"
            out.append(f"| {place} | {check.title} | {points} | {check.verdict} |")
        for step, check in record.checks():
            if check.verdict == "failed":
                title = f"## Step {step.step.number}: {check.title}"
                out += ["", title, "", "```text", explained(check).replace("```", "'''"), "```"]
        out.append("")
    return "\n".join(out)


def write(records: list[Record], files: dict[str, Path]) -> None:
    """Write the forms that were asked for: {"junit": path, ...}."""
    forms = {
        "junit": junit,
        "gradescope": gradescope,
        "classroom50": classroom50,
        "markdown": markdown,
    }
    for form, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(forms[form](records))
        if form == "classroom50":  # its rows have no room for words
            (file.parent / "release-body.md").write_text(markdown(records))


def _summary(record: Record) -> str:
    return (
        f"{record.lab.title}: {record.earned} of {record.lab.points} points "
        f"(seed {record.seed}, {record.seconds:.0f} s)"
    )


def _json(value: dict) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _xml_text(text: str) -> str:
    """XML has no way to write most control characters."""
    return "".join(
        c if (c >= " " or c in "\t\n") and c not in "\ufffe\uffff" else f"\\x{ord(c):02x}"
        for c in text
    )
