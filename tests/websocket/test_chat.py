"""The chat room: browsers, our client, and those who do not listen."""

from __future__ import annotations

import select
import subprocess
from typing import Iterator

import pytest

from support.measure import descriptors, descriptors_at_rest
from support.process import Server, wait_until
from support.tcp import Tcp
from websocket.frames import BINARY, TEXT, Peer, request


@pytest.fixture
def room(serve) -> Server:
    """A room."""
    return serve("--chat")


class Guest(Peer):
    """Somebody in the room."""

    def __init__(self, room: Server, name: str) -> None:
        super().__init__(room.address, path="/chat")
        assert self.frame().payload == b"What is your name?"
        self.say(TEXT, name.encode())
        assert self.heard() == f"* {name} has come"

    def heard(self) -> str:
        """The next line."""
        return self.frame().payload.decode()


def speak(page, text: str) -> None:
    """As a person does: types, and presses Enter."""
    page.fill("#said", text)
    page.press("#said", "Enter")


def shows(page, *lines: str) -> None:
    """Waits until the page shows these lines, and no others after them."""
    page.wait_for_function(
        "end => document.getElementById('heard').textContent.endsWith(end)",
        arg="".join(f"{line}\n" for line in lines),
    )


def test_two_browsers(room: Server, visit) -> None:
    """They come, talk, hear each other and the guest without a browser; one goes, and all hear that."""
    anna = visit(f"http://{room.address}/")
    shows(anna, "What is your name?")
    speak(anna, "Anna")
    shows(anna, "What is your name?", "* Anna has come")
    bert = visit(f"http://{room.address}/")
    speak(bert, "Bert")
    shows(bert, "* Bert has come")
    shows(anna, "* Bert has come")
    with Guest(room, "Cleo") as cleo:
        shows(bert, "* Cleo has come")
        speak(anna, "Grüße, <b>fett</b> und 你")
        line = "Anna: Grüße, <b>fett</b> und 你"
        shows(bert, line)
        shows(anna, line)
        assert cleo.heard() == line
        cleo.say(TEXT, b"hello, browsers")
        shows(anna, line, "Cleo: hello, browsers")
        shows(bert, line, "Cleo: hello, browsers")
        bert.close()
        assert [cleo.heard() for _ in range(2)] == ["Cleo: hello, browsers", "* Bert has gone"]
        shows(anna, "* Bert has gone")
    shows(anna, "* Cleo has gone")
    assert room.stop() == 0
    shows(anna, "* the connection has ended: 1001 ")


def test_the_page_has_nothing_foreign(room: Server, visit) -> None:
    """It is whole: no script, font or picture from anywhere; its console is silent."""
    faults = []
    page = visit(f"http://{room.address}/")
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda asked: faults.append(asked.url))
    speak(page, "Anna")
    shows(page, "* Anna has come")
    assert faults == []


