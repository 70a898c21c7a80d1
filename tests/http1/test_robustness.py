"""Peers that misbehave, and the end of things. After each of them the server still answers, and
has as many file descriptors open as before."""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Iterator

import pytest

from support.harm import MOST_MEMORY, fill, reset, unharmed
from support.measure import descriptors, descriptors_at_rest, peak_bytes
from support.process import Server, run, wait_until
from support.tcp import Tcp
from support.tools import require

REQUEST = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
DOWNLOAD = b"GET /sparse.bin HTTP/1.1\r\nHost: a\r\n\r\n"
SPARSE = 1 << 30  # nothing that fits into the buffers of the kernel, or may fit into ours

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


@pytest.fixture(scope="module", autouse=True)
def sparse(files: Path) -> Iterator[Path]:
    """A file of a gibibyte that takes no room."""
    file = files / "sparse.bin"
    with open(file, "wb") as f:
        f.truncate(SPARSE)
    yield file
    file.unlink()


def answers(server: Server) -> bool:
    """Whether the server still does its work."""
    command = [require("curl"), "-sS", "-k", "--max-time", "10"]
    scheme = "https" if "--tls" in server.command else "http"
    return run([*command, f"{scheme}://{server.address}/hello"]).text == "Hello, World!"


def slow_reader(server: Server) -> Tcp:
    """A connection that takes little from the network before it is read."""
    tcp = Tcp(server.address)
    tcp.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    return tcp


def drip(tcp: Tcp, data: bytes, seconds: float = 0.02) -> int:
    """Send byte by byte, as slowly as that, until all is sent or an answer comes; how many were."""
    for sent in range(len(data)):
        if select.select([tcp.socket], [], [], seconds)[0]:
            return sent
        tcp.send(data[sent : sent + 1])
    return len(data)


# --- Those who are slow.


def test_silent_peer(serve) -> None:
    """It gets no answer: it has asked nothing."""
    server = serve("--idle-time", "0.2")
    with unharmed(server, answers), Tcp(server.address) as tcp:
        assert tcp.read_to_close() == b""


def test_silent_after_an_exchange(serve) -> None:
    server = serve("--idle-time", "0.2")
    with unharmed(server, answers), Tcp(server.address) as tcp:
        tcp.send(REQUEST)
        assert tcp.read_to_close().count(b"HTTP/1.1 ") == 1


def test_slow_head(serve) -> None:
    """Slow loris: every byte comes in time, the head as a whole does not."""
    server = serve("--head-time", "0.3", "--idle-time", "60")
    with unharmed(server, answers), Tcp(server.address) as tcp:
        assert drip(tcp, REQUEST[:-2] + b"X: 1\r\n" * 50) < 200
        assert tcp.read_to_close().startswith(b"HTTP/1.1 408 ")


def test_slow_head_after_an_exchange(serve) -> None:
    server = serve("--head-time", "0.3", "--idle-time", "60")
    with unharmed(server, answers), Tcp(server.address) as tcp:
        tcp.send(REQUEST)
        tcp.read_until(b"Hello, World!")
        drip(tcp, REQUEST[:-2] + b"X: 1\r\n" * 50)
        assert tcp.read_to_close().startswith(b"HTTP/1.1 408 ")


def test_a_head_that_takes_its_time(serve) -> None:
    """But not too much of it."""
    server = serve("--head-time", "10")
    with unharmed(server, answers), Tcp(server.address) as tcp:
        assert drip(tcp, REQUEST, 0.005) == len(REQUEST)
        assert tcp.read_until(b"Hello, World!").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: 100\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5",
    ],
    ids=["length", "no chunk", "half a size"],
)
def test_content_that_never_comes(serve, sent: bytes) -> None:
    server = serve("--content-time", "0.2")
    with unharmed(server, answers), Tcp(server.address) as tcp:
        tcp.send(b"POST /echo HTTP/1.1\r\nHost: a\r\n" + sent)
        assert tcp.read_to_close().startswith(b"HTTP/1.1 408 ")


def test_slow_chunk_size(serve) -> None:
    """Byte by byte, but never a byte of content."""
    server = serve("--content-time", "0.3")
    with unharmed(server, answers), Tcp(server.address) as tcp:
        tcp.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;")
        assert drip(tcp, b"x" * 300) < 200
        assert tcp.read_to_close().startswith(b"HTTP/1.1 408 ")


