"""Autobahn, the test suite by which implementations of RFC 6455 and RFC 7692 measure themselves.

behaviors = try_server(f"ws://{server.address}/", folder)    # its client tries our server

start(server_command(port, folder), port)                    # its server tries our client,
...                                                          # which asks it for each case;
behaviors = read_behaviors(folder)                           # updateReports, then these

Behaviors are what it says of each case, by the case's number: `{"1.1.1": "OK", ...}`. It needs
Python 2.7; where there is none, tests that want it are skipped, also in CI.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import pytest

from support import peers
from support.process import run

# Its groups, and how many cases each has in the version that tests/peers/websocket/ pins.
RFC6455 = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "10": 1}
LARGE = {"9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "9.5": 6, "9.6": 6, "9.7": 6, "9.8": 6}
RFC7692 = {
    **{f"12.{number}": 18 for number in range(1, 6)},
    **{f"13.{number}": 18 for number in range(1, 8)},
}
CASES = {**RFC6455, **LARGE, **RFC7692}

# What is no fault. NON-STRICT is for a choice that the suite would have made differently.
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}
AGENT = "ours"  # the name under which results are kept; our client gives it as `agent`


def try_server(
    url: str,
    folder: Path,
    groups: Collection[str] = tuple(RFC6455),
    exclude: Collection[str] = (),
    timeout: float = 60,
) -> dict[str, str]:
    """Let Autobahn's client talk to a server that echoes. Groups are keys of CASES, `exclude` has
    single cases of them. The folder gets a report of each case, with all that was said."""
    servers = [{"agent": AGENT, "url": url}]
    command = _command("fuzzingclient", {"servers": servers}, folder, groups, exclude)
    result = run(command, timeout=timeout)
    return read_behaviors(folder, groups, exclude, said=result.text + result.errors)


def server_command(
    port: int,
    folder: Path,
    groups: Collection[str] = tuple(RFC6455),
    exclude: Collection[str] = (),
) -> list:
    """The command that runs Autobahn's server. A client asks it for /getCaseCount, then with each
    case's place in the list, from 1, for /runCase?case=1&agent=ours, and at the end for
    /updateReports?agent=ours."""
    options = {"url": f"ws://127.0.0.1:{port}"}
    without_site = ["--webport", "0"]
    return [*_command("fuzzingserver", options, folder, groups, exclude), *without_site]


def read_behaviors(
    folder: Path,
    groups: Collection[str] = tuple(RFC6455),
    exclude: Collection[str] = (),
    said: str = "",
) -> dict[str, str]:
    """How the other side behaved in each case. Fails unless all cases ran: wstest's exit code is 0
    whatever happened, so `said`, what it printed, is part of the failure."""
    index = folder / "index.json"
    agents = json.loads(index.read_text()) if index.exists() else {}
    results = agents.get(AGENT, {})  # none where it found no server
    expected = sum(CASES[group] for group in groups) - len(exclude)
    assert len(results) == expected, f"{len(results)} of {expected} cases ran\n{said[-2000:]}"
    return {case: _verdict(result) for case, result in results.items()}


def _command(mode: str, options: dict, folder: Path, groups, exclude) -> list:
    wstest = peers.venv_python("websocket", "autobahn").with_name("wstest")
    if not wstest.exists():
        pytest.skip("Autobahn needs Python 2.7, which is not here")
    (folder / "index.json").unlink(missing_ok=True)
    spec = {
        "outdir": str(folder),
        "cases": [f"{group}.*" for group in groups],
        "exclude-cases": list(exclude),
        "exclude-agent-cases": {},
        **options,
    }
    file = folder / f"{mode}.json"
    file.write_text(json.dumps(spec))
    return [wstest, "--mode", mode, "--spec", file]


def _verdict(result: dict) -> str:
    """Of a case: how messages were answered, unless the fault is how the connection was closed."""
    if result["behavior"] in GOOD and result["behaviorClose"] not in GOOD:
        return f"{result['behaviorClose']} close"
    return result["behavior"]
