"""Recorded runs, byte walks and ladders, with the programs that were built."""

from __future__ import annotations

import os
import re
import shutil
import socket
import xml.etree.ElementTree as ET

import pytest

from support import project as places
from support.process import run
from support.project import ROOT, bin_dir
from support.tools import require
from weave import ladders, pages, sessions, walks
from weave.book import Book
from weave.ladders import Ladders
from weave.pages import Place, Stale
from weave.sessions import Library
from weave.walks import Walks

PRESET = os.environ.get("WIRE_PRESET", "release")
CAPTURES = sorted(Library().of_capture)


def place(kind: str, what: str) -> Place:
    return Place(ROOT / "book" / "page.md", 1, kind, what, 0, 0, "")


def session(name: str) -> sessions.Session:
    return next(one for one in sessions.all_sessions() if one.name == name)


# --- Sessions.


def test_a_session_says_what_it_said_before(project) -> None:
    """All but the date, which is another one."""
    only = sessions.all_sessions()[0]
    recording = sessions.run(only, project, PRESET, own_ports=False)
    assert "hello\n" in recording.texts["greet"]
    assert sessions.differences(only, recording) == []
    only.recorded("greet.txt").write_text("$ echo hello\nhallo\n")
    (difference,) = sessions.differences(only, recording)
    assert (difference.name, difference.line) == ("greet", 1)
    assert "recorded  hallo" in difference.report and "now       hello" in difference.report
    assert sessions.store(only, recording) == ["greet"]
    assert sessions.differences(only, recording) == []


def test_a_port_that_is_taken_is_lent_another(tmp_path) -> None:
    require("curl")
    hello = session("hello")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        except OSError:
            pass  # somebody else has taken it: as good
        recording = sessions.run(hello, tmp_path, PRESET, own_ports=False)
        assert recording.ports[8080] not in (8080, 0)
        assert sessions.differences(hello, recording) == []
        with pytest.raises(sessions.SetupError, match="port 8080"):
            sessions.run(hello, tmp_path / "again", PRESET, own_ports=True)


FAKE = """#!/usr/bin/env python3
# http1-server with one byte of its encoder changed: a second space behind the colon.
import os, re, subprocess, sys
import socket, threading

arguments = sys.argv[1:]
port = int(arguments[arguments.index("--port") + 1])
arguments[arguments.index("--port") + 1] = "0"
real = subprocess.Popen([{real!r}, *arguments], stdout=subprocess.PIPE, text=True)
target = int(re.search(r":(\\d+)", real.stdout.readline())[1])
listener = socket.create_server(("127.0.0.1", port))
print(f"listening on 127.0.0.1:{{port}}", flush=True)
while True:
    client, _ = listener.accept()
    server = socket.create_connection(("127.0.0.1", target))
    server.sendall(client.recv(65536))
    client.sendall(server.recv(65536).replace(b"Hello", b"Hallo"))
    client.close()
    server.close()
"""


def test_a_changed_byte_of_an_encoder_is_named(tmp_path, monkeypatch) -> None:
    """A server that says one byte otherwise: the page and the line are named, and both texts."""
    require("curl")
    fakes = tmp_path / "bin"
    fakes.mkdir()
    fake = fakes / "http1-server"
    fake.write_text(FAKE.format(real=str(bin_dir(PRESET) / "http1-server")))
    fake.chmod(0o755)
    monkeypatch.setattr(places, "bin_dir", lambda preset: fakes)
    book = Book(PRESET, lambda _: None)
    book.run_sessions(["hello"], check=True)
    page = (ROOT / "book" / "http1.md").read_text().splitlines()
    line = page.index("<!-- session: hello -->") + 1 + 3  # the fence, the command, its output
    report = next(one for one in book.outcome.problems if "session hello:" in one)
    assert report.startswith(f"book/http1.md:{line}: session hello: the programs now say")
    assert "recorded  Hello, World!" in report and "now       Hallo, World!" in report


def test_a_changed_byte_of_a_capture_is_named(tmp_path) -> None:
    hello = session("hello")
    stored = hello.recorded("hello.pcap").read_bytes()
    changed = tmp_path / "hello.pcap"
    changed.write_bytes(stored.replace(b"Content-Length: 13", b"Content-Length: 12"))
    recording = sessions.Recording({}, {"hello": changed}, {})
    (difference,) = sessions.differences(hello, recording)
    assert difference.name == "hello.pcap"
    assert "what the server says, from byte 0x003c on" in difference.report
    changed.write_bytes(re.sub(rb"\d\d:\d\d:\d\d GMT", b"00:00:00 GMT", stored))
    assert sessions.differences(hello, recording) == []


