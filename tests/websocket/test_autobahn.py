"""Autobahn, the test suite by which implementations of RFC 6455 and RFC 7692 measure themselves.

Every case must be OK. The few that are not judged, because the specification leaves them open, are
named here; NON-STRICT, which would be no failure, is one for us.
"""

from __future__ import annotations

from collections import Counter
from typing import Callable

import pytest

from support.process import Server, free_port, run
from websocket.autobahn import (
    CASES,
    LARGE,
    RFC6455,
    RFC7692,
    read_behaviors,
    server_command,
    try_server,
)

# What a peer does after a Close is its own business: 7.1.6 sends a large message before it and a
# Ping behind it, and 7.13 has codes from a range of which nothing is said.
NOT_JUDGED = {case: "INFORMATIONAL" for case in ("7.1.6", "7.13.1", "7.13.2")}
# Of the cases with compression, those of 1,000 messages of 64 and of 1,024 bytes take seconds. With
# all, of up to 128 KiB, it is many minutes, in which mostly Autobahn is busy.
LONG = [f"{group}.{case}" for group in RFC7692 for case in range(1, 19) if case not in (2, 4)]


def try_client(programs, start, folder, groups, exclude=()) -> dict[str, str]:
    """Let Autobahn's server talk to our client, which asks for one case after the other."""
    port = free_port()
    start(server_command(port, folder, groups, exclude), port)
    client, url = programs / "websocket-client", f"ws://127.0.0.1:{port}"
    cases = int(run([client, "-n", "1", f"{url}/getCaseCount"]).text)
    for number in range(1, cases + 1):
        result = run([client, "--echo", f"{url}/runCase?case={number}&agent=ours"], timeout=300)
        assert result.code in (0, 4), f"case {number}: {result.errors}"
    run([client, "--echo", f"{url}/updateReports?agent=ours"], timeout=60)
    return read_behaviors(folder, groups, exclude)


@pytest.fixture(params=["server", "client"])
def judge(request, serve, start, programs, tmp_path) -> Callable[..., dict[str, str]]:
    """judge(groups, exclude): what Autobahn says of our server, and of our client."""

    def of_server(groups, exclude=()) -> dict[str, str]:
        server: Server = serve("--echo")
        url = f"ws://{server.address}/"
        return try_server(url, tmp_path, groups, exclude, timeout=1800)

    def of_client(groups, exclude=()) -> dict[str, str]:
        return try_client(programs, start, tmp_path, groups, exclude)

    return of_server if request.param == "server" else of_client


def check(behaviors: dict[str, str], groups, exclude=(), not_judged=None) -> None:
    """Each case of each group was tried, and was OK."""
    tried, left_out = Counter(map(group_of, behaviors)), Counter(map(group_of, exclude))
    assert tried == {group: CASES[group] - left_out[group] for group in groups}
    assert {case: what for case, what in behaviors.items() if what != "OK"} == (not_judged or {})


def group_of(case: str) -> str:
    """As CASES names it: "1" of 1.1.1, "9.1" of 9.1.1."""
    first = case.partition(".")[0]
    return first if first in RFC6455 else case.rpartition(".")[0]


@pytest.mark.timeout(300)
def test_rfc_6455(judge) -> None:
    """Framing, Pings, reserved bits, opcodes, fragments, UTF-8, goodbyes: 247 cases."""
    check(judge(RFC6455), RFC6455, not_judged=NOT_JUDGED)


@pytest.mark.timeout(300)
def test_compression_of_short_messages(judge) -> None:
    """RFC 7692, with all its parameters."""
    check(judge(RFC7692, LONG), RFC7692, LONG)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_large_messages(judge) -> None:
    """Up to 16 MiB, in one frame and in thousands, in one piece and in millions."""
    check(judge(LARGE), LARGE)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("groups", [[group] for group in RFC7692], ids=lambda groups: groups[0])
def test_compression(judge, groups: list) -> None:
    """RFC 7692: also large messages, and in fragments."""
    check(judge(groups), groups)
