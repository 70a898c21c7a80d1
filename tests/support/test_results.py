"""What counts as passed, failed and skipped, and where packages are looked for."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from support import system
from support.console import Console
from support.peers import MANIFESTS
from support.results import Case, Report, Suite, read_junit

JUNIT = """<testsuites><testsuite name="x">
<testcase classname="a" name="good" time="0.5"><system-out>noise</system-out></testcase>
<testcase classname="a" name="bad">
  <failure message="m">1 == 2</failure><system-out>printed</system-out>
</testcase>
<testcase classname="a" name="broken"><error message="terminated"/></testcase>
<testcase classname="a" name="left out">
  <skipped message="nginx is not installed">x.py:1: nginx is not installed</skipped>
</testcase>
</testsuite></testsuites>"""


def test_read_junit(tmp_path):
    file = tmp_path / "x.xml"
    file.write_text(JUNIT)
    good, bad, broken, left_out = read_junit(file)
    assert good == Case("a / good", seconds=0.5)
    assert bad == Case("a / bad", "failed", "1 == 2\nprinted")
    assert broken == Case("a / broken", "failed", "terminated")
    assert left_out == Case("a / left out", "skipped", "nginx is not installed")


def test_report(tmp_path, capsys):
    report = Report(Console())
    report.add(Suite("first", [Case("a"), Case("b", "failed", "why\x00")]))
    report.add(Suite("second", [Case("c", "skipped", "no curl"), Case("d", "skipped", "no curl")]))
    assert report.closing_line() == "1 passed, 1 failed, 2 skipped"
    printed = capsys.readouterr().out
    assert (
        "FAILED  first" in printed and "why" in printed and "skipped: no curl (2 tests)" in printed
    )
    report.write_junit(tmp_path / "x.xml")
    written = ET.parse(tmp_path / "x.xml")
    assert [len(written.findall(f".//{tag}")) for tag in ("testcase", "failure", "skipped")] == [
        4,
        1,
        2,
    ]


@pytest.mark.parametrize(
    "table", sorted(MANIFESTS.rglob("*.packages")), ids=lambda table: table.name
)
def test_package_tables_are_whole(table):
    packages = system.read_packages(table)
    assert packages
    assert all(package.why for package in packages)


def test_proofs():
    def package(proof: str) -> system.Package:
        return system.Package(proof, "a", "b", "c", "why")

    for present in ("sh", "python:json", "/etc/pass*"):
        assert system.is_present(package(present)), present
    for absent in ("no-such-program", "python:no_such_module", "/no/such/*", "no-such-header.h"):
        assert not system.is_present(package(absent)), absent
