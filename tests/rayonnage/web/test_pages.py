"""What holds on every page, in a browser: anybody can use it, anywhere, and nothing comes from elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from fusion.model import Model
from rayonnage.web.settings import ServerSettings
from rayonnage.web.showing.rendering import NAVIGATION
from tests.support.all_pages import reachable
from tests.support.proxied import proxied
from tests.support.served import copied, serving

PHONE = {"width": 360, "height": 740}
LINKS = """() => [...document.querySelectorAll("[href], [src], [action], [hx-get], [hx-post]")].map(element =>
    new URL(element.getAttribute("hx-get") ?? element.getAttribute("hx-post") ?? element.getAttribute("href")
        ?? element.getAttribute("src") ?? element.getAttribute("action"), document.baseURI).href)"""
TOO_WIDE = """() => [...document.querySelectorAll("body *")].filter(element => {
    const box = element.getBoundingClientRect();
    return box.right > innerWidth + 1 && box.width > 0 && !element.closest(".wide, .skip, .hidden-text");
}).slice(0, 5).map(element => element.outerHTML.slice(0, 120))"""
SMALL_TARGETS = """() => [...document.querySelectorAll("button, .button, select, nav a, input:not([type=hidden])")]
    .filter(element => element.checkVisibility({ visibilityProperty: true }))
    .map(element => [element.closest("label") ?? element, element])
    .map(([area, element]) => [area.getBoundingClientRect(), element])
    .filter(([box]) => box.width > 1 && box.height > 1 && box.height < 39.5)
    .map(([box, element]) => `${box.height} px: ${element.outerHTML.slice(0, 120)}`)"""


@pytest.fixture(scope="module")
def workspace(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo's, which a server may write to."""
    return copied(demo / "demo", tmp_path_factory.mktemp("served")) / "runs"


@pytest.fixture(scope="module")
def served(workspace: Path) -> Iterator[str]:
    """The demo, served."""
    with serving(ServerSettings(workspace)) as address:
        yield address


@pytest.fixture(scope="module")
def paths(served: str) -> list[str]:
    """All kinds of pages."""
    return reachable(served)


def settled(page: Page, url: str) -> None:
    """Open a page and wait until it has asked for all that it shows."""
    answer = page.goto(url)
    assert answer is not None
    assert answer.status == 200, url
    page.wait_for_load_state("networkidle")


def test_every_page_of_the_navigation_is_there(served: str, paths: list[str]):
    assert {path.rstrip("/") for path in NAVIGATION.values()} <= {path.partition("?")[0] for path in paths}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(served: str, paths: list[str], chromium: Browser, scheme: str):
    # in a report's sandbox no script runs to its end, and axe is one
    context = chromium.new_context(bypass_csp=True, color_scheme=scheme, reduced_motion="reduce", locale="en-GB")
    page = context.new_page()
    for path in paths:
        settled(page, f"{served}/{path}")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
    context.close()


def test_fits_a_phone_in_both_languages(served: str, paths: list[str], page: Page):
    page.set_viewport_size(PHONE)
    for language in ("fr", "en"):
        page.context.add_cookies([{"name": "language", "value": language, "url": served}])
        # a report is a file of its own, in the language that its command was given
        for path in (path for path in paths if not path.startswith("runs/pages/")):
            settled(page, f"{served}/{path}")
            assert page.evaluate("document.documentElement.lang") == language, path
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, (path, page.evaluate(TOO_WIDE))
            assert page.evaluate(SMALL_TARGETS) == [], path


def test_below_a_path_of_a_proxy(served: str, paths: list[str], page: Page):
    with proxied(served) as below:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for path in paths:
            settled(page, f"{below}/{path}")
            astray = [link for link in page.evaluate(LINKS) if not link.startswith((below + "/", "blob:", "data:"))]
            assert astray == [], path
        assert [url for url in asked if not url.startswith((below + "/", "blob:", "data:"))] == []
        settled(page, f"{below}/browse")
        page.get_by_role("button", name="Français").click()
        page.wait_for_load_state("networkidle")
        assert page.url.startswith(below)
        assert page.evaluate("document.documentElement.lang") == "fr"


def test_nothing_is_loaded_from_elsewhere(served: str, paths: list[str], page: Page):
    """Nor refused by the page's own policy: that is an error on the console, and these fail."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in paths:
        settled(page, f"{served}/{path}")
    assert asked
    assert [url for url in asked if not url.startswith((served + "/", "blob:", "data:"))] == []


def test_pages_are_shown_while_the_model_is_loaded(workspace: Path, chromium: Browser, monkeypatch: pytest.MonkeyPatch):
    may_load, load = threading.Event(), Model.load

    def slow_load(*arguments: object) -> Model:
        may_load.wait(300)
        return load(*arguments)

    monkeypatch.setattr(Model, "load", slow_load)
    with serving(ServerSettings(workspace), ready=False) as address, chromium.new_page() as page:
        try:
            assert page.request.get(f"{address}/readyz").status == 503
            page.goto(f"{address}/")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
        finally:
            may_load.set()
