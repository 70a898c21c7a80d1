"""Compiles the wire explorer: a chapter's decoders as WebAssembly, in files that pages can load.

A page that was opened from a file:// address may not fetch, but may load scripts. So each module
becomes a script, explorer/<chapter>.js, which adds its bytes in base64 to `window.explorerModules`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from support import project, system
from support.console import Console, SetupError

HERE = Path(__file__).resolve().parent / "explorer"
_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
_FOLDERS = [project.ROOT / "chapters", project.ROOT / "common"]
_FLAGS = [
    *("--target=wasm32-wasi", "-stdlib=libc++", "-std=c++23", "-Os", "-fno-rtti"),
    # `throw` compiles and calls what explorer.cpp defines; `try` is ignored.
    *("-fexceptions", "-fignore-exceptions"),
    # fmt in the header, and of it only what we use: no floating point, no locales.
    *("-DFMT_HEADER_ONLY", "-DFMT_EXCEPTIONS=0", "-DFMT_STATIC_THOUSANDS_SEPARATOR=','"),
    *("-DFMT_USE_FLOAT=0", "-DFMT_USE_DOUBLE=0", "-DFMT_USE_LONG_DOUBLE=0"),
]
_LINK = ["-mexec-model=reactor", "-Wl,--gc-sections", "-Wl,--strip-all"]
LIMIT = 300 * 1024  # bytes of a module: what a page may cost


@dataclass(frozen=True)
class Protocol:
    """One line of protocols.txt."""

    chapter: str
    title: str


def protocols() -> list[Protocol]:
    """The protocols that the explorer knows, in reading order."""
    lines = (HERE / "protocols.txt").read_text().splitlines()
    return [
        Protocol(*line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")
    ]


def compile_all(site: Path, cache: Path, console: Console) -> dict[str, int]:
    """Write explorer/<chapter>.js for every protocol. Returns the modules' sizes in bytes."""
    target = site / "explorer"
    target.mkdir(parents=True, exist_ok=True)
    sizes = {}
    for protocol in protocols():
        module = _compile(protocol.chapter, cache, console).read_bytes()
        if len(module) > LIMIT:
            raise SetupError(
                f"{protocol.chapter}: a module of {len(module)} bytes; {LIMIT} is the limit"
            )
        sizes[protocol.chapter] = len(module)
        data = {
            "title": protocol.title,
            "examples": [*_examples(protocol.chapter), *_captures(protocol.chapter)],
            "wasm": base64.b64encode(module).decode(),
        }
        (target / f"{protocol.chapter}.js").write_text(
            "window.explorerModules = window.explorerModules || {};\n"
            f"window.explorerModules.{protocol.chapter} = {json.dumps(data, indent=1)};\n"
        )
    return sizes


def sources(chapter: str) -> list[Path]:
    """What the chapter's explain() is made of: each header that is included, near or far, stands
    for the .cpp file beside it."""
    found: dict[Path, None] = {}
    waiting = [project.ROOT / "chapters" / chapter / "explain.cpp"]
    while waiting:
        file = waiting.pop()
        if file in found or not file.exists():
            continue
        found[file] = None
        for name in _INCLUDE.findall(file.read_text()):
            header = next((top / name for top in _FOLDERS if (top / name).exists()), None)
            waiting += [header, header.with_suffix(".cpp")] if header else []
    return sorted(found)


def _compile(chapter: str, cache: Path, console: Console) -> Path:
    compiler = system.find_program("clang++-19")
    if not compiler:
        raise SetupError("the wire explorer needs clang++-19")
    glue, files = HERE / "explorer.cpp", sources(chapter)
    flags = [
        *_FLAGS,
        f"-DCHAPTER={chapter}",
        f'-DEXPLAIN_HEADER="{chapter}/explain.hpp"',
        *(f"-I{folder}" for folder in [*_FOLDERS, _fmt(cache)]),
    ]
    contents = [file.read_bytes() for file in [glue, *files]]
    digest = hashlib.sha256(b"\0".join([" ".join(flags).encode(), *contents])).hexdigest()[:16]
    module = cache / f"{chapter}-{digest}.wasm"
    if module.exists():
        return module
    for old in cache.glob(f"{chapter}-*.wasm"):
        old.unlink()
    objects = []
    for file in [glue, *(file for file in files if file.suffix == ".cpp")]:
        objects.append(cache / f"{chapter}-{file.parent.name}-{file.stem}.o")
        ccache = system.find_program("ccache")
        command = [*([ccache] if ccache else []), compiler, *flags, "-c", file, "-o", objects[-1]]
        _run(command, f"explorer: {file.name}", console)
    _run([compiler, *_FLAGS[:2], *_LINK, *objects, "-o", module], f"explorer: {chapter}", console)
    return module


def _fmt(cache: Path) -> Path:
    """A folder with fmt's headers alone: the system's others are not for this target."""
    folder = cache / "include"
    folder.mkdir(parents=True, exist_ok=True)
    header = next(iter(system.find_header("fmt/format.h")), None)
    if header is None:
        raise SetupError("the wire explorer needs fmt's headers")
    link = folder / "fmt"
    link.unlink(missing_ok=True)
    link.symlink_to(header.parent)
    return folder


def _run(command: list, label: str, console: Console) -> None:
    code, output = console.run(command, label, timeout=300, cwd=project.ROOT)
    if code != 0:
        raise SetupError(f"{label}:\n{output[-3000:]}")


def _examples(chapter: str) -> list[dict]:
    """The conversations of explorer/<chapter>.txt."""
    file, found = HERE / f"{chapter}.txt", []
    for line in file.read_text().splitlines() if file.exists() else []:
        if line.startswith("== "):
            found.append({"title": line[3:], "said": []})
        elif line[:2] in ("> ", "< "):
            found[-1]["said"].append(["client" if line[0] == ">" else "server", line[2:]])
    return found


def _captures(chapter: str) -> list[dict]:
    """The captures that were recorded for the chapter's page."""
    files = sorted((project.ROOT / "book" / chapter / "recorded").glob("*.pcap"))
    return [
        {"title": f"Capture: {file.name}", "pcap": base64.b64encode(file.read_bytes()).decode()}
        for file in files
    ]
