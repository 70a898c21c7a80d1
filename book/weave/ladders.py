"""Ladders: the messages of a recorded capture as arrows, time downwards. As text, and as SVG."""

from __future__ import annotations

import html
import struct
from dataclasses import dataclass
from pathlib import Path

from support.bytes_report import is_text
from weave.pages import Place, Stale, Woven
from weave.walks import Message, Walks

_ARROW = 58  # columns between the two sides
_MOST = 32  # characters of a message that are shown


@dataclass(frozen=True)
class Rung:
    """One arrow."""

    from_client: bool
    label: str
    note: str


@dataclass(frozen=True)
class Ladder:
    """All of them, and who stands at the two sides."""

    name: str  # of its capture
    title: str
    left: str
    right: str
    rungs: list[Rung]


class Ladders:
    """Ladders of the captures that walks go through."""

    def __init__(self, walks: Walks) -> None:
        self._walks = walks
        self.pictures: dict[Path, str] = {}  # the SVG files that belong to what was woven

    def weave(self, place: Place) -> Woven:
        """`ladder: CAPTURE`."""
        session, _, messages = self._walks.of(place.what)
        flags = _closing(session.recorded(f"{place.what}.pcap"))
        rungs = [("client", "TCP: SYN, SYN ACK, ACK"), *map(_arrow, messages)]
        rungs += [(who, "TCP: FIN") for who in flags]
        notes = session.ladder.get("notes", [])
        if len(notes) != len(rungs):
            raise Stale(
                f"{session.file.name} has {len(notes)} notes for {len(rungs)} arrows: "
                + "; ".join(label for _, label in rungs)
            )
        ladder = Ladder(
            place.what,
            session.about,
            session.ladder["left"],
            session.ladder["right"],
            [Rung(who == "client", label, note) for (who, label), note in zip(rungs, notes)],
        )
        self.pictures[session.file.parent / f"{place.what}.svg"] = as_svg(ladder)
        return Woven(as_text(ladder))


def _arrow(message: Message) -> tuple[str, str]:
    first = message.data.partition(b"\r\n")[0]
    text = (
        first.decode() if is_text(first) else ""
    )  # bytes that are no text say nothing in a picture
    words = [word for word in text.split(" ") if not word.startswith("HTTP/")]
    said = " ".join(words)
    shown = said if len(said) <= _MOST else f"{said[: _MOST - 3]}..."
    return message.who, f"{message.title}, {len(message.data)} bytes: {shown}".rstrip(": ")


def _closing(pcap: Path) -> list[str]:
    """Who sends FIN, in order. (Our captures are raw IPv4 packets: see common/wire/pcap.hpp.)"""
    data, at, who, client = pcap.read_bytes(), 24, [], None
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        packet = data[at + 16 : at + 16 + size]
        tcp = packet[4 * (packet[0] & 15) :]
        port, flags = struct.unpack_from(">H", tcp)[0], tcp[13]
        client = port if client is None else client
        if flags & 1:
            who.append("client" if port == client else "server")
        at += 16 + size
    return who


def as_text(ladder: Ladder) -> str:
    """The ladder in a fixed-width font."""
    width = _ARROW + 1
    indent = " " * max(2, len(ladder.left) // 2)
    bar = f"{indent}|{'':{_ARROW}}|"
    right = len(indent) + width - len(ladder.right) // 2
    lines = [f"{ladder.left:<{right}}{ladder.right}", bar]
    for number, rung in enumerate(ladder.rungs):
        before = ladder.rungs[number - 1]
        together = rung.from_client == before.from_client or rung.label == before.label
        if number == 1 or (number > 1 and not together):
            lines.append(bar)
        ends = ("------ ", ">") if rung.from_client else ("<----- ", "-")
        arrow = f"{ends[0]}{rung.label} ".ljust(_ARROW - 1, "-") + ends[1]
        lines.append(f"{indent}|{arrow}|   {rung.note}")
    lines.append(bar)
    return "\n".join(line.rstrip() for line in lines)


_STYLE = """
    :root.ladder { color: #1b1b1b; background: #ffffff }
    @media (prefers-color-scheme: dark) { :root.ladder { color: #e6e6e6; background: #16181c } }
    .ladder text { font: 14px ui-sans-serif, system-ui, sans-serif; fill: currentColor }
    .ladder .side { font-weight: 600 }
    .ladder .note { font-size: 13px; font-style: italic }
    .ladder line { stroke: currentColor; stroke-width: 1.5 }
    .ladder .server { stroke-dasharray: 7 4 }
    .ladder path { fill: currentColor }
"""


def as_svg(ladder: Ladder) -> str:
    """The ladder as a picture of its own: the server's arrows are dashed, to tell them apart.

    Alone it brings its own colours (`:root` is the picture then); inside a page it takes the
    page's.
    """
    left, right, top, step = 90, 510, 64, 40
    height = top + step * len(ladder.rungs) + 16
    longest = max((len(rung.note) for rung in ladder.rungs), default=0)
    width = right + 40 + 7 * longest
    words = "; ".join(
        f"{ladder.left if rung.from_client else ladder.right}: {rung.label}"
        for rung in ladder.rungs
    )
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ladder" viewBox="0 0 {width} {height}" '
        f'role="img" aria-labelledby="{ladder.name}-title {ladder.name}-desc">',
        f'  <title id="{ladder.name}-title">{html.escape(ladder.title)}</title>',
        f'  <desc id="{ladder.name}-desc">{html.escape(words)}</desc>',
        f"  <style>{_STYLE}  </style>",
    ]
    for x, name in ((left, ladder.left), (right, ladder.right)):
        out.append(
            f'  <text class="side" x="{x}" y="26" text-anchor="middle">{html.escape(name)}</text>'
        )
        out.append(f'  <line x1="{x}" y1="36" x2="{x}" y2="{height - 8}"/>')
    for number, rung in enumerate(ladder.rungs):
        y = top + step * number + 10
        begin, end, tip = (left, right, -9) if rung.from_client else (right, left, 9)
        who = "client" if rung.from_client else "server"
        out.append(f'  <line class="{who}" x1="{begin}" y1="{y}" x2="{end + tip}" y2="{y}"/>')
        out.append(f'  <path d="M{end} {y} l{tip} -5 v10 z"/>')
        middle = (left + right) // 2
        label = html.escape(rung.label)
        out.append(f'  <text x="{middle}" y="{y - 7}" text-anchor="middle">{label}</text>')
        if rung.note:
            note = html.escape(rung.note)
            out.append(f'  <text class="note" x="{right + 16}" y="{y + 4}">{note}</text>')
    return "\n".join([*out, "</svg>", ""])
