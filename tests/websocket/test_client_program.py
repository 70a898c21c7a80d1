"""The options of websocket-client, its exit codes, and the errors a user makes."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import subprocess
from contextlib import suppress

import pytest

from support.process import Server, free_port, run, wait_until
from websocket.frames import BINARY, CLOSE, TEXT, Fake, close_frame, frame


@pytest.fixture
def greeter(serve) -> Server:
    """Our server, as it comes."""
    return serve()


def url_of(server: Server) -> str:
    return f"ws://{server.address}/"


def test_piped_input(greeter: Server, client) -> None:
    """A line a message, also the last one without an end; answers in order; then goodbye."""
    result = client("--linger", "0.3", url_of(greeter), input=b"one\ntwo\r\n\nthree")
    assert (result.code, result.errors) == (0, "")
    assert result.text == "Hello, one\nHello, two\nHello, \nHello, three\n"


def test_no_input(greeter: Server, client) -> None:
    result = client("--linger", "0.1", url_of(greeter))
    assert (result.code, result.text, result.errors) == (0, "", "")


def test_count_ends_it(greeter: Server, client) -> None:
    """At once, whatever else is there to say."""
    result = client("-n", "2", "--linger", "60", url_of(greeter), input=b"1\n2\n3\n4\n", timeout=10)
    assert result.code == 0
    assert result.text.startswith("Hello, 1\nHello, 2\n")


def test_count_waits_for_all(client) -> None:
    """Without an end of its own: the third message is waited for, longer than it lingers."""
    pieces = [frame(TEXT, b"1"), frame(TEXT, b"2") + close_frame(1000)]
    with Fake(*pieces) as server:
        result = client("-n", "3", "--linger", "0.001", server.url)
    assert (result.code, result.text) == (0, "1\n2\n")  # it was the server that ended it


def test_linger(client) -> None:
    """After the input's end it waits that long for more, and says goodbye first."""
    with Fake(frame(TEXT, b"unasked")) as server:
        result = client("--linger", "0.2", server.url)
        assert [each.opcode for each in server.frames] == [CLOSE]
        assert server.frames[0].close == (1000, "")
    assert (result.code, result.text) == (0, "unasked\n")


def test_binary(server: Server, client) -> None:
    result = client("--binary", "-n", "2", url_of(server), input=b"\xff\x00\nascii\n")
    assert result.text == '2 bytes: "\\xff\\x00"\n5 bytes: "ascii"\n'
    with Fake(close_frame(1000)) as fake:
        client("--binary", fake.url, input=b"\xff\n")
    with Fake() as fake:
        client("--binary", "--linger", "0.1", fake.url, input=b"\xff\n")
        assert [(each.opcode, each.payload) for each in fake.frames][0] == (BINARY, b"\xff")


def test_input_that_is_no_text(greeter: Server, client) -> None:
    """The user is told; the next line is sent all the same."""
    result = client("-n", "1", url_of(greeter), input=b"\xff\nfine\n")
    assert result.text == "Hello, fine\n" and "--binary" in result.errors


def test_echo(client) -> None:
    """What comes goes back, as it came; nothing is shown, nothing is read from the input."""
    with Fake(frame(TEXT, b"text"), frame(BINARY, b"\xff"), close_frame(1000)) as server:
        result = client("--echo", server.url, input=b"not sent\n")
        said = [(each.opcode, each.payload) for each in server.frames]
    assert said[:-1] == [(TEXT, b"text"), (BINARY, b"\xff")]
    assert (result.code, result.text, result.errors) == (0, "", "")


def test_a_large_line(server: Server, client) -> None:
    line = "é" * (1 << 20)
    result = client("-n", "1", url_of(server), input=line.encode())
    assert result.text == line + "\n"


def test_many_lines(greeter: Server, client) -> None:
    lines = [str(number) for number in range(20_000)]
    result = client("-n", len(lines), url_of(greeter), input="\n".join(lines).encode())
    assert result.text.splitlines() == [f"Hello, {line}" for line in lines]


