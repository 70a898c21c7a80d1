"""Citations, and the parts that the book consists of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.project import ROOT
from weave import parts, sections
from weave.book import Book

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


# --- The book as a whole.


def whole_book_problems() -> list[str]:
    one = Book("release", lambda _: None)
    one.look_over()
    return one.outcome.problems


def test_a_whole_book_is_whole(project) -> None:
    assert whole_book_problems() == []


# A file, what is added to it, and what is said.
UNNEEDED = {
    "a number that no page says": (
        "book/values.toml",
        "other = '1'\n",
        "book/values.toml: no page says other",
    ),
    "a recording that no session makes": (
        "book/page/recorded/gone.txt",
        "$ true\n",
        "book/page/recorded/gone.txt: no session makes that",
    ),
    "a section that nobody cites": (
        "book/sections.txt",
        "RFC 1 §2  Two\n",
        "book/sections.txt: nobody cites RFC 1 §2",
    ),
    "a page that the summary does not know": (
        "book/other.md",
        "# Other\n",
        "book/SUMMARY.md: no link to other.md",
    ),
    "a citation in a source": (
        "chapters/x/x.cpp",
        "// Something that RFC 1\n// §3 says.\n",
        "chapters/x/x.cpp:2: RFC 1 §3 is not in sections.txt: is there such a section?",
    ),
}


@pytest.mark.parametrize("name, more, expected", UNNEEDED.values(), ids=UNNEEDED)
def test_what_is_unneeded_or_unknown_is_named(project, name, more, expected) -> None:
    file = project / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text((file.read_text() if file.exists() else "") + more)
    assert whole_book_problems() == [expected]


def test_chapters_have_pages_in_their_order(project, monkeypatch) -> None:
    monkeypatch.setattr(parts.project, "chapters", lambda: {"first": None, "second": None})
    summary = project / "book" / "SUMMARY.md"
    summary.write_text("- [A page](page.md)\n- Second (`second`)\n- First (`first`)\n")
    assert whole_book_problems() == [
        "book/SUMMARY.md: no link to a page of the chapter first",
        "book/SUMMARY.md: no link to a page of the chapter second",
        "book/SUMMARY.md: not in the order of chapters/CMakeLists.txt",
    ]


# --- The parts of a chapter's page.

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
