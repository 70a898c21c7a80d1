"""Static files: what a browser, a cache and a curious stranger ask for."""

from __future__ import annotations

import email.utils
import gzip
import http.client
import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.process import Server, run
from support.tcp import Script, Tcp
from support.tools import require


@dataclass
class Answer:
    """A response, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> Answer:
    """A request exactly as given: http.client does not tidy up paths. If_Match means If-Match."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=fields)
    response = connection.getresponse()
    answer = Answer(response.status, response.headers, response.read())
    connection.close()
    return answer


@pytest.fixture(params=["ours", "nginx"])
def either(request) -> Server:
    """Our server, and nginx with the same files: where both are asked, both answer alike."""
    return request.getfixturevalue("server" if request.param == "ours" else "nginx")


TYPES = {
    "a.html": "text/html; charset=utf-8",
    "a.css": "text/css; charset=utf-8",
    "a.js": "text/javascript; charset=utf-8",
    "a.json": "application/json",
    "a.txt": "text/plain; charset=utf-8",
    "a.svg": "image/svg+xml",
    "a.png": "image/png",
    "a.wasm": "application/wasm",
    "a.unknown": "application/octet-stream",
    "none": "application/octet-stream",
}


def test_types(start, programs, tmp_path) -> None:
    for name in TYPES:
        (tmp_path / name).write_text(name)
    server = start([programs / "http1-server", "--root", tmp_path])
    for name, type in TYPES.items():
        answer = ask(server, f"/{name}")
        assert (answer.headers["Content-Type"], answer.content) == (type, name.encode())


def test_dates_and_validators(server: Server, files: Path) -> None:
    answer = ask(server, "/hello.txt")
    modified = email.utils.parsedate_to_datetime(answer.headers["Last-Modified"]).timestamp()
    assert modified == int((files / "hello.txt").stat().st_mtime)
    date = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert abs(date - time.time()) < 5
    assert answer.headers["ETag"].startswith('"') and answer.headers["ETag"].endswith('"')
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_an_etag_changes_with_the_content(start, programs, tmp_path) -> None:
    """Also where size and second stay the same."""
    server = start([programs / "http1-server", "--root", tmp_path])
    file = tmp_path / "file.txt"
    etags = set()
    for number in range(5):
        file.write_text(f"version {number}")
        os.utime(file, ns=(0, 10**18 + number))
        etags.add(ask(server, "/file.txt").headers["ETag"])
    assert len(etags) == 5


def test_head(either: Server) -> None:
    got, head = ask(either, "/hello.txt"), ask(either, "/hello.txt", "HEAD")
    assert (head.status, head.content) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges"):
        assert head.headers[name] == got.headers[name] is not None


PAST, FUTURE = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 2044 08:49:37 GMT"
# Of each row: the fields of the request, and the status. {etag} and {modified} are the file's own.
CONDITIONS = [
    ({"If_None_Match": "{etag}"}, 304),
    ({"If_None_Match": "W/{etag}"}, 304),  # weak comparison: RFC 9110 §13.1.2
    ({"If_None_Match": '"other"'}, 200),
    ({"If_None_Match": '"other", {etag}'}, 304),
    ({"If_None_Match": '"oth,er", "x"'}, 200),
    ({"If_None_Match": "*"}, 304),
    ({"If_Modified_Since": "{modified}"}, 304),
    ({"If_Modified_Since": PAST}, 200),
    ({"If_Modified_Since": "nonsense"}, 200),
    ({"If_None_Match": '"other"', "If_Modified_Since": "{modified}"}, 200),  # the etag counts
    ({"If_Match": "{etag}"}, 200),
    ({"If_Match": '"other"'}, 412),
    ({"If_Match": "*"}, 200),
    ({"If_Match": "W/{etag}"}, 412),  # strong comparison: §13.1.1
    ({"If_Unmodified_Since": "{modified}"}, 200),
    ({"If_Unmodified_Since": PAST}, 412),
    ({"If_Match": '"other"', "If_None_Match": "{etag}"}, 412),  # the order of §13.2.2
]
# What nginx does otherwise: it compares If-Modified-Since for equality, so that a later date does
# not match either; it knows one of the three forms of a date; and it takes no date for a past one.
OURS_ONLY = [
    ({"If_Unmodified_Since": "nonsense"}, 200),
    ({"If_Modified_Since": FUTURE}, 304),
    ({"If_Modified_Since": "Sunday, 06-Nov-44 08:49:37 GMT"}, 304),
    ({"If_Modified_Since": "Sun Nov  6 08:49:37 2044"}, 304),
]


