"""What http1-client owes to RFC 9110 and RFC 9112: when a connection may be used again, when a
request may be repeated, what must not follow a redirect, what belongs to content."""

from __future__ import annotations

import fcntl
import gzip
import os
import re
import socket
import ssl
import struct
import subprocess
import termios
import threading
from contextlib import suppress
from pathlib import Path
from typing import Callable, Optional, Union

import pytest

from support.process import wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
END = b"0\r\n\r\n"  # of content in chunks
SECRETS = ["-H", "Authorization: Basic c2VjcmV0", "-H", "Cookie: a=b"]


class Peer:
    """One connection, as a server sees it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._received = bytearray()

    def head(self) -> str:
        """The next request's head; empty when no more comes."""
        while b"\r\n\r\n" not in self._received:
            chunk = self.connection.recv(1 << 16)
            if not chunk:
                return ""
            self._received += chunk
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        return head.decode() + "\r\n"

    def content(self, head: str) -> bytes:
        """What belongs to the head: all of it, or what came before the client hung up."""
        while (end := self._end_of_content(head)) is None:
            chunk = self.connection.recv(1 << 16)
            if not chunk:
                end = len(self._received)
                break
            self._received += chunk
        content = bytes(self._received[:end])
        del self._received[:end]
        return content

    def _end_of_content(self, head: str) -> Optional[int]:
        """None: it has not come yet."""
        length = re.search(r"(?i)\r\ncontent-length: (\d+)\r\n", head)
        if length:
            return int(length[1]) if int(length[1]) <= len(self._received) else None
        if "chunked" not in head:
            return 0
        at = self._received.find(END, -(1 << 17))  # further back it was looked for already
        return at + len(END) if at >= 0 else None

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def wait_for_end(self) -> None:
        while self.connection.recv(1 << 16):
            pass


class Close:
    """As a reply: these bytes, and no more."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data


Reply = Union[bytes, Close, Callable[[Peer, str], None]]


class Dialogues:
    """A server that answers each connection's requests one after the other, as told; then it waits.

    with Dialogues([OK, OK], [OK]) as server: two connections, with two requests and with one
    """

    def __init__(self, *dialogues: list[Reply], tls: Optional[ssl.SSLContext] = None) -> None:
        self._tls = tls
        self.requests: list[list[str]] = [[] for _ in dialogues]  # heads
        self.contents: list[list[bytes]] = [[] for _ in dialogues]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept, args=(dialogues,), daemon=True)]
        self._threads[0].start()

    @property
    def heads(self) -> list[str]:
        """Of all connections."""
        return [head for heads in self.requests for head in heads]

    def _accept(self, dialogues: tuple) -> None:
        for number, dialogue in enumerate(dialogues):
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # the test is over
            connection.settimeout(10)
            thread = threading.Thread(target=self._talk, args=(connection, number, dialogue))
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket, number: int, dialogue: list[Reply]) -> None:
        with suppress(OSError), connection:
            # Only a TLS client begins with this byte: RFC 8446 §5.1.
            if self._tls and connection.recv(1, socket.MSG_PEEK) == b"\x16":
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                peer = Peer(connection)
                for reply in dialogue:
                    head = peer.head()
                    if not head:
                        return
                    self.requests[number].append(head)
                    if callable(reply):
                        reply(peer, head)
                        continue
                    self.contents[number].append(peer.content(head))
                    peer.send(reply.data if isinstance(reply, Close) else reply)
                    if isinstance(reply, Close):
                        return
                peer.wait_for_end()

    def __enter__(self) -> Dialogues:
        return self

    def __exit__(self, *error) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


def redirect(status: int, location: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def answer(fields: str, content: bytes = b"ok", status: int = 200) -> bytes:
    head = f"HTTP/1.1 {status} X\r\n{fields}Content-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.parent / "key.pem")
    return context


# --- Bytes between two exchanges: RFC 9112 §9.2.

F_GETPIPE_SZ = 1032  # Linux
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


@pytest.mark.skipif(not hasattr(socket, "TCP_CORK"), reason="asks Linux how full a pipe is")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("surprise", [EVIL, b"\r\n", b""], ids=["answer", "line", "end"])
def test_nothing_that_came_between_is_an_answer(programs, surprise: bytes, method: str) -> None:
    """The client has read its answer, and still writes it, when more arrives, or the end."""
    reader, pipe = os.pipe()
    capacity = fcntl.fcntl(pipe, F_GETPIPE_SZ)
    content = b"x" * (capacity + 8192)  # it blocks at the last of it
    busy, surprised = threading.Event(), threading.Event()

    def surprising(peer: Peer, _: str) -> None:
        peer.send(answer("", content))
        busy.wait(10)
        peer.send(surprise)
        if not surprise:
            peer.connection.shutdown(socket.SHUT_WR)
        surprised.set()

    with Dialogues([surprising], [OK]) as server:
        command = [programs / "http1-client", "-X", method, server.url, server.url]
        with subprocess.Popen(command, stdout=pipe) as process, open(reader, "rb") as output:
            os.close(pipe)
            wait_until(lambda: waiting_bytes(reader) == capacity, "the pipe is full")
            busy.set()
            assert surprised.wait(10)
            assert output.read() == content + b"ok"
            assert process.wait(10) == 0


def waiting_bytes(fileno: int) -> int:
    return struct.unpack("i", fcntl.ioctl(fileno, termios.FIONREAD, b"\0" * 4))[0]


def test_nor_behind_the_answer(client) -> None:
    """In the same packet, most likely."""
    with Dialogues([OK + EVIL], [OK]) as server:
        assert client(server.url, server.url).text == "okok"


@pytest.mark.skipif(not hasattr(socket, "TCP_CORK"), reason="two records in one packet: Linux")
@pytest.mark.parametrize("records", [1, 2])
def test_nor_inside_of_tls(client, context, certificate: Path, records: int) -> None:
    """The second record is in the client's hands, but not decrypted yet."""

    def surprising(peer: Peer, _: str) -> None:
        peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        for piece in [OK + EVIL] if records == 1 else [OK, EVIL]:
            peer.send(piece)
        peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    with Dialogues([surprising], [OK], tls=context) as server:
        result = client("--cacert", certificate, server.url, server.url)
    assert (result.code, result.text) == (0, "okok")


