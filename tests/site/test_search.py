"""The search: offline, by keyboard, to the section."""

from __future__ import annotations

from playwright.sync_api import expect


def test_finds_and_goes_to_the_section(visit):
    page = visit("index.html")
    page.keyboard.press("/")
    page.keyboard.type("quadratic rescans")
    expect(page.locator("#results [role=status]")).to_contain_text("section")
    first = page.locator("#results li").first
    expect(first).to_contain_text("Foundations")
    assert first.locator("mark").first.text_content().lower() in ("quadratic", "rescans")
    page.keyboard.press("Enter")
    page.wait_for_url("**/foundations.html#*")
    expect(page.locator("#results")).to_be_hidden()


def test_arrows_go_through_what_was_found(visit):
    page = visit("http1.html")
    page.fill("#query", "chunk")
    expect(page.locator("#results li").nth(1)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#results a").nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#results")).to_be_hidden()
    expect(page.locator("#query")).to_be_focused()


def test_all_words_have_to_be_there(visit):
    page = visit("index.html")
    page.fill("#query", "chunked zeppelin")
    expect(page.locator("#results [role=status]")).to_have_text("0 sections for “chunked zeppelin”")


def test_what_is_found_is_accessible(visit, faults_of):
    page = visit("http1.html", color_scheme="dark")
    page.fill("#query", "RFC 9112")
    expect(page.locator("#results li").first).to_be_visible()
    assert faults_of(page) == []
