"""Peers that misbehave, and the end of things. After each of them the server still answers, and
has as many file descriptors open as before."""

from __future__ import annotations

import io
import os
import resource
import select
import signal
import socket
import sys
import time
import zlib
from contextlib import ExitStack, suppress

import pytest

from support.harm import MOST_MEMORY, fill, reset, unharmed
from support.measure import descriptors, descriptors_at_rest, peak_bytes
from support.process import Server, wait_until
from support.tcp import Tcp, cut
from websocket.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATE,
    MASK,
    PING,
    PONG,
    RSV1,
    TEXT,
    Peer,
    close_frame,
    frame,
    read_frame,
    request,
)

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


def answers(server: Server) -> bool:
    """Whether the server still does its work."""
    with Peer(server.address) as peer:
        echoes = peer.echoes()
        peer.goodbye()
        return echoes and peer.closed() == (1000, "")


def slow_reader(server: Server, *fields: str) -> Peer:
    """A client that takes little from the network before it is read."""
    peer = Peer(server.address, *fields)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    return peer


def drip(tcp: Tcp, data: bytes, seconds: float) -> int:
    """Send byte by byte, as slowly as that, until all is sent or an answer comes; how many were."""
    for sent in range(len(data)):
        if select.select([tcp.socket], [], [], seconds)[0]:
            return sent
        tcp.send(data[sent : sent + 1])
    return len(data)


# --- Those who are slow, or silent.


@pytest.mark.parametrize("said", [b"", request()[:30]], ids=["nothing", "half a request"])
def test_a_handshake_that_is_never_finished(serve, said: bytes) -> None:
    server = serve("--echo", "--silence", "0.3")
    with unharmed(server, answers), Tcp(server.address) as tcp:
        tcp.send(said)
        assert b"HTTP/1.1 101" not in tcp.read_to_close()


