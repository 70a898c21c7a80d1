"""Pages, and the places in them that are woven from elsewhere.

A place is a comment that says what belongs there, and what stands there now:

    <!-- listing: chapters/http1/head.cpp#decode-request -->
    ```cpp
    a comment on a line of its own, and below it a fenced block, which is woven
    ```

    <!-- value: longest-head -->32 KiB<!-- /value -->, in the middle of a sentence

Both stay physically in the page, so that it reads well where the code is hosted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from support.project import ROOT

_BLOCK = re.compile(r"^<!-- (?P<kind>\w+): (?P<what>.+?) -->\n", re.MULTILINE)
# A caption of ours (see listings.py), if there is one, and the fenced block.
_FENCED = re.compile(
    r"(?:[^\n]+#L\d+\), line \d+:\n\n)?```\w+\n.*?^```\n", re.MULTILINE | re.DOTALL
)
_VALUE = re.compile(r"<!-- value: (?P<what>.+?) -->(?P<text>.*?)<!-- /value -->", re.DOTALL)


class Stale(Exception):
    """Something that a page asks for cannot be had; the message says why."""


@dataclass(frozen=True)
class Woven:
    """What belongs into a block: its text, its language, and a sentence before it."""

    text: str
    language: str = "text"
    caption: str = ""

    @property
    def block(self) -> str:
        caption = f"{self.caption}\n\n" if self.caption else ""
        return f"{caption}```{self.language}\n{self.text.rstrip()}\n```\n"


@dataclass(frozen=True)
class Place:
    """One place of a page."""

    page: Path
    line: int  # of the comment, or the value
    kind: str
    what: str
    begin: int  # what stands there now: its position in the page's text
    end: int
    now: str

    def problem(self, message: str, line: int = 0) -> str:
        return (
            f"{self.page.relative_to(ROOT)}:{line or self.line}: {self.kind} {self.what}: {message}"
        )


Weaver = Callable[[Place], Woven | str]


def pages() -> list[Path]:
    """All pages of the book, and the project's own front page."""
    return [ROOT / "README.md", *sorted((ROOT / "book").glob("*.md"))]


def places(page: Path, text: str) -> Iterator[Place]:
    """The places of a page in order. A comment without its block has an empty one."""
    for found in _matches(text):
        line = text.count("\n", 0, found.start()) + 1
        if found.re is _VALUE:
            begin, end, kind = found.start("text"), found.end("text"), "value"
        else:
            fenced = _FENCED.match(text, found.end())
            begin, end = found.end(), fenced.end() if fenced else found.end()
            kind = found["kind"]
        yield Place(page, line, kind, found["what"], begin, end, text[begin:end])


def _matches(text: str) -> list[re.Match]:
    found = [match for match in _BLOCK.finditer(text) if match["kind"] != "value"]
    return sorted([*found, *_VALUE.finditer(text)], key=re.Match.start)


@dataclass
class Weaving:
    """A page as it should be, and what is wrong with it as it is."""

    text: str
    stale: list[str] = field(default_factory=list)  # mended by writing the text
    failures: list[str] = field(default_factory=list)  # mended by somebody


def weave(page: Path, text: str, weavers: dict[str, Weaver | None]) -> Weaving:
    """Weave a page. Where the weaver of a kind is None, that kind is left alone."""
    out, at, result = [], 0, Weaving("")
    for place in places(page, text):
        weaver = weavers.get(place.kind, _unknown)
        if weaver is None:
            continue
        try:
            if place.kind == "value" and text[text.rfind("\n", 0, place.begin) + 1 :][:4] == "<!--":
                raise Stale("a comment at the beginning of a line ends the paragraph: move it")
            woven = weaver(place)
        except Stale as reason:
            result.failures.append(place.problem(str(reason)))
            continue
        should = woven.block if isinstance(woven, Woven) else woven
        if should != place.now:
            result.stale.append(_difference(place, should))
        out += [text[at : place.begin], should]
        at = place.end
    result.text = "".join([*out, text[at:]])
    return result


def _unknown(place: Place) -> str:
    raise Stale("nobody knows how to weave that")


def _difference(place: Place, should: str) -> str:
    """Names the first line that differs."""
    if place.kind == "value":
        return place.problem(f"the page says {place.now!r}, it is {should!r}")
    now = place.now.splitlines()
    if not now:
        return place.problem("no block follows")
    for number, line in enumerate(should.splitlines()):
        if number >= len(now) or now[number] != line:
            return _lines_differ(
                place, number + 1, now[number] if number < len(now) else None, line
            )
    return _lines_differ(place, len(should.splitlines()) + 1, now[len(should.splitlines())], None)


def _lines_differ(place: Place, below: int, page: str | None, source: str | None) -> str:
    def shown(line: str | None) -> str:
        return "(nothing)" if line is None else line

    what = place.problem("stale", place.line + below)
    return f"{what}\n    page:    {shown(page)}\n    source:  {shown(source)}"
