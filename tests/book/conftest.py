"""What the tests of the book share: the modules that weave it, and a small project of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support.project import ROOT

sys.path += [str(ROOT / "book"), str(ROOT / "labs")]

from weave import book, listings, pages, parts, sections, sessions, values

SOURCE = """\
int first() { return 1; }

// region half
// Half of it, rounded down.
int half(int n) {
  // region inner
  return n / 2;
  // endregion
}
// endregion
constexpr int limit = 8 * 1024;  // region is no mark here
"""
SESSION = """\
about = "a greeting"

[[block]]
name = "greet"
commands = ["echo hello; date +'%a, %d %b %Y %H:%M:%S GMT'"]
"""
GREETING = "$ echo hello; date +'%a, %d %b %Y %H:%M:%S GMT'\nhello\nMon, 23 Nov 2026 21:30:58 GMT\n"
PAGE = f"""\
# A page

At most <!-- value: limit -->8 KiB<!-- /value -->, that is.

<!-- listing: code.cpp#half -->
`half()` in [`code.cpp`](../code.cpp#L5), line 5:

```cpp
// Half of it, rounded down.
int half(int n) {{
  return n / 2;
}}
```

<!-- listing: code.cpp#inner -->
In `half()`, [`code.cpp`](../code.cpp#L7), line 7:

```cpp
return n / 2;
```

<!-- session: greet -->
```console
{GREETING}```

The end.
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project of one source, one page and one session, in which all is as it should be."""
    for module in (book, listings, pages, parts, sections, sessions, values):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(sessions, "BOOK", tmp_path / "book")
    monkeypatch.setattr(values, "TABLE", tmp_path / "book" / "values.toml")
    monkeypatch.setattr(sections, "TABLE", tmp_path / "book" / "sections.txt")
    monkeypatch.setattr(parts, "SUMMARY", tmp_path / "book" / "SUMMARY.md")
    monkeypatch.setattr(parts.project, "chapters", dict)  # none
    files = {
        "README.md": "# Nothing is woven here\n",
        "code.cpp": SOURCE,
        "book/SUMMARY.md": "# Summary\n\n- [A page](page.md)\n",
        "book/sections.txt": "RFC 1  One\n",
        "book/page.md": PAGE,
        "book/page/greet.session": SESSION,
        "book/page/recorded/greet.txt": GREETING,
        "book/values.toml": 'limit = \'kib(constant("code.cpp", "limit"))\'\n',
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path
