"""What every page has to be: whole, accessible, narrow enough, quiet, and found by its links."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

from .conftest import LAPTOP, PAGES, PHONE, SITE
from support.process import Server
from support.project import ROOT

# Each kind of page that is made of a source: a listing, and a folder.
SOURCES = ["source/chapters/http1/head.cpp.html", "source/common/wire.html"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("name", [*PAGES, *SOURCES])
def test_no_fault_of_contrast_or_label(visit, faults_of, name, size, scheme):
    page = visit(name, viewport=size, color_scheme=scheme)
    assert faults_of(page) == []
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size["width"], "the page scrolls sideways"


def test_chosen_colours_win_over_the_systems(visit, faults_of):
    page = visit("index.html", color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.select_option("#theme", "dark")
    dark = page.evaluate(background)
    assert dark != light
    assert faults_of(page) == []
    page.goto(page.url.replace("index", "http1"))
    assert page.evaluate(background) == dark, "the choice holds for other pages"
    page.select_option("#theme", "")
    assert page.evaluate(background) == light


def test_reading_order_is_the_summarys(visit):
    summary = (ROOT / "book" / "SUMMARY.md").read_text()
    order = [name.replace(".md", ".html") for name in re.findall(r"\]\(([^)]+\.md)\)", summary)]
    page = visit(order[0])
    for name in order[1:]:
        page.keyboard.press("ArrowRight")
        page.wait_for_url(f"**/{name}")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/{order[-2]}")
    assert page.locator("#contents [aria-current=page]").get_attribute("href") == order[-2]


def test_front_page_is_one_screen(visit):
    page = visit("index.html")
    bottom = page.locator(".protocols").bounding_box()
    assert bottom["y"] + bottom["height"] <= LAPTOP["height"]


def test_contents_on_a_phone(visit):
    page = visit("index.html", viewport=PHONE)
    link = page.locator("#contents a", has_text="Foundations")
    assert not link.is_visible()
    page.focus("#contents-button")
    page.keyboard.press("Enter")
    assert link.is_visible()
    page.keyboard.press("Escape")
    assert not link.is_visible()


def test_wide_listings_scroll_in_their_box_by_keyboard(visit):
    page = visit("http1.html", viewport=PHONE)
    box = page.locator("pre.console").nth(2)
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("box => box.scrollLeft > 0", arg=box.element_handle())
    assert page.url.endswith("http1.html"), "the key is the box's, not the page's"


def links_of(page: Path) -> list[str]:
    return re.findall(
        r'(?:href|src)="([^"]+)"', re.sub(r"<pre.*?</pre>", "", page.read_text(), flags=re.DOTALL)
    )


def test_every_link_inside_leads_somewhere():
    lost = []
    for page in SITE.rglob("*.html"):
        for link in links_of(page):
            path, _, fragment = unquote(link).partition("#")
            if re.match(r"[a-z]+:", path) or link == "#":
                continue
            target = page.parent / path if path else page
            if not target.is_file():
                lost.append(f"{page.relative_to(SITE)}: {link}")
            elif fragment and f'id="{fragment}"' not in target.read_text():
                lost.append(f"{page.relative_to(SITE)}: no such place: {link}")
    assert lost == []


@pytest.mark.parametrize("name", PAGES)
def test_from_a_disk(visit, name):
    visit(f"file://{SITE}/{name}")  # complains if anything is missing


def test_below_a_prefix(visit, programs, tmp_path):
    shutil.copytree(SITE, tmp_path / "some" / "book")
    with Server([programs / "http1-server", "--root", tmp_path, "--port", "0"]) as server:
        page = visit(f"http://{server.address}/some/book/http1.html")
        page.fill("#query", "smuggle")
        page.locator("#results a").first.click()
        assert "/some/book/http1.html#" in page.url
        assert server.stop() == 0


def test_text_and_walks_without_javascript(visit):
    page = visit("http1.html", java_script_enabled=False)
    assert page.locator(".walk > pre").first.is_visible()
    assert page.locator("#contents").is_visible()
    assert not page.locator("#search").is_visible()


def test_paper_shows_walks_as_text(visit):
    page = visit("http1.html")
    page.emulate_media(media="print")
    assert page.locator(".walk > pre").first.is_visible()
    assert not page.locator(".walk .alive").first.is_visible()
    assert not page.locator("#contents").is_visible()


def test_sections_are_links(visit):
    page = visit("http1.html")
    address = "https://www.rfc-editor.org/rfc/rfc9112#section-6.3"
    assert page.locator(f'main > p a[href="{address}"]').count() > 0, "in prose"
    assert page.locator(f'pre.cpp .comment a[href="{address}"]').count() > 0, "in comments"
