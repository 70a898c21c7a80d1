"""Installs the pinned peers of a chapter into the project's own folder, `.tools/<chapter>/`.

A chapter's folder under tests/peers/ holds whichever of these it needs; each is read by the
tool that knows it, so that pins are kept as that tool's users keep them:

    <chapter>.packages                  the system's packages, see support/system.py
    requirements.txt                    Python    -> .tools/<chapter>/venv/
    package.json, package-lock.json     Node.js   -> .tools/<chapter>/node_modules/
    go.txt (module@version per line)    Go        -> .tools/<chapter>/bin/
    pom.xml                             Java      -> .tools/<chapter>/jars/
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import Callable

from support.console import Console, SetupError
from support.project import ROOT, TOOLS
from support.system import Package, find_program, read_packages

MANIFESTS = ROOT / "tests" / "peers"
# What the Python side of every chapter's tests needs: pytest.
COMMON = MANIFESTS / "support" / "requirements.txt"


def packages(chapter: str) -> list[Package]:
    """The system packages whose programs the chapter's tests talk to."""
    return read_packages(MANIFESTS / chapter / f"{chapter}.packages")


def venv_python(chapter: str) -> Path:
    """The interpreter that runs the chapter's Python tests."""
    return TOOLS / chapter / "venv" / "bin" / "python"


def install(chapter: str, console: Console) -> None:
    """Install what the chapter's manifests pin, unless that is there already."""
    manifests = MANIFESTS / chapter
    folder = TOOLS / chapter

    def run(command: list, **options) -> None:
        code, output = console.run(command, f"peers of {chapter}", timeout=900, **options)
        if code != 0:
            raise SetupError(f"installing the peers of {chapter} failed:\n{output}")

    def pip() -> None:
        # One environment a chapter: their dependencies contradict one another.
        run([sys.executable, "-m", "venv", "--clear", folder / "venv"])
        files = [COMMON, manifests / "requirements.txt"]
        wanted = [f"--requirement={file}" for file in files if file.exists()]
        run([venv_python(chapter), "-m", "pip", "install", "--disable-pip-version-check", *wanted])

    def npm() -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(manifests / name, folder)
        run([find_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)

    def go() -> None:
        env = dict(os.environ, GOBIN=str(folder / "bin"))
        for module in (manifests / "go.txt").read_text().split():
            run([find_program("go"), "install", module], env=env)

    def maven() -> None:
        jars = f"-DoutputDirectory={folder / 'jars'}"
        run(
            [
                find_program("mvn"),
                "-q",
                "-B",
                "-f",
                manifests / "pom.xml",
                "dependency:copy-dependencies",
                jars,
            ]
        )

    _once(folder / ".pip", [COMMON, manifests / "requirements.txt"], pip)
    if find_program("npm"):
        _once(folder / ".npm", [manifests / "package-lock.json"], npm)
    if find_program("go"):
        _once(folder / ".go", [manifests / "go.txt"], go)
    if find_program("mvn"):
        _once(folder / ".maven", [manifests / "pom.xml"], maven)


def _once(stamp: Path, manifests: list[Path], install_them: Callable[[], None]) -> None:
    """Install unless the stamp says that these very manifests were installed by this Python."""
    contents = [file.read_bytes() for file in manifests if file.exists()]
    if not contents:
        return
    digest = hashlib.sha256(b"\0".join([sys.version.encode(), *contents])).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    stamp.parent.mkdir(parents=True, exist_ok=True)
    install_them()
    stamp.write_text(digest)
