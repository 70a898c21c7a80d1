"""Holes: regions of the reference that the learner fills. Everything here is text in, text out.

The reference marks them, the starter keeps the marks, so both can be cut and spliced by name:

    // region field-lines
    ...
    // endregion
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from machinery.catalogue import Hole, Lab

# Nothing else stands on such a line: a comment may well speak of a region.
_MARK = re.compile(r"^\s*//\s*(region(?=\s+[a-z0-9-]+\s*$)|endregion(?=\s*$))\s*([a-z0-9-]*)\s*$")
_WIDTH = 100  # of the comments in the starter


# What a program says whose stub was reached.
NOT_YET = re.compile(r"step \d+ is not implemented yet")


def refusal(number: int) -> str:
    """The statement by which a step's stub says that nothing is there."""
    return f'throw wire::UsageError("step {number} is not implemented yet")'


class BrokenMarks(Exception):
    """The lines that mark a hole are not where they were."""


@dataclass(frozen=True)
class Region:
    """Where a region's own lines are: without its marks, counted from 0, the end excluded."""

    first: int
    end: int

    def of(self, lines: list[str]) -> list[str]:
        return lines[self.first : self.end]


def _lines(text: str) -> list[str]:
    """The lines as the compiler counts them: other separators than LF are none."""
    return text.removesuffix("\n").split("\n") if text else []


def regions(text: str) -> dict[str, Region]:
    """All regions of a text by name."""
    found, begun = {}, []
    for number, line in enumerate(_lines(text)):
        mark = _MARK.match(line)
        if mark and mark[1] == "region":
            begun.append((mark[2], number + 1))
        elif mark and begun:
            name, first = begun.pop()
            found[name] = Region(first, number)
    return found


def body(text: str, name: str) -> str:
    """The text of one region."""
    try:
        region = regions(text)[name]
    except KeyError:
        raise BrokenMarks(f"the lines `// region {name}` and `// endregion` are needed") from None
    return "".join(f"{line}\n" for line in region.of(_lines(text)))


def with_body(text: str, name: str, new: str) -> str:
    """The text with another body of one region."""
    body(text, name)  # or BrokenMarks
    lines, region = _lines(text), regions(text)[name]
    lines[region.first : region.end] = _lines(new)
    return "".join(f"{line}\n" for line in lines)


def without_other_marks(text: str, keep: set[str]) -> str:
    """The text without the marks of regions that do not matter here (the book has some, too)."""
    kept, begun = [], []
    for line in _lines(text):
        mark = _MARK.match(line)
        if mark and mark[1] == "region":
            begun.append(mark[2])
        if not mark or begun[-1] in keep:
            kept.append(line)
        if mark and mark[1] == "endregion":
            begun.pop()
    return "".join(f"{line}\n" for line in kept)


def starter(lab: Lab, file: str) -> str:
    """A file as the learner gets it: the reference, with a stub and its contract in every hole."""
    text = without_other_marks(lab.reference(file), {hole.name for hole in lab.holes[file]})
    for hole in lab.holes[file]:
        text = with_body(text, hole.name, stub(lab, hole, text))
    return text


def stub(lab: Lab, hole: Hole, text: str) -> str:
    """What stands in a hole at first: what it is to do, and a line that says that it does not."""
    lines, region = _lines(text), regions(text)[hole.name]
    mark = lines[region.first - 1]
    indent = mark[: len(mark) - len(mark.lstrip())]
    step = lab.step_of(hole)
    contract = f"Step {step.number}, {step.title.lower()}. {hole.contract}"
    wrapped = textwrap.wrap(contract, _WIDTH - len(indent) - 3)
    comment = [f"{indent}// {line}" for line in wrapped]
    unused = [f"{indent}(void){name};  // until your code uses it" for name in hole.mentions]
    refuse = f"{indent}{refusal(step.number)};"
    return "".join(f"{line}\n" for line in [*comment, *unused, refuse])


def spliced(lab: Lab, file: str, learner: str, own: set[str], names: Mapping[str, str]) -> str:
    """The learner's text, with the reference in all holes but `own`.

    `names`: what the compiler is to call the learner's and the reference's file ("learner",
    "reference"), so that what it says names the line that the learner sees.
    """
    reference = lab.reference(file)
    theirs, ours = _lines(learner), _lines(reference)
    own_regions, reference_regions = regions(learner), regions(reference)
    out, at = [f'#line 1 "{names["learner"]}"'], 0
    for hole in lab.holes[file]:
        body(learner, hole.name)  # or BrokenMarks
    filled = [hole.name for hole in lab.holes[file] if hole.name not in own]
    for name in sorted(filled, key=lambda name: own_regions[name].first):
        region, source = own_regions[name], reference_regions[name]
        out += theirs[at : region.first]
        out += [f'#line {source.first + 1} "{names["reference"]}"', *source.of(ours)]
        out += [f'#line {region.end + 1} "{names["learner"]}"']
        at = region.end
    out += theirs[at:]
    return "".join(f"{line}\n" for line in out)


def merged(lab: Lab, file: str, base: str, learner: str) -> tuple[str, list[str]]:
    """The learner's work carried over to the present reference, and what could not be.

    `base` is the starter that the learner began with. Between the holes the present starter's
    text is taken where the learner left it alone, the learner's where the reference did; in the
    holes the learner's, unless it is still the stub. Where both changed, the learner's stays, and
    the names of these places are returned.
    """
    new = starter(lab, file)
    if new == base:
        return learner, []
    pieces, conflicts = [], []
    for (name, old), (_, theirs), (_, present) in zip(
        *(_pieces(lab, file, text) for text in (base, learner, new)), strict=True
    ):
        if theirs == old or theirs == present:
            pieces.append(present)
        else:
            pieces.append(theirs)
            if old != present:
                conflicts.append(name)
    return "".join(pieces), conflicts


def _pieces(lab: Lab, file: str, text: str) -> list[tuple[str, str]]:
    """The text cut at the holes, each piece with a name. All holes must be there, in order."""
    lines, found = [f"{line}\n" for line in _lines(text)], regions(text)
    pieces, at = [], 0
    present = [hole.name for hole in lab.holes[file] if hole.name in found]
    if len(present) != len(lab.holes[file]):
        raise BrokenMarks(f"{file} has not the same holes as the reference any more")
    for name in sorted(present, key=lambda name: found[name].first):
        region = found[name]
        pieces.append((f"the text before {name}", "".join(lines[at : region.first])))
        pieces.append((name, "".join(region.of(lines))))
        at = region.end
    return [*pieces, ("the text after the last hole", "".join(lines[at:]))]