@pytest.fixture
def talker(programs, room: Server) -> Iterator[subprocess.Popen]:
    """Our client in the room, its lines as they are typed."""
    command = [programs / "websocket-client", f"ws://{room.address}/chat"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        yield process
        process.kill()


def test_our_client_as_a_guest(room: Server, talker) -> None:
    """A line a message, each shown when it comes."""

    def heard() -> str:
        assert select.select([talker.stdout], [], [], 10)[0], "nothing came"
        return talker.stdout.readline().rstrip("\n")

    assert heard() == "What is your name?"
    talker.stdin.write("Dora\n")
    assert heard() == "* Dora has come"
    with Guest(room, "Emil") as emil:
        assert heard() == "* Emil has come"
        talker.stdin.write("hello, Emil\n")
        assert heard() == emil.heard() == "Dora: hello, Emil"
        talker.stdin.close()  # it waits a second for more, then says goodbye
        assert emil.heard() == "* Dora has gone"
    assert talker.wait(10) == 0


def test_who_does_not_listen_is_cut(room: Server) -> None:
    """Nobody waits for somebody slow: the others hear everything, and in the end that he is gone."""
    before = descriptors_at_rest(room)
    with Guest(room, "Fritz") as deaf, Guest(room, "Gerda") as gerda, Guest(room, "Hans") as hans:
        assert gerda.heard() == "* Hans has come"
        line, said = "x" * 50_000, 0
        while True:
            gerda.say(TEXT, line.encode())
            said += 1
            came = [gerda.heard(), hans.heard()]
            if came == ["* Fritz has gone"] * 2:
                break
            assert came == [f"Gerda: {line}"] * 2
            assert said < 2000, "a hundred megabytes, and Fritz is still there"
        assert gerda.heard() == hans.heard() == f"Gerda: {line}"
        gerda.say(TEXT, b"he is gone")
        assert hans.heard() == "Gerda: he is gone"
        assert len(deaf.read_to_close()) < 100 << 20
    wait_until(lambda: descriptors(room) == before, "all are gone")


@pytest.mark.parametrize("name", ["", "n" * 41], ids=["none", "too long"])
def test_names_that_are_none(room: Server, name: str) -> None:
    with Peer(room.address, path="/chat") as peer:
        peer.frame()
        peer.say(TEXT, name.encode())
        assert peer.frame().close == (1008, "a name has 1 to 40 bytes")
        peer.goodbye(1008)
        assert peer.read_to_close() == b""


def test_bytes_are_no_name(room: Server) -> None:
    """They are passed over, as they are in the room."""
    with Peer(room.address, path="/chat") as peer:
        peer.frame()
        peer.say(BINARY, b"Anna")
        peer.say(TEXT, b"Bert")
        assert peer.frame().payload == b"* Bert has come"


def test_how_one_goes(room: Server) -> None:
    """With a goodbye, without one, and by breaking a rule: all of it is heard."""
    with Guest(room, "Ida") as ida:
        for number, end in enumerate((say_goodbye, Guest.finish, Guest.close, break_a_rule)):
            with Guest(room, f"Guest {number}") as guest:
                assert ida.heard() == f"* Guest {number} has come"
                end(guest)
                assert ida.heard() == f"* Guest {number} has gone"


def say_goodbye(guest: Guest) -> None:
    """And hang up when it is answered."""
    guest.goodbye()
    assert guest.closed() == (1000, "")
    guest.close()


def break_a_rule(guest: Guest) -> None:
    """Text that is none."""
    guest.say(TEXT, b"\xff")
    assert guest.closed()[0] == 1007
    guest.close()


def test_what_else_is_there(room: Server) -> None:
    """The page at /, the room at /chat, and nothing else."""
    for path, status in (("/", 200), ("/chat", 426), ("/other", 404)):
        with Tcp(room.address) as tcp:
            tcp.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert int(tcp.read_until(b"\r\n").split()[1]) == status
    with Tcp(room.address) as tcp:
        tcp.send(request(path="/"))
        assert tcp.read_until(b"\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("allowed", [False, True], ids=["refused", "allowed"])
def test_a_page_of_another_origin(start, programs, serve, visit, allowed: bool) -> None:
    """Any page that a guest looks at elsewhere could listen in, and speak in his name."""
    elsewhere = start([programs / "http1-server"])
    origin = f"http://{elsewhere.address}"
    room = serve("--chat", "--trace", *(["--origin", origin] if allowed else []))
    page = visit(f"{origin}/hello")
    heard = page.evaluate(
        """(url) => new Promise((resolve) => {
          const socket = new WebSocket(url);
          socket.onmessage = (event) => resolve(event.data);
          socket.onclose = (event) => resolve(event.code);
        })""",
        f"ws://{room.address}/chat",
    )
    assert heard == ("What is your name?" if allowed else 1006)
    room.wait_for(r"HTTP/1\.1 101 " if allowed else r"HTTP/1\.1 403 Forbidden")
