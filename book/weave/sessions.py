"""Sessions: the commands of an exchange, run against the built programs and real tools.

book/<chapter>/<name>.session is TOML. book/http1/hello.session is a small one. All keys:

    about       what happens, in a sentence
    tools       real tools that it needs, such as ["curl"]; Python is the one in which the chapter's peers
                are installed (tests/peers/), once tests/run has done that
    versions    where what is shown is peculiar to a tool's version: {nginx = "1.22"}
    files       what to copy into the empty folder that all runs in: {"name there" = "path here"}
    texts       small files to write there: {"name there" = "text"}
    prelude     lines of bash before every command: definitions that the page shows elsewhere
    run_by_hand the date on which somebody ran it, and put what it printed into recorded/: it takes
                too long, or is too noisy, to be repeated

    [[server]]  in the background, one after the other, until the last command has ended
      name      how blocks refer to it
      command   as the page shows it, with the page's port; our own programs are found by name
      port      the port in it
      capture   store what is said to it as recorded/<this>.pcap; adds --pcap, which no page shows
      until     wait for this in its output before stopping it

    [[block]]   what a page shows at <!-- session: NAME -->, in the order in which it is run
      name      unique in the book
      commands  bash, in order; "@server" shows that server's command line and all that it printed
      bare      true: only output: no command lines, no `listening on`
      only      show only those lines of the output in which this pattern is found
      defines   true: definitions, which stand before all later commands

    [ladder]    left and right: names of the two sides; notes: a remark beside each arrow, in order

The output of each block is stored as recorded/<name>.txt, so that pages can be checked without
running anything.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import shutil
import socket
import tomllib
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from machinery import capture
from support import peers, process, project, system
from support.console import SetupError
from support.project import ROOT
from weave.masks import masked
from weave.pages import Place, Stale, Woven

BOOK = ROOT / "book"
# curl says its version in every request, and so its length is in every count of bytes. All curls
# of the book therefore say this one's. On a terminal curl shows no progress, nor does it here.
PINNED = 'user-agent = "curl/7.88.1"\nsilent\nshow-error\n'
# Files get this time, because Last-Modified and entity tags tell it.
_FILE_TIME = 1795469458
# Of the environment that somebody happens to have, proxies and the like included, this is kept.
_KEPT = ("HOME", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")
_TIMEOUT = 60.0
_SHOWN = 8  # lines of a difference


class Unavailable(Exception):
    """A session cannot be run here: a tool is absent, or of another version."""


@dataclass(frozen=True)
class Server:
    """A program in the background."""

    name: str
    command: str
    port: int
    capture: str = ""
    until: str = ""


@dataclass(frozen=True)
class Block:
    """What a page shows of a session."""

    name: str
    commands: tuple[str, ...]
    bare: bool = False
    only: str = ""
    defines: bool = False


@dataclass(frozen=True)
class Session:
    """One session, as its file describes it."""

    file: Path
    about: str
    blocks: tuple[Block, ...]
    servers: tuple[Server, ...] = ()
    tools: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    prelude: str = ""
    run_by_hand: str = ""
    ladder: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.file.stem

    @property
    def captures(self) -> list[str]:
        return [server.capture for server in self.servers if server.capture]

    @property
    def recordings(self) -> list[Path]:
        """All that is stored of it."""
        texts = [self.recorded(f"{block.name}.txt") for block in self.blocks]
        return texts + [self.recorded(f"{name}.pcap") for name in self.captures]

    def recorded(self, name: str) -> Path:
        """Where a block's output (.txt) or a capture (.pcap) is stored."""
        return self.file.parent / "recorded" / name


@dataclass
class Recording:
    """What a run of a session said: text by block, and captures by name."""

    texts: dict[str, str]
    captures: dict[str, Path]
    ports: dict[int, int]  # the page's, and those in the captures


def load(file: Path) -> Session:
    """Read a session's file."""
    data = tomllib.loads(file.read_text())
    data["blocks"] = tuple(
        Block(**{**block, "commands": tuple(block["commands"])}) for block in data.pop("block")
    )
    data["servers"] = tuple(Server(**server) for server in data.pop("server", []))
    return Session(file, **data)


def all_sessions() -> list[Session]:
    return [load(file) for file in sorted(BOOK.glob("*/*.session"))]


class Library:
    """All sessions of the book, by the names that pages use."""

    def __init__(self, sessions: list[Session] | None = None) -> None:
        self.sessions = all_sessions() if sessions is None else sessions
        self.of_block = {block.name: one for one in self.sessions for block in one.blocks}
        self.of_capture = {name: one for one in self.sessions for name in one.captures}

    def weave(self, place: Place) -> Woven:
        """A block as it is stored."""
        if place.what not in self.of_block:
            raise Stale("no session has such a block")
        session = self.of_block[place.what]
        stored = session.recorded(f"{place.what}.txt")
        if not stored.exists():
            raise Stale(f"it was never run; book/refresh runs {session.file.relative_to(ROOT)}")
        block = next(block for block in session.blocks if block.name == place.what)
        return Woven(stored.read_text(), "text" if block.bare else "console")

    def capture(self, name: str) -> tuple[Session, list[capture.Connection]]:
        """A stored capture."""
        if name not in self.of_capture:
            raise Stale(f"no session makes a capture {name}")
        session = self.of_capture[name]
        stored = session.recorded(f"{name}.pcap")
        if not stored.exists():
            raise Stale(f"it was never run; book/refresh runs {session.file.relative_to(ROOT)}")
        return session, capture.read(stored)


