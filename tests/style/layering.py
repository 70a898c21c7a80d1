"""Who may include whom.

common/ includes only common/. A chapter includes common/, itself, and the chapters that its
line in chapters/CMakeLists.txt names. Codecs and machines, that is all files of a chapter but
those that the line marks as programs or I/O, never reach Asio.
"""

from __future__ import annotations

from style.sources import files, includes, way_to_asio
from support.project import ROOT, Chapter, chapters


def problems() -> list[str]:
    """What breaks the rule, as `path: message`."""
    found = []
    for file in files(".hpp", ".cpp", folders=["common"]):
        found += _foreign(file, {"wire"})
    known = chapters()
    for folder in sorted((ROOT / "chapters").iterdir()):
        if folder.is_dir() and folder.name not in known:
            found.append(f"chapters/{folder.name}: no line in chapters/CMakeLists.txt")
    for chapter in known.values():
        for file in files(".hpp", ".cpp", folders=[f"chapters/{chapter.name}"]):
            found += _foreign(file, {"wire", chapter.name, *chapter.uses}) + _impure(file, chapter)
    return found


def _foreign(file, allowed: set[str]) -> list[str]:
    """Includes from chapters that the file may not use."""
    return [
        f'{file.relative_to(ROOT)}: includes "{name}", and may use only {", ".join(sorted(allowed))}'
        for name in includes(file)
        if name[0] != "<" and name.split("/")[0] not in allowed
    ]


def _impure(file, chapter: Chapter) -> list[str]:
    """A codec or a machine that can reach a socket."""
    way = [] if file.stem in chapter.io_files else way_to_asio(file)
    return [f"{' -> '.join(way)}: codecs and machines do no I/O"] if way else []