def condition_holds(server: Server, fields: dict, status: int) -> None:
    """Ask for a file with these conditions; the answer must be this one, and whole."""
    known = ask(server, "/hello.txt").headers
    own = {"etag": known["ETag"], "modified": known["Last-Modified"]}
    answer = ask(
        server, "/hello.txt", **{name: value.format(**own) for name, value in fields.items()}
    )
    assert answer.status == status
    if status == 200:
        assert answer.content == b"Hello, World!"
    if status == 304:
        assert answer.content == b"" and answer.headers["ETag"] == known["ETag"]
        assert answer.headers["Date"]


def label(row: object) -> str:
    """A test's name for a row of a table."""
    if isinstance(row, dict):
        return " ".join(f"{name}: {value}" for name, value in row.items())
    return str(row[0] if isinstance(row, tuple) else row)


@pytest.mark.parametrize("fields, status", CONDITIONS, ids=label)
def test_conditions(either: Server, fields: dict, status: int) -> None:
    condition_holds(either, fields, status)


@pytest.mark.parametrize("fields, status", OURS_ONLY, ids=label)
def test_conditions_that_nginx_does_not_know(server: Server, fields: dict, status: int) -> None:
    condition_holds(server, fields, status)


WHOLE = (200, b"Hello, World!", None)
UNSATISFIABLE = (416, None, "bytes */13")
# Of each row: the fields of the request; the status, the content and Content-Range.
RANGES = [
    ({"Range": "bytes=0-4"}, (206, b"Hello", "bytes 0-4/13")),
    ({"Range": "bytes=7-"}, (206, b"World!", "bytes 7-12/13")),
    ({"Range": "bytes=-6"}, (206, b"World!", "bytes 7-12/13")),
    ({"Range": "bytes=12-12"}, (206, b"!", "bytes 12-12/13")),
    ({"Range": "bytes=7-999"}, (206, b"World!", "bytes 7-12/13")),
    ({"Range": "bytes=-999"}, (206, b"Hello, World!", "bytes 0-12/13")),
    ({"Range": "bytes=13-"}, UNSATISFIABLE),
    ({"Range": "bytes=-0"}, UNSATISFIABLE),
    ({"Range": "bytes=0-4", "If_Range": "{etag}"}, (206, b"Hello", "bytes 0-4/13")),
    ({"Range": "bytes=0-4", "If_Range": '"other"'}, WHOLE),
    ({"Range": "bytes=0-4", "If_Range": PAST}, WHOLE),
    ({"Range": "bytes=0-4", "If_None_Match": "{etag}"}, (304, b"", None)),
    ({"Range": "lines=0-4"}, WHOLE),
]
# RFC 9110 §14.2: a server may ignore any Range. nginx answers these with 416, or in several parts.
RANGES_OF_OURS = [
    ({"Range": "bytes=4-0"}, WHOLE),
    ({"Range": "bytes=a-b"}, WHOLE),
    ({"Range": "bytes=-"}, WHOLE),
    ({"Range": "bytes=0-99999999999999999999"}, WHOLE),
    ({"Range": "bytes=0-1,3-4"}, WHOLE),
    ({"Range": "BYTES=0-4"}, (206, b"Hello", "bytes 0-4/13")),  # a unit is a token in any case
    ({"Range": "bytes=0-4", "If_Range": "W/{etag}"}, WHOLE),  # §13.1.5 wants strong comparison
    ({"Range": "bytes=0-4", "If_Range": "{modified}"}, WHOLE),  # and a date is not a strong validator
]


def range_holds(server: Server, fields: dict, expected: tuple) -> None:
    """Ask for a part of a file."""
    known = ask(server, "/hello.txt").headers
    own = {"etag": known["ETag"], "modified": known["Last-Modified"]}
    fields = {name: value.format(**own) for name, value in fields.items()}
    answer = ask(server, "/hello.txt", **fields)
    status, content, content_range = expected
    assert (answer.status, answer.headers["Content-Range"]) == (status, content_range)
    if content is not None:
        assert answer.content == content
    if status == 206:
        assert answer.headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize("fields, expected", RANGES, ids=label)