def test_the_request_says_what_it_must(client) -> None:
    with Fake(close_frame(1000)) as server:
        client("--subprotocol", "a", "--subprotocol", "b", "-H", "X: y", server.url + "p?q=1")
    head = server.request.decode()
    assert head.startswith(f"GET /p?q=1 HTTP/1.1\r\nHost: {server.url[5:-1]}\r\n")
    for line in (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: a, b",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        "X: y",
    ):
        assert f"\r\n{line}\r\n" in head
    assert re.search(r"\r\nSec-WebSocket-Key: [\w+/]{21}[AQgw]==\r\n", head)
    assert "Origin" not in head  # that is for browsers


def test_keys_are_new(client) -> None:
    keys = set()
    for _ in range(3):
        with Fake(close_frame(1000)) as server:
            client(server.url)
        keys.add(re.search(rb"Key: (\S+)", server.request)[1])
    assert len(keys) == 3


# --- Signals and terminals.


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_says_goodbye(programs, greeter: Server, sent: int) -> None:
    """Ctrl-C is how a person ends it: with a Close frame."""
    command = [programs / "websocket-client", "--trace", url_of(greeter)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        it.stdin.write("Anna\n")
        it.stdin.flush()
        for line in it.stdout:
            if line == "Hello, Anna\n":
                break
        it.send_signal(sent)
        rest = it.stdout.read()
        assert it.wait(10) == 0
    assert rest.count("close frame") == 2


def test_a_terminal(programs, greeter: Server) -> None:
    """It says what to do, and Ctrl-D ends it."""
    ours, theirs = pty.openpty()
    command = [programs / "websocket-client", "--linger", "0.2", url_of(greeter)]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as it:
        os.close(theirs)
        assert it.stderr.readline() == b"connected; every line is a message, Ctrl-D ends\n"
        os.write(ours, b"Anna\n")
        assert it.stdout.readline() == b"Hello, Anna\n"
        os.write(ours, b"\x04")
        assert it.wait(10) == 0
    os.close(ours)


def test_a_terminal_is_not_commanded(programs) -> None:
    """Neither by messages nor by what is said at the end: no titles, no colours, nothing erased.
    Other characters are shown, and so are tabs and line ends."""
    message = "\x1b]0;title\x07\x1b[2J\r\x7f\x9b31mé\tü\nnext".encode()
    said = frame(TEXT, message) + close_frame(4000, "\x1b[31mwhy\n\x9bé".encode())
    ours, theirs = pty.openpty()
    with Fake(said) as server:
        command = [programs / "websocket-client", server.url]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE
        ) as it:
            os.close(theirs)
            shown = b""
            with suppress(OSError):  # the end of a terminal
                while chunk := os.read(ours, 1000):
                    shown += chunk
            errors = it.stderr.read()
            assert it.wait(10) == 4
    os.close(ours)
    expected = "\\x1b]0;title\\x07\\x1b[2J\\r\\x7f\\xc2\\x9b31mé\tü\r\nnext\r\n"
    assert shown.decode() == expected
    end = "websocket-client: the server closed with 4000 \\x1b[31mwhy\\n\\xc2\\x9bé\n"
    assert errors.decode() == end


def test_a_pipe_gets_what_was_said(client) -> None:
    """Byte for byte: another program reads it."""
    with Fake(frame(TEXT, b"\x1b[31mred"), close_frame(1000)) as server:
        assert client(server.url).text == "\x1b[31mred\n"