# --- Running.


def run(session: Session, folder: Path, preset: str, own_ports: bool) -> Recording:
    """Run a session in an empty folder. Raises Unavailable where that cannot be done here.

    Servers listen on the ports that the page names. Where those are taken and `own_ports` is
    false, on others with as many digits, and what is said is changed back: lengths stay the same.
    """
    _require_tools(session)
    with ExitStack() as ending:
        stage = _Stage(session, folder, preset, own_ports)
        for server in session.servers:
            ending.enter_context(stage.start(server))
        said = [[stage.say(block, line) for line in block.commands] for block in session.blocks]
        stage.stop()
    texts = {}
    for block, outputs in zip(session.blocks, said, strict=True):
        lines = zip(block.commands, outputs, strict=True)
        texts[block.name] = "".join(stage.shown(block, line, output) for line, output in lines)
    captures = {name: folder / f"{name}.pcap" for name in session.captures}
    return Recording(texts, captures, stage.ports)


def _require_tools(session: Session) -> None:
    for tool in session.tools:
        program = _find_tool(session, tool)
        if not program:
            raise Unavailable(f"{tool} is not installed")
        wanted = session.versions.get(tool)
        if wanted:
            option = "-v" if tool == "nginx" else "--version"
            result = process.run([program, option])
            line = (result.text + result.errors).partition("\n")[0]
            if wanted not in line:
                raise Unavailable(f"this shows {tool} {wanted}; here is: {line}")


def _find_tool(session: Session, name: str) -> str | None:
    """A real tool: one of the chapter's peers, or the system's."""
    peer = _peers(session) / name
    return str(peer) if peer.exists() else system.find_program(name)


def _peers(session: Session) -> Path:
    """Where the programs of the chapter's Python peers are, if they are installed."""
    return peers.venv_python(session.file.parent.name).parent


class _Stage:
    """One run of a session in its own folder."""

    def __init__(self, session: Session, folder: Path, preset: str, own_ports: bool) -> None:
        self._session, self._folder = session, folder
        self._bin = project.bin_dir(preset)
        wanted = [server.port for server in session.servers]
        self.ports = {port: _usable(port, own_ports, wanted) for port in wanted}
        self._running: dict[str, process.Server] = {}
        self._prelude = session.prelude
        curl = folder / ".curl"
        curl.mkdir()
        (curl / ".curlrc").write_text(PINNED)
        system_path = f"{os.environ.get('PATH', '')}:/usr/sbin"
        self._options = {
            "cwd": folder,
            "env": {
                **{name: os.environ[name] for name in _KEPT if name in os.environ},
                "PATH": f"{self._bin}:{_peers(session)}:{system_path}",
                "CURL_HOME": str(curl),
                "PYTHONUNBUFFERED": "1",
                "LC_ALL": "C.UTF-8",
                "TZ": "UTC",
            },
        }
        for name, source in session.files.items():
            self._put(name, (ROOT / source).read_bytes())
        for name, text in session.texts.items():
            self._put(name, text.encode())

    def _put(self, name: str, data: bytes) -> None:
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self._there(data.decode("latin-1")).encode("latin-1"))
        os.utime(file, (_FILE_TIME, _FILE_TIME))

    def start(self, server: Server) -> process.Server:
        words = shlex.split(self._there(server.command))
        ours = self._bin / words[0]
        if words[0] in _programs() and not ours.exists():
            raise SetupError(
                f"{words[0]} is not built: cmake --build --preset {self._bin.parent.name}"
            )
        program = str(ours) if ours.exists() else _find_tool(self._session, words[0])
        if server.capture:
            words += ["--pcap", f"{server.capture}.pcap"]
        port = self.ports[server.port]
        if ours.exists() and str(port) not in words:
            words += ["--port", str(port)]  # the page leaves out the usual one
        running = process.Server([program, *words[1:]], port, **self._options)
        self._running[server.name] = running
        return running

    def say(self, block: Block, line: str) -> str:
        """Run a command; what it printed. What a server printed is known only later."""
        if block.defines:
            self._prelude += f"\n{line}"
            return ""
        if line.startswith("@"):
            return ""
        script = self._there(f"exec 2>&1\n{self._prelude}\n{line}")
        bash = system.find_program("bash")
        return self._back(process.run([bash, "-c", script], timeout=_TIMEOUT, **self._options).text)

    def stop(self) -> None:
        """Stop all servers, last come first."""
        for server in reversed(self._session.servers):
            running = self._running[server.name]
            if server.until:
                running.wait_for(server.until)
            if running.running:
                running.stop()

    def shown(self, block: Block, line: str, output: str) -> str:
        """A command as the page shows it, and what it said."""
        if line.startswith("@"):
            server = next(one for one in self._session.servers if one.name == line[1:])
            line, output = server.command, self._back(self._running[server.name].output)
        lines = [text.rstrip() for text in output.splitlines() if re.search(block.only, text)]
        if block.bare:
            lines = [text for text in lines if not text.startswith("listening on ")]
        else:
            lines.insert(0, f"$ {line}")
        return "".join(f"{text}\n" for text in lines)

    def _there(self, text: str) -> str:
        return _replaced(text, self.ports)

    def _back(self, text: str) -> str:
        return _replaced(text, {there: here for here, there in self.ports.items()})


