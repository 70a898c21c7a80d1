"""Relative links in the Markdown pages: the file is there, and so is the heading behind a #."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from style.sources import files, place

_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)


def problems() -> list[str]:
    """Links of the project's pages that lead nowhere."""
    return [found for file in files(".md") for found in problems_in(file, file.read_text())]


def problems_in(file: Path, text: str) -> list[str]:
    """Links of one page that lead nowhere."""
    found = []
    prose = _without_code(text)
    for link in _LINK.finditer(prose):
        target = link[1] or link[2]
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target):
            continue  # elsewhere
        path, _, fragment = unquote(target).partition("#")
        page = file.parent / path if path else file
        if not page.exists():
            found.append(f"{place(file, text, link.start())}: no such file: {target}")
        elif fragment and page.suffix == ".md" and fragment not in anchors(page.read_text()):
            found.append(f"{place(file, text, link.start())}: no such heading: {target}")
    return found


def anchors(text: str) -> set[str]:
    """The names under which a page's headings are linked to, as code hosts make them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_without_code(text, keep_inline=True)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number, unique = 0, anchor
        while unique in found:
            number, unique = number + 1, f"{anchor}-{number + 1}"
        found.add(unique)
    return found


def _without_code(text: str, keep_inline: bool = False) -> str:
    """The text with code blanked out, so that positions stay."""

    def blank(code: re.Match) -> str:
        return code[0] if keep_inline and not code[1] else re.sub(r"[^\n]", " ", code[0])

    return _CODE.sub(blank, text)
