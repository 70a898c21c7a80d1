"""Servers that are ready, are ours, and leave nothing behind; bytes over TCP."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from support.process import Server, free_port, run, wait_until
from support.tcp import Script, Tcp, cut, exchange

ECHO = """
import os, signal, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    with client:
        while data := client.recv(4096):
            client.sendall(data)
"""
GRACEFUL = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n" + ECHO
PARENT = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]]).wait()
"""


def python(program: str, *arguments) -> list:
    return [sys.executable, "-c", program, *arguments]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_of_ours_says_where_it_listens():
    with Server(python(ECHO, 0)) as server:
        assert exchange(server.address, [b"hello"]) == b"hello"
    assert not is_alive(server.pid)


def test_a_peer_is_ready_when_its_port_is():
    port = free_port()
    with Server(python(ECHO, port), port=port) as server:
        assert exchange(server.address, [b"hello"]) == b"hello"


def test_the_port_may_belong_to_a_child():
    port = free_port()
    with Server(python(PARENT, port, ECHO), port=port) as server:
        assert exchange(server.address, [b"hello"]) == b"hello"
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_somebody_elses_server_is_not_taken_for_ours():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AssertionError, match="ended with 1"):
            Server(python(ECHO, port), port=port)


def test_a_server_that_ends_early_is_reported_with_its_words():
    with pytest.raises(AssertionError, match="no such option"):
        Server(python("print('no such option')"))


def test_stop_is_graceful_and_tells_the_exit_code():
    with Server(python(GRACEFUL, 0)) as server:
        assert server.stop() == 7
        assert not server.running


def test_a_server_that_does_not_stop_is_a_failure():
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + ECHO
    with Server(python(stubborn, 0)) as server:
        with pytest.raises(AssertionError, match="did not end"):
            server.stop(timeout=0.2)
    assert not is_alive(server.pid)


def test_output_is_collected_and_can_be_waited_for():
    with Server(python("print('listening on 127.0.0.1:1'); print('frame 17'); input()")) as server:
        assert server.wait_for(r"frame (\d+)")[1] == "17"


def test_run():
    result = run(
        python("import sys; print(input()); print('e', file=sys.stderr); sys.exit(3)"), b"text\n"
    )
    assert (result.code, result.text, result.errors) == (3, "text\n", "e\n")


def test_a_client_that_hangs_is_killed_with_its_children(tmp_path):
    pid_file = tmp_path / "pid"
    child = (
        f"import os, signal; open({str(pid_file)!r}, 'w').write(str(os.getpid())); signal.pause()"
    )
    parent = f"print('here', flush=True)\n{PARENT}"
    with pytest.raises(AssertionError, match="longer than(.|\n)*here"):
        run(python(parent, "unused", child), timeout=1)
    pid = int(pid_file.read_text())
    wait_until(lambda: not is_alive(pid), "the child is gone")


def test_tcp_waits_for_conditions():
    with Server(python(ECHO, 0)) as server, Tcp(server.address, timeout=0.5) as tcp:
        tcp.send(*cut(b"one\r\ntwo\r\nthree", 1))
        assert tcp.read_until(b"\r\n") == b"one\r\n"
        assert tcp.read(5) == b"two\r\n"
        assert tcp.read_to_quiet(0.05) == b"three"
        with pytest.raises(AssertionError, match="not closed"):
            tcp.read_to_close()
        tcp.finish()
        assert tcp.read_to_close() == b""
        with pytest.raises(AssertionError, match="closed before"):
            tcp.read_until(b"\r\n")


def test_script_plays_its_replies():
    with Script([b"a", b"b"], [b""], after=b"!") as script:
        assert exchange(script.address, [b"hi", b"!"]) == b"ab"
        assert exchange(script.address, [b"you!"]) == b""
    assert script.requests == [b"hi!", b"you!"]


def test_script_that_nobody_talks_to_ends():
    with Script([b"a"]) as script:
        pass
    assert script.requests == []
