"""Installs the pinned peers of a chapter into the project's own folder, `.tools/<chapter>/`.

A chapter's folder under tests/peers/ holds whichever of these it needs; each is read by the
tool that knows it, so that pins are kept as that tool's users keep them:

    <chapter>.packages                  the system's packages, see support/system.py
    requirements.txt                    Python    -> .tools/<chapter>/venv/
    <environment>/requirements.txt      Python    -> .tools/<chapter>/<environment>/
    package.json, package-lock.json     Node.js   -> .tools/<chapter>/node_modules/
    go.txt (module@version per line)    Go        -> .tools/<chapter>/bin/
    pom.xml                             Java      -> .tools/<chapter>/jars/

A folder with requirements of its own is for what cannot live beside the others, such as a second
version of a package. Where it also has a `.python-version`, it is for that older Python, and is
left out on machines that have none.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator, Optional

from support.console import Console, SetupError
from support.project import ROOT, TOOLS
from support.system import Package, find_program, read_packages

MANIFESTS = ROOT / "tests" / "peers"
# What the Python side of every chapter's tests needs: pytest.
COMMON = MANIFESTS / "support" / "requirements.txt"


def packages(chapter: str) -> list[Package]:
    """The system packages whose programs the chapter's tests talk to."""
    return read_packages(MANIFESTS / chapter / f"{chapter}.packages")


def venv_python(chapter: str, environment: str = "venv") -> Path:
    """The interpreter that runs the chapter's Python tests, or that of another environment. What
    else was installed there, such as commands, lies beside it."""
    return TOOLS / chapter / environment / "bin" / "python"


def node_packages(chapter: str) -> set[str]:
    """The packages of Node.js that the chapter's tests and lab use."""
    manifest = MANIFESTS / chapter / "package.json"
    return set(json.loads(manifest.read_text())["dependencies"]) if manifest.exists() else set()


def install_for_node(chapter: str, console: Console) -> None:
    """Install these alone, unless they are there already."""
    manifests, folder = MANIFESTS / chapter, TOOLS / chapter

    def npm() -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(manifests / name, folder)
        command = [find_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        _run(command, chapter, console, cwd=folder)

    _once(folder / ".npm", [manifests / "package-lock.json"], npm)


def _run(command: list, chapter: str, console: Console, **options) -> None:
    code, output = console.run(command, f"peers of {chapter}", timeout=900, **options)
    if code != 0:
        raise SetupError(f"installing the peers of {chapter} failed:\n{output}")


def install(chapter: str, console: Console) -> None:
    """Install what the chapter's manifests pin, unless that is there already."""
    manifests = MANIFESTS / chapter
    folder = TOOLS / chapter

    def run(command: list, **options) -> None:
        _run(command, chapter, console, **options)

    def pip(environment: str, files: list[Path], older: Optional[Path] = None) -> None:
        maker = [sys.executable, "-m", "venv"]
        if older:  # the chapter's own requirements have a virtualenv that still knows this Python
            maker = [venv_python(chapter), "-m", "virtualenv", "--python", older]
        run([*maker, "--clear", folder / environment])
        wanted = [f"--requirement={file}" for file in files]
        python = venv_python(chapter, environment)
        run([python, "-m", "pip", "install", "--disable-pip-version-check", *wanted])

    def python_environments() -> None:
        # One environment a chapter, and more where it asks for them: their dependencies contradict
        # one another.
        files = [file for file in (COMMON, manifests / "requirements.txt") if file.exists()]
        _once(folder / ".pip", files, lambda: pip("venv", files))
        for file in sorted(manifests.glob("*/requirements.txt")):
            name, version = file.parent.name, file.with_name(".python-version")
            older = find_python(version) if version.exists() else None
            if older or not version.exists():
                _once(folder / f".pip-{name}", [file, version], lambda: pip(name, [file], older))

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

    python_environments()
    if find_program("npm"):
        install_for_node(chapter, console)
    if find_program("go"):
        _once(folder / ".go", [manifests / "go.txt"], go)
    if find_program("mvn"):
        _once(folder / ".maven", [manifests / "pom.xml"], maven)


def find_python(version_file: Path) -> Optional[Path]:
    """An interpreter of the version in the file, which is as pyenv reads it: `2.7.18`."""
    version = version_file.read_text().strip()
    name = f"python{version.rpartition('.')[0]}"
    # A command of that name may be pyenv's own, which works only for versions that are switched on.
    by_name = [name, "-c", "import sys; print(sys.prefix)"]
    for command in (by_name, ["pyenv", "prefix", version]):
        if shutil.which(command[0]):
            found = subprocess.run(command, capture_output=True, text=True)
            if found.returncode == 0:
                return Path(found.stdout.strip()) / "bin" / name
    return None


def _once(stamp: Path, manifests: list[Path], install_them: Callable[[], None]) -> None:
    """Install unless the stamp says that these very manifests were installed by this Python."""
    files = [file for manifest in manifests for file in _with_included(manifest)]
    contents = [file.read_bytes() for file in files]
    if not contents:
        return
    digest = hashlib.sha256(b"\0".join([sys.version.encode(), *contents])).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    stamp.parent.mkdir(parents=True, exist_ok=True)
    install_them()
    stamp.write_text(digest)


def _with_included(manifest: Path) -> Iterator[Path]:
    """A manifest, if it is there, and those that it includes as pip does: `-r ../other.txt`."""
    if manifest.exists():
        yield manifest
        for line in manifest.read_text().splitlines():
            if line.startswith("-r "):
                yield from _with_included(manifest.parent / line[len("-r ") :].strip())
