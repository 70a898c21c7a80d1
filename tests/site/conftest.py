"""Fixtures of the site's tests: the built site, our server that serves it, a browser that looks."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from playwright.sync_api import Page

from support.browser import chromium
from support.process import Server
from support.project import IN_CI, ROOT, TOOLS

SITE = ROOT / "build" / "site"
PAGES = sorted(file.name for file in SITE.glob("*.html"))
PHONE, LAPTOP = {"width": 360, "height": 740}, {"width": 1440, "height": 900}


@pytest.fixture(scope="session")
def site() -> Path:
    """What book/build has built."""
    return SITE


@pytest.fixture(scope="session")
def server(programs: Path):
    """http1-server with the site for its files."""
    with Server([programs / "http1-server", "--root", SITE, "--port", "0"]) as running:
        yield running
        assert running.stop() == 0, running.output


@pytest.fixture(scope="session")
def browser():
    """Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture
def visit(browser, server: Server):
    """visit(page, **options of the context): opens a page of the site.

    The test fails if the page says anything on its console, or asks anybody else for anything.
    """
    contexts, faults = [], []

    def open_page(address: str, **options) -> Page:
        base = f"http://{server.address}/"
        if "://" in address:
            base = address.rpartition("/")[0]
        else:
            address = base + address
        context = browser.new_context(**{"viewport": LAPTOP, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("request", lambda asked: foreign(asked.url, base))
        page.on("requestfailed", failed)
        page.on(
            "response", lambda answer: answer.ok or faults.append(f"{answer.status}: {answer.url}")
        )
        page.goto(address)
        return page

    def foreign(url: str, base: str) -> None:
        if not url.startswith((base, "data:", "blob:")):
            faults.append(f"foreign request: {url}")

    def failed(asked) -> None:
        if asked.failure != "net::ERR_ABORTED":  # the page was left before it had come
            faults.append(f"failed: {asked.url}: {asked.failure}")

    yield open_page
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, as a script."""
    return (TOOLS / "browser" / "node_modules" / "axe-core" / "axe.js").read_text()


@pytest.fixture
def faults_of(axe) -> Callable[[Page], list[str]]:
    """faults_of(page): what axe finds wrong with it, a line each."""

    def look(page: Page) -> list[str]:
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{fault['id']}: {fault['help']}: {node['html'][:120]} {node['failureSummary']}"
            for fault in found["violations"]
            for node in fault["nodes"]
        ]

    return look


@pytest.fixture
def needs_explorer() -> None:
    """The decoders were compiled; where they could not be, a user may go on, CI may not."""
    if not (SITE / "explorer" / "http1.js").exists():
        assert not IN_CI, "the site was built without the wire explorer"
        pytest.skip("the site was built without the wire explorer")
