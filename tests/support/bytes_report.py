"""Compares bytes with what a message should be, and names the field at fault.

A message is a list of fields. Where the bytes differ, a left-to-right comparison blames whatever
stands after the mistake. This module instead looks for the one repair that explains the whole
difference: a field missing, doubled, swapped, of another value or of another size, with the
lengths that count it written anew or left as they were; or one habit that shows in every field,
such as LF for CRLF.

    body = [Field("Packet Identifier", b"\\x12\\x34", "copied from SUBSCRIBE", "§3.9.2"),
            Field("Return code", b"\\x01", "granted QoS 1", "§3.9.3")]
    suback = [Field("Packet type", b"\\x90"), length("Remaining Length", body, 1), *body]
    assert_bytes(suback, received, "SUBACK")

Give every field of an expected message a value of its own and not zero: what is the same
everywhere can't be told apart. Text is shown by line: end each line's last field with its line
end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Callable, Optional, Union

Encode = Callable[[int], bytes]


@dataclass(frozen=True)
class Field:
    """A field as it should be on the wire."""

    name: str
    data: bytes
    meaning: str = ""
    section: str = ""  # of the specification
    # For a field that holds a length: the names of the fields it counts, and how it is written.
    counts: tuple[str, ...] = ()
    encode: Optional[Encode] = None


Message = list[Field]


def length(name: str, counted: Message, encode: Union[int, Encode], section: str = "") -> Field:
    """A field that holds the size of others. `encode` is its size in bytes where it is a big-endian
    number, or a function that writes it."""
    size = len(join(counted))
    names = tuple(field.name for field in counted)
    write = encode if callable(encode) else lambda value: value.to_bytes(encode, "big")
    return Field(name, write(size), f"counts {size} bytes", section, names, write)


def join(message: Message) -> bytes:
    """The bytes of a message."""
    return b"".join(field.data for field in message)


@dataclass(frozen=True)
class Diagnosis:
    """One mistake that explains everything."""

    kind: str
    index: int  # of the field at fault; of the one before which something does not belong
    pieces: tuple[bytes, ...]  # what came, cut into what stands for each field
    hints: tuple[str, ...] = ()
    count: int = 1  # of fields at fault: more where a whole line is
    extra: bytes = b""  # what does not belong before field `index`

    @property
    def got(self) -> bytes:
        """What stands in the place of the fields at fault."""
        return self.extra or b"".join(self.pieces[self.index : self.index + self.count])


@dataclass(frozen=True)
class Difference:
    """What is wrong with some bytes."""

    field: str  # at fault; the first that differs, where no single mistake explains all
    offset: int  # of the first byte that it spoils, in what came
    text: str  # the report


def diagnose(expected: Message, got: bytes) -> list[Diagnosis]:
    """All single mistakes that explain the difference, the likeliest first; none if there is none
    or no single one does."""
    if got == join(expected):
        return []
    found = [
        *_wrong_values(expected, got),
        *_moved(expected, got),
        *_wrong_sizes(expected, got),
        *_wrong_lines(expected, got),
        *_habits(expected, got),
    ]
    return sorted(found, key=lambda diagnosis: _unlikeliness(expected, diagnosis))


def difference(expected: Message, got: bytes, title: str) -> Optional[Difference]:
    """The difference as a learner needs it; None if there is none."""
    if got == join(expected):
        return None
    diagnoses = diagnose(expected, got)
    if not diagnoses:
        return _many(expected, got, title)
    first = diagnoses[0]
    concerned = expected[first.index : first.index + first.count]
    if first.extra:
        concerned = []
    section = f"   [{concerned[0].section}]" if concerned and concerned[0].section else ""
    right = join(concerned)
    meaning = concerned[0].meaning if first.count == 1 and concerned else ""
    what = "habit" if first.kind == _HABIT else "line" if first.count > 1 else "thing"
    lines = [
        title,
        f"  {first.kind}: {_name(expected, first)} at byte {_offset(expected, first.index)}{section}",
        f"    expected  {_both(right) or '(nothing)':<26}  {meaning}".rstrip(),
        f"    got       {_both(first.got) or '(nothing)'}",
        *(f"    likely    {hint}" for hint in first.hints),
        f"  with this one {what} put right, all {len(join(expected))} bytes match",
        *_table(expected, first.pieces, first),
    ]
    spoilt = len(b"".join(first.pieces[: first.index])) + _common(right, first.got)
    name = _name(expected, first)
    return Difference(name, min(spoilt, max(len(got) - 1, 0)), "\n".join(lines))


def _name(expected: Message, diagnosis: Diagnosis) -> str:
    """What a diagnosis blames."""
    if diagnosis.extra:
        if diagnosis.index == len(expected):
            return "the end"
        return f"extra line {visible(diagnosis.extra.partition(b':')[0].strip())}"
    if diagnosis.count > 1:
        first = expected[diagnosis.index].data
        return f"line {visible(first.rstrip())}"
    return expected[diagnosis.index].name


def report(expected: Message, got: bytes, title: str) -> str:
    """The text of the difference; empty if there is none."""
    found = difference(expected, got, title)
    return found.text if found else ""


def assert_bytes(expected: Message, got: bytes, title: str) -> None:
    """Fail with the report unless the bytes are the message."""
    text = report(expected, got, title)
    if text:
        raise AssertionError(text)


# --- The search. Each function tries one kind of mistake at every field.

_HABIT = "AGAIN AND AGAIN"
_LIKELIHOOD = [
    "WRONG VALUE",
    "MISSING",
    "MISSING LINE",
    "TWICE",
    "LINE TWICE",
    "SWAPPED WITH THE NEXT",
    "TOO MUCH",
    "WRONG SIZE",
    _HABIT,
]
_MATCHES = "the lengths match what was sent: the field was never written"
_LEFT = "the lengths count it as it should be: it was changed after they were written"


def _unlikeliness(expected: Message, diagnosis: Diagnosis) -> tuple[int, int, int]:
    """Sorts diagnoses: by their kind, then by how much of the field is still in what came. Of
    equal ones the last counts: what is forgotten is more often at the end."""
    if diagnosis.extra or diagnosis.count > 1:
        return _LIKELIHOOD.index(diagnosis.kind), 0, -diagnosis.index
    field = expected[diagnosis.index]
    right, value = field.data, diagnosis.got
    number_in_other_width = not is_text(right) and right.lstrip(b"\0") == value.lstrip(b"\0")
    text_with_terminator = is_text(right) and value == right + b"\0"
    if number_in_other_width or text_with_terminator:
        distance = 0
    else:
        distance = 1 if value.startswith(right) or right.startswith(value) else 2
    return _LIKELIHOOD.index(diagnosis.kind), distance, -diagnosis.index


def _pieces(message: Message) -> tuple[bytes, ...]:
    return tuple(field.data for field in message)


def _wrong_values(expected: Message, got: bytes) -> list[Diagnosis]:
    """A field with another value of the right size; a variable-size number may differ in both."""
    found = []
    for i, field in enumerate(expected):
        start = _offset(expected, i)
        size = len(field.data) + len(got) - len(join(expected))
        value = got[start : start + max(size, 0)]
        if size == len(field.data) or _is_some_length(expected, field, value):
            changed = _replaced(expected, i, value)
            if value != field.data and join(changed) == got:
                hints = mistakes(expected, i, value)
                found.append(Diagnosis("WRONG VALUE", i, _pieces(changed), hints))
    return found


def _moved(expected: Message, got: bytes) -> list[Diagnosis]:
    """A field that is missing, is there twice, or stands after its neighbour."""
    found = []
    for i, field in enumerate(expected):
        for kind, data, hints in (
            ("MISSING", b"", (_MATCHES, _LEFT)),
            ("TWICE", field.data * 2, ("", "")),
        ):
            for resize, hint in zip((_resize, _as_is), hints):
                changed = resize(_replaced(expected, i, data))
                if field.data and join(changed) == got:
                    counted = any(field.name in other.counts for other in expected)
                    found.append(
                        Diagnosis(kind, i, _pieces(changed), (hint,) if hint and counted else ())
                    )
                    break
        if i + 1 < len(expected):
            swapped = _replaced(
                _replaced(expected, i, expected[i + 1].data), i + 1, expected[i].data
            )
            if join(swapped) == got:
                found.append(Diagnosis("SWAPPED WITH THE NEXT", i, _pieces(swapped)))
    return found


def _wrong_sizes(expected: Message, got: bytes) -> list[Diagnosis]:
    """A field that takes more or fewer bytes than it should."""
    found = []
    for i, field in enumerate(expected):
        if field.counts and not is_text(field.data):
            continue  # its size is a matter of its value
        changed = next(_of_other_sizes(expected, got, i), None)
        if changed:
            size, right = len(changed[i].data), len(field.data)
            if is_text(field.data):
                hints = mistakes(expected, i, changed[i].data) or (
                    f"{size} bytes where {right} belong",
                )
            else:
                hints = mistakes(expected, i, changed[i].data) or (
                    f"{size} bytes, the specification says {right}",
                )
            found.append(Diagnosis("WRONG SIZE", i, _pieces(changed), hints))
    return found


def _of_other_sizes(expected: Message, got: bytes, i: int):
    """Messages that came out as `got` did, with another size of field i."""
    for resize in (_resize, _as_is):
        # A length in front may itself take more or fewer bytes: let the sizes settle.
        for size in _candidate_sizes(expected, got, i, resize):
            changed = resize(_replaced(expected, i, bytes(size)))
            start = _offset(changed, i)
            changed = _replaced(changed, i, got[start : start + size])
            if size != len(expected[i].data) and join(changed) == got:
                yield changed


def _candidate_sizes(expected: Message, got: bytes, i: int, resize) -> list[int]:
    """Sizes of field i with which the whole message has as many bytes as came."""
    near = len(expected[i].data) + len(got) - len(join(expected))
    sizes = [size for size in range(near - 4, near + 5) if size > 0]
    return [s for s in sizes if len(join(resize(_replaced(expected, i, bytes(s))))) == len(got)]


# Habits: mistakes that are made wherever they can be. Of text: a hint, what belongs there, and
# what comes instead.
_TEXT_HABITS = [
    ("LF alone: every line ends in CR LF, 0d 0a", b"\r\n", b"\n"),
    ("CR alone: every line ends in CR LF, 0d 0a", b"\r\n", b"\r"),
    ("LF CR: it is CR first, then LF", b"\r\n", b"\n\r"),
    ("no line ends: every line ends in CR LF, 0d 0a", b"\r\n", b""),
    ("no space behind the colon", b": ", b":"),
]
_HABITS: list[tuple[str, Callable[[bytes], bytes]]] = [
    *(
        (hint, lambda data, right=right, wrong=wrong: data.replace(right, wrong))
        for hint, right, wrong in _TEXT_HABITS
    ),
    ("lower case", bytes.lower),
    ("upper case", bytes.upper),
    (
        "byte order: the wire has the most significant byte first",
        lambda data: data if is_text(data) or len(data) > 8 else data[::-1],
    ),
]


def _habits(expected: Message, got: bytes) -> list[Diagnosis]:
    """The same mistake in several of the fields in which it can be made."""
    for hint, spoil in _HABITS:
        spoilt = [replace(field, data=spoil(field.data)) for field in expected]
        choices = [
            dict.fromkeys((field.data, bad.data)) for field, bad in zip(_resize(spoilt), spoilt)
        ]
        choices = [
            tuple(dict.fromkeys((right.data, *options)))
            for right, options in zip(expected, choices)
        ]
        pieces = _fitting(choices, got)
        if not pieces:
            continue
        wrong = [
            i
            for i, (field, bad) in enumerate(zip(expected, spoilt))
            if bad.data != field.data and pieces[i] != field.data
        ]
        if wrong:
            places = f"{hint} ({len(wrong)} times)" if len(wrong) > 1 else hint
            return [Diagnosis(_HABIT, wrong[0], pieces, (places,))]
    return []


def _fitting(choices: list[tuple[bytes, ...]], got: bytes) -> Optional[tuple[bytes, ...]]:
    """One of the choices for each field, so that together they are what came; None if that cannot
    be."""
    dead: set[tuple[int, int]] = set()
    chosen: list[bytes] = []

    def fits(i: int, at: int) -> bool:
        if i == len(choices):
            return at == len(got)
        if (i, at) in dead:
            return False
        for choice in choices[i]:
            if got.startswith(choice, at):
                chosen.append(choice)
                if fits(i + 1, at + len(choice)):
                    return True
                chosen.pop()
        dead.add((i, at))
        return False

    return tuple(chosen) if fits(0, 0) else None


def _lines_of(expected: Message) -> list[tuple[int, int]]:
    """Where each line of text begins and ends, as indexes of fields; none if it is not all text."""
    if not all(is_text(field.data) for field in expected):
        return []
    lines, first = [], 0
    for i, field in enumerate(expected):
        if field.data.endswith(b"\n"):
            lines.append((first, i + 1))
            first = i + 1
    return lines


def _wrong_lines(expected: Message, got: bytes) -> list[Diagnosis]:
    """A whole line that is missing, or there twice; one that does not belong there; whatever
    follows the end."""
    found = []
    for first, end in _lines_of(expected):
        if end - first == 1:
            continue  # a field by itself
        pieces = [field.data for field in expected]
        line = b"".join(pieces[first:end])
        pieces[first:end] = [b""] * (end - first)
        if b"".join(pieces) == got:
            found.append(Diagnosis("MISSING LINE", first, tuple(pieces), (), end - first))
        pieces[first] = line + line
        if b"".join(pieces) == got:
            found.append(Diagnosis("LINE TWICE", first, tuple(pieces), (), end - first))
    whole = join(expected)
    surplus = len(got) - len(whole)
    starts = [first for first, _ in _lines_of(expected)] if surplus > 0 else []
    for index in [*starts, len(expected)] if surplus > 0 else []:
        offset = _offset(expected, index)
        extra = got[offset : offset + surplus]
        complete = extra.endswith(b"\n") or index == len(expected)
        if complete and got[:offset] + got[offset + surplus :] == whole:
            found.append(Diagnosis("TOO MUCH", index, _pieces(expected), (), 1, extra))
    return found


def mistakes(expected: Message, i: int, value: bytes) -> tuple[str, ...]:
    """Names of the usual ways to get a value wrong."""
    field = expected[i]
    right = field.data
    for hint, spoil in _HABITS[:4]:
        if value == spoil(right) and value != right:
            return (hint,)
    if value == right + b"\0":
        return ("a NUL byte behind it: the size of a C string counts its terminator",)
    if is_text(right) and value.strip() == right.strip():
        return ("white space around it",)
    if value.lower() == right.lower():
        return ("upper and lower case",)
    if _is_other_base(right, value):
        return ("the number is right, but hexadecimal and decimal are mixed up",)
    if len(value) > 1 and value == right[::-1]:
        return ("byte order: the wire has the most significant byte first",)
    if not any(value):
        return ("zero: never filled in?",)
    if field.counts:
        return _length_mistakes(expected, field, value)
    if len(value) > len(right) and value.strip(b"\xff") == right and value.startswith(b"\xff"):
        return ("a signed number was widened: the wire knows unsigned ones",)
    if _is_masked(right, value):
        return ("the mask is missing, or is another",)
    if is_text(right):
        return ()
    number = int.from_bytes(value, "big") - int.from_bytes(right, "big")
    if len(value) == len(right) and abs(number) == 1:
        return (f"off by one ({number:+d})",)
    if _varint(value) is not None and _varint(value) == _varint(right):
        return ("the right number, but not in its shortest form",)
    return ()


def _length_mistakes(expected: Message, field: Field, value: bytes) -> tuple[str, ...]:
    size = _counted(expected, field)
    wrong = {size + len(value): "the length counts its own bytes", size - 1: "off by one (-1)"}
    wrong[size + 1] = "off by one (+1)"
    wrong[size + 2] = "it counts two more: the CR LF behind it?"
    return tuple(hint for number, hint in wrong.items() if _encoded(field, number) == value)


def _is_other_base(right: bytes, value: bytes) -> bool:
    """Whether the same number was written in base 10 for 16, or the other way round."""
    try:
        return int(right, 16) == int(value, 10) or int(right, 10) == int(value, 16)
    except ValueError:
        return False


def _is_masked(right: bytes, value: bytes) -> bool:
    """Whether one is the other under a mask of four bytes, as WebSocket has it."""
    if len(right) != len(value) or len(right) < 9:
        return False
    mask = bytes(a ^ b for a, b in zip(right, value))
    return mask == (mask[:4] * len(mask))[: len(mask)]


def _varint(data: bytes) -> Optional[int]:
    """The number in seven bits a byte, the lowest first; None if it is no such number."""
    if not data or data[-1] >= 0x80 or any(byte < 0x80 for byte in data[:-1]):
        return None
    return sum((byte & 0x7F) << (7 * i) for i, byte in enumerate(data))


def _is_some_length(expected: Message, field: Field, value: bytes) -> bool:
    """Whether the bytes are a length as the field writes it, up to about twice the right one."""
    if not field.counts or not value:
        return False
    return any(
        _encoded(field, number) == value for number in range(2 * _counted(expected, field) + 16)
    )


# --- Messages with one thing changed.


def _offset(message: Message, index: int) -> int:
    return len(join(message[:index]))


def _replaced(message: Message, index: int, data: bytes) -> Message:
    return [*message[:index], replace(message[index], data=data), *message[index + 1 :]]


def _with(message: Message, index: int, data: bytes) -> bytes:
    return join(_replaced(message, index, data))


def _as_is(message: Message) -> Message:
    return message


def _resize(message: Message) -> Message:
    """Write all lengths anew, the inner ones first: they stand behind the outer ones."""
    message = list(message)
    for i in reversed(range(len(message))):
        field = message[i]
        if field.counts:
            message[i] = replace(field, data=_encoded(field, _counted(message, field)))
    return message


def _counted(message: Message, field: Field) -> int:
    return sum(len(other.data) for other in message if other.name in field.counts)


def _encoded(field: Field, number: int) -> bytes:
    try:
        return field.encode(number)
    except (OverflowError, ValueError):
        return b""  # the number does not fit the field


def _common(a: bytes, b: bytes) -> int:
    """How many bytes at the front are the same."""
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


# --- The table.


# A row: its mark, its offset, expected, got, the field.
_Row = tuple[str, int, bytes, bytes, str]


def _many(expected: Message, got: bytes, title: str) -> Difference:
    """No single repair explains it: say where the difference begins."""
    whole = join(expected)
    common = _common(whole, got)
    inside = [i for i in range(len(expected)) if _offset(expected, i) <= common]
    first = expected[inside[-1]].name if common < len(whole) else "the end"
    text = bool(_lines_of(expected)) and is_text(got)
    rows = _aligned_lines(whole, got) if text else []
    if not got:
        headline = f"  NOTHING came, where {len(whole)} bytes belong: {first}"
    elif whole.startswith(got):
        headline = f"  CUT SHORT after {common} of {len(whole)} bytes, before: {first}"
    else:
        if text and (surplus := _first_surplus_line(rows)):
            first = f"extra line {surplus}"
        headline = f"  MORE THAN ONE THING differs, the first at byte {common}: {first}"
        headline += _two_things(expected, got)
    table = _format(rows, True) if text else _table(expected, _cut(expected, got))
    return Difference(
        first, min(common, max(len(got) - 1, 0)), "\n".join([title, headline, *table])
    )


def _two_things(expected: Message, got: bytes) -> str:
    """A habit and one more mistake, where the two explain it all: as if the habit did not matter."""
    for hint, right, wrong in _TEXT_HABITS:
        if 2 * got.count(right) > join(expected).count(right):
            continue  # what comes out right this often is no habit
        message = [replace(field, data=field.data.replace(right, wrong)) for field in expected]
        found = diagnose(message, got.replace(right, wrong))
        if found:
            besides = f"{found[0].kind}: {_name(message, found[0])}"
            return f"\n    likely    {hint}\n    besides   {besides}"
    return ""


def _cut(expected: Message, got: bytes) -> tuple[bytes, ...]:
    """What came, cut as if all sizes were right, and what is left over."""
    pieces, at = [], 0
    for field in expected:
        pieces.append(got[at : at + len(field.data)])
        at += len(field.data)
    return (*pieces, got[at:]) if got[at:] else tuple(pieces)


def _aligned_lines(expected: bytes, got: bytes) -> list[_Row]:
    """Text by line, equal lines beside each other."""
    wanted, came = expected.splitlines(keepends=True), got.splitlines(keepends=True)
    rows, offset = [], 0
    for tag, i, j, k, m in SequenceMatcher(None, wanted, came, autojunk=False).get_opcodes():
        for n in range(max(j - i, m - k)):
            left = wanted[i + n] if i + n < j else b""
            right = came[k + n] if k + n < m else b""
            rows.append((" " if tag == "equal" else "!", offset, left, right, ""))
            offset += len(left)
    return rows


def _first_surplus_line(rows: list[_Row]) -> str:
    """The first thing that is wrong, if that is a line which does not belong there."""
    _, _, expected, got, _ = next(row for row in rows if row[0] == "!")
    return "" if expected else visible(got.partition(b":")[0].strip())


def _table(
    expected: Message, pieces: tuple[bytes, ...], diagnosis: Optional[Diagnosis] = None
) -> list[str]:
    """Expected and got, field by field, in step again behind the field at fault. `pieces` may have
    one more: what is behind the end."""
    rows: list[_Row] = []
    for i, (field, piece) in enumerate(zip(expected, pieces)):
        mark = " " if piece == field.data else "~" if field.counts else "!"
        if diagnosis and not diagnosis.extra and i == diagnosis.index:
            mark = "!"
        rows.append((mark, _offset(expected, i), field.data, piece, field.name))
    if len(pieces) > len(expected):
        rows.append(("!", len(join(expected)), b"", pieces[-1], "(behind the end)"))
    text = all(is_text(row[2]) and is_text(row[3]) for row in rows)
    if diagnosis and diagnosis.extra:
        where = _offset(expected, diagnosis.index)
        surplus = ("!", where, b"", diagnosis.extra, "(does not belong here)")
        rows.insert(diagnosis.index, surplus)
    return _format(_by_line(rows) if text else rows, text)


def _format(rows: list[_Row], text: bool) -> list[str]:
    left, right = (max(8, *(len(_cell(row[column], text)) for row in rows)) for column in (2, 3))
    names = "field" if any(row[4] for row in rows) else ""
    lines = [f"     off  {'expected':<{left}}  {'got':<{right}}  {names}"]
    for mark, offset, data, piece, name in rows:
        wanted, came = _cell(data, text) or "--", _cell(piece, text) or "--"
        lines.append(f"  {mark} {offset:4d}  {wanted:<{left}}  {came:<{right}}  {name}")
    return [line.rstrip() for line in lines]


def _by_line(rows: list[_Row]) -> list[_Row]:
    """The rows of text put together up to each line end."""
    lines: list[_Row] = []
    parts: list[_Row] = []
    for row in rows:
        parts.append(row)
        if (row[2] or row[3]).endswith(b"\n") or row is rows[-1]:
            marks = {part[0] for part in parts}
            mark = "!" if "!" in marks else "~" if "~" in marks else " "
            wrong = [part[4] for part in parts if part[0] == "!"]
            expected, got = (b"".join(part[column] for part in parts) for column in (2, 3))
            name = f"the line {parts[0][4]}" if len(wrong) > 2 else ", ".join(wrong)
            lines.append((mark, parts[0][1], expected, got, name or parts[0][4]))
            parts = []
    return lines


def is_text(data: bytes) -> bool:
    """Whether the bytes are best shown as characters. No bytes are."""
    return all(byte in b"\r\n\t" or 0x20 <= byte < 0x7F for byte in data)


def visible(data: bytes) -> str:
    """Text with its control characters shown."""
    text = data.decode("latin-1").replace("\\", "\\\\").replace('"', '\\"')
    text = text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    return "".join(c if " " <= c < "\x7f" else f"\\x{ord(c):02x}" for c in text)


def _cell(data: bytes, text: bool) -> str:
    """What stands in the table; the middle of what is long is left out."""
    if text or (len(data) > 3 and is_text(data)):
        shown = visible(data)
        return shown if len(shown) <= 44 else f"{shown[:30]}...{shown[-11:]}"
    return data.hex(" ") if len(data) <= 8 else f"{data[:6].hex(' ')} .. {data[-1:].hex()}"


def _both(data: bytes) -> str:
    """Hexadecimal, and as text, if it is some."""
    shown = data.hex(" ") if len(data) <= 16 else f"{data[:12].hex(' ')} .. {data[-2:].hex(' ')}"
    return f'{shown}  "{_cell(data, True)}"' if data and is_text(data) else shown
