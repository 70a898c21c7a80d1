"""What the book consists of: every implemented chapter has its page, every page its parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from support import project
from support.project import ROOT
from weave.pages import places

SUMMARY = ROOT / "book" / "SUMMARY.md"
_ENTRY = re.compile(r"^- (?:\[.+?\]\((?P<page>\S+)\)|[^(]+?) \(`(?P<chapter>\w+)`\)", re.MULTILINE)
_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
# The headings of a chapter in their order, with others in between: how each begins, and what kind
# of woven place it must hold.
_PARTS = {
    "The problem it solves": "",
    "See it first": "session",
    "The exchange as a ladder": "ladder",
    "Every byte of it": "walk",
    "The codec": "listing",
    "The client": "listing",
    "The server": "listing",
    "Run it against the real tool": "session",
    "When it goes wrong": "session",
    "What we left out": "",
    "Compared with its neighbours": "",
    "One decision, argued both ways": "",
    "Challenges": "",
    "The lab": "",
}
_LONGEST_LISTING = 40  # lines
_FEWEST_LISTINGS = 6


def problems() -> list[str]:
    """What is missing from the book."""
    text = SUMMARY.read_text()
    entries = {entry["chapter"]: entry["page"] for entry in _ENTRY.finditer(text)}
    found = []
    for chapter in project.chapters():
        page = entries.get(chapter)
        if not page:
            found.append(f"book/SUMMARY.md: no link to a page of the chapter {chapter}")
        elif (ROOT / "book" / page).exists():
            file = ROOT / "book" / page
            found += problems_in(file, file.read_text())
    order = [chapter for chapter in entries if chapter in project.chapters()]
    if order != list(project.chapters())[: len(order)]:
        found.append("book/SUMMARY.md: not in the order of chapters/CMakeLists.txt")
    for page in sorted((ROOT / "book").glob("*.md")):
        if page != SUMMARY and f"({page.name})" not in text:
            found.append(f"book/SUMMARY.md: no link to {page.name}")
    return found


def problems_in(page: Path, text: str) -> list[str]:
    """The parts that a chapter's page lacks."""
    name = page.relative_to(ROOT) if ROOT in page.parents else page
    found, at = [], 0
    prose = re.sub(
        r"^```.*?^```", lambda code: re.sub(r"[^\n]", " ", code[0]), text, flags=re.M | re.S
    )
    headings = [(match[1], match.start()) for match in _HEADING.finditer(prose)]
    ends = [start for _, start in headings[1:]] + [len(text)]
    woven = list(places(page, text))
    for part, kind in _PARTS.items():
        here = next((i for i in range(at, len(headings)) if headings[i][0].startswith(part)), None)
        if here is None:
            found.append(f"{name}: no heading '{part}', or not in its place")
            continue
        at, (_, start), end = here + 1, headings[here], ends[here]
        line = text.count("\n", 0, start) + 1
        if kind and not any(place.kind == kind and start < place.begin < end for place in woven):
            found.append(f"{name}:{line}: '{part}' has no {kind}")
        if part == "Challenges" and len(re.findall(r"^\d\. ", prose[start:end], re.M)) < 3:
            found.append(f"{name}:{line}: three challenges, at least")
    return found + list(_listings(name, [place for place in woven if place.kind == "listing"]))


def _listings(name: Path, listings: list) -> Iterator[str]:
    if len(listings) < _FEWEST_LISTINGS:
        yield f"{name}: {len(listings)} listings, and not {_FEWEST_LISTINGS}"
    for place in listings:
        code = place.now.partition("```")[2].count("\n") - 2
        if code > _LONGEST_LISTING:
            yield place.problem(f"{code} lines; at most {_LONGEST_LISTING} are read")