def test_a_quiet_connection_is_used_again(client, context, certificate: Path) -> None:
    for tls in (None, context):
        with Dialogues([OK, OK, OK], tls=tls) as server:
            result = client("--cacert", certificate, *[server.url] * 3)
        assert (result.code, result.text) == (0, "okokok")


# --- Redirects and secrets: RFC 9110 §15.4.


def test_no_secret_leaves_tls(client, context, certificate: Path) -> None:
    """The same host and port, but in the clear (CVE-2022-27774)."""
    dialogues: list[Reply] = []
    with Dialogues(dialogues, [OK], tls=context) as server:
        dialogues.append(redirect(302, f"http://127.0.0.1:{server.port}/"))
        result = client("-L", "--cacert", certificate, *SECRETS, server.url)
    assert (result.code, result.text) == (0, "ok")
    assert "Authorization" in server.heads[0] and "Cookie" in server.heads[0]
    assert "Authorization" not in server.heads[1] and "Cookie" not in server.heads[1]


def test_the_case_of_a_host_does_not_matter(client) -> None:
    dialogue: list[Reply] = []
    with Dialogues(dialogue) as server:
        dialogue += [redirect(302, f"http://LOCALHOST:{server.port}/"), OK]
        result = client("-L", *SECRETS, f"http://localhost:{server.port}/")
    assert (result.code, result.text) == (0, "ok")
    assert all("Authorization" in head and "Cookie" in head for head in server.heads)


def test_the_next_url_may_have_them_again(client) -> None:
    with Dialogues([OK]) as other, Dialogues([redirect(302, f"{other.url}/")], [OK]) as server:
        assert client("-L", *SECRETS, server.url, server.url).text == "okok"
    assert "Cookie" not in other.heads[0]
    assert "Cookie" in server.heads[0] and "Cookie" in server.heads[1]


def test_not_even_on_the_way_back(client) -> None:
    """Whoever is not trusted must not choose what is said to whom with the password."""
    back: list[Reply] = []
    again = [redirect(302, "/more"), OK]
    with Dialogues(back) as other, Dialogues([redirect(302, other.url)], again) as server:
        back.append(redirect(302, f"{server.url}/delete-it-all"))
        assert client("-L", *SECRETS, server.url).text == "ok"
    assert ["Cookie" in head for head in server.heads] == [True, False, False]


