"""The byte walks: bytes and fields light each other, by mouse and by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

REQUEST = ".walk[data-name=hello][data-speaker=client]"
RESPONSE = ".walk[data-name=hello][data-speaker=server]"


@pytest.fixture
def page(visit):
    return visit("http1.html", permissions=["clipboard-read", "clipboard-write"])


def bytes_in_the_text(page, walk: str) -> str:
    text = page.locator(f"{walk} > pre").text_content()
    return " ".join(
        re.findall(r"^  [0-9a-f]{4}  ((?:[0-9a-f]{2} )*[0-9a-f]{2})", text, re.MULTILINE)
    )


def test_pointing_at_bytes_lights_their_field(page):
    page.locator(f"{REQUEST} .hex > span", has_text="2f").first.hover()
    lit = page.locator(f"{REQUEST} .fields .lit")
    expect(lit).to_have_count(1)
    expect(lit).to_contain_text("request-target")
    expect(page.locator(f"{REQUEST} .hex .lit")).to_have_text(["2f", "68", "65", "6c", "6c", "6f"])


def test_pointing_at_a_field_lights_its_bytes(page):
    page.locator(f"{REQUEST} [role=option]", has_text="method").hover()
    expect(page.locator(f"{REQUEST} .hex .lit")).to_have_text(["47", "45", "54"])
    expect(page.locator(f"{REQUEST} .characters .lit")).to_have_text(["G", "E", "T"])
    expect(page.locator(f"{REQUEST} .detail a")).to_have_attribute(
        "href", "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.1"
    )


@pytest.mark.parametrize("pane", [".fields", ".bytes"])
def test_arrow_keys_step_through_the_fields(page, pane):
    page.focus(f"{RESPONSE} {pane}")
    chosen = page.locator(f"{RESPONSE} [aria-selected=true]")
    expect(chosen).to_contain_text("HTTP-version")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("status-code")
    page.keyboard.press("ArrowUp")
    expect(chosen).to_contain_text("one space")
    page.keyboard.press("End")
    expect(chosen).to_contain_text("content")
    inside = page.evaluate(
        "(pane) => { const a = pane.getBoundingClientRect(),"
        " b = pane.querySelector('.lit').getBoundingClientRect();"
        " return b.top >= a.top - 1 && b.bottom <= a.bottom + 1; }",
        page.locator(f"{RESPONSE} .fields").element_handle(),
    )
    assert inside, "what is lit is in sight"
    page.keyboard.press("ArrowRight")
    assert page.url.endswith("http1.html"), "the arrows do not turn the page here"


def test_reached_with_the_tab_key(page):
    page.focus(f"{REQUEST} .copy")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator(f"{REQUEST} .fields")).to_be_focused()


@pytest.mark.parametrize("walk", [REQUEST, RESPONSE])
def test_hex_can_be_copied_and_is_the_pages(page, walk):
    page.click(f"{walk} .copy")
    expect(page.locator(f"{walk} .copy")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == bytes_in_the_text(page, walk)


def test_client_and_server_differ_in_more_than_colour(page):
    expect(page.locator(f"{REQUEST} .way")).to_have_text("client ━▶ server")
    expect(page.locator(f"{RESPONSE} .way")).to_have_text("client ◀━ server")
    style = "walk => getComputedStyle(walk).borderLeftStyle"
    assert page.locator(f"{REQUEST} .alive").evaluate(style) == "solid"
    assert page.locator(f"{RESPONSE} .alive").evaluate(style) == "double"
