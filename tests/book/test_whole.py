"""Citations, and the parts that the book consists of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.project import ROOT
from weave import parts, sections

TABLE = {
    "RFC 1": "One",
    "RFC 1 §2.3": "Two, three",
    "RFC 1 appendix B": "More",
    "RFC 22 §4": "Four",
}
CITATIONS = [
    ("As RFC 1 §2.3 says", []),
    ("As RFC\n1 §2.3 and RFC 1\n§2.3 say", []),
    ("RFC 1 §2.3, rule 7, and appendix B", []),
    ("RFC 1 §9", ["RFC 1 §9"]),
    ("RFC 1 §2.3, §2.4", ["RFC 1 §2.4"]),
    ("RFC 1 and RFC 22 §4", ["RFC 22"]),
    ("RFC 1 appendix C", ["RFC 1 appendix C"]),
    ("RFC 2", ["RFC 2"]),
]


@pytest.mark.parametrize("text, unknown", CITATIONS)
def test_citations(text, unknown) -> None:
    found = sections.problems_in(Path("page.md"), text, TABLE, set())
    assert [problem.partition(": ")[2].split(" is not")[0] for problem in found] == unknown


def test_the_line_of_a_citation_is_named() -> None:
    found = sections.problems_in(Path("page.md"), "One.\n\nTwo,\nRFC 3 three.\n", TABLE, set())
    assert found[0].startswith("page.md:4: RFC 3 is not in sections.txt")


def test_every_section_has_a_title_and_a_document() -> None:
    known = sections.known()
    for name, title in known.items():
        assert title, name
        assert re.split(r" (?:§|appendix)", name)[0] in known, name


PAGE = (ROOT / "book" / "http1.md").read_text()
HEADINGS = re.findall(r"^## .*\n", PAGE, re.MULTILINE)
WANTED = [line for line in HEADINGS if any(line[3:].startswith(part) for part in parts._PARTS)]


def test_a_whole_chapter_is_whole() -> None:
    assert parts.problems_in(ROOT / "book" / "http1.md", PAGE) == []
    assert len(WANTED) == len(parts._PARTS)


@pytest.mark.parametrize("heading", WANTED, ids=lambda heading: heading.strip("# \n"))
def test_a_part_that_is_missing_is_named(heading) -> None:
    found = parts.problems_in(Path("page.md"), PAGE.replace(heading, ""))
    assert any("no heading" in problem and problem.split("'")[1] in heading for problem in found)


def test_parts_in_another_order_are_named() -> None:
    swapped = PAGE.replace("## Challenges", "## X").replace("## The lab", "## Challenges")
    swapped = swapped.replace("## X", "## The lab")
    assert "'The lab', or not in its place" in "".join(parts.problems_in(Path("page.md"), swapped))


@pytest.mark.parametrize("kind", ["session", "ladder", "walk", "listing"])
def test_a_part_without_what_it_is_for_is_named(kind) -> None:
    found = parts.problems_in(Path("page.md"), PAGE.replace(f"<!-- {kind}:", "<!-- no:"))
    assert any(f"has no {kind}" in problem for problem in found)


def test_a_listing_that_nobody_reads_is_named() -> None:
    page = re.sub(r"(```cpp\n)", r"\1" + "// more\n" * 41, PAGE, count=1)
    found = parts.problems_in(ROOT / "book" / "page.md", page)
    assert any("at most 40" in problem for problem in found)
