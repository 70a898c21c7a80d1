"""The style checks that are other people's programs: clang-format, clang-tidy and codespell."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

from style.sources import files, reachable, way_to_asio
from support.project import IN_CI, ROOT
from support.system import find_program

# Words of the field that codespell takes for misspelled.
_OUR_WORDS = "te,ser,nd,ans,hel,get's"
# The commands in the database are GCC's: clang does not know all of its warnings, and Asio 1.22
# does not see by itself that clang has coroutines.
_AS_CLANG = [
    "--extra-arg=-Wno-unknown-warning-option",
    "--extra-arg=-DASIO_HAS_CO_AWAIT=1",
    "--extra-arg=-DASIO_HAS_STD_COROUTINE=1",
]


def clang_format() -> list[str]:
    """Sources whose layout is not what clang-format makes of them."""
    output = _lines(
        [find_program("clang-format-19"), "--dry-run", "-Werror", *files(".cpp", ".hpp")]
    )
    where = re.compile(r"^([^:\n]+:\d+):\d+: error: code should be clang-formatted", re.MULTILINE)
    first = {place.split(":")[0]: place for place in reversed(where.findall("\n".join(output)))}
    return [
        f"{place}: run clang-format-19 -i {file}" for file, place in sorted(first.items())
    ] or output


def codespell() -> list[str]:
    """Misspelled words in sources and pages."""
    endings = ".cpp .hpp .py .md .txt .toml .session .cmake .packages"
    texts = files(*endings.split())
    return _lines([find_program("codespell"), "--ignore-words-list", _OUR_WORDS, *texts])


def clang_tidy(preset: str, folders: list[str]) -> Iterator[tuple[Path, str]]:
    """Each source that is due, with what clang-tidy finds in it.

    Codecs are always due. Files that reach Asio take six times as long: they are due when they
    differ from the main branch, and in CI. What was found clean is not due until it changes.
    """
    stamps = ROOT / "build" / preset / "clang-tidy.json"
    clean = json.loads(stamps.read_text()) if stamps.exists() else {}
    changed = _changed()
    sources = [
        file
        for file in files(".cpp", folders=folders)
        if IN_CI or not way_to_asio(file) or changed & set(reachable(file))
    ]
    digests = {file: _digest(file) for file in sources}
    due = [file for file in sources if clean.get(str(file.relative_to(ROOT))) != digests[file]]
    command = [find_program("clang-tidy-19"), "--quiet", "-p", ROOT / "build" / preset, *_AS_CLANG]
    with ThreadPoolExecutor() as pool:
        outputs = pool.map(lambda file: "\n".join(_lines([*command, file])), due)
        for file, output in zip(due, outputs):
            if not output:
                clean[str(file.relative_to(ROOT))] = digests[file]
            yield file, output
    stamps.write_text(json.dumps(clean, indent=1))


def _lines(command: list) -> list[str]:
    """What a tool complains about: nothing if it is content."""
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    complaints = (done.stdout + done.stderr).replace(f"{ROOT}/", "").splitlines()
    return complaints or ["failed without a word"] if done.returncode else []


def _changed() -> set[Path]:
    """Files that differ from the main branch, those that git does not know yet included."""
    git = ["git", "-C", str(ROOT)]
    base = next(
        (
            name
            for name in ("origin/main", "main", "HEAD")
            if _git(*git, "rev-parse", "--verify", name)
        ),
        "",
    )
    names = _git(*git, "diff", "--name-only", base) if base else ""
    names += _git(*git, "ls-files", "--others", "--exclude-standard")
    return {ROOT / name for name in names.splitlines()}


def _git(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def _digest(file: Path) -> str:
    """Changes when the source, anything of ours that it includes, or the checks change."""
    parts = [path.read_bytes() for path in sorted([*reachable(file), ROOT / ".clang-tidy"])]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
