"""Byte walks and messages, from recorded captures, as the chapter's own decoder reads them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from machinery.capture import Connection
from support import project
from support.console import SetupError
from weave.pages import Place, Stale, Woven
from weave.sessions import Library, Session

_TIMEOUT = 60
_HEADING = re.compile(r"^client (?P<way>[→←]) server  (?P<title>.*), (?P<size>\d+) bytes$")


@dataclass(frozen=True)
class Message:
    """A frame of a conversation: a head, a chunk, content."""

    who: str  # client or server
    title: str  # "request head"
    data: bytes
    walk: str  # every byte of it explained, a row for each part


class Walks:
    """Walks through the captures of a library."""

    def __init__(self, library: Library, preset: str) -> None:
        self._library, self._preset = library, preset
        self._known: dict[str, tuple[Session, Connection, list[Message]]] = {}

    def of(self, name: str) -> tuple[Session, Connection, list[Message]]:
        """The session of a capture, its connection, and what was said there."""
        if name not in self._known:
            session, connections = self._library.capture(name)
            if len(connections) != 1:
                raise Stale(f"{name}.pcap has {len(connections)} connections; walks show one")
            chapter = session.file.parent.name
            found = messages(connections[0], chapter, self._preset)
            self._known[name] = session, connections[0], found
        return self._known[name]

    def weave(self, place: Place) -> Woven:
        """`walk: CAPTURE`; `walk: CAPTURE client` for what one side said; `walk: CAPTURE client 2-`
        for all of that from the second message on."""
        words = place.what.split()
        name, who, first = [*words, *["", "", "1-"][len(words) :]]
        if who not in ("", "client", "server"):
            raise Stale(f"{who!r} is neither client nor server")
        if not re.fullmatch(r"[1-9]\d*-", first):
            raise Stale(f"{first!r} does not say from which message on")
        _, _, found = self.of(name)
        shown = [message for message in found if who in ("", message.who)][int(first[:-1]) - 1 :]
        return Woven("\n".join(f"{heading(message)}\n{message.walk}" for message in shown))


def heading(message: Message) -> str:
    way = "client → server" if message.who == "client" else "client ← server"
    return f"{way}  {message.title}, {len(message.data)} bytes"


def messages(connection: Connection, chapter: str, preset: str) -> list[Message]:
    """What the chapter's decoder makes of a connection."""
    left = {"client": b"", "server": b""}
    for who, data in connection.said:
        left[who] += data
    found = []
    for paragraph in walk(connection.said, chapter, preset).rstrip().split("\n\n"):
        first, _, rows = paragraph.partition("\n")
        head = _HEADING.match(first)
        if not head:
            raise Stale(f"the decoder says: {first.strip()}")
        who, size = "client" if head["way"] == "→" else "server", int(head["size"])
        found.append(Message(who, head["title"], left[who][:size], f"{rows}\n"))
        left[who] = left[who][size:]
    if any(left.values()):
        raise Stale("the decoder has not read all of it")
    return found


def walk(said: list[tuple[str, bytes]], chapter: str, preset: str) -> str:
    """The walk as the decoder prints it. See labs/machinery/probe.hpp for how it is asked."""
    program = project.bin_dir(preset) / f"lab-{chapter}"
    if not program.exists():
        raise SetupError(f"{program.name} is not built: cmake --build --preset {preset}")
    words = [word for who, data in said for word in (who.encode().hex(), data.hex())]
    question = " ".join(["walk", *words]) + "\n"
    done = subprocess.run(
        [program], input=question, capture_output=True, text=True, timeout=_TIMEOUT
    )
    name, _, value = done.stdout.partition("\n")[0].partition(" ")
    if name != "text":
        raise Stale(f"{program.name} says: {done.stdout or done.stderr}")
    return bytes.fromhex(value).decode()
