"""What Wireshark makes of a capture. tshark's exit code says nothing: only its rows count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from support.process import run
from support.tools import require


@dataclass
class Dissection:
    """The messages of one protocol in a capture, and the complaints about any of them."""

    messages: list[str]
    complaints: list[str]


def dissect(
    pcap: Path, protocol: str, port: int = 0, transport: str = "tcp", keys: Path = None
) -> Dissection:
    """Dissect a capture, reading `port` as the protocol where Wireshark would not guess it.

    A message that is cut short is not "malformed" for Wireshark: it waits for the rest, and there
    is just no row. So compare the messages with what was said, as well as asking for no complaints.
    `keys` is a file as SSLKEYLOGFILE names it, for what was encrypted.
    """
    options = ["-d", f"{transport}.port=={port},{protocol}"] if port else []
    options += ["-o", f"tls.keylog_file:{keys}"] if keys else []

    def rows(filter: str) -> list[str]:
        columns = ["-T", "fields", "-e", "_ws.col.Info"]
        command = [require("tshark"), "-n", "-r", pcap, *options, "-Y", filter, *columns]
        result = run(command, timeout=60)
        assert result.code == 0, result.errors
        return result.text.splitlines()

    return Dissection(rows(protocol), rows('_ws.malformed || _ws.expert.severity >= "Warning"'))
