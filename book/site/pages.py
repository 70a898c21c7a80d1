"""Prepares the book's Markdown for the generator: plain pages in, pages for the site out.

The pages in book/ are written to be read where the code is hosted. For the site

- SUMMARY.md becomes what mdBook expects: links alone, planned chapters as drafts;
- links to sources lead to pages that sources.py makes of them;
- "RFC 9112 §6.3" in prose becomes a link to that section;
- what follows `<!-- walk: ... -->`, `<!-- ladder: ... -->` and `<!-- listing: ... -->`, as
  book/weave/ writes them, is wrapped in elements that the style sheet and walk.js know.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

_FENCE = r"^```[^\n]*\n.*?^```[ ]*$"
# Where nothing is to be replaced: code, links, headings, and HTML of the page's own.
_OPAQUE = rf"{_FENCE}|`[^`\n]*`|\[[^\]]*\]\([^)]*\)|<[^>]*>|^#+ [^\n]*$"
_RFC = r"\bRFC\s(?P<number>\d{3,5})(?P<sections>(?:,?\s§[0-9]+(?:\.[0-9]+)*)*)"
_SECTION = re.compile(r"(,?\s)(§([0-9.]+))")
_PROSE = re.compile(rf"(?P<opaque>{_OPAQUE})|{_RFC}", re.MULTILINE | re.DOTALL)
_LINK = re.compile(
    rf"(?P<opaque>{_FENCE}|`[^`\n]*`)|(?P<text>\[[^\]]*\])\((?P<target>(?!\w+:|#)[^)\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
_MARKED = re.compile(
    r"^<!-- (?P<kind>walk|ladder|listing): (?P<name>\S+)(?P<more>[^\n]*?) -->\n"
    rf"(?P<block>{_FENCE})",
    re.MULTILINE | re.DOTALL,
)
# Marks around computed numbers. At the start of a line, a comment would end the paragraph.
_VALUE = re.compile(r"<!-- (?:value: \S+|/value) -->")
_ITEM = re.compile(
    r"^(?P<indent>\s*)- (?:(?P<link>\[[^\]]*\]\([^)]*\))|(?P<plan>[^(\n]+?) *(?:\(.*)?$)"
)
# Characters that stand for control characters. Few fonts have them, so the style sheet draws them.
PICTURES = {"␠": "SP", "␍": "CR", "␊": "LF", "␉": "HT", "␀": "NUL"}
_PICTURE = re.compile(
    rf"(?P<opaque>{_FENCE}|`[^`\n]*`)|[{''.join(PICTURES)}]", re.MULTILINE | re.DOTALL
)
RFC_EDITOR = "https://www.rfc-editor.org/rfc/rfc"


def rfc_address(number: str, section: str = "") -> str:
    """Where a section of an RFC can be read."""
    return f"{RFC_EDITOR}{number}" + (f"#section-{section}" if section else "")


def drawn(picture: str) -> str:
    """A picture of a control character, for site.css to draw; what it is stays readable as text."""
    return f'<span class="control" data-name="{PICTURES[picture]}">{picture}</span>'


def source_page(source: PurePosixPath) -> str:
    """The site's page of a source. (mdBook takes every `.md` in a link for one of its pages.)"""
    return f"source/{source.with_suffix('') if source.suffix == '.md' else source}.html"


class Pages:
    """The pages of the book, prepared; remembers the sources that they link to."""

    def __init__(self, book: Path) -> None:
        self._book = book
        summary = (book / "SUMMARY.md").read_text()
        self._names = re.findall(r"\]\(([^)]+\.md)\)", summary)
        self.sources: set[PurePosixPath] = set()  # files and folders, from the project's root

    def write(self, target: Path) -> list[Path]:
        """Write SUMMARY.md and all pages that it names to `target`. Returns these pages."""
        target.mkdir(parents=True, exist_ok=True)
        summary = (self._book / "SUMMARY.md").read_text()
        (target / "SUMMARY.md").write_text(summary_for_mdbook(summary))
        for name in self._names:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_text(self.prepared((self._book / name).read_text()))
        return [self._book / name for name in self._names]

    def prepared(self, text: str) -> str:
        """One page as the generator gets it."""
        text = _VALUE.sub("", text)
        text = _MARKED.sub(self._wrapped, text)
        text = _LINK.sub(self._to_source, text)
        text = _PROSE.sub(_to_rfc, text)
        text = _PICTURE.sub(lambda match: match["opaque"] or drawn(match[0]), text)
        return re.sub(r"^<!-- session: [^\n]* -->\n", "", text, flags=re.MULTILINE)

    def _wrapped(self, match: re.Match) -> str:
        kind, name, block = match["kind"], match["name"], match["block"]
        if kind == "walk":
            names = f'data-name="{name}" data-speaker="{match["more"].strip()}"'
            return f'<div class="walk" {names}>\n\n{block}\n\n</div>'
        if kind == "ladder":
            return self._ladder(name, block)
        file, _, region = name.partition("#")
        self.sources.add(PurePosixPath(file))
        address = source_page(PurePosixPath(file)) + (f"#{region}" if region else "")
        caption = f'<a href="{address}">{file}</a> <span class="region">{region}</span>'
        return f'<p class="listing">{caption}</p>\n\n{block}'

    def _ladder(self, name: str, block: str) -> str:
        """The drawing, where there is one; the text stays for whoever cannot see it."""
        drawing = next(iter(sorted(self._book.glob(f"*/{name}.svg"))), None)
        if drawing is None:
            return block
        svg = re.sub(r"<\?xml.*?\?>|<!--.*?-->", "", drawing.read_text(), flags=re.DOTALL)
        svg = re.sub(r"\n\s*\n", "\n", svg).strip()  # an empty line would end the HTML block
        svg = svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
        return (
            f'<figure class="ladder">\n{svg}\n</figure>\n\n'
            f'<div class="ladder-text">\n\n{block}\n\n</div>'
        )

    def _to_source(self, match: re.Match) -> str:
        if match["opaque"]:
            return match[0]
        path, _, fragment = match["target"].partition("#")
        if path in self._names:
            return match[0]
        source = PurePosixPath(path[3:] if path.startswith("../") else f"book/{path}")
        self.sources.add(source)
        return f"{match['text']}({source_page(source)}{'#' + fragment if fragment else ''})"


def _to_rfc(match: re.Match) -> str:
    """`RFC 9110 §14.4, §15.3.7` as two links, the first with the document's name."""
    if match["opaque"]:
        return match[0]
    number, first, links = match["number"], f"RFC {match['number']}", ""
    for between, shown, section in _SECTION.findall(match["sections"]):
        if first:
            links += f"[{first}{between}{shown}]({rfc_address(number, section)})"
            first = ""
        else:
            links += f"{between}[{shown}]({rfc_address(number, section)})"
    return links or f"[{first}]({rfc_address(number)})"


def summary_for_mdbook(text: str) -> str:
    """Each list item reduced to its link, or to a draft where it has none."""
    lines = []
    for line in text.splitlines():
        item = _ITEM.match(line)
        if item:
            lines.append(f"{item['indent']}- " + (item["link"] or f"[{item['plan']}]()"))
        elif line.startswith("#") or not line.strip():
            lines.append(re.sub("^#+", "#", line))  # a heading of any depth begins a part
    return "\n".join(lines) + "\n"
