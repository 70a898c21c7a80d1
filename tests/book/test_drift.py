"""Whatever is woven into a page and differs from its source is named, with its line."""

from __future__ import annotations

import pytest

from weave import listings, pages
from weave.masks import masked
from weave.sessions import Library
from weave.values import Values


def weave(root) -> pages.Weaving:
    library = Library()
    weavers = {
        "listing": listings.weave,
        "session": library.weave,
        "value": Values(library).weave,
        "walk": None,
    }
    page = root / "book" / "page.md"
    return pages.weave(page, page.read_text(), weavers)


def replace(file, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def test_all_is_well(project) -> None:
    woven = weave(project)
    assert (woven.stale, woven.failures) == ([], [])
    assert woven.text == (project / "book" / "page.md").read_text()


# A change to a file, and what is said about it: the line, the place, and both texts.
DRIFTS = {
    "a line of a region": (
        ("code.cpp", "// Half of it, rounded down.", "// Half of it."),
        [
            "book/page.md:9: listing code.cpp#half",
            "page:    // Half of it, r",
            "source:  // Half of it.",
        ],
    ),
    "a line of a listing in the page": (
        ("book/page.md", "  return n / 2;", "  return n / 3;"),
        ["book/page.md:11: listing code.cpp#half", "page:      return n / 3;", "return n / 2;"],
    ),
    "a line more in the page": (
        ("book/page.md", "  return n / 2;\n}\n", "  return n / 2;\n}\n\nint more;\n"),
        ["book/page.md:13: listing code.cpp#half", "page:    ", "source:  ```"],
    ),
    "a space at the end of a line": (
        ("code.cpp", "return n / 2;", "return n / 2; "),
        ["book/page.md:11: listing code.cpp#half"],
    ),
    "where a listing stands": (
        ("code.cpp", "int first() { return 1; }\n", "int first() { return 1; }\n\n"),
        ["book/page.md:6: listing code.cpp#half", "line 5:", "line 6:"],
    ),
    "the name of a function": (
        ("code.cpp", "int half(int n) {", "int halve(int n) {"),
        ["book/page.md:6: listing code.cpp#half", "`halve()`"],
    ),
    "a number in the code": (
        ("code.cpp", "8 * 1024", "16 * 1024"),
        ["book/page.md:3: value limit: the page says '8 KiB', it is '16 KiB'"],
    ),
    "a number in the page": (
        ("book/page.md", "8 KiB", "9 KiB"),
        ["book/page.md:3: value limit: the page says '9 KiB', it is '8 KiB'"],
    ),
    "a recorded output": (
        ("book/page.md", "\nhello\n", "\nhallo\n"),
        ["book/page.md:25: session greet", "page:    hallo", "source:  hello"],
    ),
    "a command": (
        ("book/page/recorded/greet.txt", "$ echo hello", "$ echo 'hello'"),
        ["book/page.md:24: session greet"],
    ),
}


@pytest.mark.parametrize("change, expected", DRIFTS.values(), ids=DRIFTS)
def test_drift_is_named_and_mended(project, change, expected) -> None:
    file, old, new = change
    replace(project / file, old, new)
    woven = weave(project)
    assert woven.failures == []
    assert all(part in woven.stale[0] for part in expected), woven.stale[0]
    (project / "book" / "page.md").write_text(woven.text)
    assert weave(project).stale == []


# What only somebody can mend.
FAILURES = {
    "no such region": (
        ("code.cpp", "// region inner", "// region other"),
        "book/page.md:15: listing code.cpp#inner: there is no region inner",
    ),
    "no such file": (
        ("book/page.md", "listing: code.cpp#half", "listing: cod.cpp#half"),
        "book/page.md:5: listing cod.cpp#half: there is no file cod.cpp",
    ),
    "no such block": (
        ("book/page.md", "session: greet", "session: great"),
        "book/page.md:22: session great: no session has such a block",
    ),
    "no such value": (
        ("book/page.md", "value: limit", "value: limits"),
        "book/page.md:3: value limits: values.toml has no such name",
    ),
    "no such constant": (
        ("code.cpp", "limit = 8", "Limit = 8"),
        "book/page.md:3: value limit: code.cpp gives no number to limit",
    ),
    "a value at the beginning of a line": (
        ("book/page.md", "At most <!--", "At most\n<!--"),
        "book/page.md:4: value limit: a comment at the beginning of a line ends the paragraph: move it",
    ),
    "no such kind": (
        ("book/page.md", "session: greet", "episode: greet"),
        "book/page.md:22: episode greet: nobody knows how to weave that",
    ),
}


@pytest.mark.parametrize("change, expected", FAILURES.values(), ids=FAILURES)
def test_what_cannot_be_woven_is_named_and_left_alone(project, change, expected) -> None:
    file, old, new = change
    replace(project / file, old, new)
    woven = weave(project)
    assert woven.failures == [expected]
    assert woven.text == (project / "book" / "page.md").read_text()


def test_a_recording_that_is_missing(project) -> None:
    (project / "book" / "page" / "recorded" / "greet.txt").unlink()
    assert "it was never run" in weave(project).failures[0]


def test_a_comment_without_its_block(project) -> None:
    (project / "book" / "page.md").write_text(
        "<!-- session: greet -->\n\n## Next\n\n```text\nx\n```\n"
    )
    assert weave(project).stale == ["book/page.md:1: session greet: no block follows"]


def test_prose_between_a_comment_and_a_block_is_not_eaten(project) -> None:
    page = project / "book" / "page.md"
    page.write_text("<!-- session: greet -->\nOf my own.\n\n```text\nx\n```\n")
    assert weave(project).text.endswith("```\nOf my own.\n\n```text\nx\n```\n")


def test_a_file_may_be_a_listing(project) -> None:
    (project / "book" / "page.md").write_text("<!-- listing: code.cpp -->\n```cpp\n```\n")
    assert weave(project).text.startswith("<!-- listing: code.cpp -->\n```cpp\nint first() {")


# --- What may differ between two runs, and what may not.

SAME = [
    ("Date: Mon, 23 Nov 2026 21:30:58 GMT", "Date: Tue, 01 Dec 2026 00:00:00 GMT"),
    ("#1 0.087 s  client → server", "#1 1.003 s  client → server"),
    ("Server: nginx/1.22.1", "Server: nginx/1.27.0"),
    ('ETag: "6b04b092-c16bde3-434"', 'ETag: "6b04b092-0-434"'),
    ("real\t0m2.067s", "real\t0m2.001s"),
]
NOT_SAME = [
    ("Date: Mon, 23 Nov 2026 21:30:58 GMT", "Date: Monday, 23-Nov-26 21:30:58 GMT"),
    ("#1 0.087 s  client → server", "#2 0.087 s  client → server"),
    ("Content-Length: 13", "Content-Length: 14"),
    ('ETag: "6b04b092-c16bde3-434"', 'ETag: "6b04b092-c16bde3-435"'),
    ("Server: nginx/1.22.1", "Server: on-the-wire"),
    ("curl/7.88.1", "curl/8.5.0"),
]


@pytest.mark.parametrize("one, other", SAME)
def test_what_means_nothing_is_masked(one, other) -> None:
    assert masked(one) == masked(other)


@pytest.mark.parametrize("one, other", NOT_SAME)
def test_what_means_something_is_not(one, other) -> None:
    assert masked(one) != masked(other)