def _programs() -> set[str]:
    return {name for chapter in project.chapters().values() for name in chapter.programs}


def _replaced(text: str, ports: dict[int, int]) -> str:
    """The text with other port numbers, all at once."""
    known = "|".join(str(port) for port in ports)
    if not known:
        return text
    return re.sub(rf"(?<!\d)({known})(?!\d)", lambda found: str(ports[int(found[0])]), text)


def _usable(port: int, own_ports: bool, taken: list[int]) -> int:
    """The port if nobody listens there, else another of as many digits."""
    if _free(port):
        return port
    if own_ports:
        raise SetupError(f"somebody listens on port {port}, which a page names; recording needs it")
    others = range(10 ** (len(str(port)) - 1), 10 ** len(str(port)))
    return next(other for other in reversed(others) if other not in taken and _free(other))


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# --- Comparing with what is stored.


@dataclass(frozen=True)
class Difference:
    """What is said now and was not stored so."""

    name: str  # of a block, or of a capture with its ending
    line: int  # of the block, counted from 1; 0 for a capture
    report: str


def differences(session: Session, new: Recording) -> list[Difference]:
    """How a new run differs from what is stored."""
    found = []
    for name, text in new.texts.items():
        stored = session.recorded(f"{name}.txt")
        before = masked(stored.read_text()) if stored.exists() else ""
        found += _text_difference(name, before, masked(text))
    for name, file in new.captures.items():
        stored = session.recorded(f"{name}.pcap")
        report = _capture_difference(stored, file, new.ports)
        if report:
            found.append(Difference(f"{name}.pcap", 0, report))
    return found


def _text_difference(name: str, before: str, after: str) -> list[Difference]:
    old, new = before.rstrip().splitlines(), after.rstrip().splitlines()
    if old == new:
        return []
    first = next(
        (number for number, pair in enumerate(zip(old, new), 1) if pair[0] != pair[1]),
        min(len(old), len(new)) + 1,
    )
    lines = [line for line in difflib.ndiff(old, new) if line[:1] in "+-"]
    shown = [f"    {'recorded' if line[0] == '-' else 'now':<10}{line[2:]}" for line in lines]
    more = [f"    ... {len(lines) - _SHOWN} more lines"] if len(lines) > _SHOWN else []
    return [Difference(name, first, "\n".join([*shown[:_SHOWN], *more]))]


def _capture_difference(stored: Path, new: Path, ports: dict[int, int]) -> str:
    if not stored.exists():
        return "    nothing is stored"
    before, after = _said(stored, {}), _said(new, ports)
    if before == after:
        return ""
    for who in ("client", "server"):
        old, now = before.get(who, b""), after.get(who, b"")
        if old != now:
            same = len(os.path.commonprefix([old, now]))
            return (
                f"    what the {who} says, from byte {same:#06x} on\n"
                f"    recorded  {old[same : same + 24].hex(' ')}  {old[same : same + 24]!r}\n"
                f"    now       {now[same : same + 24].hex(' ')}  {now[same : same + 24]!r}"
            )
    return "    the same bytes in another order"


def _said(file: Path, ports: dict[int, int]) -> dict[str, bytes]:
    """All that each side says, connection after connection, with the page's ports."""
    back = {there: here for here, there in ports.items()}
    said: dict[str, bytes] = {}
    for connection in capture.read(file):
        for who, data in connection.said:
            said[who] = said.get(who, b"") + data
    texts = {who: _replaced(data.decode("latin-1"), back) for who, data in said.items()}
    return {who: masked(text).encode("latin-1") for who, text in texts.items()}


def store(session: Session, new: Recording) -> list[str]:
    """Store what differs from what is there; the names of it."""
    changed = [difference.name for difference in differences(session, new)]
    # What belongs together is stored together: a capture and its trace tell the same time.
    if changed:
        session.recorded("").mkdir(exist_ok=True)
        for name, text in new.texts.items():
            session.recorded(f"{name}.txt").write_text(text.rstrip() + "\n")
        for name, file in new.captures.items():
            shutil.copy(file, session.recorded(f"{name}.pcap"))
    return changed
