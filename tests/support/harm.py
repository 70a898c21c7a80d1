"""What tests of robustness have in common: whatever they do to a server, nothing of it may stay."""

from __future__ import annotations

import os
import socket
import struct
import sys
from contextlib import contextmanager
from typing import Callable, Iterator

from support.measure import descriptors, descriptors_at_rest, peak_bytes
from support.process import Server, wait_until
from support.tcp import Tcp

# The sanitizers keep freed memory for a while, to find who still uses it: no limit makes sense then.
MOST_MEMORY = sys.maxsize if os.environ.get("WIRE_PRESET") == "asan" else 64 << 20


@contextmanager
def unharmed(server: Server, answers: Callable[[Server], bool]) -> Iterator[int]:
    """Whatever happens inside leaves the server as it was, with so many descriptors as are given.
    answers(server) says whether it still does its work."""
    before = descriptors_at_rest(server)
    assert answers(server)
    wait_until(lambda: descriptors(server) == before, "the connection is gone")
    yield before
    assert answers(server)
    wait_until(lambda: descriptors(server) == before, f"{before} descriptors as before")
    assert peak_bytes(server.pid) < MOST_MEMORY


def reset(tcp: Tcp) -> None:
    """Vanish without a goodbye, as a program that crashed: its system sends RST."""
    tcp.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    tcp.close()


def fill(tcp: Tcp, data: bytes) -> int:
    """Send as much as goes without waiting; how much that was."""
    tcp.socket.setblocking(False)
    sent = 0
    try:
        while sent < len(data):
            sent += tcp.socket.send(data[sent : sent + (1 << 16)])
    except BlockingIOError:
        pass
    return sent