def test_a_tool_that_is_absent_or_another_is_no_failure(tmp_path) -> None:
    data = dict(about="", blocks=())
    absent = sessions.Session(tmp_path / "x.session", tools=("no-such-tool",), **data)
    with pytest.raises(sessions.Unavailable, match="no-such-tool is not installed"):
        sessions.run(absent, tmp_path, PRESET, own_ports=False)
    other = sessions.Session(
        tmp_path / "x.session", tools=("bash",), versions={"bash": "version 0."}, **data
    )
    with pytest.raises(sessions.Unavailable, match="this shows bash version 0."):
        sessions.run(other, tmp_path, PRESET, own_ports=False)


# --- Walks.

ROW = re.compile(r"  ([0-9a-f]{4})  ((?:[0-9a-f]{2} )*[0-9a-f]{2}) *  ?(.*)")
SECTION = re.compile(r"  (?:RFC \d+|[A-Z]\S+ [\d.]+) §[\d.]+$")


@pytest.mark.parametrize("name", CAPTURES)
def test_a_walk_explains_every_byte_once(name) -> None:
    _, connection, messages = Walks(Library(), PRESET).of(name)
    said = {"client": b"", "server": b""}
    for message in messages:
        offset, data = None, b""
        for line in message.walk.splitlines():
            row = ROW.fullmatch(line)
            assert row, line
            offset = int(row[1], 16) if offset is None else offset
            assert int(row[1], 16) == offset + len(data), line
            part = bytes.fromhex(row[2])
            data += part
            shown = "".join(_character(byte) for byte in part)
            assert row[3].startswith(shown), line
            assert "(not explained)" not in line
            explanation = row[3][8:].strip()
            assert not explanation or SECTION.search(line), line
        assert data == message.data
        said[message.who] += data
    for who in said:
        assert said[who] == b"".join(data for speaker, data in connection.said if speaker == who)


def _character(byte: int) -> str:
    return {32: "␠", 9: "␉", 13: "␍", 10: "␊"}.get(byte, chr(byte) if 32 < byte < 127 else "·")


COLUMNS = """http.request http.request.line http.response.line tcp.len tcp.reassembled.length
http.content_length http.chunk_size""".split()


@pytest.mark.parametrize("name", CAPTURES)
def test_wireshark_finds_the_same_messages_of_the_same_lengths(name) -> None:
    """Field lines to the letter, the length of content, and of the whole: as the walk has them."""
    owner, connection, messages = Walks(Library(), PRESET).of(name)
    options = ["-d", f"tcp.port=={connection.server[1]},http", "-Y", "http", "-T", "fields"]
    options += [part for column in COLUMNS for part in ("-e", column)]
    pcap = owner.recorded(f"{name}.pcap")
    command = [require("tshark"), "-n", "-r", pcap, "-E", "aggregator=\x1f", *options]
    theirs: dict[str, list] = {"client": [], "server": []}
    for row in run(command).text.splitlines():
        is_request, asked, answered, size, whole, length, chunks = row.split("\t")
        # tshark prints the line ends that Wireshark leaves in these fields.
        lines = [line.removesuffix("\\r\\n") for line in (asked or answered).split("\x1f")]
        content = int(length or sum(int(chunk) for chunk in chunks.split("\x1f") if chunk))
        who = "client" if is_request else "server"
        theirs[who].append((list(filter(None, lines)), content, int(whole or size)))
    for who, found in theirs.items():
        # A connection may have another protocol after HTTP; its frames are none of HTTP's messages.
        http = [one for one in messages if one.who == who and not one.title.endswith(" frame")]
        assert found == _wholes(http)


def _wholes(frames: list[walks.Message]) -> list[tuple[list[str], int, int]]:
    """The messages that one side's frames make up: field lines, length of content, of it all."""
    found = []
    for frame in frames:
        if frame.title.endswith("head"):
            found.append((frame.data.decode().split("\r\n")[1:-2], 0, 0))
        lines, content, size = found.pop()
        content += len(frame.data) * (frame.title in ("content", "chunk-data"))
        found.append((lines, content, size + len(frame.data)))
    return found