@pytest.mark.parametrize("hello", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", request()])
def test_a_tls_handshake_that_never_comes(serve, hello: bytes) -> None:
    """Nothing, half of one, and something else. It holds nobody else up."""
    server = serve("--echo", "--tls", "--handshake-time", "0.3")
    before = descriptors_at_rest(server)
    with Tcp(server.address) as tcp:
        tcp.send(hello)
        assert b"HTTP" not in tcp.read_to_close()
    wait_until(lambda: descriptors(server) == before, "it is gone")


def test_a_slow_peer(serve) -> None:
    """Byte by byte, but it speaks: the handshake, a message, a goodbye."""
    server = serve("--echo")
    with unharmed(server, answers), Tcp(server.address) as tcp:
        assert drip(tcp, request(), 0.002) == len(request())
        tcp.read_until(b"\r\n\r\n")
        message = frame(TEXT, b"slow", fin=False, mask=MASK)
        assert drip(tcp, message[:6], 0.02) == 6
        tcp.send(*cut(message[6:], 1))
        assert tcp.read(3)[2:] == b"s"
        tcp.send(close_frame(1000, mask=MASK))
        assert tcp.read_to_close().endswith(close_frame(1000))


def test_a_silent_peer_is_pinged_and_cut(serve) -> None:
    """Twice silent: it is told why (1011: RFC 6455 has no code for it), should it still listen."""
    server = serve("--echo", "--ping-after", "0.2", "--pong-time", "0.2")
    with unharmed(server, answers), Peer(server.address) as peer:
        assert peer.frame().opcode == PING
        assert peer.closed() == (1011, "the peer has fallen silent")


@pytest.mark.parametrize("said", [b"", b"\x81", frame(TEXT, b"more to come", mask=MASK)[:-1]])
def test_half_a_frame_is_silence(serve, said: bytes) -> None:
    """So it is pinged, too; what comes next would be in the middle of its frame."""
    server = serve("--echo", "--ping-after", "0.2", "--pong-time", "0.2")
    with unharmed(server, answers), Peer(server.address) as peer:
        peer.send(said)
        came = peer.frame()
        while came.opcode != CLOSE:
            came = peer.frame()
        assert came.close[0] == 1011 and peer.read_to_close() == b""


@pytest.mark.parametrize("opcode", [PONG, PING, TEXT], ids=["pong", "ping", "text"])
def test_a_sign_of_life_is_enough(serve, opcode: int) -> None:
    """Whatever it is, the server waits on."""
    server = serve("--echo", "--ping-after", "0.1", "--pong-time", "10")
    with unharmed(server, answers), Peer(server.address) as peer:
        for _ in range(4):
            while (came := peer.frame()).opcode != PING:
                assert came.opcode in (PONG, TEXT)
            peer.say(opcode, came.payload)
        assert server.running


def test_a_goodbye_that_is_never_answered(serve) -> None:
    """The server has said 1003, and waits for the answer no longer than its limits are."""
    server = serve("--silence", "0.5")
    before = descriptors_at_rest(server)
    with Peer(server.address) as peer:
        peer.say(BINARY, b"no name")
        assert peer.closed() == (1003, "a name is text")
    wait_until(lambda: descriptors(server) == before, "it is gone")


def test_a_silent_reader_is_cut(serve) -> None:
    """It wants megabytes echoed, and reads nothing. Little is kept for it, and not for long."""
    server = serve("--echo", "--silence", "0.5")
    with unharmed(server, answers) as before, slow_reader(server) as peer:
        message = frame(BINARY, bytes(1 << 20), mask=MASK)
        sent = 0
        with pytest.raises(ConnectionError):
            while sent < 1 << 30:
                sent += fill(peer, message[sent % len(message) :])
                select.select([], [peer.socket], [], 10)
        assert sent < 64 << 20
        wait_until(lambda: descriptors(server) == before, "it was cut")


def test_a_slow_reader_gets_everything(serve) -> None:
    """Slow, but reading: nobody cuts it."""
    content = os.urandom(4 << 20)
    server = serve("--echo", "--silence", "5", "--no-deflate")
    with unharmed(server, answers), slow_reader(server) as peer:
        sent, said = 0, frame(BINARY, content, mask=MASK)
        echoed, fin = b"", False
        while not fin:
            sent += fill(peer, said[sent:])
            came = peer.frame()
            echoed, fin = echoed + came.payload, came.fin
        assert echoed == content


# --- Those who say too much, and read nothing.

FLOODS = {
    "pings": frame(PING, b"x" * 125, mask=MASK),
    "messages": frame(TEXT, b"flood", mask=MASK),
    "long messages": frame(BINARY, bytes(1 << 16), mask=MASK),
    "fragments": frame(TEXT, b"x", fin=False, mask=MASK)
    + frame(CONTINUATION, b"y", fin=False, mask=MASK) * 1000
    + frame(CONTINUATION, b"z", mask=MASK),
}


@pytest.mark.parametrize(
    "flood, options",
    [(flood, ["--echo"]) for flood in FLOODS] + [(flood, []) for flood in ("pings", "messages")],
)
def test_floods(serve, flood: str, options: list) -> None:
    """At some point the server reads no more, and so it needs no more memory. All the time it is
    there for others; and when we read at last, there are answers."""
    server, piece = serve(*options), FLOODS[flood]
    before = descriptors_at_rest(server)
    with slow_reader(server) as peer, Peer(server.address) as other:
        stream, total = piece * (1 + (1 << 20) // len(piece)), 0
        while select.select([], [peer.socket], [], 0.2)[1]:
            total += fill(peer, stream[total % len(piece) :])
            assert total < 200 << 20, "it reads on and on"
            other.say(PING, b"between")
            assert other.frame().payload == b"between"
            assert peak_bytes(server.pid) < MOST_MEMORY
        for _ in range(100):
            assert peer.frame().opcode in (PONG, TEXT, BINARY, CONTINUATION)
    wait_until(lambda: descriptors(server) == before, "both are gone")
    assert peak_bytes(server.pid) < MOST_MEMORY


def test_empty_frames_without_end(server: Server) -> None:
    """They cost nothing but the time to read them: no memory, and others are served meanwhile."""
    with unharmed(server, answers), slow_reader(server) as peer, Peer(server.address) as other:
        peer.say(TEXT, fin=False)
        empty = frame(CONTINUATION, fin=False, mask=MASK) * 10_000
        for _ in range(50):
            peer.send(empty)
            assert other.echoes()
        peer.say(CONTINUATION, b"the end")
        while not (came := peer.frame()).fin:
            assert came.payload == b""
        assert came.payload == b"the end"
        assert peak_bytes(server.pid) < MOST_MEMORY


def test_a_message_of_tiny_fragments(serve) -> None:
    """For who waits for whole messages, too: a hundred thousand bytes, each in its own frame."""
    server = serve("--max-message", "100000")
    with Peer(server.address) as peer:
        peer.say(TEXT, fin=False)
        tiny = frame(CONTINUATION, b"x", fin=False, mask=MASK)
        for _ in range(10):
            peer.send(tiny * 10_000)
        peer.say(CONTINUATION)
        assert peer.frame().payload == b"Hello, " + b"x" * 100_000
    assert peak_bytes(server.pid) < MOST_MEMORY


def finished(peer: Peer) -> int:
    """How many messages have come whole, of what is there now."""
    data, count = b"", 0
    peer.socket.setblocking(False)
    with suppress(BlockingIOError):
        while chunk := peer.socket.recv(1 << 16):
            data += chunk
    stream = io.BytesIO(data)

    def read(size: int) -> bytes:
        piece = stream.read(size)
        if len(piece) < size:
            raise EOFError
        return piece

    with suppress(EOFError):
        while True:
            count += read_frame(read).fin
    return count


def bomb(size: int) -> bytes:
    """So many zeros, compressed: a thousandth of it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -12)
    return (deflate.compress(bytes(size)) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_work_that_others_need_not_wait_for(serve) -> None:
    """Four bombs in one packet are 64 MB to inflate and to compress again. Who asks something
    meanwhile has the answer before the last of them is done."""
    server = serve("--echo")
    bombs = frame(BINARY, bomb(16_000_000), rsv=RSV1, mask=MASK) * 4
    done = []
    for _ in range(5):  # this process may be late itself
        with Peer(server.address, DEFLATE) as peer, Peer(server.address) as other:
            peer.send(bombs)
            time.sleep(0.03)
            other.say(PING, b"meanwhile")
            assert other.frame().payload == b"meanwhile"
            done.append(finished(peer))
        if done[-1] < 3:
            return
    pytest.fail(f"so many were done first: {done}")


@pytest.mark.parametrize("options", [[], ["--chat"]], ids=["greet", "chat"])
def test_bombs_that_are_kept(serve, options: list) -> None:
    """Messages that are never finished stay in memory; so they are not long, where nobody says
    that they may be."""
    server, path = serve(*options), "/chat" if options else "/"
    unfinished = frame(TEXT, bomb(16_000_000), rsv=RSV1, fin=False, mask=MASK)
    with ExitStack() as connections:
        for _ in range(10):
            peer = connections.enter_context(Peer(server.address, DEFLATE, path=path))
            assert not options or peer.frame().payload == b"What is your name?"
            peer.send(unfinished)
            assert peer.frame().close == (1009, "the message is too long when inflated")
        assert peak_bytes(server.pid) < MOST_MEMORY


@pytest.mark.parametrize("fields", [(), (DEFLATE,)], ids=["plain", "deflate"])
def test_a_thousand_connections(serve, fields: tuple) -> None:
    """Each says something twice; then all of them are told that the server goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    server = serve("--echo")
    with ExitStack() as connections:
        peers = [connections.enter_context(Peer(server.address, *fields)) for _ in range(1000)]
        for number in range(2):
            for peer in peers:
                peer.say(TEXT, b"said %d" % number)
            for peer in peers:
                assert peer.frame().payload == b"said %d" % number
        assert descriptors(server) > 1000
        os.kill(server.pid, signal.SIGTERM)
        for peer in peers:
            assert peer.frame().close == (1001, "")
            peer.goodbye(1001)
        for peer in peers:
            assert peer.read_to_close() == b""
        assert server.stop() == 0


def test_a_flood_of_connections(server: Server) -> None:
    with unharmed(server, answers):
        for number in range(1000):
            peer = Peer(server.address)
            peer.close() if number % 2 else reset(peer)


def test_connection_limit(serve) -> None:
    """A third one waits, unanswered, until one of the two is gone."""
    server = serve("--echo", "--max-connections", "2")
    with Peer(server.address) as first, Peer(server.address) as second, Tcp(
        server.address
    ) as third:
        third.send(request())
        assert third.read_to_quiet(0.2) == b""
        assert second.echoes()
        first.goodbye()
        assert first.closed() == (1000, "")
        first.close()
        assert third.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")


# --- Those who vanish.

STAGES = {
    "half a request": (request()[:50],),
    "the request": (request(),),
    "half a header": (request(), frame(TEXT, b"Hello", mask=MASK)[:1]),
    "half a payload": (request(), frame(TEXT, b"Hello", mask=MASK)[:-1]),
    "half a message": (request(), frame(TEXT, b"Hello", fin=False, mask=MASK)),
    "a message": (request(), frame(TEXT, b"Hello", mask=MASK)),
    "compressed": (request(DEFLATE), frame(TEXT, b"x" * 1000, mask=MASK) * 100),
    "a ping": (request(), frame(PING, b"Hello", mask=MASK) * 10),
    "a goodbye": (request(), close_frame(1000, mask=MASK)),
    "a fault": (request(), frame(3, mask=MASK)),
    "megabytes": (request(), frame(BINARY, bytes(1 << 20), mask=MASK)),
}


@pytest.mark.parametrize("how", [reset, Tcp.close], ids=["reset", "close"])
@pytest.mark.parametrize("stage", STAGES)
def test_peers_that_vanish(server: Server, stage: str, how) -> None:
    """At once, before the answer comes, and after it has begun."""
    with unharmed(server, answers):
        for number in range(20):
            tcp = Tcp(server.address)
            for piece in STAGES[stage]:
                tcp.send(piece) if len(piece) < 1 << 16 else fill(tcp, piece)
            if number % 2 and len(STAGES[stage]) > 1:
                tcp.read_until(b"\r\n\r\n")
            how(tcp)


@pytest.mark.parametrize("said", [b"", frame(TEXT, b"Hello", mask=MASK), b"\x81"])
def test_half_open(server: Server, said: bytes) -> None:
    """It says that nothing more will come, without a Close: whatever it asked for is answered, then
    the server hangs up, too, without one: 1006 is never sent (RFC 6455 §7.1.5)."""
    with unharmed(server, answers), Peer(server.address) as peer:
        peer.send(said)
        peer.finish()
        assert peer.read_to_close() == (frame(TEXT, b"Hello") if len(said) > 1 else b"")


def test_no_descriptors_left(server: Server) -> None:
    """Those who are connected are served; those who wait are, as soon as there is room."""
    with unharmed(server, answers), ExitStack() as connections:
        first = connections.enter_context(Peer(server.address))
        limit = descriptors_at_rest(server) + 5
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, limit))
        others = [connections.enter_context(Tcp(server.address)) for _ in range(10)]
        server.wait_for("accept: Too many open files")
        for tcp in others:
            tcp.send(request())
        for tcp in others[:5]:
            tcp.read_until(b"\r\n\r\n")
        assert first.echoes()
        for tcp in others[:5]:
            tcp.close()
        for tcp in others[5:]:
            tcp.read_until(b"\r\n\r\n")