def test_ranges(either: Server, fields: dict, expected: tuple) -> None:
    range_holds(either, fields, expected)


@pytest.mark.parametrize("fields, expected", RANGES_OF_OURS, ids=label)
def test_ranges_that_may_be_ignored(server: Server, fields: dict, expected: tuple) -> None:
    range_holds(server, fields, expected)


def test_head_knows_no_ranges(server: Server) -> None:
    """RFC 9110 §14.2: only GET does. (nginx answers 206.)"""
    answer = ask(server, "/hello.txt", "HEAD", Range="bytes=0-4")
    assert (answer.status, answer.headers["Content-Length"]) == (200, "13")


def test_curl_resumes(either: Server, files: Path, tmp_path) -> None:
    """A download that was cut is continued where it ended."""
    whole, copy = (files / "random.bin").read_bytes(), tmp_path / "copy"
    copy.write_bytes(whole[:300_000])
    command = [require("curl"), "-sS", "-C", "-", "-o", copy, f"http://{either.address}/random.bin"]
    assert run(command).code == 0
    assert copy.read_bytes() == whole


ENCODINGS = {
    "gzip": True,
    "deflate, gzip;q=0.5": True,
    "GZIP": True,
    "*": True,
    "gzip;q=0": False,
    "gzip;q=0.000": False,
    "*, gzip;q=0": False,
    "br": False,
    "identity": False,
    "xgzip": False,
    "": False,
}


@pytest.mark.parametrize("accepted, packed", ENCODINGS.items())
def test_gzip_where_it_is_accepted(
    server: Server, files: Path, accepted: str, packed: bool
) -> None:
    page = (files / "page.html").read_bytes()
    answer = ask(server, "/page.html", Accept_Encoding=accepted)
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Encoding"] == ("gzip" if packed else None)
    assert (gzip.decompress(answer.content) if packed else answer.content) == page
    assert answer.headers["Content-Length"] == (None if packed else str(len(page)))


def test_gzip_is_another_version(server: Server) -> None:
    """Other bytes, another ETag: a cache that mixed them up would serve garbage."""
    plain = ask(server, "/page.html").headers["ETag"]
    packed = ask(server, "/page.html", Accept_Encoding="gzip").headers["ETag"]
    assert plain != packed
    for etag, status in ((packed, 304), (plain, 200)):
        assert (
            ask(server, "/page.html", Accept_Encoding="gzip", If_None_Match=etag).status == status
        )
    head = ask(server, "/page.html", "HEAD", Accept_Encoding="gzip")
    assert (head.headers["ETag"], head.headers["Content-Encoding"]) == (packed, "gzip")
    part = ask(server, "/page.html", Accept_Encoding="gzip", Range="bytes=0-8")
    assert (part.status, part.content) == (206, b"<!doctype")
    assert part.headers["Content-Encoding"] is None and part.headers["ETag"] == plain


def test_what_gzip_cannot_help_is_sent_as_it_is(server: Server) -> None:
    for path in ("/random.bin", "/hello.txt", "/empty.txt"):
        assert ask(server, path, Accept_Encoding="gzip").headers["Content-Encoding"] is None


def test_compressed_downloads(server: Server, client, files: Path) -> None:
    url, page = f"http://{server.address}/page.html", (files / "page.html").read_bytes()
    assert run([require("curl"), "-sS", "--compressed", url]).stdout == page
    assert client("--compressed", url).stdout == page
    assert client("--compressed", "-I", url).code == 0


def test_a_bomb_is_not_unfolded(client) -> None:
    """50 MiB of zeros in 50 KiB. Whoever wants them can have them without --compressed."""
    bomb = gzip.compress(bytes(50 << 20))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with Script([head + bomb]) as server:
        result = client("--compressed", f"http://{server.address}/")
    assert result.code == 63 and len(result.stdout) < 20 << 20


