"""The wire explorer says what `labs/run http1 explain` says, for good bytes and for bad ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from support.process import run
from support.project import ROOT

sys.path.append(str(ROOT / "labs"))
from machinery import capture  # noqa: E402

GET = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!"
SAID = {
    "a request": GET,
    "a response": OK,
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "two requests": GET + GET,
    "not complete": GET[:-2],
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "line feeds": b"GET / HTTP/1.1\nHost: a\n\n",
    "smuggled": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nabc",
    "no HTTP": bytes(range(256)),
    "something behind the end": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\nmore",
}
CHAPTERS = ["http1", "websocket"]


@pytest.fixture
def explain(programs: Path):
    """explain(*said): what the lab's probe says about (who, bytes) each; who may be empty of one."""

    def ask(*said: tuple[str, bytes], chapter: str = "http1") -> str:
        parts = [part for who, data in said for part in ([who.encode()] if who else []) + [data]]
        line = "explain " + " ".join(part.hex() or "-" for part in parts)
        answer = run([programs / f"lab-{chapter}"], line.encode() + b"\n").text
        name, _, text = answer.splitlines()[0].partition(" ")
        assert name == "text", answer
        return "" if text == "-" else bytes.fromhex(text).decode().rstrip()

    return ask


@pytest.fixture
def page(needs_explorer, visit):
    opened = visit("explorer.html")
    expect(opened.locator("[name=example] option").nth(1)).to_be_attached()
    return opened


def shown(page) -> str:
    return page.locator("#explained").text_content()


@pytest.mark.parametrize("name", SAID)
def test_hexadecimal(page, explain, name):
    page.fill("[name=input]", SAID[name].hex(" "))
    assert shown(page) == explain(("", SAID[name]))


@pytest.mark.parametrize("who", ["client", "server"])
@pytest.mark.parametrize("name", ["a request", "a response", "no HTTP"])
def test_said_by(page, explain, name, who):
    page.select_option("[name=speaker]", who)
    page.fill("[name=input]", SAID[name].hex())
    assert shown(page) == explain((who, SAID[name]))


def test_text_with_escapes(page, explain):
    page.fill("[name=input]", r"GET /caf\xc3\xa9 HTTP/1.1\r\n" + "\n" + r"Host: a\r\n\r\n")
    assert shown(page) == explain(("", b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"))
    expect(page.locator("#explorer-status")).to_contain_text("1 rule broken")


def test_text_line_by_line(page, explain):
    page.fill("[name=input]", "GET /hello HTTP/1.1\nHost: a\n\n")
    assert shown(page) == explain(("", GET))
    expect(page.locator("#explorer-status")).to_have_text(f"{len(GET)} bytes, no rule broken.")


def test_a_large_paste(page, explain):
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000
    page.fill("[name=input]", data.decode())
    assert shown(page) == explain(("", data))


def test_conversation(page, explain):
    page.fill("[name=input]", f"> {GET.hex()}\n< {OK.hex()}\n")
    assert shown(page) == explain(("client", GET), ("server", OK))


def test_not_hexadecimal(page):
    page.select_option("[name=form]", "hex")
    page.fill("[name=input]", "47 4")
    expect(page.locator("#explorer-status")).to_have_text("these are no bytes in hexadecimal")
    assert shown(page) == ""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_example_is_explained(page, faults_of, chapter):
    first = page.locator("[name=example] option").nth(1).text_content()
    page.select_option("[name=protocol]", chapter)
    if chapter != "http1":
        expect(page.locator("[name=example] option").nth(1)).not_to_have_text(first)
    titles = page.locator("[name=example] option").all_text_contents()[1:]
    assert any(title.startswith("Broken") for title in titles)
    for title in titles:
        page.select_option("[name=example]", label=title)
        expect(page.locator("#explorer-status")).to_contain_text(
            "broken" if "Broken" in title else "no rule broken"
        )
        assert shown(page) != ""
    assert faults_of(page) == []


def test_capture(page, explain, tmp_path):
    said = [("client", GET), ("server", OK), ("client", SAID["no Host"])]
    file = tmp_path / "talk.pcap"
    capture.write(file, said)
    page.set_input_files("[name=capture]", file)
    expect(page.locator("#explorer-status")).to_contain_text("talk.pcap: ")
    (connection,) = capture.read(file)
    title, _, text = shown(page).partition("\n")
    assert title == "--- 192.0.2.1 port 49152 to 192.0.2.2 port 80"
    assert text == explain(*connection.said)


def test_capture_that_is_none(page, tmp_path):
    file = tmp_path / "talk.pcap"
    file.write_bytes(b"\x0a\x0d\x0d\x0a" + bytes(60))
    page.set_input_files("[name=capture]", file)
    expect(page.locator("#explorer-status")).to_have_text("this is pcapng: save it as pcap")
    other = tmp_path / "talk.txt"
    other.write_bytes(b"something else")
    page.set_input_files("[name=capture]", other)
    expect(page.locator("#explorer-status")).to_have_text("this is no pcap file")


def test_from_a_disk(needs_explorer, visit, site, explain):
    page = visit(f"file://{site}/explorer.html")
    page.fill("[name=input]", GET.hex())
    expect(page.locator("#explorer-status")).to_contain_text("no rule broken")
    assert shown(page) == explain(("", GET))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_seed_of_the_fuzzers(page, explain, chapter):
    ask = """async ([chapter, who, bytes]) => {
      const decoders = await Decoders.load(chapter);
      return decoders.explain([[who, Uint8Array.from(bytes)]]);
    }"""
    for seed in (ROOT / "tests" / chapter / "seeds").rglob("*"):
        data = seed.read_bytes() if seed.is_file() else b""
        for who in ("", "client", "server") if data else ():
            said = page.evaluate(ask, [chapter, who, list(data)])
            assert said.rstrip() == explain((who, data), chapter=chapter), seed.name


def test_a_conversation_that_leaves_http(page, explain):
    page.select_option("[name=protocol]", "websocket")
    expect(page.locator("[name=example] option").nth(1)).to_have_text("The tutorial's greeting")
    page.select_option("[name=example]", label="The tutorial's greeting")
    text = shown(page)
    assert "request head" in text and 'unmasked: "WebSocket"' in text and "close frame" in text
    assert "unmasked" in explain(("", bytes.fromhex("818337fa213d7f9f4d")), chapter="websocket")
