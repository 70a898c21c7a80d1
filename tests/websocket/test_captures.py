"""What was said, as Wireshark reads it in our --pcap, and as our own --trace explains it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.process import Server, run
from support.tools import require
from support.tshark import dissect
from websocket.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATE,
    MASK,
    PING,
    PONG,
    TEXT,
    Peer,
    close_frame,
    frame,
)


@dataclass
class Found:
    """What Wireshark found in a capture."""

    streams: set[str]  # the TCP connections
    upgrades: int  # requests and responses of the handshake
    ours: list[int]  # opcodes of the frames to the server
    theirs: list[int]  # and from it
    text: str  # the payloads that it shows as text
    compressed: int  # frames with RSV1


def wireshark(pcap: Path, port: int) -> Found:
    """Dissect; a packet may hold many frames, and a row has all of them."""
    assert dissect(pcap, "http", port).complaints == []
    fields = ["tcp.stream", "tcp.dstport", "http.upgrade", "websocket.opcode", "websocket.rsv"]
    fields += ["websocket.payload.text"]
    columns = [part for field in fields for part in ("-e", field)]
    shown = ["-T", "fields", "-E", "separator=/t", "-E", "aggregator=,", *columns]
    command = [require("tshark"), "-n", "-r", pcap, "-d", f"tcp.port=={port},http", *shown]
    result = run([*command, "-Y", "http || websocket"], timeout=60)
    assert result.code == 0, result.errors
    found = Found(set(), 0, [], [], "", 0)
    for line in result.text.splitlines():
        stream, to, upgrade, opcodes, reserved, text = line.split("\t")
        found.streams.add(stream)
        found.upgrades += upgrade == "websocket"
        frames = [int(each) for each in opcodes.split(",") if each]
        (found.ours if int(to) == port else found.theirs).extend(frames)
        found.text += text
        found.compressed += reserved.split(",").count("0x04")
    return found


SAID = [TEXT, BINARY, PING, TEXT, CONTINUATION, PONG, CONTINUATION, BINARY, CLOSE]
HEARD = [TEXT, BINARY, PONG, TEXT, CONTINUATION, CONTINUATION, BINARY, CLOSE]


def converse(server: Server, large: bytes, *fields: str) -> None:
    """Every kind of frame; each answered before the next is sent, but those in one packet."""
    with Peer(server.address, *fields) as peer:
        peer.say(TEXT, b"short text")
        assert peer.frame().payload == b"short text"
        peer.send(frame(BINARY, b"\x00\xff", mask=MASK) + frame(PING, b"ping", mask=MASK))
        assert [peer.frame().opcode for _ in range(2)] == [BINARY, PONG]
        for sent in [
            frame(TEXT, b"frag", fin=False, mask=MASK),
            frame(CONTINUATION, b"men", fin=False, mask=MASK),
        ]:
            peer.send(sent)
            peer.frame()
        peer.say(PONG, b"unasked")
        peer.say(CONTINUATION, b"ted")
        assert peer.frame().fin
        peer.say(BINARY, large)
        while not peer.frame().fin:
            pass
        peer.goodbye()
        assert peer.closed() == (1000, "")


@pytest.mark.parametrize("size", [10, 126, 65535, 65536])
def test_the_server_s_capture(serve, tmp_path, size: int) -> None:
    """A large message comes in pieces, and is echoed in as many as it came in: that varies."""
    pcap = tmp_path / "server.pcap"
    server = serve("--echo", "--pcap", pcap)
    converse(server, bytes(size))
    assert server.stop() == 0
    found = wireshark(pcap, server.port)
    assert found.upgrades == 2 and len(found.streams) == 1
    assert found.ours == SAID
    assert found.theirs[: len(HEARD) - 1] == HEARD[:-1]
    rest = found.theirs[len(HEARD) - 1 :]
    assert rest == [CONTINUATION] * (len(rest) - 1) + [CLOSE] and found.compressed == 0


@pytest.mark.parametrize("deflate", [True, False], ids=["deflate", "plain"])
def test_both_captures_of_our_client_and_server(serve, client, tmp_path, deflate: bool) -> None:
    """Both saw the same, and Wireshark inflates it."""
    lines = [f"a line of text, the same but for its number: {each}" for each in range(50)]
    server = serve("--pcap", tmp_path / "server.pcap")
    url = f"ws://{server.address}/"
    options = [] if deflate else ["--no-deflate"]
    options += ["-n", len(lines), "--pcap", tmp_path / "client.pcap"]
    result = client(*options, url, input="\n".join(lines).encode())
    assert result.text.splitlines() == [f"Hello, {line}" for line in lines]
    assert server.stop() == 0
    for side in ("client", "server"):
        found = wireshark(tmp_path / f"{side}.pcap", server.port)
        assert found.upgrades == 2 and len(found.streams) == 1
        assert found.ours == found.theirs == [TEXT] * len(lines) + [CLOSE]
        assert found.compressed == (2 * len(lines) if deflate else 0)
        for line in lines:
            assert found.text.count(line) >= 2


def test_over_tls(serve, client, certificate, tmp_path) -> None:
    """What was said inside TLS is captured in the clear: for learners, not for eavesdroppers."""
    key = certificate.parent / "key.pem"
    server = serve("--tls", "--cert", certificate, "--key", key)
    pcap = tmp_path / "client.pcap"
    options = ["--cacert", certificate, "-n", "1", "--pcap", pcap]
    client(*options, f"wss://{server.address}/", input=b"TLS\n")
    found = wireshark(pcap, server.port)
    assert (found.upgrades, found.ours, found.theirs) == (2, [TEXT, CLOSE], [TEXT, CLOSE])
    assert "Hello, TLS" in found.text


def test_many_connections(serve, client, tmp_path) -> None:
    """Each is a stream of its own."""
    pcap = tmp_path / "server.pcap"
    server = serve("--pcap", pcap)
    for number in range(5):
        client("-n", "1", f"ws://{server.address}/", input=b"%d\n" % number)
    server.stop()
    found = wireshark(pcap, server.port)
    assert found.upgrades == 10 and len(found.streams) == 5
    assert sorted(found.ours) == [TEXT] * 5 + [CLOSE] * 5


def test_a_capture_is_there_when_the_server_still_runs(serve, tmp_path) -> None:
    pcap = tmp_path / "server.pcap"
    server = serve("--echo", "--pcap", pcap)
    with Peer(server.address) as peer:
        assert peer.echoes()
        assert wireshark(pcap, server.port).theirs == [TEXT]


# --- The trace.

FRAME = re.compile(r"^#(\d+) [\d.]+ s  client (.) server  (.*), (\d+) bytes?$", re.MULTILINE)


def frames(output: str, way: str) -> list[tuple[str, int]]:
    """The title and the size of each frame that a trace shows, in one direction."""
    return [(title, int(size)) for _, to, title, size in FRAME.findall(output) if to == way]


@pytest.mark.parametrize("fields", [(), (DEFLATE,)], ids=["plain", "deflate"])
def test_the_server_explains_every_byte(serve, fields: tuple) -> None:
    server = serve("--echo", "--trace")
    with Peer(server.address, *fields) as peer:
        sent = [
            frame(TEXT, b"first", mask=MASK),
            frame(PING, b"p", mask=MASK),
            frame(TEXT, b"a", fin=False, mask=MASK) + frame(CONTINUATION, b"b" * 50, mask=MASK),
            close_frame(4000, b"bye", mask=MASK),
        ]
        peer.send(*sent)
        came = len(peer.head) + len(peer.read_to_close())
    assert server.stop() == 0
    assert "(not explained)" not in server.output
    said = frames(server.output, "→")
    assert [title for title, _ in said[1:]] == [
        *("text frame", "ping frame", "text frame", "continuation frame", "close frame")
    ]
    assert sum(size for _, size in said[1:]) == len(b"".join(sent))
    assert sum(size for _, size in frames(server.output, "←")) == came
    for words in ('unmasked: "first"', "FIN, opcode 1: text", 'status code 4000, "bye"'):
        assert words in server.output, words


@pytest.mark.parametrize(
    "sent, words",
    [
        (frame(3, b"x", mask=MASK), "opcode 3: reserved"),
        (frame(TEXT, b"x"), "not masked"),
        (frame(TEXT, b"\xff", mask=MASK), "Masking-key"),
        (close_frame(999, mask=MASK), "status code 999"),
    ],
)
def test_a_fault_is_explained(serve, sent: bytes, words: str) -> None:
    """What broke the rule is shown, and so is the answer."""
    server = serve("--echo", "--trace")
    with Peer(server.address) as peer:
        peer.send(sent)
        peer.closed()
    server.stop()
    assert words in server.output and "close frame" in server.output
    assert "(not explained)" not in server.output


def test_a_trace_is_live(serve, client) -> None:
    """Each frame is shown when it passes, and not when the program ends."""
    server = serve("--trace")
    with Peer(server.address) as peer:
        peer.say(TEXT, b"now")
        server.wait_for('unmasked: "now"')
        server.wait_for("Hello, now")


def test_a_large_message_is_explained_in_short(serve) -> None:
    """A mebibyte of it would be no explanation."""
    server = serve("--echo", "--trace", "--no-deflate")
    with Peer(server.address) as peer:
        assert peer.echoes(b"x" * (1 << 20))
        peer.goodbye()
        peer.closed()
    assert server.stop() == 0
    said = frames(server.output, "→")
    assert sum(size for _, size in said[1:-1]) == (1 << 20) + 14
    assert os.environ.get("WIRE_PRESET") == "asan" or len(server.output) < 16 << 20
