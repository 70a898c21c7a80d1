"""Conversations over real sockets, written down, so that a verdict can tell what happened.

A Tap stands between two programs and passes on what they say; a Listener is a server that says
what it is told; a Caller is a client that does. All write into one Talk.
"""

from __future__ import annotations

import select
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional, Sequence

from machinery.patience import LIMIT, SECONDS, Patience
from machinery.verdict import Wrong
from support.bytes_report import Message, difference, is_text, visible

_SETTLE = 0.02  # what one program says in one go is one step of the ladder
_WIDTH = 52  # of the ladder between its two sides


@dataclass
class Event:
    """One step of a conversation."""

    at: float
    kind: str  # "says", "connects", "closes", "note"
    by_client: bool
    data: bytes = b""
    text: str = ""


class Talk:
    """What has happened so far. `client` and `server` are who the learner knows them as; `pids`
    are the processes that have a part in it."""

    def __init__(self, client: str, server: str, pids: Sequence[int] = ()) -> None:
        self.client, self.server, self._pids = client, server, pids
        self.events: list[Event] = []
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self.connections = 0

    def add(self, kind: str, by_client: bool, data: bytes = b"", text: str = "") -> None:
        with self._lock:
            at = time.monotonic() - self._start
            last = self.events[-1] if self.events else None
            same = last and last.kind == "says" == kind and last.by_client == by_client
            if same and at - last.at < _SETTLE:
                last.data += data
            else:
                self.events.append(Event(at, kind, by_client, data, text))
            self.connections += kind == "connects"

    def patience(self, *more: int) -> Patience:
        """Over when nothing moves any more: neither in this talk nor in its processes."""
        return Patience(
            lambda: [*self._pids, *more], lambda: sum(1 + len(event.data) for event in self.events)
        )

    def said(self, by_client: bool) -> bytes:
        """Everything that one side has said."""
        with self._lock:
            return b"".join(event.data for event in self.events if event.by_client == by_client)

    def bytes_in_order(self) -> list[tuple[str, bytes]]:
        """For `explain last`: who said what."""
        with self._lock:
            return [
                ("client" if event.by_client else "server", event.data)
                for event in self.events
                if event.data
            ]

    def ladder(self) -> str:
        """The conversation as a picture: client left, server right, time downwards."""
        with self._lock:
            events = list(self.events)
        lines = [f"        {self.client:<{_WIDTH - len(self.server) + 2}}{self.server}"]
        for number, event in enumerate(events, 1):
            if event.kind == "says":
                label = f" {len(event.data)} bytes: {_first_line(event.data)} "
            else:
                label = f" {event.text or event.kind} "
            label = label[: _WIDTH - 4]
            if event.kind == "note":
                arrow = f"{label:^{_WIDTH}}"
            elif event.by_client:
                arrow = f"--{label}".ljust(_WIDTH - 1, "-") + ">"
            else:
                arrow = f"<-{label}".ljust(_WIDTH, "-")
            lines.append(f"    {number:>2}  |{arrow}|  {event.at:.3f} s")
        return "\n".join(lines)

    def wrong(self, field: str, title: str, headline: str, *more: str) -> Wrong:
        """A verdict with the conversation under it."""
        lines = [title, f"  {headline}"]
        lines += [f"    {line}" for text in more for line in text.splitlines()]
        return Wrong(field, "\n".join([*lines, "  what happened:", self.ladder()]))

    def compare(self, title: str, expected: Message, got: bytes) -> None:
        """Raise Wrong, with the conversation, unless these bytes are the message."""
        found = difference(expected, got, title)
        if found:
            raise Wrong(found.field, f"{found.text}\n  what happened:\n{self.ladder()}")


def _first_line(data: bytes) -> str:
    line, more, _ = data.partition(b"\r\n")
    if not is_text(line):
        return data[:8].hex(" ") + (" .." if len(data) > 8 else "")
    return visible(line[:40]) + (" ..." if more or len(line) > 40 else "")