def test_a_host_of_the_users_is_for_one_origin(client) -> None:
    with Dialogues([OK]) as other:
        with Dialogues([redirect(302, "/there"), redirect(302, f"{other.url}/")]) as server:
            assert client("-L", "-H", "Host: example", server.url).text == "ok"
    assert ["\r\nHost: example\r\n" in head for head in server.heads] == [True, True]
    assert f"\r\nHost: 127.0.0.1:{other.port}\r\n" in other.heads[0]


ABOUT_CONTENT = ["Type", "Language", "Encoding", "Location"]


@pytest.mark.parametrize(
    "status, method, after",
    [
        (300, "POST", "POST"),
        (301, "POST", "GET"),
        (301, "PUT", "PUT"),
        (302, "POST", "GET"),
        (302, "DELETE", "DELETE"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ],
)
@pytest.mark.parametrize("framing", ["Content-Length: 4", "Transfer-Encoding: chunked"])
def test_content_and_what_is_said_of_it(
    client, status: int, method: str, after: str, framing: str
) -> None:
    """Either both are sent again, or neither: item 5 of RFC 9110 §15.4."""
    fields = [option for name in ABOUT_CONTENT for option in ("-H", f"Content-{name}: x")]
    options = ["-L", "-X", method, "-d", "sent", *fields, "-H", framing, "-H", "X-Other: y"]
    with Dialogues([redirect(status, "/there"), OK]) as server:
        assert client(*options, server.url).text == "ok"
    head = server.heads[1]
    assert head.startswith(f"{after} /there ") and "\r\nX-Other: y\r\n" in head
    about = [*(f"Content-{name}" for name in ABOUT_CONTENT), framing.partition(":")[0]]
    assert [f"\r\n{name}: " in head for name in about] == [after == method] * len(about)
    assert (b"sent" in server.contents[0][1]) == (after == method)
    assert after == method or ("Content-" not in head and "Transfer-" not in head)


# --- Once more: RFC 9112 §9.3.1, RFC 9110 §9.2.2.


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])
def test_what_may_be_repeated_is(client, method: str) -> None:
    """The server closes the connection just when the second request is on its way."""
    good = answer("", b"ok" if method != "HEAD" else b"")
    with Dialogues([good, Close()], [good]) as server:
        assert client("-X", method, server.url, server.url).code == 0
    assert [head.split()[0] for head in server.heads] == [method] * 3


@pytest.mark.parametrize("method", ["POST", "PATCH", "get"])
def test_what_may_not_be_repeated_is_not(client, method: str) -> None:
    with Dialogues([OK, Close()], [OK]) as server:
        result = client("-X", method, server.url, server.url)
    assert (result.code, len(server.heads)) == (52, 2)


@pytest.mark.parametrize(
    "reply, code",
    [
        (b"HTTP/1.1 2", 52),
        (b"HTTP/1.1 100 Continue\r\n\r\n", 52),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", 18),
        (b"nonsense\r\n\r\n", 56),
    ],
)
def test_nor_what_has_an_answer_already(client, reply: bytes, code: int) -> None:
    with Dialogues([OK, Close(reply)], [OK]) as server:
        result = client(server.url, server.url)
    assert (result.code, len(server.heads)) == (code, 2)


def test_nor_what_failed_on_a_new_connection(client) -> None:
    with Dialogues([Close()], [OK]) as server:
        assert (client(server.url).code, len(server.heads)) == (52, 1)


def test_once_and_not_twice(client) -> None:
    with Dialogues([OK, Close()], [Close()], [OK]) as server:
        assert (client(server.url, server.url).code, len(server.heads)) == (52, 3)


def test_content_is_repeated_where_it_can_be(client, tmp_path) -> None:
    (tmp_path / "content").write_text("from a file")
    with Dialogues([OK, Close()], [OK]) as server:
        urls = [server.url, server.url]
        assert client("-X", "PUT", "-d", f"@{tmp_path}/content", *urls).text == "okok"
    assert server.contents == [[b"from a file"] * 2, [b"from a file"]]
    with Dialogues([OK, Close()], [OK]) as server:
        urls = [server.url, server.url]
        assert client("-X", "PUT", "-d", "@-", *urls, input=b"x").code == 52


# --- Answers that come before the content has gone.


