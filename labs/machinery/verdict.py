"""What a check can say: that the work is wrong, and how; that it is not there yet.

A report names one thing first, the field at fault, and then shows all that it was concluded from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from support.bytes_report import Field, is_text, mistakes, visible


class Wrong(Exception):
    """The learner's work is wrong; the message is the report."""

    def __init__(self, field: str, report: str) -> None:
        super().__init__(report)
        self.field = field  # at fault
        self.report = report
        self.written_at = ""  # the learner's file:line that wrote it, where it is known


class NotYet(Exception):
    """The step is not implemented yet: its stub was reached."""


class Absent(Exception):
    """A real tool that a check talks to is not here; the message says which, and how to have it."""


@dataclass(frozen=True)
class Value:
    """A value that a decoder should find."""

    name: str
    data: bytes
    section: str = ""
    on_the_wire: bool = True  # these very bytes are; else they only say what was concluded
    known: tuple[tuple[bytes, str], ...] = ()  # what mistakes make of it, and their names


@dataclass(frozen=True)
class Refusal:
    """An Error that a decoder should return instead."""

    status: int  # that the peer is answered with
    why: str  # in a few words: "two Content-Length fields"
    section: str = ""


Answer = list[tuple[str, bytes]]  # what a probe answers: names and values, in order


def value(name: str, data: bytes | str, section: str = "") -> Value:
    """A value that is on the wire as it is."""
    return Value(name, data if isinstance(data, bytes) else data.encode(), section)


def fact(name: str, data: bytes | str | int, section: str = "") -> Value:
    """A number or a word that says what the bytes mean."""
    return Value(name, data if isinstance(data, bytes) else str(data).encode(), section, False)


def compare(
    title: str, data: bytes | list[str], expected: list[Value] | Refusal, got: Answer
) -> None:
    """Raise Wrong unless the answer is what was expected of these bytes, or of what is described in
    these rows."""
    shown = given(data)
    got_error = dict(got) if got and got[0][0] == "error" else None
    if isinstance(expected, Refusal):
        return _compare_refusal(title, shown, expected, got, got_error)
    if got_error:
        detail, status = got_error["detail"].decode(errors="replace"), got_error["status"].decode(
            errors="replace"
        )
        what = detail.partition(", at byte ")[0]
        raise Wrong(
            what,
            "\n".join(
                [
                    title,
                    f"  REFUSED: {what}; but this must be accepted",
                    *shown,
                    f"    got       an error with status {status}: {detail}",
                    *_named(what, expected),
                ]
            ),
        )
    _compare_values(title, shown, expected, got)


def _named(what: str, expected: list[Value]) -> list[str]:
    """The value of that name; all of them, if there is none."""
    same = [one for one in expected if one.name == what]
    if len(same) == 1:
        return [f"    expected  {what} {_cell(same[0])}"]
    return ["    expected", *(f"      {one.name:<16}  {_cell(one)}" for one in expected)]


def _compare_refusal(
    title: str, shown: list[str], expected: Refusal, got: Answer, got_error: Optional[dict]
) -> None:
    section = f"   [{expected.section}]" if expected.section else ""
    if not got_error:
        found = ", ".join(f"{name} {_show(data)}" for name, data in got) or "nothing"
        raise Wrong(
            "accepted",
            "\n".join(
                [
                    title,
                    f"  ACCEPTED: this must be refused: {expected.why}{section}",
                    *shown,
                    f"    expected  an error with status {expected.status}",
                    f"    got       {found}",
                ]
            ),
        )
    status = got_error["status"].decode(errors="replace")
    if status != str(expected.status):
        raise Wrong(
            "status",
            "\n".join(
                [
                    title,
                    f"  WRONG STATUS: refused as it must be ({expected.why}){section}",
                    *shown,
                    f"    expected  {expected.status}",
                    f"    got       {status}, with the words: {got_error['detail'].decode()}",
                ]
            ),
        )


