"""Runs a server, and a client when the server is there: python together.py SERVER... -- CLIENT...

For two programs that must share a network which the test is not in; see test_tutorial.py.
"""

import socket
import subprocess
import sys
import threading
import time

PORT, DEADLINE = 8765, 15


def listens() -> bool:
    """Whether the server is there, on either address of localhost."""
    try:
        socket.create_connection(("localhost", PORT), timeout=1).close()
        return True
    except OSError:
        return False


def main() -> int:
    split = sys.argv.index("--")
    server = subprocess.Popen(sys.argv[1:split], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    try:
        deadline, pause = time.monotonic() + DEADLINE, threading.Event()
        while not listens():
            if server.poll() is not None or time.monotonic() > deadline:
                print("the server does not listen", file=sys.stderr)
                return 1
            pause.wait(0.01)
        return subprocess.run(sys.argv[split + 1 :], timeout=DEADLINE).returncode
    finally:
        server.terminate()
        server.wait(DEADLINE)


if __name__ == "__main__":
    sys.exit(main())
