"""Numbers in sentences, computed from the code and from recorded runs.

<!-- value: NAME -->what the page says<!-- /value -->

book/values.toml gives each name an expression, so that pages stay readable. An expression is Python
with the functions of this file and nothing else: lines(), constant(), lab(), said(), content(),
figure(), recorded(), and for the wording words(), about() and kib().
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable

from support.project import ROOT
from weave.pages import Place, Stale
from weave.sessions import Library

TABLE = ROOT / "book" / "values.toml"

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


class Values:
    """The functions, over one library of sessions."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.expressions: dict[str, str] = tomllib.loads(TABLE.read_text())
        of_sessions = (self.said, self.content, self.figure, self.recorded)
        functions = (lines, constant, lab, words, about, kib, *of_sessions)
        self._functions: dict[str, Callable] = {one.__name__: one for one in functions}

    def weave(self, place: Place) -> str:
        """What the page should say."""
        if place.what not in self.expressions:
            raise Stale(f"{TABLE.name} has no such name")
        try:
            value = eval(self.expressions[place.what], {"__builtins__": {}}, self._functions)
        except Stale:
            raise
        except Exception as error:
            raise Stale(f"{type(error).__name__}: {error}") from None
        return f"{value:,}" if isinstance(value, int) else str(value)

    def said(self, capture: str, *who: str) -> int:
        """How many bytes were said in a capture, by both sides or one."""
        _, connections = self._library.capture(capture)
        return sum(
            len(data)
            for connection in connections
            for speaker, data in connection.said
            if speaker in (who or ("client", "server"))
        )

    def content(self, capture: str, who: str) -> int:
        """How many bytes a side says behind its first head."""
        _, connections = self._library.capture(capture)
        data = b"".join(data for speaker, data in connections[0].said if speaker == who)
        return len(data.partition(b"\r\n\r\n")[2])

    def figure(self, block: str, row: str, column: int) -> str:
        """A number in a recorded table: the row begins with these words; columns count from 1."""
        for line in self._text(block).splitlines():
            if line.strip().startswith(row):
                rest = line.strip()[len(row) :]
                return re.findall(r"\d[\d,]*(?:\.\d+)?", rest)[column - 1]
        raise Stale(f"{block} has no row that begins with {row!r}")

    def recorded(self, block: str) -> str:
        """When somebody ran a session that is not repeated."""
        self._text(block)
        return self._library.of_block[block].run_by_hand

    def _text(self, block: str) -> str:
        if block not in self._library.of_block:
            raise Stale(f"no session has a block {block}")
        return self._library.of_block[block].recorded(f"{block}.txt").read_text()


def lines(path: str) -> int:
    """How long a file is."""
    return len((ROOT / path).read_text().splitlines())


def constant(path: str, name: str) -> int:
    """The number behind `NAME = ` in a source: 4096, 8 * 1024, std::chrono::seconds(2)."""
    found = re.search(
        rf"\b{re.escape(name)} = (?:[\w:]+\()?(\d[\d *<]*)", (ROOT / path).read_text()
    )
    if not found:
        raise Stale(f"{path} gives no number to {name}")
    return eval(found[1])  # digits, * and <<


def lab(chapter: str, key: str) -> int:
    """A number of a lab, or how many of something it has."""
    value = tomllib.loads((ROOT / "labs" / chapter / "lab.toml").read_text())[key]
    return len(value) if isinstance(value, list) else value


def words(number: int) -> str:
    """A number as one writes it in a sentence."""
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    if tens > 9:
        return f"{number:,}"
    return _TENS[tens] + (f"-{_SMALL[ones]}" if ones else "")


def about(number: int) -> str:
    """The same, rounded to tens."""
    return words(round(number, -1))


def kib(number: int) -> str:
    """Bytes in the largest unit that divides them."""
    for size, unit in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if number % size == 0:
            return f"{number // size} {unit}"
    return f"{number:,} bytes"
