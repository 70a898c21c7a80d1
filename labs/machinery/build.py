"""Builds the learner's files, quickly: everything else is built once, with sanitizers, by CMake.

A file is compiled by itself, with the flags that CMake uses for it, and linked in front of the
library that holds the reference's version: the linker takes what it finds first. Three things
make it quick: no optimisation, the headers compiled beforehand, and objects kept by what they were
made of, so that only a file that changed is compiled again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from machinery import holes
from machinery.catalogue import Lab
from machinery.work import Work
from support import project
from support.console import Console, SetupError

_PRESET = "asan"
_FOLDER = project.ROOT / "build" / _PRESET
_TIMEOUT = 120
# These watch every access to memory, which costs a fifth of the time; the address sanitizer sees
# what goes wrong there, too.
_FEWER_CHECKS = "-fno-sanitize=null,alignment,object-size,vptr"
_INCLUDE = re.compile(r'^\s*#\s*include\s*[<"][^>"]+[>"]', re.MULTILINE)
_DIAGNOSTIC = re.compile(
    r"^(?P<file>[^:\n]+):(?P<line>\d+):\d+: (?P<kind>error|fatal error|warning|note)"
)
# Of earlier attempts: going back to one takes no time.
_KEPT_OBJECTS, _KEPT_PROGRAMS = 60, 15


class CompileError(Exception):
    """The learner's file does not compile; the message says why, shortly."""


@dataclass(frozen=True)
class _Command:
    """How CMake compiles a file."""

    compiler: str
    flags: list[str]


