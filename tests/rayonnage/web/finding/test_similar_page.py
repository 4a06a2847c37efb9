"""Similar products on a product's page and under Classify, in a browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from catalog.cli_options import no_bar
from catalog.runs.workspace import Workspace
from rayonnage.web.classifying.sample_products import EXAMPLES
from rayonnage.web.finding.workspace_index import WorkspaceIndex
from rayonnage.web.security.tokens import TokenFile
from rayonnage.web.settings import ServerSettings
from search.indexing.building import IndexOptions
from search.indexing.catalog_index import index_catalog
from search.query.index_search import IndexSearch
from tests.support.colour_embedder import colour_embedder
from tests.support.indexed_shop import BROKEN, ELSEWHERE, UNSEEN
from tests.support.served import PATIENCE_S, copied, get, serving


@pytest.fixture(scope="module")
def shop(indexed_shop: Path) -> Iterator[str]:
    """The indexed shop, served; no model answers there."""
    with serving(ServerSettings(indexed_shop), ready=False) as address:
        yield address


@pytest.fixture(scope="module")
def classified(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo, whose model answers, with an index of its training catalogue."""
    room = copied(demo / "demo", tmp_path_factory.mktemp("similar")) / "runs"
    workspace, options = Workspace(room), IndexOptions(overwrite=True)
    index_catalog(workspace, workspace.training_catalog(), colour_embedder(), options=options, bar=no_bar)
    with serving(ServerSettings(room)) as address:
        yield address


def filled(page: Page) -> None:
    expect(page.locator(".similar-box")).not_to_have_attribute("aria-busy", "true")


def test_a_products_page_shows_those_like_it(shop: str, page: Page):
    page.goto(f"{shop}/browse/products/3")
    filled(page)
    cards = page.locator(".similar li")
    expect(cards).to_have_count(2)
    expect(cards.first.locator(".alike")).to_have_text(re.compile(r"All but the same\s+100%"))
    expect(cards.first.locator(".where")).to_contain_text("GUIDE")
    expect(cards.first.locator(".where")).to_contain_text("BOOKS › TRAVEL")
    shown = {text.split()[-1] for text in cards.all_inner_texts()}
    assert "3" not in shown
    picture = cards.first.locator("img")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0
    with page.expect_popup() as popup:
        cards.first.locator("a").click()
    assert "side=1600" in popup.value.url


def test_a_product_that_is_in_no_index_is_searched_by_its_photos(shop: str, page: Page):
    page.goto(f"{shop}/browse/products/{UNSEEN}")
    filled(page)
    expect(page.locator(".similar li .id").first).to_have_text("5")


def test_one_of_another_catalogue_has_no_link(shop: str, page: Page):
    part = get(f"{shop}/browse/similar/{UNSEEN}").text
    assert f">{ELSEWHERE}<" not in part
    own = get(f"{shop}/browse/similar/4")
    assert own.status_code == 200
    [card] = [one for one in own.text.split("<li>") if f">{ELSEWHERE}<" in one]
    assert "href" not in card
    assert "pic none" in card


def test_in_french(shop: str, page: Page):
    page.context.add_cookies([{"name": "language", "value": "fr", "url": shop}])
    page.goto(f"{shop}/browse/products/3")
    filled(page)
    expect(page.locator("#similar")).to_have_text("Produits similaires du catalogue")
    expect(page.locator(".similar .alike").first).to_contain_text("Quasi identique")
    too_wide = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.className)"
    assert page.locator(".strip > li, .strip .alike").evaluate_all(too_wide) == []