# --- Errors a user makes.


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "url is required"),
        (["http://localhost/"], "begins with ws:// or wss://"),
        (["localhost:8765"], "begins with ws:// or wss://"),
        (["ws://"], ""),
        (["ws://localhost/#part"], "has no fragment"),
        (["ws://localhost:99999/"], ""),
        (["ws://local host/"], ""),
        (["--frob", "ws://localhost/"], "--frob"),
        (["-n", "many", "ws://localhost/"], "many"),
        (["-H", "no colon", "ws://localhost/"], "Name: value"),
        (["-H", "a b: c", "ws://localhost/"], ""),
        (["-H", "a: b\r\nc: d", "ws://localhost/"], ""),
        (["--linger", "-1", "ws://localhost/"], "linger"),
        (["--cacert", "/nowhere.pem", "wss://localhost/"], "/nowhere.pem"),
        (["--subprotocol", "a b", "ws://127.0.0.1:1/"], ""),
    ],
)
def test_usage(client, arguments: list, words: str) -> None:
    """One message, no crash, and an exit code that says whose fault it is."""
    result = client(*arguments)
    assert result.code in (2, 3) and result.text == ""
    assert words in result.errors and 0 < len(result.errors.splitlines()) < 5


def test_nobody_listens(client) -> None:
    address = f"127.0.0.1:{free_port()}"
    result = client(f"ws://{address}/")
    assert result.code == 3
    assert address in result.errors and "refused" in result.errors


def test_no_such_host(client) -> None:
    result = client("ws://nowhere.invalid/")
    assert result.code == 3 and "nowhere.invalid" in result.errors


def test_a_server_without_tls(greeter: Server, client) -> None:
    result = client(f"wss://{greeter.address}/")
    assert result.code == 3 and result.errors.startswith("websocket-client: ")


def test_a_server_with_tls(serve, client) -> None:
    """It is not spoken to in the clear, and not trusted without its certificate."""
    server = serve("--tls")
    result = client(f"ws://{server.address}/")
    assert result.code == 3 and result.errors.startswith("websocket-client: ")
    result = client(f"wss://{server.address}/")
    assert result.code == 3 and "certificate" in result.errors


def test_a_certificate_for_another(serve, client, certificate) -> None:
    """The name counts: 127.0.0.2 is this machine, too, but not what the certificate says."""
    key = certificate.parent / "key.pem"
    server = serve("--tls", "--cert", certificate, "--key", key, "--host", "127.0.0.2")
    result = client("--cacert", certificate, f"wss://127.0.0.2:{server.port}/")
    assert result.code == 3 and "certificate" in result.errors


def test_a_server_that_says_nothing(programs) -> None:
    """It is waited for, and Ctrl-C works meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = "ws://{}:{}/".format(*listener.getsockname())
        # Who is started in the background by a shell ignores SIGINT, and so do all its children.
        at_a_terminal = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
        command = [programs / "websocket-client", url]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, **at_a_terminal) as it:
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(1000).startswith(b"GET / HTTP/1.1\r\n")
                it.send_signal(signal.SIGINT)
                wait_until(lambda: it.poll() is not None, "it has ended")


def test_the_server_stops(programs, greeter: Server) -> None:
    """1001 is a normal end."""
    command = [programs / "websocket-client", url_of(greeter)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as it:
        it.stdin.write(b"Anna\n")
        it.stdin.flush()
        assert it.stdout.readline() == b"Hello, Anna\n"
        assert greeter.stop() == 0
        assert it.wait(10) == 0
        assert it.stderr.read() == b""


# --- The server's options.


@pytest.mark.parametrize(
    "options, words",
    [
        (["--echo", "--chat"], "--echo excludes --chat"),
        (["--cert", "a.pem"], "requires"),
        (["--port", "99999"], ""),
        (["--ping-after", "never"], "--ping-after"),
        (["--host", "256.0.0.1"], ""),
    ],
)
def test_usage_of_the_server(programs, options: list, words: str) -> None:
    result = run([programs / "websocket-server", *options])
    assert result.code != 0 and words in result.errors and len(result.errors.splitlines()) < 5


def test_a_port_that_is_taken(programs, greeter: Server) -> None:
    result = run([programs / "websocket-server", "--port", greeter.port])
    assert result.code == 1 and "in use" in result.errors