def test_what_the_decoder_refuses_is_no_walk() -> None:
    with pytest.raises(Stale, match="malformed: field-name"):
        connection = walks.Connection(
            ("", 1), ("", 2), [("client", b"GET / HTTP/1.1\r\n:\r\n\r\n")]
        )
        walks.messages(connection, "http1", PRESET)


@pytest.mark.parametrize("what, why", [("nothing", "no session makes"), ("hello both", "neither")])
def test_a_walk_that_cannot_be_had(what, why) -> None:
    with pytest.raises(Stale, match=why):
        Walks(Library(), PRESET).weave(place("walk", what))


# --- Ladders.


def test_a_ladder_has_an_arrow_for_every_message() -> None:
    drawn = Ladders(Walks(Library(), PRESET))
    text = drawn.weave(place("ladder", "hello")).text
    _, _, messages = Walks(Library(), PRESET).of("hello")
    arrows = [line for line in text.splitlines() if "--" in line]
    assert len(arrows) == len(messages) + 3  # TCP's handshake and two FINs
    for message, arrow in zip(messages, arrows[1:]):
        assert f"{message.title}, {len(message.data)} bytes" in arrow
        assert ("->|" if message.who == "client" else "|<-") in arrow
    ((file, picture),) = drawn.pictures.items()
    assert file == ROOT / "book" / "http1" / "hello.svg"
    _is_accessible(picture, text)


def _is_accessible(picture: str, text: str) -> None:
    """A title, a description, all words as text, colours for both schemes, nothing from elsewhere."""
    root = ET.fromstring(picture)
    svg = "{http://www.w3.org/2000/svg}"
    labels = {root.find(f"{svg}title").get("id"), root.find(f"{svg}desc").get("id")}
    assert set(root.get("aria-labelledby").split()) == labels
    assert root.get("role") == "img"
    for element in root.iter(f"{svg}text"):
        assert element.text in text
    assert "prefers-color-scheme: dark" in picture and "currentColor" in picture
    outside = picture.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|url\(|@import|href", outside)


def test_a_ladder_whose_notes_do_not_fit_is_named(monkeypatch) -> None:
    library = Library()
    library.of_capture["hello"].ladder["notes"].pop()
    with pytest.raises(Stale, match="5 notes for 6 arrows: TCP: SYN.*GET /hello"):
        Ladders(Walks(library, PRESET)).weave(place("ladder", "hello"))


def test_markup_in_a_message_is_no_markup_in_the_picture() -> None:
    rung = ladders.Rung(True, "GET /<b>&", "")
    picture = ladders.as_svg(ladders.Ladder("x", "<title>", "a & b", "c", [rung]))
    assert ET.fromstring(picture).find(".//{http://www.w3.org/2000/svg}text").text == "a & b"


def test_drift_of_walks_and_ladders_is_named(tmp_path) -> None:
    """One byte of each in a copy of the page."""
    woven = Walks(Library(), PRESET)
    weavers = {"walk": woven.weave, "ladder": Ladders(woven).weave}
    kinds = ("listing", "session", "value")
    page = ROOT / "book" / "http1.md"
    text = page.read_text()
    changed = text.replace("47 45 54  ", "47 45 53  ", 1).replace(
        "83 bytes: GET", "84 bytes: GET", 1
    )
    assert pages.weave(page, text, {**weavers, **dict.fromkeys(kinds)}).stale == []
    stale = pages.weave(page, changed, {**weavers, **dict.fromkeys(kinds)}).stale
    for problem, words in zip(stale, ("84 bytes: GET", "47 45 53"), strict=True):
        line = next(n for n, one in enumerate(changed.splitlines(), 1) if words in one)
        assert problem.startswith(f"book/http1.md:{line}: ")
        assert words in problem


def test_the_command(tmp_path) -> None:
    """Nothing to do, and an unknown session."""
    command = [shutil.which("python3"), ROOT / "book" / "refresh"]
    assert run([*command, "--check", "--stored"]).code == 0
    unknown = run([*command, "--check", "--preset", PRESET, "nobody"], timeout=600)
    assert unknown.code == 2 and "no session nobody" in unknown.text