@pytest.fixture
def big(tmp_path) -> Path:
    """More than the kernel's buffers hold."""
    file = tmp_path / "big"
    file.write_bytes(b"0123456789abcdef" * (1 << 20))
    return file


def early(received: list, reply: bytes = OK) -> Callable[[Peer, str], None]:
    """Answers first, then reads."""

    def talk(peer: Peer, head: str) -> None:
        peer.send(reply)
        received.append(peer.content(head))

    return talk


@pytest.mark.parametrize("options", [[], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]])
def test_a_good_answer_does_not_cut_the_content(client, big: Path, options: list) -> None:
    received: list = []
    with Dialogues([early(received), OK]) as server:
        urls = [server.url, server.url]
        result = client(*options, "-d", f"@{big}", *urls)
    assert (result.code, result.text) == (0, "okok")
    if "chunked" not in str(options):
        assert received == [big.read_bytes()]
    assert len(received[0]) >= big.stat().st_size and len(server.heads) == 2


def test_whoever_cuts_it_is_found_out(client, big: Path) -> None:
    os.truncate(big, 1 << 26)

    def cut(peer: Peer, _: str) -> None:
        peer.send(OK)
        left = 1 << 25  # so much that the answer has certainly been read
        while left > 0:
            left -= len(peer.connection.recv(1 << 16))
        peer.connection.close()

    with Dialogues([cut]) as server:
        result = client("-H", "Expect:", "-d", f"@{big}", server.url)
    assert (result.code, result.text) == (55, "ok") and "hung up" in result.errors


@pytest.mark.parametrize("status", [307, 308, 413])
def test_content_that_nobody_wants_here_is_not_sent(client, big: Path, status: int) -> None:
    received: list = []
    declining = early(received, redirect(status, "/there"))
    with Dialogues([declining], [OK]) as server:
        result = client("-L", "-H", "X: y", "-d", f"@{big}", server.url)
    assert result.code == 0
    assert received == [b""], "it waited for 100 (Continue), and there was none"
    assert len(server.heads) == (1 if status == 413 else 2)


@pytest.mark.parametrize("said", [b"abc", b""])
def test_content_of_another_length_than_was_said(client, said: bytes) -> None:
    for length in ("2", "5"):
        with Dialogues([OK], [OK]) as server:
            result = client("-H", f"Content-Length: {length}", "-d", "@-", server.url, input=said)
        assert result.code == 52 and "Content-Length" in result.errors


# --- What is said of content: RFC 9110 §8.6.


@pytest.mark.parametrize(
    "options, length",
    [
        (["-X", "POST"], "0"),
        (["-X", "PUT"], "0"),
        (["-X", "PATCH"], "0"),
        (["-d", ""], "0"),
        (["-d", "four"], "4"),
        ([], None),
        (["-X", "DELETE"], None),
        (["-I"], None),
    ],
)
def test_content_length(client, options: list, length: Optional[str]) -> None:
    with Dialogues([answer("", b"")]) as server:
        assert client(*options, server.url).code == 0
    found = re.findall(r"\r\nContent-Length: (.*)\r\n", server.heads[0])
    assert found == ([] if length is None else [length])
    assert server.heads[0].startswith("POST ") == ("-d" in options or "POST" in options)


@pytest.mark.parametrize("field", ["Transfer-Encoding: chunked", "Content-Length: 5"])
def test_no_length_without_content(client, field: str) -> None:
    for method in ("GET", "POST"):
        with Dialogues([OK]) as server:
            result = client("-X", method, "-H", field, server.url)
        assert result.code == 2 and "--data" in result.errors and not server.heads


@pytest.mark.parametrize(
    "fields",
    [
        ["Content-Length: 4", "Transfer-Encoding: chunked"],
        ["Content-Length:"],
        ["Content-Length: four"],
        ["Transfer-Encoding: gzip"],
    ],
)
def test_no_content_without_a_length(client, fields: list) -> None:
    options = [option for field in fields for option in ("-H", field)]
    with Dialogues([OK]) as server:
        result = client(*options, "-d", "four", server.url)
    assert result.code == 2 and result.errors and not server.heads


def test_chunks_if_the_user_likes(client) -> None:
    with Dialogues([OK]) as server:
        assert client("-H", "Transfer-Encoding: chunked", "-d", "four", server.url).text == "ok"
    assert server.contents[0] == [b"4\r\nfour\r\n0\r\n\r\n"]
    assert "Content-Length" not in server.heads[0]


