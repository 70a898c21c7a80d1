"""Test results of every kind in one form: JUnit files in, a line a suite and one JUnit file out."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from support.console import Console

_DETAIL_LINES = 120  # of one failure; the JUnit file has all of it


@dataclass
class Case:
    """One test: its verdict, and what there is to say about it."""

    name: str
    verdict: str = "passed"  # or "failed", "skipped"
    text: str = ""
    seconds: float = 0.0


@dataclass
class Suite:
    """Tests that ran together."""

    name: str
    cases: list[Case] = field(default_factory=list)
    seconds: float = 0.0

    def count(self, verdict: str) -> int:
        return sum(case.verdict == verdict for case in self.cases)


def read_junit(file: Path) -> list[Case]:
    """The test cases of a JUnit file, as pytest and Catch2 (2 and 3) write it."""
    cases = []
    for element in ET.parse(file).iter("testcase"):
        names = [element.get("classname", ""), element.get("name", "")]
        case = Case(" / ".join(filter(None, names)), seconds=float(element.get("time") or 0))
        for child in element:
            if child.tag in ("failure", "error"):
                case.verdict = "failed"
                case.text += child.text or child.get("message", "")
            elif child.tag == "skipped" and case.verdict == "passed":
                case.verdict, case.text = "skipped", child.get("message", "")
        if case.verdict == "failed":  # then what it printed is of interest, too
            case.text += "".join(f"\n{child.text}" for child in element.findall("system-out"))
        cases.append(case)
    return cases


class Report:
    """Shows each suite as it ends, and knows the sums."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.suites: list[Suite] = []

    def add(self, suite: Suite) -> None:
        """Print a suite's line; details only for what failed, a reason for what was skipped."""
        self.suites.append(suite)
        passed, failed, skipped = map(suite.count, ("passed", "failed", "skipped"))
        mark = self.console.mark("FAILED" if failed else "ok" if passed else "skipped")
        counts = f"{passed:>6} passed"
        counts += f"{failed:>5} failed" if failed else " " * 12
        counts += f"{skipped:>5} skipped" if skipped else " " * 13
        self.console.line(f"{mark}{suite.name:<32}{counts}{suite.seconds:>8.1f} s")
        reasons = Counter(case.text for case in suite.cases if case.verdict == "skipped")
        for reason, times in reasons.items():
            self.console.line(
                f"          skipped: {reason}" + (f" ({times} tests)" if times > 1 else "")
            )
        for case in suite.cases:
            if case.verdict == "failed":
                self._show_failure(case)

    def note(self, text: str, seconds: float) -> None:
        """Something that took time and is not a test."""
        self.console.line(f"        {text:<63}{seconds:>8.1f} s")

    def _show_failure(self, case: Case) -> None:
        self.console.line(f"\n  {case.name}")
        lines = case.text.strip("\n").splitlines()
        for line in lines[:_DETAIL_LINES]:
            self.console.line(f"    {line}")
        if len(lines) > _DETAIL_LINES:
            self.console.line(f"    ... {len(lines) - _DETAIL_LINES} lines more")
        self.console.line()

    def count(self, verdict: str) -> int:
        return sum(suite.count(verdict) for suite in self.suites)

    def closing_line(self) -> str:
        """The sums over everything that ran."""
        return ", ".join(
            f"{self.count(verdict)} {verdict}" for verdict in ("passed", "failed", "skipped")
        )

    def write_junit(self, file: Path) -> None:
        """All suites as one JUnit file."""
        root = ET.Element("testsuites")
        for suite in self.suites:
            element = ET.SubElement(
                root,
                "testsuite",
                name=suite.name,
                tests=str(len(suite.cases)),
                failures=str(suite.count("failed")),
                skipped=str(suite.count("skipped")),
                time=f"{suite.seconds:.3f}",
            )
            for case in suite.cases:
                child = ET.SubElement(
                    element,
                    "testcase",
                    classname=suite.name,
                    name=case.name,
                    time=f"{case.seconds:.3f}",
                )
                if case.verdict != "passed":
                    tag = "failure" if case.verdict == "failed" else "skipped"
                    text = _xml_text(case.text)
                    ET.SubElement(child, tag, message=text[:200]).text = text
        file.parent.mkdir(parents=True, exist_ok=True)
        ET.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)


def _xml_text(text: str) -> str:
    """XML has no way to write most control characters."""
    return "".join(c if c >= " " or c in "\t\n" else f"\\x{ord(c):02x}" for c in text)