def test_nothing_to_compare_and_nothing_there(shop: str):
    assert "No similar product was found." in get(f"{shop}/browse/similar/{BROKEN}").text
    assert get(f"{shop}/browse/similar/none").status_code == 404
    assert get(f"{shop}/browse/similar/{UNSEEN}?predictions=none").status_code == 404
    assert get(f"{shop}/similar?entry=other").json()["field"] == "entry"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_and_narrow(shop: str, chromium: Browser, scheme: str):
    context = chromium.new_context(
        bypass_csp=True,
        color_scheme=scheme,
        locale="fr",
        reduced_motion="reduce",
        viewport={"width": 360, "height": 740},
    )  # fmt: skip
    page = context.new_page()
    page.goto(f"{shop}/browse/products/3")
    filled(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_the_place_is_kept_while_others_are_searched(shop: str, page: Page, monkeypatch: pytest.MonkeyPatch):
    may_search, search = threading.Event(), IndexSearch.by_product

    def slow(*arguments: object) -> object:
        may_search.wait(PATIENCE_S)
        return search(*arguments)

    monkeypatch.setattr(IndexSearch, "by_product", slow)
    page.goto(f"{shop}/browse/products/3")
    expect(page.locator(".similar .skeleton").first).to_be_visible()
    before = page.locator("#why").bounding_box()
    may_search.set()
    filled(page)
    expect(page.locator(".similar li").first).to_be_visible()
    assert page.locator("#why").bounding_box() == before


@pytest.mark.parametrize(
    ("answers", "said"), [([503], "All but the same"), ([500], "Similar products cannot be shown at the moment.")]
)
def test_a_busy_search_is_asked_again_and_a_broken_one_is_told(
    shop: str, chromium: Browser, answers: list[int], said: str
):
    # not in the window that fails on errors of the console, where browsers note both
    context, left = chromium.new_context(locale="en-GB"), list(answers)
    page = context.new_page()
    page.route(
        "**/browse/similar/**",
        lambda route: route.fulfill(status=left.pop(0), headers={"Retry-After": "1"}) if left else route.fallback(),
    )
    page.goto(f"{shop}/browse/products/3")
    filled(page)
    expect(page.locator(".similar-box")).to_contain_text(said)
    context.close()


def test_without_an_index_the_command_is_told_to_those_on_this_machine(planned_shop: Path, page: Page, tmp_path: Path):
    with serving(ServerSettings(planned_shop), ready=False) as address:
        page.goto(f"{address}/browse/products/3")
        expect(page.locator(".similar-none code")).to_have_text(re.compile("^rayonnage search index CATALOG"))
        expect(page.locator(".similar")).to_have_count(0)
    tokens = TokenFile(tmp_path / "tokens.tsv")
    token = tokens.add("Anna")
    with serving(ServerSettings(planned_shop, tokens=tokens.path), ready=False) as address:
        headers = {"Authorization": f"Bearer {token}"}
        text = get(f"{address}/browse/products/3", headers=headers).text
        assert "search index" not in text
        assert "data-similar" not in text
        part = get(f"{address}/browse/similar/3", headers=headers).text
        assert "Similar products cannot be searched at the moment." in part
        assert "search index" not in part


def test_an_index_of_another_network_is_told(own_shop: Path, page: Page, monkeypatch: pytest.MonkeyPatch):
    newer = colour_embedder(name="other colours")
    monkeypatch.setattr("search.indexing.embedders.workspace_embedder", lambda workspace: newer)
    with serving(ServerSettings(own_shop), ready=False) as address:
        page.goto(f"{address}/browse/products/{UNSEEN}")
        expect(page.locator(".similar-box")).to_contain_text("vectors by colours")
        assert str(own_shop.parent) not in page.locator(".similar-box").inner_text()


def test_without_the_extra_it_is_told(own_shop: Path, page: Page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(WorkspaceIndex, "is_installed", False)
    with serving(ServerSettings(own_shop), ready=False) as address:
        page.goto(f"{address}/browse/products/3")
        expect(page.locator(".similar-none code")).to_have_text("pip install 'rayonnage[search]'")


def test_what_was_classified_is_followed_by_those_like_it(classified: str, page: Page):
    page.goto(classified)
    page.set_input_files("#files", [{"name": "m.jpg", "mimeType": "image/jpeg", "buffer": EXAMPLES[0].photo(0)}])
    page.click("#go")
    expect(page.locator(".told .badge")).to_be_visible()
    filled(page)
    cards = page.locator(".similar li")
    expect(cards.first).to_be_visible()
    assert 1 <= cards.count() <= 12
    # the answer opened again shows them, too
    page.reload()
    page.locator("#history .reopen").first.click()
    filled(page)
    expect(cards.first).to_be_visible()


def test_the_answer_does_not_wait_for_them(classified: str, page: Page, monkeypatch: pytest.MonkeyPatch):
    may_search, search = threading.Event(), IndexSearch.by_photos

    def slow(*arguments: object) -> object:
        may_search.wait(PATIENCE_S)
        return search(*arguments)

    monkeypatch.setattr(IndexSearch, "by_photos", slow)
    page.goto(classified)
    page.set_input_files("#files", [{"name": "n.jpg", "mimeType": "image/jpeg", "buffer": EXAMPLES[1].photo(0)}])
    page.click("#go")
    expect(page.locator(".told .badge")).to_be_visible()
    expect(page.locator(".similar .skeleton").first).to_be_visible()
    # nor does the next one
    page.fill("#title", "A novel")
    page.click("#go")
    expect(page.locator("#history tbody tr")).to_have_count(2)
    before = page.locator(".programs").bounding_box()
    may_search.set()
    filled(page)
    assert page.locator(".programs").bounding_box() == before


def test_a_title_alone_has_none_like_it(classified: str, page: Page):
    page.goto(classified)
    page.fill("#title", "Grand mug bleu")
    page.click("#go")
    expect(page.locator(".told .badge")).to_be_visible()
    expect(page.locator(".similar")).to_have_count(0)
