"""Installs what is missing with the system's own package manager. Every command uses this one.

The tables are the `*.packages` files under tests/peers/, one line a package:

    proof   apt   dnf   brew   why

`proof` is what shows that the package is there: a program, a header (`zlib.h`), a Python module
(`python:ensurepip`) or a path from the root. Looking for it takes no time and is also right where
the program came another way. `-` means that the system needs no package for it. Columns are two
or more spaces apart. The names for dnf (Fedora) and brew are from their catalogues; only apt's
are exercised by our own tests.
"""

from __future__ import annotations

import glob
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from support.console import Console, SetupError

# nginx and its like stand in sbin, which is not on every user's PATH.
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/opt/homebrew/bin"])
# Homebrew and Fedora keep an older LLVM in a place of its own, without the version in the names.
_LLVM_19 = "/opt/homebrew/opt/llvm@19/bin:/usr/local/opt/llvm@19/bin:/usr/lib64/llvm19/bin"
_INCLUDE = [
    "/usr/include",
    "/usr/local/include",
    "/opt/homebrew/include",
    "/opt/homebrew/opt/*/include",
]

# Debian starts a server as soon as it is installed, unless a policy forbids it: a learner who
# runs tests does not want a web server on port 80.
_APT = """
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > $policy && chmod +x $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q && apt-get install -q -y --no-install-recommends "$@"
"""
_INSTALL = {
    "apt": ["sh", "-c", _APT, "sh"],
    "dnf": ["dnf", "install", "-y", "--setopt=install_weak_deps=False"],
    "brew": ["brew", "install"],
}


@dataclass(frozen=True)
class Package:
    """One line of a table."""

    proof: str
    apt: str
    dnf: str
    brew: str
    why: str


def read_packages(file: Path) -> list[Package]:
    """The packages that a table names; none where there is no such table."""
    if not file.exists():
        return []
    lines = [line.strip() for line in file.read_text().splitlines()]
    return [
        Package(*re.split(r"\s{2,}", line, maxsplit=4)) for line in lines if line and line[0] != "#"
    ]


def find_program(name: str) -> Optional[str]:
    """The path of a program, also where the system keeps it off the user's PATH."""
    found = shutil.which(name, path=_PATH)
    if found is None and name.endswith("-19"):
        found = shutil.which(name[:-3], path=_LLVM_19)
    return found


def is_present(package: Package) -> bool:
    """Whether the package's proof is found."""
    proof = package.proof
    if proof.startswith("python:"):
        return importlib.util.find_spec(proof[len("python:") :]) is not None
    if proof.startswith("/"):
        return bool(glob.glob(proof))
    if ".h" in proof:
        return bool(find_header(proof))
    return find_program(proof) is not None


def find_header(name: str) -> list[Path]:
    """Where a header lies, as `fmt/format.h`; its name may be a pattern."""
    return [Path(file) for folder in _INCLUDE for file in glob.glob(f"{folder}/{name}")]


def ensure(packages: list[Package], assume_yes: bool, console: Console) -> list[Package]:
    """Install what is missing, after saying what and why. Returns what is still missing."""
    missing = [package for package in packages if not is_present(package)]
    if not missing:
        return []
    programs = {"apt-get": "apt", "dnf": "dnf", "brew": "brew"}
    manager = next((name for program, name in programs.items() if shutil.which(program)), None)
    if manager is None:
        return missing
    missing = [package for package in missing if getattr(package, manager) != "-"]
    names = {name: package.why for package in missing for name in getattr(package, manager).split()}
    if not names:
        return []
    console.line(f"These packages are missing. {manager} will install them:")
    for name, why in names.items():
        console.line(f"  {name:<22} {why}")
    if not assume_yes and sys.stdin.isatty():
        if input("Install them now? [Y/n] ").strip().lower() not in ("", "y", "yes"):
            return missing
    if not _install(manager, list(names), console) and len(names) > 1:
        console.line("Trying them one by one, to have those that can be had.")
        for name in names:
            _install(manager, [name], console)
    return [package for package in missing if not is_present(package)]


def require(packages: list[Package], assume_yes: bool, console: Console) -> None:
    """Like ensure, for packages without which there is nothing to do."""
    missing = ensure(packages, assume_yes, console)
    if missing:
        names = ", ".join(f"{package.proof} ({package.why})" for package in missing)
        raise SetupError(f"still missing: {names}")


def _install(manager: str, names: list[str], console: Console) -> bool:
    """Call the package manager; its output is shown only where it fails."""
    command = _INSTALL[manager] + names
    if manager != "brew" and os.geteuid() != 0:
        if not shutil.which("sudo"):
            raise SetupError(f"install these as root, sudo is not here: {' '.join(names)}")
        command = ["sudo", *command]
    started = time.monotonic()
    console.status(f"installing {len(names)} packages ...")
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        # sudo may ask for a password: it finds the terminal by itself.
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode
        log.seek(0)
        last_lines = log.read().splitlines()[-15:]
    if code == 0:
        console.line(f"Installed in {time.monotonic() - started:.0f} s.\n")
    else:
        console.line(f"{manager} could not install {' '.join(names)}:")
        for line in last_lines:
            console.line(f"  {line}")
    return code == 0