class Tap:
    """Passes connections on to a server, and writes down what is said in both directions."""

    def __init__(self, target: str, talk: Talk) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host.strip("[]"), int(port))
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._listener.getsockname())
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([self._listener], [], [], 0.05)
            if not ready:
                continue
            client, _ = self._listener.accept()
            thread = threading.Thread(target=self._pass_on, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _pass_on(self, client: socket.socket) -> None:
        self._talk.add("connects", True)
        with client, suppress(OSError):
            with socket.create_connection(self._target, LIMIT) as server:
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                open_ends = {client: server, server: client}
                while open_ends and not self._stop.is_set():
                    ready, _, _ = select.select(list(open_ends), [], [], 0.05)
                    for end in ready:
                        chunk = b""
                        with suppress(ConnectionResetError):
                            chunk = end.recv(1 << 16)
                        if chunk:
                            self._talk.add("says", end is client, chunk)
                            open_ends[end].sendall(chunk)
                        else:
                            self._talk.add("closes", end is client)
                            with suppress(OSError):
                                open_ends[end].shutdown(socket.SHUT_WR)
                            del open_ends[end]

    def __enter__(self) -> Tap:
        return self

    def __exit__(self, *error) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(SECONDS)
        self._listener.close()


class Listener:
    """A server for one connection: answers each head it hears with the next of its replies."""

    def __init__(self, talk: Talk, *replies: bytes) -> None:
        self._talk, self._replies = talk, replies
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LIMIT)
        self.address = "{}:{}".format(*self._listener.getsockname())
        self.heard = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            client, _ = self._listener.accept()
            self._talk.add("connects", True)
            with client:
                client.settimeout(LIMIT)
                for reply in self._replies:
                    seen = len(self.heard)
                    while b"\r\n\r\n" not in self.heard[seen:]:
                        chunk = client.recv(1 << 16)
                        if not chunk:
                            self._talk.add("closes", True)
                            return
                        self.heard += chunk
                        self._talk.add("says", True, chunk)
                    client.sendall(reply)
                    self._talk.add("says", False, reply)
                client.shutdown(socket.SHUT_WR)
                self._talk.add("closes", False)
                while chunk := client.recv(1 << 16):
                    self.heard += chunk
                    self._talk.add("says", True, chunk)

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *error) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._listener.close()
        self._thread.join(SECONDS)


class Caller:
    """A client that sends given bytes and waits for what it is told to, never for a while."""

    def __init__(self, address: str, talk: Talk) -> None:
        host, _, port = address.rpartition(":")
        self._talk = talk
        try:
            self._socket = socket.create_connection((host, int(port)), LIMIT)
        except OSError as error:
            raise talk.wrong(
                "server", f"connecting to {talk.server}", f"NOBODY THERE: {error}"
            ) from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sent = 0
        self.received = b""
        self.closed = False
        talk.add("connects", True)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            with suppress(OSError):  # it may have hung up already: reading will tell
                self._socket.sendall(piece)
            self._talk.add("says", True, piece)
            self._sent += len(piece)

    def wait(self, enough: Callable[[bytes], bool], what: str, title: str) -> bytes:
        """Wait until what has come is enough, or the server closed. What came since the start."""
        patience = self._talk.patience()
        self._socket.settimeout(0.05)
        while not enough(self.received) and not self.closed:
            try:
                chunk = self._socket.recv(1 << 16)
            except socket.timeout:
                if patience.over:
                    raise self._silence(what, title) from None
                continue
            except OSError:
                chunk = b""
            self.closed = not chunk
            self.received += chunk
            self._talk.add("says" if chunk else "closes", False, chunk)
        return self.received

    def wait_for_close(self, title: str) -> bytes:
        return self.wait(lambda _: False, "the end of the connection", title)

    def _silence(self, what: str, title: str) -> Wrong:
        got = len(self.received)
        read = self._read_by_server()
        unread = f"; your server read {read} of {self._sent} bytes" if read is not None else ""
        headline = "NOTHING CAME" if not got else "NOT ENOUGH CAME"
        return self._talk.wrong(
            what,
            title,
            headline,
            f"waited {SECONDS:g} s for {what}; got {got} bytes; the connection is open{unread}",
        )

    def _read_by_server(self) -> Optional[int]:
        """How much of what we sent the server has taken from its socket. Linux tells."""
        if not sys.platform.startswith("linux"):
            return None
        ours, theirs = self._socket.getsockname()[1], self._socket.getpeername()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            ports = [int(words[column].rpartition(":")[2], 16) for column in (1, 2)]
            if ports == [theirs, ours]:
                return self._sent - int(words[4].partition(":")[2], 16)
        return None

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *error) -> None:
        self._socket.close()
