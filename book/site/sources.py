"""Pages of the sources that the book links to, so that its links work wherever it is read."""

from __future__ import annotations

import html
import os
import re
import shutil
from pathlib import Path, PurePosixPath

import listings
from pages import source_page

_LANGUAGES = {".cpp": "cpp", ".hpp": "cpp", ".py": "python", ".toml": "toml"}
_MARKER = re.compile(r"^[ \t]*//[ \t]*region[ \t]+([a-z0-9-]+)[ \t]*$")
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{path} - On the Wire</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="{top}favicon.svg">
<link rel="stylesheet" href="{top}site.css">
<script src="{top}theme.js"></script>
</head>
<body class="source">
<main>
<nav aria-label="Back"><a href="{top}index.html">On the Wire</a></nav>
<h1>{path}</h1>
{content}
</main>
<script src="{top}page.js"></script>
</body>
</html>
"""


def write(root: Path, sources: set[PurePosixPath], site: Path) -> int:
    """Write source/<path>.html for files, and for folders with all that is in them. Returns how
    many pages these are."""
    files = {source for source in sources if (root / source).is_file()}
    for folder in {source for source in sources if (root / source).is_dir()}:
        inside = sorted(path for path in (root / folder).iterdir() if path.is_file())
        files.update(PurePosixPath(path.relative_to(root)) for path in inside)
        names = {path.name: source_page(PurePosixPath(path.name)) for path in inside}
        links = [
            f'<li><a href="{folder.name}/{page.removeprefix("source/")}">{name}</a></li>'
            for name, page in names.items()
        ]
        _write(site, folder, "<ul>\n" + "\n".join(links) + "\n</ul>")
    for file in files:
        language = _LANGUAGES.get(file.suffix, "text")
        try:
            content = _listing((root / file).read_text(), language)
        except UnicodeDecodeError:  # a capture: to be opened with something else
            size = (root / file).stat().st_size
            content = f'<p><a href="{file.name}" download>{file.name}</a>, {size} bytes</p>'
            (site / source_page(file)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / file, (site / source_page(file)).parent)
        _write(site, file, content)
    return len(files)


def _listing(text: str, language: str) -> str:
    """The file's lines, numbered. Anchors: L12 for a line, a region's name for its start."""
    text = text.rstrip("\n")
    rows, coloured = [], listings.listing(text, language).split("\n")
    for number, (line, shown) in enumerate(zip(text.split("\n"), coloured), 1):
        region = _MARKER.match(line)
        name = f'<span id="{region[1]}"></span>' if region else ""
        rows.append(
            f'<span class="line" id="L{number}" data-number="{number}">{name}{shown}\n</span>'
        )
    return f'<pre class="{language} numbered"><code>' + "".join(rows) + "</code></pre>"


def _write(site: Path, path: PurePosixPath, content: str) -> None:
    page = site / source_page(path)
    page.parent.mkdir(parents=True, exist_ok=True)
    top = os.path.relpath(site, page.parent) + "/"
    page.write_text(_PAGE.format(path=html.escape(str(path)), top=top, content=content))