def _compare_values(title: str, shown: list[str], expected: list[Value], got: Answer) -> None:
    rows, fault = [], None
    for i in range(max(len(expected), len(got))):
        wanted = expected[i] if i < len(expected) else None
        came = got[i] if i < len(got) else None
        same = wanted and came and (wanted.name, wanted.data) == came
        if not same and fault is None:
            fault = i
        rows.append((" " if same else "!", wanted, came))
    if fault is None:
        return
    _, wanted, came = rows[fault]
    kind, name, section = "WRONG VALUE", wanted.name if wanted else came[0], ""
    if wanted is None:
        kind = "TOO MUCH"
    elif came is None or came[0] != wanted.name:
        kind = "MISSING"
        came = None
    section = f"   [{wanted.section}]" if wanted and wanted.section else ""
    lines = [title, f"  {kind}: {name}{section}", *shown]
    both = _both if wanted and wanted.on_the_wire else _plain
    lines.append(f"    expected  {both(wanted.data) if wanted else '(no more)'}")
    lines.append(f"    got       {both(came[1]) if came else '(nothing)'}")
    if wanted and came:
        lines += [f"    likely    {hint}" for hint in _hints(wanted, came[1], expected)]
    width = max(8, *(len(_cell(one)) for one in expected)) if expected else 8
    names = max(16, *(len(wanted.name if wanted else came[0]) for _, wanted, came in rows))
    lines.append(f"     {'field':<{names}}  {'expected':<{width}}  got")
    for mark, wanted, came in rows:
        label = wanted.name if wanted else came[0]
        left = _cell(wanted) if wanted else "--"
        right = (
            _cell(Value(came[0], came[1], "", not wanted or wanted.on_the_wire)) if came else "--"
        )
        if came and wanted and came[0] != wanted.name:
            right = f"{came[0]} {right}"
        lines.append(f"   {mark} {label:<{names}}  {left:<{width}}  {right}".rstrip())
    raise Wrong(name, "\n".join(lines))


def _hints(wanted: Value, came: bytes, all_wanted: list[Value]) -> list[str]:
    """Names of the mistake, where the value gives it away."""
    right = wanted.data
    known = [hint for data, hint in wanted.known if data == came and data != right]
    if known:
        return known[:1]
    other = [one.name for one in all_wanted if one.data == came and one.data != right]
    if other and came not in (b"yes", b"no"):
        return [f"this is the value of {other[0]}"]
    hints = list(mistakes([Field(wanted.name, right)], 0, came))
    if hints:
        return hints
    if right.isdigit() and came.isdigit():
        number, wrong = int(right), int(came)
        for bits in (8, 16, 32):
            if wrong == number % (1 << bits) and number >> bits:
                return [f"cut to {bits} bits: the type is too small for the number"]
        return [f"off by one ({wrong - number:+d})"] if abs(wrong - number) == 1 else []
    if right and came and right in came:
        before, _, after = came.partition(right)
        extra = [f"{_show(before)} in front of it"] * bool(before)
        extra += [f"{_show(after)} behind it"] * bool(after)
        return [f"too long: {' and '.join(extra)}"]
    if came and came in right:
        before, _, after = right.partition(came)
        extra = [f"{_show(before)} at the front"] * bool(before)
        extra += [f"{_show(after)} at the end"] * bool(after)
        return [f"too short: without {' and '.join(extra)}"]
    if not came:
        return ["never filled in?"]
    return []


def given(data: bytes | list[str]) -> list[str]:
    """The input of a report, a line a row, the middle of what is long left out."""
    if not data:
        return []
    if isinstance(data, list):
        return [f"    {'given' if i == 0 else '':<10}{row}" for i, row in enumerate(data)]
    if sum(map(is_text, (data[i : i + 1] for i in range(len(data))))) < 0.8 * len(data):
        return [f"    given     {data[:32].hex(' ')}" + (" .." if len(data) > 32 else "")]
    rows = [visible(row) for row in data.splitlines(keepends=True)]
    if len(rows) > 8:
        rows = [*rows[:6], f"... {len(rows) - 7} more lines", rows[-1]]
    rows = [row if len(row) <= 76 else f"{row[:60]}...{row[-12:]}" for row in rows]
    return [f"    {'given' if i == 0 else '':<10}{row}" for i, row in enumerate(rows)]


def _cell(one: Value) -> str:
    return _show(one.data) if one.on_the_wire else visible(one.data)


def _show(data: bytes) -> str:
    if not is_text(data):
        return data.hex(" ") if len(data) <= 12 else f"{data[:9].hex(' ')} .. {data[-1:].hex()}"
    text = visible(data)
    return f'"{text}"' if len(text) <= 40 else f'"{text[:26]}...{text[-10:]}"'


def _plain(data: bytes) -> str:
    return visible(data) or "(empty)"


def _both(data: bytes) -> str:
    """Hexadecimal first, then as text."""
    if not data:
        return '(empty)  ""'
    shown = data.hex(" ") if len(data) <= 16 else f"{data[:12].hex(' ')} .. {data[-2:].hex(' ')}"
    return f"{shown}  {_show(data)}" if is_text(data) else shown