class Builder:
    """Makes the programs that a check runs."""

    def __init__(self, lab: Lab, console: Console) -> None:
        self.lab = lab
        self._console = console
        self._cache = project.ROOT / "build" / "labs" / lab.name
        self._ready: set[str] = set()  # targets known to be up to date
        self._commands: dict[str, _Command] = {}
        self._links: dict[str, str] = {}
        self.seconds = 0.0  # spent on building what is not the learner's
        self.warnings: list[str] = []  # what the compiler thinks of the last program's own holes

    def prepare(self, *targets: str) -> None:
        """Build what the learner's files are linked with: the lab's probe, or programs."""
        missing = [target for target in targets if target not in self._ready]
        if not missing:
            return
        stamp, now = self._cache / "built.json", self._newest_source()
        known = json.loads(stamp.read_text()) if stamp.exists() else {}
        stale = [target for target in missing if known.get(target) != now]
        if stale:
            new = [name for name in stale if not (project.bin_dir(_PRESET) / name).exists()]
            if new:
                self._console.line(
                    f"Building {', '.join(new)}, with sanitizers. This happens once, and takes minutes."
                )
            started = time.monotonic()
            project.build(_PRESET, stale, self._console)
            self.seconds += time.monotonic() - started
            known.update({target: now for target in stale})
            self._cache.mkdir(parents=True, exist_ok=True)
            stamp.write_text(json.dumps(known))
        self._ready.update(missing)

    @property
    def probe(self) -> str:
        """The target that lets checks call functions."""
        return f"lab-{self.lab.name}"

    @property
    def programs(self) -> list[str]:
        """The chapter's programs, which the steps with sockets run."""
        return project.chapters()[self.lab.name].programs

    def reference(self, target: str) -> Path:
        """A program made of the reference alone."""
        self.prepare(target)
        return project.bin_dir(_PRESET) / target

    def program(self, target: str, work: Work, own: set[str], solo: bool = False) -> Path:
        """A program made of the learner's holes named in `own`, and of the reference.

        `solo`: outside of these holes nothing of the learner's counts, neither.
        Raises CompileError where the learner's code is no C++.
        """
        self.prepare(target)
        self.warnings = []
        files = [
            file for file, here in self.lab.holes.items() if any(hole.name in own for hole in here)
        ]
        objects = [self._object(file, work, own, solo) for file in files]
        if not objects:
            return self.reference(target)
        return self._link(target, objects)

    def key(self, work: Work, own: set[str], *more: str) -> str:
        """Changes with everything that programs with these holes are made of."""
        texts = [self._text(file, work, own, False) for file in self.lab.holes]
        return _digest(str(self._newest_source()), *texts, *more)

    # --- One file.

    def _object(self, file: str, work: Work, own: set[str], solo: bool) -> Path:
        text = self._text(file, work, own, solo)
        command = self._command(file)
        prefix = self._prefix(command)
        folder = self._cache / "objects"
        key = _digest(text, *command.flags, prefix.parent.name)
        target, said = folder / f"{key}.o", folder / f"{key}.txt"
        if not target.exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._compile(text, command, prefix, target, said, work, file)
            _prune(folder, ".o", _KEPT_OBJECTS)
        target.touch()
        self.warnings += filter(None, said.read_text().split("\n\n"))
        return target

    def _compile(
        self,
        text: str,
        command: _Command,
        prefix: Path,
        target: Path,
        said: Path,
        work: Work,
        file: str,
    ) -> None:
        """Compile into `target`, and put what the compiler warns of into `said`."""
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:  # another check may run
            source, made = Path(folder) / file, Path(folder) / target.name
            source.write_text(text)
            line = [command.compiler, *command.flags, "-Winvalid-pch", "-include", str(prefix)]
            code, output = self._run([*line, "-o", str(made), "-c", str(source)])
            shown, learner = work.shown(file), work.text(file)
            if code != 0:
                raise CompileError(_short(output, shown, learner) or f"{shown}:\n{output[-1500:]}")
            blocks = _diagnostics(output, shown, "warning")
            said.write_text("\n\n".join("\n".join(lines[:3]) for _, lines in blocks))
            made.rename(target)

    def _text(self, file: str, work: Work, own: set[str], solo: bool) -> str:
        names = {
            "learner": work.shown(file),
            "reference": f"chapters/{self.lab.name}/{file}",
        }
        try:
            learner = work.text(file)
            if solo:
                alone = holes.starter(self.lab, file)
                for hole in self.lab.holes[file]:
                    if hole.name in own:
                        alone = holes.with_body(alone, hole.name, holes.body(learner, hole.name))
                learner = alone
            return holes.spliced(self.lab, file, learner, own, names)
        except holes.BrokenMarks as error:
            raise CompileError(f"{work.shown(file)}: {error}") from None
        except SetupError as error:  # no text
            raise CompileError(str(error)) from None

    def _command(self, file: str) -> _Command:
        if not self._commands:
            entries = json.loads((_FOLDER / "compile_commands.json").read_text())
            for entry in entries:
                path = Path(entry["file"])
                if path.parent == self.lab.chapter_folder:
                    self._commands[path.name] = _adapted(shlex.split(entry["command"]))
        return self._commands[file]

    def _prefix(self, command: _Command) -> Path:
        """A header that includes all that the lab's files include, compiled beforehand."""
        files = sorted(self.lab.holes)
        includes = dict.fromkeys(
            line for file in files for line in _INCLUDE.findall(self.lab.reference(file))
        )
        text = "".join(f"{line}\n" for line in includes)
        folder = self._cache / "prefix" / _digest(text, *command.flags, str(self._newest_source()))
        header = folder / "prefix.hpp"
        compiled = folder / "prefix.hpp.gch"
        self._cache.mkdir(parents=True, exist_ok=True)
        with (self._cache / "lock").open("w") as lock:  # two checks may come here at once
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not compiled.exists():
                shutil.rmtree(self._cache / "prefix", ignore_errors=True)  # 90 MB each
                folder.mkdir(parents=True)
                header.write_text(text)
                line = [command.compiler, *command.flags, "-x", "c++-header"]
                made = folder / "new.gch"
                code, output = self._run([*line, "-o", str(made), str(header)])
                if code != 0:
                    raise project.BuildError(output)
                made.rename(compiled)
        return header

    # --- One program.

    def _link(self, target: str, objects: list[Path]) -> Path:
        line = self._link_line(target)
        reference = project.bin_dir(_PRESET) / target
        key = _digest(line, str(reference.stat().st_mtime_ns), *(o.name for o in objects))
        folder = self._cache / "programs"
        program = folder / f"{target}-{key}"
        if program.exists():
            program.touch()
            return program
        folder.mkdir(parents=True, exist_ok=True)
        words = shlex.split(line)
        at = words.index("-o")
        made = program.with_name(f"{program.name}-{os.getpid()}")
        words[at + 1] = str(made)
        words[at:at] = [str(path) for path in objects]  # before the libraries: they count first
        if shutil.which("ld.gold"):
            words.insert(1, "-fuse-ld=gold")  # half the time of the usual linker
        code, output = self._run(words, cwd=_FOLDER)
        if code != 0:
            undefined = re.findall(r"undefined reference to [`'](.+)'", output)
            doubled = re.findall(r"multiple definition of [`'](.+)'", output)
            what = undefined or doubled
            hint = f": {what[0]} is {'missing' if undefined else 'there twice'}" if what else ""
            raise CompileError(f"the program cannot be linked{hint}\n{output[-1500:]}")
        made.rename(program)
        _prune(folder, "", _KEPT_PROGRAMS)
        return program

    def _link_line(self, target: str) -> str:
        if target not in self._links:
            command = ["ninja", "-C", str(_FOLDER), "-t", "commands", target]
            result = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT)
            if result.returncode != 0:
                raise SetupError(f"ninja does not say how {target} is linked: {result.stderr}")
            # ": && c++ ... && :"
            self._links[target] = result.stdout.splitlines()[-1].split("&&")[1].strip()
        return self._links[target]

    def _run(self, command: list[str], cwd: Path = project.ROOT) -> tuple[int, str]:
        return self._console.run(command, "compiling", timeout=_TIMEOUT, cwd=cwd)

    @staticmethod
    def _newest_source() -> int:
        """When any source that is not the learner's has changed last, in ns."""
        folders = [project.ROOT / name for name in ("common", "chapters", "labs/machinery")]
        files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
        files += (project.ROOT / "labs").glob("*/probe.cpp")
        sources = {".cpp", ".hpp", ".txt", ".cmake"}
        return max(file.stat().st_mtime_ns for file in files if file.suffix in sources)