# --- 417: RFC 9110 §10.1.1.


def test_whoever_knows_no_expectations_is_not_asked(client, big: Path) -> None:
    refused = early([], answer("", b"what?", 417))
    with Dialogues([refused], [OK]) as server:
        result = client("-f", "-d", f"@{big}", server.url)
    assert (result.code, result.text) == (0, "ok")
    assert ["Expect: 100-continue" in head for head in server.heads] == [True, False]
    assert server.contents[1] == [big.read_bytes()]


def test_once(client, big: Path) -> None:
    refused = early([], answer("", b"what?", 417))
    with Dialogues([refused], [answer("", b"what?", 417)], [OK]) as server:
        assert client("-f", "-d", f"@{big}", server.url).code == 22
    assert len(server.heads) == 2


@pytest.mark.parametrize("options", [["-d", "@-"], ["-d", "x", "-H", "Expect: 100-continue"]])
def test_not_what_cannot_be_sent_again_or_was_the_users_wish(client, options: list) -> None:
    with Dialogues([early([], answer("", b"what?", 417))], [OK]) as server:
        assert client(*options, server.url, input=b"x").text == "what?"
    assert len(server.heads) == 1


# --- Content codings: RFC 9110 §8.4.


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "identity", "identity, gzip", ""])
def test_codings(client, coding: str) -> None:
    content = gzip.compress(b"ok") if "gzip" in coding.lower() else b"ok"
    fields = f"Content-Encoding: {coding}\r\n"
    with Dialogues([answer(fields, content)]) as server:
        result = client("--compressed", server.url)
    assert (result.code, result.text) == (0, "ok")


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "gzip, br", "br, gzip"])
def test_codings_that_cannot_be_undone(client, coding: str) -> None:
    fields = f"Content-Encoding: {coding}\r\n"
    with Dialogues([answer(fields)], [OK]) as server:
        result = client("--compressed", server.url, server.url)
    assert (result.code, result.text) == (61, "ok") and coding in result.errors
    with Dialogues([answer(fields)]) as server:
        assert client(server.url).text == "ok"  # nobody asked to undo them


@pytest.mark.parametrize("options", [["-I"], ["-X", "HEAD"]])
@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_head_has_no_content_to_undo(client, options: list, coding: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 99\r\n\r\n"
    with Dialogues([head.encode()]) as server:
        result = client(*options, "--compressed", server.url)
    assert result.code == 0 and result.errors == ""


# --- Fields and options.


def field_lines(head: str) -> list[str]:
    return head.splitlines()[1:]


def test_a_field_takes_the_place_of_ours(client) -> None:
    fields = ["X-One: 1", "host: example", "accept: text/html", "X-One: 2", "User-Agent:"]
    options = [option for field in fields for option in ("-H", field)]
    with Dialogues([OK]) as server:
        assert client(*options, server.url).text == "ok"
    assert [line.lower() for line in field_lines(server.heads[0])] == [
        "host: example",
        "accept: text/html",
        "x-one: 1",
        "x-one: 2",
    ]


def test_the_last_of_several_in_place_of_ours(client) -> None:
    with Dialogues([OK]) as server:
        assert client("-H", "Host: a", "-H", "Host: b", server.url).text == "ok"
    assert field_lines(server.heads[0])[0] == "Host: b"
    assert server.heads[0].count("Host: ") == 1


@pytest.mark.parametrize(
    "options",
    [
        ["-H", "Foo"],
        ["-H", ""],
        ["-H", ": x"],
        ["-H", "a b: x"],
        ["-H", "X: 1\r\nY: 2"],
        ["-X", "CONNECT"],
        ["-X", "GE T"],
        ["--unknown"],
    ],
)
def test_usage_errors(client, options: list) -> None:
    with Dialogues([OK]) as server:
        result = client(*options, server.url)
    assert result.code == 2 and result.errors and not result.stdout
    assert not server.heads


def test_no_content_of_an_error_where_it_is_a_failure(client) -> None:
    missing = answer("", b"not here", 404)
    with Dialogues([missing, OK]) as server:
        result = client("-f", server.url, server.url)
    assert (result.code, result.text) == (22, "ok")
    with Dialogues([missing]) as server:
        assert client("-f", "-i", server.url).text == missing.decode()[: -len("not here")]