ESCAPES = [
    "/../secret.txt",
    "/..//secret.txt",
    "/sub/../../secret.txt",
    "/./../secret.txt",
    "/%2e%2e/secret.txt",
    "/%2E%2e%2Fsecret.txt",
    "/..%2fsecret.txt",
    "/sub/..%2f..%2fsecret.txt",
    "/%252e%252e/secret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/.../secret.txt",
    "/..;/secret.txt",
    "//../secret.txt",
    "/hello.txt/../../secret.txt",
    "/../files/hello.txt",  # it leads back, but tells what the folder is called
    "{root}/hello.txt",
    "/{root}/hello.txt",
    "//etc/passwd",
    "/%2fetc/passwd",
    "/to-secret.txt",
    "/to-etc/passwd",
    "/to-above/secret.txt",
    "/to-nowhere",
    "/to-itself",
    "/pipe",
    "/hello.txt/",
    "/hello.txt/more",
    "/sub%00/index.html",
    "/hello.txt%00",
    "/hello.txt%0a",
    "/hello.txt?/../../secret.txt",
    "http://a/../secret.txt",
    "http://a/%2e%2e/secret.txt",
    "/" + "a" * 300,
    "/" + "a/" * 3000,
]


@pytest.fixture
def maze(start, programs, files: Path) -> Server:
    """Our server, with links that lead outside and a pipe that nobody writes to."""
    links = {
        "to-secret.txt": "../secret.txt",
        "to-etc": "/etc",
        "to-above": "..",
        "to-nowhere": "x",
    }
    links |= {"to-itself": "to-itself", "to-hello.txt": "hello.txt", "to-inner": "sub/inner"}
    for name, target in links.items():
        (files / name).symlink_to(target)
    os.mkfifo(files / "pipe")
    yield start([programs / "http1-server", "--root", files])
    for name in [*links, "pipe"]:
        (files / name).unlink()


@pytest.mark.parametrize("path", ESCAPES, ids=lambda path: path[:30])
def test_nothing_leaves_the_root(maze: Server, files: Path, path: str) -> None:
    path = path.format(root=files)
    with Tcp(maze.address) as tcp:
        tcp.send(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        came = tcp.read_to_close()
    status = came.split(b" ", 2)[1]
    hello = path.startswith("/hello.txt?")  # a query is not a path
    assert status == b"200" if hello else status in (b"400", b"404"), came
    assert b"secret" not in came.partition(b"\r\n\r\n")[2] and b"root:" not in came
    assert b"Hello" in came if hello else b"Hello" not in came


def test_links_and_dots_inside_the_root(maze: Server) -> None:
    for path in (
        "/to-hello.txt",
        "/sub/../hello.txt",
        "/./hello.txt",
        "//hello.txt",
        "/%68ello.txt",
    ):
        assert ask(maze, path).content == b"Hello, World!", path
    for path in ("/to-inner/deep.txt", "/sub//inner/./deep.txt"):
        assert ask(maze, path).content == b"deep", path
    assert ask(maze, "/sub%2finner/deep.txt").status == 404  # no "/": RFC 3986 §2.2
    assert ask(maze, "/with%20space.txt").content == b"space"


def test_folders(either: Server) -> None:
    answer = ask(either, "/sub/")
    assert (answer.status, answer.content) == (200, b"<p>the index of sub</p>")
    for path, place in (("/sub", "/sub/"), ("/sub?a=b", "/sub/?a=b"), ("//sub", "/sub/")):
        answer = ask(either, path)
        assert answer.status == 301
        assert answer.headers["Location"] in (place, f"http://127.0.0.1:{either.port}{place}")


def test_a_folder_without_index(server: Server) -> None:
    assert ask(server, "/sub/inner/").status == 404
    assert ask(server, "/").status == 404


def test_no_redirect_to_another_host(server: Server) -> None:
    """`Location: //host/` would leave this server: a gift for phishers."""
    for path in ("//sub", "///sub", "//sub/../sub", "/%2fsub"):
        answer = ask(server, path)
        assert answer.status in (301, 404)
        assert not (answer.headers["Location"] or "/x").startswith("//")


def test_methods(server: Server) -> None:
    answer = ask(server, "/hello.txt", "DELETE")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    answer = ask(server, "/hello.txt", "OPTIONS")
    assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


def test_a_file_that_shrinks(serve, files: Path) -> None:
    """The length was promised: nothing can be done but to break off. The server goes on."""
    file = files / "shrinking.bin"
    with open(file, "wb") as f:
        f.truncate(64 << 20)
    server = serve()
    with Tcp(server.address) as tcp:
        tcp.send(b"GET /shrinking.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        head = tcp.read_until(b"\r\n\r\n")
        os.truncate(file, 1000)
        assert b"Content-Length: 67108864" in head
        assert len(tcp.read_to_close()) < 64 << 20
    file.unlink()
    assert ask(server, "/hello.txt").status == 200
    server.wait_for("became shorter")
