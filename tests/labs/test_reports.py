"""What learners read: values, conversations, captures."""

from __future__ import annotations

import socket
import threading

import pytest

from machinery import capture
from machinery.probe import learner_frame, what_happened
from machinery.talk import Caller, Listener, Talk, Tap
from machinery.verdict import Refusal, Wrong, compare, fact, value
from support.bytes_report import Field
from support.console import SetupError


def report(expected, got) -> Wrong:
    with pytest.raises(Wrong) as wrong:
        compare("title", b"GET / HTTP/1.1\r\n", expected, got)
    return wrong.value


HINTS = [
    (value("a", "/x"), b" /x", "white space around it"),
    (value("a", "/x"), b"/x HTTP", 'too long: " HTTP" behind it'),
    (value("a", "/longer"), b"/long", 'too short: without "er" at the end'),
    (value("a", "Host"), b"host", "upper and lower case"),
    (value("a", "host"), b"", "never filled in?"),
    (value("a", "second"), b"first", "this is the value of b"),
    (fact("a", 300), b"44", "cut to 8 bits"),
    (fact("a", 70000), b"4464", "cut to 16 bits"),
    (fact("a", 5_000_000_000), b"705032704", "cut to 32 bits"),
    (fact("a", 26), b"38", "hexadecimal and decimal are mixed up"),
    (fact("a", 26), b"25", "off by one (-1)"),
]


@pytest.mark.parametrize("wanted, got, hint", HINTS)
def test_mistakes_are_named(wanted, got, hint):
    wrong = report([wanted, value("b", "first")], [("a", got), ("b", b"first")])
    assert wrong.field == "a"
    assert hint in wrong.report


def test_refusals():
    refusal = Refusal(400, "a sign", "RFC 9112 §6.3")
    wrong = report(refusal, [("length", b"5")])
    assert wrong.field == "accepted" and "must be refused: a sign   [RFC 9112 §6.3]" in wrong.report
    error = [("error", b"malformed"), ("detail", b"chunk-size, at byte 3"), ("status", b"413")]
    assert report(refusal, error).field == "status"
    wrong = report([value("a", "x")], error)
    assert wrong.field == "chunk-size" and "must be accepted" in wrong.report
    compare("title", b"", refusal, [*error[:2], ("status", b"400")])


def test_missing_and_surplus_values():
    assert "MISSING: b" in report([value("a", "x"), value("b", "y")], [("a", b"x")]).report
    wrong = report([value("a", "x")], [("a", b"x"), ("c", b"z")])
    assert "TOO MUCH: c" in wrong.report and wrong.field == "c"


@pytest.fixture
def silent():
    """A server that accepts and reads so many bytes, and says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(4)
            done.wait(10)

    thread = threading.Thread(target=serve)
    thread.start()
    yield "{}:{}".format(*listener.getsockname())
    done.set()
    thread.join()
    listener.close()


def test_silence_is_told_as_such(silent, monkeypatch):
    for module in ("talk", "patience"):
        monkeypatch.setattr(f"machinery.{module}.SECONDS", 0.2)
    talk = Talk("a client", "your server")
    with Caller(silent, talk) as caller, pytest.raises(Wrong) as wrong:
        caller.send(b"GET / HTTP/1.1\r\n\r\n")
        caller.wait(lambda got: b"\r\n" in got, "a response", "GET /")
    said = wrong.value.report
    assert "NOTHING CAME" in said
    assert "waited 0.2 s for a response; got 0 bytes; the connection is open" in said
    assert "your server read 4 of 18 bytes" in said
    assert "-- 18 bytes: GET / HTTP/1.1 ... -" in said


def test_a_tap_writes_down_both_directions():
    with Listener(Talk("", ""), b"HTTP/1.1 200 OK\r\n\r\n") as server:
        talk = Talk("a client", "a server")
        with Tap(server.address, talk) as tap, Caller(tap.address, Talk("", "")) as caller:
            caller.send(b"GET / HTTP/1.1\r\n", b"\r\n")
            assert caller.wait_for_close("") == b"HTTP/1.1 200 OK\r\n\r\n"
        assert talk.said(by_client=True) == b"GET / HTTP/1.1\r\n\r\n"
        assert talk.said(by_client=False) == b"HTTP/1.1 200 OK\r\n\r\n"
        assert talk.connections == 1
        with pytest.raises(Wrong, match="WRONG VALUE: status") as wrong:
            talk.compare("t", [Field("status", b"HTTP/1.1 201 OK\r\n\r\n")], talk.said(False))
        assert "a client" in wrong.value.report


SAID = [("client", b"a" * 3000), ("server", b"b" * 10), ("client", b"c")]


def test_captures_are_read_as_they_are_written(tmp_path):
    file = tmp_path / "talk.pcap"
    capture.write(file, SAID, port=8080)
    [connection] = capture.read(file)
    assert connection.server == ("192.0.2.2", 8080)
    assert b"".join(data for who, data in connection.said if who == "client") == b"a" * 3000 + b"c"
    assert [who for who, _ in connection.said] == ["client"] * 3 + ["server", "client"]


def test_captures_with_segments_out_of_order_and_twice(tmp_path):
    file = tmp_path / "talk.pcap"
    capture.write(file, [("client", b"a" * 1400 + b"b" * 1400 + b"c")])
    data = file.read_bytes()
    packets, at = [], 24
    while at < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        packets.append(data[at : at + 16 + size])
        at += 16 + size
    order = [0, 1, 2, 4, 5, 4, 3, 3, *range(6, len(packets))]
    file.write_bytes(data[:24] + b"".join(packets[i] for i in order))
    [connection] = capture.read(file)
    assert b"".join(data for _, data in connection.said) == b"a" * 1400 + b"b" * 1400 + b"c"


@pytest.mark.parametrize("data", [b"", b"no capture", b"\x0a\x0d\x0d\x0a" + bytes(40)])
def test_what_is_no_capture(tmp_path, data):
    (tmp_path / "x.pcap").write_bytes(data)
    with pytest.raises(SetupError, match="pcap"):
        capture.read(tmp_path / "x.pcap")


def test_the_learners_frame_is_found(tmp_path):
    stack = f"""==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1
    #0 0x7f in memcpy ../lib.cpp:3
    #1 0x55 in wire::Writer::text(std::string_view) /repo/common/wire/bytes.hpp:185
    #2 0x55 in http1::encode_fields(wire::Writer&, http1::Fields const&) {tmp_path}/head.cpp:91
    #3 0x55 in main /repo/probe.cpp:1"""
    file = tmp_path / "head.cpp"
    file.write_text("\n" * 100)
    place = learner_frame(stack, tmp_path)
    assert place.shown.endswith("head.cpp:91") and place.function == "http1::encode_fields"
    stack += f"\n    #4 0x55 in http1::encode(wire::Writer&) {tmp_path}/head.cpp:99"
    file.write_text("\n" * 97 + "// region x\n\n// endregion\n")  # 99 is in a hole: that counts
    assert learner_frame(stack, tmp_path).shown.endswith("head.cpp:99")
    assert what_happened(stack) == "heap buffer overflow"
    assert learner_frame("nothing", tmp_path) is None
