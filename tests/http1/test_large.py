"""A gibibyte through both programs, in constant memory: content is a stream, never a buffer."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest

from support.measure import peak_bytes
from support.process import Server, run
from support.tools import require

# The sanitizers are slow, and keep freed memory for a while: no limit makes sense then.
SANITIZED = os.environ.get("WIRE_PRESET", "release") == "asan"
LARGE = (1 << 28) if SANITIZED else (1 << 30)
MOST_MEMORY = sys.maxsize if SANITIZED else 64 << 20
BLOCK = 1 << 20


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A file of that size, mostly holes. The marks between them would show pieces that moved."""
    file = tmp_path_factory.mktemp("large") / "large.bin"
    with open(file, "wb") as f:
        f.truncate(LARGE)
        for at in range(0, LARGE, 37 * BLOCK + 4321):
            f.seek(at)
            f.write(b"mark at %d " % at)
    return file


@pytest.fixture(scope="module")
def checksum(large: Path) -> int:
    with open(large, "rb") as f:
        return digest(f)


def digest(stream) -> int:
    """The checksum of a stream, which must be as long as the file."""
    sum, size = 0, 0
    while piece := stream.read(BLOCK):
        sum, size = zlib.crc32(piece, sum), size + len(piece)
    assert size == LARGE
    return sum


@contextmanager
def running(command: list) -> Iterator[subprocess.Popen]:
    """A client whose output is read while it runs. It must end well."""
    command = [str(part) for part in command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        try:
            yield process
            assert process.wait(10) == 0
        finally:
            process.kill()


def through(command: list) -> tuple[int, int]:
    """Run a client; the checksum of what it printed, and the most memory that it took."""
    with running(command) as process:
        pid, peaks = process.pid, []

        class Watched:
            """The output; each look at it also looks at the memory."""

            def read(self, size: int) -> bytes:
                peaks.append(peak_bytes(pid))
                return process.stdout.read(size)

        return digest(Watched()), max(peaks)


@pytest.fixture
def echo(serve) -> Iterator[Server]:
    """Our server; when the test is over, it must not have taken more memory than allowed."""
    server = serve()
    yield server
    assert 0 < peak_bytes(server.pid) < MOST_MEMORY


def test_our_client_uploads_and_downloads(
    echo: Server, programs, large: Path, checksum: int
) -> None:
    """Both directions at once: the echo comes back while the rest is still being sent."""
    url = f"http://{echo.address}/echo"
    sum, peak = through([programs / "http1-client", "-d", f"@{large}", url])
    assert sum == checksum
    assert 0 < peak < MOST_MEMORY


def test_curl_uploads_and_downloads(echo: Server, large: Path, checksum: int) -> None:
    command = [require("curl"), "-sS", "-T", large, "-H", "Transfer-Encoding: chunked"]
    sum, _ = through([*command, f"http://{echo.address}/echo"])
    assert sum == checksum


def test_our_client_downloads_a_file(start, programs, large: Path, checksum: int) -> None:
    server = start([programs / "http1-server", "--root", large.parent])
    sum, peak = through([programs / "http1-client", f"http://{server.address}/large.bin"])
    assert sum == checksum
    assert 0 < peak < MOST_MEMORY and peak_bytes(server.pid) < MOST_MEMORY


def test_curl_downloads_a_file_over_tls(start, programs, large: Path, tmp_path) -> None:
    certificate = tmp_path / "certificate.pem"
    options = ["--tls", "--cert", certificate, "--key", tmp_path / "key.pem"]
    server = start([programs / "http1-server", "--root", large.parent, *options])
    shown = ["-o", "/dev/null", "-w", "%{size_download}", "--cacert", certificate]
    url = f"https://{server.address}/large.bin"
    assert run([require("curl"), "-sS", *shown, url], timeout=60).text == str(LARGE)
    assert peak_bytes(server.pid) < MOST_MEMORY


def test_our_client_refuses_content_that_nobody_wanted(echo: Server, programs, large: Path) -> None:
    """The answer is 405: a gibibyte is not sent for that, nor read."""
    url = f"http://{echo.address}/hello"
    result = run([programs / "http1-client", "-fi", "-d", f"@{large}", url], timeout=10)
    assert result.code == 22 and "405" in result.text
