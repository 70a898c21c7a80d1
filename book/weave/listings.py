"""Listings: regions of the sources, or whole files, each introduced with where it stands."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path

from support.project import ROOT
from weave.pages import Place, Stale, Woven

_MARK = re.compile(r"^\s*//\s*(region|endregion)\b\s*([a-z0-9-]*)")
_LANGUAGES = {".cpp": "cpp", ".hpp": "cpp", ".py": "python", ".conf": "nginx", ".sh": "bash"}
_TYPE = re.compile(r"(?:struct|class|enum class|concept|using) (\w+)")
_TEST = re.compile(r'TEST_CASE\("([^"]+)"')
_FUNCTION = re.compile(r"(?:[\w:<>,*&~\[\] ]+ )?[*&]?([A-Za-z_~][\w:]*)\((?!\))?.*")
_NO_FUNCTION = {
    "if",
    "for",
    "while",
    "switch",
    "return",
    "else",
    "co_await",
    "co_return",
    "requires",
}


def weave(place: Place) -> Woven:
    """The listing that belongs to a place."""
    name, _, region = place.what.partition("#")
    file = ROOT / name
    if not file.is_file():
        raise Stale(f"there is no file {name}")
    lines = file.read_text().splitlines()
    language = _LANGUAGES.get(file.suffix, "text")
    if not region:
        return Woven("\n".join(lines), language)
    first, end = _region(lines, region)
    return Woven(listing(lines[first:end]), language, _caption(place.page, file, lines, first, end))


def listing(lines: list[str]) -> str:
    """Lines as the book prints them: without the marks of inner regions, and not indented."""
    return textwrap.dedent("".join(f"{line}\n" for line in lines if not _MARK.match(line)))


def _region(lines: list[str], name: str) -> tuple[int, int]:
    """Where a region's own lines are: counted from 0, the end excluded."""
    begun = []
    for number, line in enumerate(lines):
        mark = _MARK.match(line)
        if mark and mark[1] == "region":
            begun.append((mark[2], number + 1))
        elif mark and begun:
            found, first = begun.pop()
            if found == name:
                return first, number
    raise Stale(f"there is no region {name}")


def _caption(page: Path, file: Path, lines: list[str], first: int, end: int) -> str:
    while lines[first].lstrip().startswith("//"):
        first += 1  # the comment is read with the code, but the code is what one looks for
    path = os.path.relpath(file, page.parent)
    link = f"[`{file.name}`]({path}#L{first + 1}), line {first + 1}"
    names = _names(lines[first:end])
    if names:
        shown = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
        return f"{shown[0].upper()}{shown[1:]} in {link}:"
    around = next((name for line in reversed(lines[:first]) for name in _names([line])), "")
    return f"In {around}, {link}:" if around else f"In {link}:"


def _names(lines: list[str]) -> list[str]:
    """What the outermost lines define."""
    lines = [line for line in lines if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    found = {}
    for line in lines:
        code = line[indent:]
        if code[:1] in (" ", "}", "/") or code.startswith("template"):
            continue
        if match := _TEST.match(code):
            found[f"the test *{match[1]}*"] = None
        elif match := _TYPE.match(code):
            found[f"`{match[1]}`"] = None
        elif code.endswith(("{", "}")) and (match := _FUNCTION.match(code)):
            if match[1] not in _NO_FUNCTION:
                found[f"`{match[1]}()`"] = None
    return list(found)