def _adapted(command: list[str]) -> _Command:
    """CMake's command without files and optimisation."""
    compiler, flags, skip = command[0], [], False
    for word in command[1:]:
        if skip:
            skip = False
        elif word in ("-o", "-c"):
            skip = True
        elif not re.fullmatch(r"-O\w?|-Werror", word):
            flags.append(word)
    return _Command(compiler, [*flags, "-O0", _FEWER_CHECKS, "-fdiagnostics-color=never"])


def _short(output: str, shown: str, text: str) -> str:
    """The first errors about the learner's file, each with its line; those in the holes first.
    What the compiler says about headers follows from them."""
    inside = [range(region.first + 1, region.end + 1) for region in holes.regions(text).values()]
    blocks = _diagnostics(output, shown, "error")
    blocks.sort(key=lambda block: not any(block[0] in hole for hole in inside))
    said = "\n".join(line for _, lines in blocks[:3] for line in lines[:4])
    return said + (f"\n({len(blocks) - 3} more)" if len(blocks) > 3 else "")


def _diagnostics(output: str, shown: str, kind: str) -> list[tuple[int, list[str]]]:
    """The errors or warnings about a file: the line of each, and the compiler's words."""
    blocks: list[tuple[int, list[str]]] = []
    lines = None
    for line in output.splitlines():
        found = _DIAGNOSTIC.match(line)
        if found:
            lines = None
            if kind in found["kind"] and found["file"] == shown:
                lines = [line]
                blocks.append((int(found["line"]), lines))
        elif lines and re.match(r"\s+\d* \|", line):
            lines.append(line)
    return blocks


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _prune(folder: Path, ending: str, keep: int) -> None:
    """Remove what was not used for longest, and what belongs to it."""

    def used(file: Path) -> float:
        try:
            return file.stat().st_mtime
        except FileNotFoundError:  # another check has removed it just now
            return 0

    files = [file for file in folder.iterdir() if file.suffix == ending and not file.is_dir()]
    for file in sorted(files, key=used, reverse=True)[keep:]:
        for one in folder.glob(f"{file.stem}.*") if ending else [file]:
            one.unlink(missing_ok=True)
