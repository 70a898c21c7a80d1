"""The other style checks: each finds what it is for, and nothing in order is complained about."""

from pathlib import Path

import pytest

from style import layering, links, regions, sources
from support import project

REGIONS = [
    ("// region a-b\n// endregion\n// region c\n// endregion", []),
    ("// region a\n  // region b\n  // endregion\n// endregion", []),
    ("// the region of interest", []),
    ("// region a\n// endregion\n// region a\n// endregion", ["x.cpp:3: a second region 'a'"]),
    ("\n// region a\n", ["x.cpp:2: region without an end"]),
    ("// endregion", ["x.cpp:1: endregion without a region"]),
    ("// region Two Words\n// endregion", ["not 'Two Words'"]),
]


@pytest.mark.parametrize("text, expected", REGIONS)
def test_regions(text, expected):
    found = regions.problems_in(Path("x.cpp"), text)
    assert len(found) == len(expected)
    assert all(part in whole for part, whole in zip(expected, found))


def test_links(tmp_path):
    (tmp_path / "other.md").write_text("# Two words: `here`\n\n## Again\n\n## Again\n")
    page = tmp_path / "page.md"
    good = """# Title
[file](other.md) [heading](other.md#two-words-here) [own](#title) [second](other.md#again-1)
[elsewhere](https://example.org/x.md) ![picture](<other.md> "title") `[code](nowhere)`
[reference]

```
[code](nowhere.md)
```

[reference]: other.md
"""
    page.write_text(good)
    assert links.problems_in(page, good) == []
    bad = ["[a](nowhere.md)", "[b](other.md#nowhere)", "[c](#nowhere)", "[reference]: nowhere.md"]
    found = links.problems_in(page, "\n".join(bad))
    assert [problem.split(":")[1] for problem in found] == ["1", "2", "3", "4"]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A project of two chapters, in which `b` uses `a`."""
    for module in (project, sources, layering):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    roots = [tmp_path / "common", tmp_path / "chapters", tmp_path / "tests"]
    monkeypatch.setattr(sources, "_INCLUDE_PATH", roots)

    def write(path: str, text: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    lines = (
        "chapter(a PROGRAMS a-server)\nchapter(b USES a IO files PROGRAMS b-client)\n# chapter(c)\n"
    )
    write("chapters/CMakeLists.txt", lines)
    write("common/wire/bytes.hpp", "#include <span>\n")
    write("common/wire/link.hpp", '#include "wire/bytes.hpp"\n#include <asio/post.hpp>\n')
    write("chapters/a/frame.hpp", '#include "wire/bytes.hpp"\n')
    write("chapters/a/server.hpp", '#include "a/frame.hpp"\n#include "wire/link.hpp"\n')
    write("chapters/a/a-server.cpp", '#include "a/server.hpp"\n')
    write("chapters/b/connection.cpp", '#include "b/connection.hpp"\n#include "a/frame.hpp"\n')
    write("chapters/b/connection.hpp", '#include "wire/bytes.hpp"\n')
    write("chapters/b/files.cpp", '#include "wire/link.hpp"\n')
    return write


def test_layering_in_order(tree):
    assert layering.problems() == []
    assert project.chapters()["b"].uses == ["a"]
    assert project.chapters()["b"].io_files == ["client", "server", "files", "b-client"]


BROKEN = [
    (
        "chapters/a/frame.hpp",
        '#include "b/connection.hpp"\n',
        'chapters/a/frame.hpp: includes "b/connection.hpp"',
    ),
    (
        "common/wire/bytes.hpp",
        '#include "a/frame.hpp"\n',
        'common/wire/bytes.hpp: includes "a/frame.hpp"',
    ),
    (
        "chapters/b/connection.hpp",
        "#include <asio.hpp>\n",
        "chapters/b/connection.hpp -> <asio.hpp>",
    ),
    (
        "chapters/a/frame.hpp",
        '#include "wire/link.hpp"\n',
        "a/frame.hpp -> common/wire/link.hpp -> <asio/post.hpp>",
    ),
    (
        "chapters/b/connection.hpp",
        '#include "a/server.hpp"\n',
        "connection.hpp -> chapters/a/server.hpp -> common",
    ),
    ("chapters/c/frame.hpp", "", "chapters/c: no line in chapters/CMakeLists.txt"),
]


@pytest.mark.parametrize("path, text, expected", BROKEN)
def test_layering_broken(tree, path, text, expected):
    tree(path, text)
    assert any(expected in problem for problem in layering.problems()), layering.problems()
