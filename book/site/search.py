"""Writes what the search reads: every section of the book as plain text, in one script.

A book of this size needs no index of words: a browser looks through a megabyte of text faster than
a reader types. And what is searched is what is shown.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

_MAIN = re.compile(r'<main id="main"[^>]*>(.*)</main>', re.DOTALL)
_HEADING = re.compile(r'<h([1-3]) id="([^"]+)">(.*?)</h\1>', re.DOTALL)
_NOT_TEXT = re.compile(r"<(script|style|svg)\b.*?</\1>", re.DOTALL)
_BLOCK_END = re.compile(r"</(p|li|pre|tr|td|th|h\d|div)>")


def write(site: Path, pages: list[str]) -> None:
    """Write search.js from the finished pages, named in reading order."""
    found = [section for page in pages for section in sections(page, (site / page).read_text())]
    lines = ",\n".join(json.dumps(section, ensure_ascii=False) for section in found)
    (site / "search.js").write_text(f"window.searchSections = [\n{lines}\n];\n")


def sections(page: str, text: str) -> list[dict]:
    """The sections of one page, each from its heading to the next."""
    main = _NOT_TEXT.sub("", _MAIN.search(text)[1])
    headings = list(_HEADING.finditer(main))
    ends = [heading.start() for heading in headings[1:]] + [len(main)]
    title = _plain(headings[0][3]) if headings else page
    return [
        {
            "page": title,
            "title": _plain(heading[3]),
            "url": f"{page}#{heading[2]}",
            "text": _plain(main[heading.end() : end]),
        }
        for heading, end in zip(headings, ends)
    ]


def _plain(markup: str) -> str:
    """HTML as text on one line."""
    text = re.sub(r"<[^>]*>", "", _BLOCK_END.sub(" ", markup))
    return " ".join(html.unescape(text).split())
