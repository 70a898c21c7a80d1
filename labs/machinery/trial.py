"""What a check works with: the learner's code as functions and as programs, real tools, and values
that differ from seed to seed, so that an answer with the bytes written into it fails.

def three_parts(t):
    "A request-line has three parts"
    target = t.draw.path()
    t.values("decode a head", head(target), [value("method", "GET"), ...], "decode-request")
"""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Callable, Optional

from machinery import holes
from machinery import probe as probes
from machinery.patience import SECONDS
from machinery.talk import Listener, Talk, Tap
from machinery.verdict import Absent, Answer, NotYet, Refusal, Value, Wrong, compare
from support import system
from support.bytes_report import Message, difference
from support.console import SetupError, stop_group
from support.process import Result, Server
from support.project import TOOLS

_WORDS = """amber birch cedar delta ember fjord grove hazel inlet jetty kelp larch maple north
oasis pearl quartz river slate tidal umber vapor willow yarrow zephyr""".split()


class Draw:
    """Values that depend on the seed and on nothing else."""

    def __init__(self, *seed: object) -> None:
        self._random = random.Random("/".join(map(str, seed)))

    def word(self) -> str:
        return self._random.choice(_WORDS)

    def words(self, count: int) -> list[str]:
        """Different ones."""
        return self._random.sample(_WORDS, count)

    def path(self) -> str:
        return f"/{self.word()}/{self.number(100, 999)}"

    def number(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def text(self, size: int) -> str:
        """Letters without an end in sight."""
        return "".join(self._random.choices("abcdefghijklmnopqrstuvwxyz", k=size))

    def order(self, things: list) -> list:
        return self._random.sample(things, len(things))


class Trial:
    """One run of one check."""

    def __init__(
        self,
        draw: Draw,
        probe: probes.Probe,
        program: Callable[[str], Path],
        reference: Callable[[str], Path],
        folder: Path,
        scratch: Path,
        lab: str,
    ) -> None:
        """`program` and `reference` give the learner's and the reference's version of a program;
        `folder` is the learner's; `scratch` is for files of this check."""
        self.draw = draw
        self.scratch = scratch
        self._probe, self._program, self._reference = probe, program, reference
        self._folder, self._lab = folder, lab
        self._ending = ExitStack()
        self._servers: list[Server] = []
        self._pids: list[int] = []  # of everything that runs for this check
        self.last: list[tuple[str, bytes]] = []  # for `explain last`: who said what
        self.compared: list[tuple[str, Message]] = []  # for the tests of the reports
        self._talks: list[Talk] = []

    # --- Functions.

    def ask(self, title: str, verb: str, *arguments: bytes | str | int) -> Answer:
        """What the learner's code makes of it. The title heads the report of a crash."""
        return self._probe.ask(title, verb, *arguments)

    def values(
        self,
        title: str,
        given: bytes,
        expected: list[Value] | Refusal,
        verb: str,
        *arguments: bytes | str | int,
        by: str = "client",
    ) -> None:
        """A decoder must find these values, or refuse. Without arguments it is given `given`."""
        self.last = [(by, given)]
        compare(title, given, expected, self.ask(title, verb, *(arguments or (given,))))

    def bytes(
        self, title: str, expected: Message, verb: str, *arguments: bytes | str | int
    ) -> None:
        """An encoder must write this message."""
        got = dict(self.ask(title, verb, *arguments)).get("bytes", b"")
        self.last = [("client", got)]
        try:
            self.compare(title, expected, got)
        except Wrong as wrong:
            found = difference(expected, got, title)
            place = self._probe.origin(found.offset, verb, *arguments) if got else None
            wrong.written_at = place.shown if place else ""
            raise

    def compare(self, title: str, expected: Message, got: bytes) -> None:
        """These bytes must be the message."""
        self.compared.append((title, expected))
        found = difference(expected, got, title)
        if found:
            raise Wrong(found.field, found.text)

    # --- Programs.

    def talk(self, client: str, server: str) -> Talk:
        """A conversation that the verdict can show."""
        talk = Talk(client, server, self._pids)
        self._talks.append(talk)
        return talk

    def server(self, name: str, *options: str | Path) -> Server:
        """The learner's server, running until the check ends."""
        command = [self._program(name), "--port", "0", "--grace", "0.1", *options]
        try:
            return self._start(command)
        except AssertionError as error:
            said = str(error).replace(str(command[0]), f"your {name}")
            raise (
                self._bad_end(said, f"your {name}")
                or Wrong("server", f"your {name}\n  IT DID NOT START\n    {said}")
            ) from None

    def reference_server(self, name: str, *options: str | Path) -> Server:
        command = [self._reference(name), "--port", "0", "--grace", "0.1", *options]
        return self._not_the_learners(command)

    def client(self, name: str, *arguments: str | Path, typed: str = "") -> Result:
        """The learner's client, run to its end. Raises NotYet and Wrong where it ended badly."""
        return self._run(self._program(name), f"your {name}", arguments, typed)

    def reference_client(self, name: str, *arguments: str | Path, typed: str = "") -> Result:
        return self._run(self._reference(name), f"the reference's {name}", arguments, typed)

    def node_package(self, name: str) -> Path:
        """A package of Node.js, for a script that `tool` or `peer` runs. Raises Absent."""
        package = TOOLS / self._lab / "node_modules" / name
        if not system.find_program("node") or not package.exists():
            how = f"`labs/run {self._lab} start` installs it, once there are node and npm"
            raise Absent(f"Node.js with its package {name} is not here; {how}")
        return package

    def tool(self, name: str, *arguments: str | Path) -> Result:
        """A real client, run to its end."""
        path = system.find_program(name)
        if not path:
            raise SetupError(
                f"{name} is not installed: `labs/run` installs it when you start the lab"
            )
        # curl's -q: what the user has set for it must not count.
        return self._run(Path(path), name, ("-q", *arguments) if name == "curl" else arguments)

    def peer(self, command: list, port: int) -> Server:
        """A real server, running until the check ends."""
        return self._not_the_learners(command, port)

    def _not_the_learners(self, command: list, port: Optional[int] = None) -> Server:
        """A server whose failure says nothing about the learner."""
        try:
            return self._start(command, port)
        except AssertionError as error:
            raise SetupError(str(error)) from None

    def tap(self, target: str, talk: Talk) -> str:
        """An address that leads to the target, through the conversation."""
        return self._ending.enter_context(Tap(target, talk)).address

    def node_server(self, script: Path, package: Path) -> Server:
        """A real server that is a script of Node.js; it says where it listens."""
        return self._not_the_learners([system.find_program("node"), script, package])

    def listen(self, talk: Talk, *replies: bytes) -> Listener:
        """A server that gives these replies on one connection."""
        return self._ending.enter_context(Listener(talk, *replies))

    # --- How it ends.

    def close(self) -> None:
        self._ending.close()

    def explain_failure(self, wrong: Wrong) -> Exception:
        """The verdict, seen together with what the learner's programs printed."""
        for server in self._servers:
            ended = self._bad_end(server.output, "your server")
            if ended:
                return ended
            if not server.running:
                last = server.output.strip().splitlines()[-3:]
                more = "".join(f"\n    | {line}" for line in last)
                wrong.report += (
                    f"\n  {Path(server.command[0]).name} has ended; its last words:{more}"
                )
        return wrong

    def said(self) -> list[tuple[str, bytes]]:
        """The bytes that `explain last` walks through."""
        talk = self._talks[-1].bytes_in_order() if self._talks else []
        return talk or self.last

    def _start(self, command: list, port: Optional[int] = None) -> Server:
        environment = {**os.environ, **probes.ENVIRONMENT}
        server = self._ending.enter_context(Server(command, port, env=environment))
        self._servers.append(server)
        self._pids.append(server.pid)
        return server

    def _run(self, program: Path, name: str, arguments: tuple, typed: str = "") -> Result:
        environment = {**os.environ, **probes.ENVIRONMENT}
        environment = {k: v for k, v in environment.items() if not k.lower().endswith("_proxy")}
        talk = self._talks[-1]
        with (
            tempfile.TemporaryFile() as keyboard,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            keyboard.write(typed.encode()), keyboard.seek(0)
            with subprocess.Popen(
                [program, *arguments],
                stdin=keyboard,
                stdout=out,
                stderr=err,
                env=environment,
                start_new_session=True,
            ) as process:
                patience = talk.patience(process.pid)
                while process.poll() is None and not patience.over:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(0.05)
                hung = process.poll() is None
                stop_group(process)
            out.seek(0), err.seek(0)
            result = Result(process.wait(), out.read(), err.read())
        if hung:
            headline = f"NO END: {name} waits, and for {SECONDS:g} s nothing has moved"
            raise talk.wrong("silence", f"{name} {' '.join(map(str, arguments[-1:]))}", headline)
        ended = self._bad_end(result.errors, name)
        if ended:
            raise ended
        return result

    def _bad_end(self, output: str, who: str) -> Optional[Exception]:
        """NotYet or a crash, if the output of a program tells of one."""
        found = holes.NOT_YET.search(output)
        if found:
            return NotYet(found[0])
        if "AddressSanitizer" in output or "runtime error:" in output or "Assertion '" in output:
            place = probes.learner_frame(output, self._folder)
            at = f"\n    at        {place.shown}   {place.function}" if place else ""
            return Wrong("crash", f"{who}\n  A CRASH: {probes.what_happened(output)}{at}")
        return None
