"""Compares bytes with what a message should be, and names the field at fault.

A message is a list of fields. Where the bytes differ, a left-to-right comparison blames whatever
stands after the mistake. This module instead looks for the one repair that explains the whole
difference: a field missing, doubled, swapped, of another value or of another size, with the
lengths that count it written anew or left as they were.

    body = [Field("Packet Identifier", b"\\x12\\x34", "copied from SUBSCRIBE", "§3.9.2"),
            Field("Return code", b"\\x01", "granted QoS 1", "§3.9.3")]
    suback = [Field("Packet type", b"\\x90"), length("Remaining Length", body, 1), *body]
    assert_bytes(suback, received, "SUBACK")

Give every field of an expected message a value of its own and not zero: what is the same
everywhere can't be told apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    index: int  # of the field at fault
    got: bytes  # what stands in its place
    hints: tuple[str, ...] = ()
    resized: bool = False  # the lengths that count the field were written to match


def diagnose(expected: Message, got: bytes) -> list[Diagnosis]:
    """All single mistakes that explain the difference, the likeliest first; none if there is none
    or no single one does."""
    if got == join(expected):
        return []
    found = [*_wrong_values(expected, got), *_moved(expected, got), *_wrong_sizes(expected, got)]
    return sorted(found, key=lambda diagnosis: _unlikeliness(expected[diagnosis.index], diagnosis))


def report(expected: Message, got: bytes, title: str) -> str:
    """The difference as a learner needs it; empty if there is none."""
    if got == join(expected):
        return ""
    diagnoses = diagnose(expected, got)
    if not diagnoses:
        return "\n".join([*_headline_of_many(expected, got, title), *_table(expected, got, None)])
    first, others = diagnoses[0], diagnoses[1:]
    field = expected[first.index]
    lines = [
        title,
        f"  {first.kind}: {field.name} at byte {_offset(expected, first.index)}"
        + (f"   [{field.section}]" if field.section else ""),
        f"    expected  {_show(field.data):<26}{field.meaning}".rstrip(),
        f"    got       {_show(first.got) or '(nothing)'}",
        *(f"    likely    {hint}" for hint in first.hints),
        f"  with this one field put right, all {len(join(expected))} bytes match",
        *_table(expected, got, first),
    ]
    if others:
        also = dict.fromkeys(f"{other.kind} {expected[other.index].name}" for other in others)
        lines.append(f"  also possible: {', '.join(also)}")
    return "\n".join(lines)


def assert_bytes(expected: Message, got: bytes, title: str) -> None:
    """Fail with the report unless the bytes are the message."""
    difference = report(expected, got, title)
    if difference:
        raise AssertionError(difference)


# --- The search. Each function tries one kind of mistake at every field.

_LIKELIHOOD = ["WRONG VALUE", "MISSING", "TWICE", "SWAPPED WITH THE NEXT", "WRONG SIZE"]
_MATCHES = "the lengths match what was sent: the field was never written"
_LEFT = "the lengths count it as it should be: it was changed after they were written"


def _unlikeliness(field: Field, diagnosis: Diagnosis) -> tuple[int, int]:
    """Sorts diagnoses: by their kind, then by how much of the field is still in what came."""
    right, value = field.data, diagnosis.got
    number_in_other_width = not _is_text(right) and right.lstrip(b"\0") == value.lstrip(b"\0")
    text_with_terminator = _is_text(right) and value == right + b"\0"
    if number_in_other_width or text_with_terminator:
        distance = 0
    else:
        distance = 1 if value.startswith(right) or right.startswith(value) else 2
    return _LIKELIHOOD.index(diagnosis.kind), distance


def _wrong_values(expected: Message, got: bytes) -> list[Diagnosis]:
    """A field with another value of the right size; a variable-size number may differ in both."""
    found = []
    for i, field in enumerate(expected):
        start = _offset(expected, i)
        size = len(field.data) + len(got) - len(join(expected))
        value = got[start : start + max(size, 0)]
        if size == len(field.data) or _is_some_length(expected, field, value):
            if value != field.data and _with(expected, i, value) == got:
                found.append(Diagnosis("WRONG VALUE", i, value, _mistakes(expected, i, value)))
    return found


def _moved(expected: Message, got: bytes) -> list[Diagnosis]:
    """A field that is missing, is there twice, or stands after its neighbour."""
    found = []
    for i, field in enumerate(expected):
        for resize, hint in ((_resize, _MATCHES), (_as_is, _LEFT)):
            if join(resize([*expected[:i], *expected[i + 1 :]])) == got:
                found.append(Diagnosis("MISSING", i, b"", (hint,), resize is _resize))
                break
        for resize in (_resize, _as_is):
            if join(resize([*expected[:i], field, *expected[i:]])) == got:
                found.append(Diagnosis("TWICE", i, field.data * 2, (), resize is _resize))
                break
        if i + 1 < len(expected):
            swapped = [*expected[:i], expected[i + 1], field, *expected[i + 2 :]]
            if join(swapped) == got:
                found.append(Diagnosis("SWAPPED WITH THE NEXT", i, expected[i + 1].data))
    return found


def _wrong_sizes(expected: Message, got: bytes) -> list[Diagnosis]:
    """A field that takes more or fewer bytes than it should."""
    found = []
    for i, field in enumerate(expected):
        if field.counts:
            continue  # its size is a matter of its value
        for resize in (_resize, _as_is):
            # A length in front may itself take more or fewer bytes: let the sizes settle.
            for size in _candidate_sizes(expected, got, i, resize):
                changed = resize(_replaced(expected, i, bytes(size)))
                start = _offset(changed, i)
                value = got[start : start + size]
                if size != len(field.data) and join(_replaced(changed, i, value)) == got:
                    hint = f"{size} bytes, the specification says {len(field.data)}"
                    found.append(Diagnosis("WRONG SIZE", i, value, (hint,), resize is _resize))
                    break
            else:
                continue
            break
    return found


def _candidate_sizes(expected: Message, got: bytes, i: int, resize) -> list[int]:
    """Sizes of field i with which the whole message has as many bytes as came."""
    near = len(expected[i].data) + len(got) - len(join(expected))
    sizes = [size for size in range(near - 4, near + 5) if size > 0]
    return [s for s in sizes if len(join(resize(_replaced(expected, i, bytes(s))))) == len(got)]


def _mistakes(expected: Message, i: int, value: bytes) -> tuple[str, ...]:
    """Names of the usual ways to get a value wrong."""
    field = expected[i]
    if len(value) > 1 and value == field.data[::-1]:
        return ("byte order: the wire has the most significant byte first",)
    if value.lower() == field.data.lower():
        return ("upper and lower case",)
    if not any(value):
        return ("zero: never filled in?",)
    if field.counts:
        size = _counted(expected, field)
        wrong = {size + len(value): "the length counts its own bytes", size - 1: "off by one (-1)"}
        wrong[size + 1] = "off by one (+1)"
        return tuple(hint for number, hint in wrong.items() if _encoded(field, number) == value)
    difference = int.from_bytes(value, "big") - int.from_bytes(field.data, "big")
    return (f"off by one ({difference:+d})",) if abs(difference) == 1 else ()


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


# --- The table.


def _headline_of_many(expected: Message, got: bytes, title: str) -> list[str]:
    """No single repair explains it: say where the difference begins."""
    common = 0
    whole = join(expected)
    while common < min(len(whole), len(got)) and whole[common] == got[common]:
        common += 1
    inside = [i for i in range(len(expected)) if _offset(expected, i) <= common]
    first = expected[inside[-1]].name if common < len(whole) else "the end"
    return [title, f"  MORE THAN ONE FIELD differs, the first at byte {common}: {first}"]


def _table(expected: Message, got: bytes, diagnosis: Optional[Diagnosis]) -> list[str]:
    """Expected and got, field by field, in step again behind the field at fault."""
    lines = ["     off  expected                  got                       field"]
    at = 0
    sizes = _sizes_in(expected, diagnosis)
    for i, field in enumerate(expected):
        piece = got[at : at + sizes[i]]
        at += sizes[i]
        mark = " " if piece == field.data else "~" if field.counts else "!"
        if diagnosis and i == diagnosis.index:
            mark = "!"
        offset = _offset(expected, i)
        lines.append(
            f"  {mark} {offset:4d}  {_show(field.data):<26}{_show(piece) or '--':<26}{field.name}"
        )
    if at < len(got):
        lines.append(
            f"  ! {len(join(expected)):4d}  {'--':<26}{_show(got[at:]):<26}(behind the end)"
        )
    return lines


def _sizes_in(expected: Message, diagnosis: Optional[Diagnosis]) -> list[int]:
    """How many of the received bytes belong to each field, given the diagnosis."""
    if diagnosis is None:
        return [len(field.data) for field in expected]
    changed = _replaced(expected, diagnosis.index, diagnosis.got)
    if diagnosis.kind == "SWAPPED WITH THE NEXT":
        after = expected[diagnosis.index].data
        changed = _replaced(changed, diagnosis.index + 1, after)
    return [len(field.data) for field in (_resize(changed) if diagnosis.resized else changed)]


def _is_text(data: bytes) -> bool:
    return len(data) > 3 and all(byte in b"\r\n\t" or 0x20 <= byte < 0x7F for byte in data)


def _show(data: bytes) -> str:
    """Text as text, anything else in hexadecimal; the middle of what is long is left out."""
    if _is_text(data):
        text = data.decode().replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
        return f'"{text}"' if len(text) < 24 else f'"{text[:12]}...{text[-8:]}"'
    return data.hex(" ") if len(data) <= 8 else f"{data[:6].hex(' ')} .. {data[-1:].hex()}"