def test_unwanted_content_that_never_comes(serve) -> None:
    """The answer is out; the rest of the request is waited for, but not for ever."""
    server = serve("--content-time", "0.2")
    with unharmed(server, answers), Tcp(server.address) as tcp:
        tcp.send(b"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        assert tcp.read_to_close().count(b"HTTP/1.1 ") == 1


def test_content_of_a_slow_reader_is_not_late(serve) -> None:
    """We don't read its content while its echo does not get through: that is not its fault."""
    server = serve("--content-time", "0.2")
    content = bytes(range(256)) * (1 << 16)
    with unharmed(server, answers), slow_reader(server) as tcp:
        tcp.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(content))
        sent = 0
        while select.select([], [tcp.socket], [], 0.6)[1]:  # until it reads no more, for long
            sent += fill(tcp, content[sent:])
            assert sent < len(content), "all was taken: this test needs more"
        came = tcp.read_until(b"\r\n\r\n")
        assert came.startswith(b"HTTP/1.1 200 ")
        echoed = b""
        while len(echoed) < len(content):
            echoed += tcp.read(min(1 << 14, len(content) - len(echoed)))
            sent += fill(tcp, content[sent:])
        assert echoed == content


def test_slow_reader_is_cut(serve) -> None:
    """It asked for a gibibyte, and reads nothing. Little is kept for it, and not for long."""
    server = serve("--silence", "0.3")
    with unharmed(server, answers) as before, slow_reader(server) as tcp:
        tcp.send(DOWNLOAD)
        tcp.read_until(b"\r\n\r\n")
        wait_until(lambda: descriptors(server) == before, "it was cut")
        assert 0 < len(tcp.read_to_close()) < SPARSE / 10


def test_a_hundred_slow_readers(serve) -> None:
    """What each of them costs is bounded: together less than a tenth of one file."""
    server = serve()
    with unharmed(server, answers) as before, ExitStack() as readers:
        for _ in range(100):
            readers.enter_context(slow_reader(server)).send(DOWNLOAD)
        wait_until(lambda: descriptors(server) == before + 200, "all files are open")
        assert answers(server)


def test_slow_reader_gets_everything(serve, files: Path) -> None:
    """Slow, but reading: nobody cuts it."""
    server = serve()
    with unharmed(server, answers), slow_reader(server) as tcp:
        tcp.send(DOWNLOAD.replace(b"sparse", b"random"))
        tcp.read_until(b"\r\n\r\n")
        came = b"".join(tcp.read(1 << 14) for _ in range(64))
        assert came == (files / "random.bin").read_bytes()


# --- Those who ask too much.