# --- The end.


@pytest.mark.parametrize("options", [["--echo"], [], ["--chat"]], ids=["echo", "greet", "chat"])
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stop_says_goodbye(serve, options: list, sent: int) -> None:
    """1001: going away. Who is in the middle of a message is told, too."""
    server = serve(*options, "--grace", "20")
    path = "/chat" if options == ["--chat"] else "/"
    with ExitStack() as connections:
        peers = [connections.enter_context(Peer(server.address, path=path)) for _ in range(5)]
        if options == ["--chat"]:
            for peer in peers:
                assert peer.frame().payload == b"What is your name?"
        peers[0].say(TEXT, b"in the middle", fin=False)
        peers[1].send(b"\x81")
        os.kill(server.pid, sent)
        for peer in peers:
            came = peer.frame()
            while came.opcode != CLOSE:
                came = peer.frame()
            assert came.close == (1001, "")
        peers[1].send(frame(TEXT, b"x", mask=MASK)[1:])
        for peer in peers:
            peer.goodbye(1001)
            assert peer.read_to_close() == b""
        assert server.stop() == 0


def test_stop_does_not_wait_for_ever(serve) -> None:
    """For peers that do not answer the goodbye, or do not even take it."""
    server = serve("--echo", "--grace", "0.3")
    with Peer(server.address) as silent, slow_reader(server) as deaf:
        fill(deaf, frame(BINARY, bytes(8 << 20), mask=MASK))
        assert silent.echoes()
        assert server.stop(timeout=10) == 0
        assert silent.frame().close == (1001, "")


def test_a_second_signal_ends_it_at_once(serve) -> None:
    server = serve("--echo", "--grace", "60")
    with Peer(server.address) as peer:
        os.kill(server.pid, signal.SIGINT)
        assert peer.frame().close == (1001, "")
        assert server.stop(timeout=10) == 0


def test_stop_during_a_handshake(serve) -> None:
    """Half a request when the signal comes: it is no reason to wait."""
    server = serve("--echo", "--grace", "1")
    with Tcp(server.address) as tcp:
        tcp.send(request()[:40])
        assert server.stop(timeout=10) == 0
        assert b"HTTP/1.1 101" not in tcp.read_to_close()
