"""Sections of specifications that the book and the sources cite: each is in book/sections.txt.

`RFC 9112 §6.3` names its document; a `§7.1` or `appendix B` alone belongs to the document named
last in the same paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from support.project import ROOT

TABLE = ROOT / "book" / "sections.txt"
_DOCUMENT = r"(?:RFC\s+\d+|MQTT\s+3\.1\.1)"
_CITED = re.compile(
    rf"(?P<document>{_DOCUMENT})|(?P<section>§\s*\d+(?:\.\d+)*|(?i:appendix)\s+[A-Z]\b)"
)
_COMMENT_LINE = re.compile(r"\n[ \t]*(?://|#)[ \t]*")
_FOLDERS = ["book", "chapters", "common", "labs"]
_ENDINGS = {".md", ".cpp", ".hpp", ".toml"}


def known() -> dict[str, str]:
    """The titles of all sections in the table: {"RFC 9112 §6.3": "Message Body Length"}."""
    table = {}
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            section, _, title = line.partition("  ")
            table[section] = title.strip()
    return table


def citations(text: str) -> Iterator[tuple[int, str]]:
    """The line and the name of every section that a text cites, and of every document."""
    position = 0
    for paragraph in re.split(r"(\n[ \t]*\n)", text):
        document = ""
        for found in _CITED.finditer(paragraph):
            line = text.count("\n", 0, position + found.start()) + 1
            if found["document"]:
                document = _plain(found["document"])
                yield line, document
            else:
                yield line, f"{document} {_plain(found['section'])}".strip()
        position += len(paragraph)


def _plain(words: str) -> str:
    text = " ".join(words.split()).replace("§ ", "§")
    return text.replace("Appendix", "appendix")


def problems() -> list[str]:
    """Citations of what is not in the table, and lines of the table that nobody cites."""
    found, table = [], known()
    cited = set()
    files = [ROOT / "README.md"]
    for folder in _FOLDERS:
        files += (ROOT / folder).rglob("*")
    for file in sorted(files):
        if file.suffix in _ENDINGS and "work" not in file.relative_to(ROOT).parts[:2]:
            found += problems_in(file, _readable(file), table, cited)
    unused = [name for name in table if name not in cited and not _is_document(name)]
    found += [f"{TABLE.relative_to(ROOT)}: nobody cites {name}" for name in unused]
    return found


def problems_in(file: Path, text: str, table: dict[str, str], cited: set[str]) -> list[str]:
    """Citations of one file that do not resolve."""
    found = []
    for line, name in citations(text):
        cited.add(name)
        if name.startswith("§"):
            continue  # a source may leave out the document; a page may not
        if name not in table:
            where = file.relative_to(ROOT) if ROOT in file.parents else file
            found.append(f"{where}:{line}: {name} is not in {TABLE.name}: is there such a section?")
    return found


def _is_document(name: str) -> bool:
    return "§" not in name and "appendix" not in name


def _readable(file: Path) -> str:
    """A file's text, in which a comment that goes on in the next line is one piece."""
    text = file.read_text()
    if file.suffix in (".cpp", ".hpp"):
        return _COMMENT_LINE.sub("\n ", text)
    return text