@pytest.mark.parametrize("path", [b"/hello", b"/random.bin"])
def test_flood_of_requests(serve, path: bytes) -> None:
    """Requests without end, and no answer is read: at some point the server stops reading.
    Every request that it took gets its answer all the same, when we read at last."""
    request = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path
    server = serve()
    with unharmed(server, answers), slow_reader(server) as tcp:
        flood = request * 10_000
        sent = total = 0
        while True:
            sent = fill(tcp, flood[total % len(request) :])
            total += sent
            if not select.select([], [tcp.socket], [], 0.2)[1]:
                break  # no room for as long as that: it does not read any more
            assert total < 200 << 20, "it reads on and on"
        assert peak_bytes(server.pid) < MOST_MEMORY
        if path == b"/random.bin":
            return  # to read all of these would take long; that the peer vanishes is a test, too
        tcp.socket.setblocking(True)
        tcp.send(request[total % len(request) :] if total % len(request) else b"")
        tcp.finish()
        requests = -(-total // len(request))
        assert tcp.read_to_close().count(b"HTTP/1.1 200 OK") == requests


def test_flood_of_connections(serve) -> None:
    server = serve()
    with unharmed(server, answers):
        for _ in range(2000):
            Tcp(server.address).close()


def test_many_idle_connections(serve) -> None:
    """2,000 of them, each with one answer; then each asks once more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    server = serve()
    with unharmed(server, answers), ExitStack() as connections:
        tcps = [connections.enter_context(Tcp(server.address)) for _ in range(2000)]
        for _ in range(2):
            for tcp in tcps:
                tcp.send(REQUEST)
            for tcp in tcps:
                assert tcp.read_until(b"Hello, World!").startswith(b"HTTP/1.1 200 ")
        assert descriptors(server) > 2000
        assert answers(server)


# --- Those who vanish.


@pytest.mark.parametrize("how", [reset, Tcp.close], ids=["reset", "close"])
@pytest.mark.parametrize(
    "said",
    [
        b"",
        REQUEST[:10],
        REQUEST,
        REQUEST * 100,
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000,
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        DOWNLOAD,
    ],
    ids=[
        "nothing",
        "half a head",
        "a request",
        "pipelined",
        "content",
        "chunk",
        "expect",
        "download",
    ],
)
def test_peers_that_vanish(server: Server, said: bytes, how) -> None:
    with unharmed(server, answers):
        for _ in range(20):
            tcp = Tcp(server.address)
            tcp.send(said)
            how(tcp)


def test_peers_that_vanish_in_the_middle_of_a_download(server: Server) -> None:
    with unharmed(server, answers):
        for _ in range(20):
            tcp = Tcp(server.address)
            tcp.send(DOWNLOAD)
            tcp.read(100_000)
            reset(tcp)


# --- What there is too little of.


def test_connection_limit(serve) -> None:
    """A third one waits, unanswered, until one of the two is gone."""
    server = serve("--max-connections", "2")
    with unharmed(server, answers):
        with Tcp(server.address) as first, Tcp(server.address) as second, Tcp(
            server.address
        ) as third:
            for tcp in (first, second, third):
                tcp.send(REQUEST)
            for tcp in (first, second):
                tcp.read_until(b"Hello, World!")
            assert third.read_to_quiet(0.2) == b""
            first.close()
            assert third.read_until(b"Hello, World!")
            second.send(REQUEST)
            assert second.read_until(b"Hello, World!")


def test_no_descriptors_left(serve) -> None:
    """Those who are connected are served; those who wait are, as soon as there is room."""
    server = serve()
    with unharmed(server, answers), ExitStack() as connections:
        first = connections.enter_context(Tcp(server.address))
        first.send(REQUEST)
        first.read_until(b"Hello, World!")
        limit = descriptors_at_rest(server) + 5
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, limit))
        others = [connections.enter_context(Tcp(server.address)) for _ in range(10)]
        server.wait_for("accept: Too many open files")
        for tcp in others:
            tcp.send(REQUEST)
        for tcp in others[:5]:
            tcp.read_until(b"Hello, World!")
        # A file cannot be opened now. That it is not there (404) would be a lie, and be cached.
        first.send(b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        assert first.read_until(b"\r\n").startswith(b"HTTP/1.1 503 ")
        for tcp in others[:5]:
            tcp.close()
        for tcp in others[5:]:
            tcp.read_until(b"Hello, World!")


# --- TLS.


@pytest.mark.parametrize("hello", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", REQUEST])
def test_handshake_that_never_comes(serve, hello: bytes) -> None:
    """Nothing, half of one, and something else."""
    server = serve("--tls", "--handshake-time", "0.3")
    with unharmed(server, answers), Tcp(server.address) as tcp:
        tcp.send(hello)
        assert b"HTTP" not in tcp.read_to_close()


def test_handshake_holds_nobody_up(serve) -> None:
    server = serve("--tls")
    with unharmed(server, answers), Tcp(server.address):
        assert answers(server)


# --- The end.


def slow_download(server: Server) -> Tcp:
    """A download that has begun."""
    tcp = slow_reader(server)
    tcp.send(DOWNLOAD.replace(b"sparse", b"middle"))
    assert b"Content-Length: %d\r\n" % (64 << 20) in tcp.read_until(b"\r\n\r\n")
    return tcp


@pytest.fixture
def middle(files: Path) -> Iterator[Path]:
    """A file that is larger than all buffers on its way."""
    file = files / "middle.bin"
    with open(file, "wb") as f:
        f.truncate(64 << 20)
    yield file
    file.unlink()


def refused(server: Server) -> bool:
    """Whether new connections are."""
    try:
        Tcp(server.address).close()
    except ConnectionRefusedError:
        return True
    return False


def test_stop_lets_transfers_finish(serve, middle: Path) -> None:
    server = serve("--grace", "20")
    with slow_download(server) as tcp, Tcp(server.address) as idle:
        os.kill(server.pid, signal.SIGTERM)
        wait_until(lambda: refused(server), "new connections are refused")
        assert idle.read_to_close() == b""
        assert server.running
        assert len(tcp.read(64 << 20)) == 64 << 20
        assert tcp.read_to_close() == b""
        assert server.stop() == 0


def test_stop_does_not_wait_for_ever(serve, middle: Path) -> None:
    server = serve("--grace", "0.3")
    with slow_download(server) as tcp:
        assert server.stop(timeout=10) == 0
        assert len(tcp.read_to_close()) < 64 << 20


def test_a_second_signal_ends_it_at_once(serve, middle: Path) -> None:
    server = serve("--grace", "60")
    with slow_download(server):
        os.kill(server.pid, signal.SIGINT)
        wait_until(lambda: refused(server), "new connections are refused")
        assert server.stop(timeout=10) == 0


def test_stop_answers_what_was_asked(serve) -> None:
    """A request that is half here when the signal comes is still answered."""
    server = serve("--grace", "20")
    with Tcp(server.address) as tcp:
        tcp.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nse")
        tcp.read_until(b"\r\n\r\nse")
        os.kill(server.pid, signal.SIGTERM)
        wait_until(lambda: refused(server), "new connections are refused")
        tcp.send(b"nt")
        assert tcp.read_to_close() == b"nt"
        assert server.stop() == 0


def test_the_port_is_free_at_once(start, programs) -> None:
    """Although connections of the last run may linger in TIME_WAIT."""
    first = start([programs / "http1-server"])
    with Tcp(first.address) as tcp:
        tcp.send(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        tcp.read_to_close()
    assert first.stop() == 0
    second = start([programs / "http1-server", "--port", str(first.port)])
    assert second.port == first.port and answers(second)


def test_a_port_that_is_taken(server: Server, programs) -> None:
    result = run([programs / "http1-server", "--port", server.port])
    assert result.code == 1 and re.search("in use", result.errors)
