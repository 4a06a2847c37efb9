"""Products filtered and looked at: the lists against a slow, obvious version, and the pages in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Locator, Page, expect

from catalog.runs.workspace import Workspace
from catalog.tree.folded_words import folded
from fusion.decide import Decision
from fusion.prediction.predicted_product import PredictedProduct
from fusion.prediction.predicted_products import PredictedProducts
from rayonnage.web.browsing.product_filter import ProductFilter, ProductOrder, matching
from rayonnage.web.browsing.product_links import product_link
from rayonnage.web.pages.asked_filter import address_of
from rayonnage.web.places import KnownPredictions
from rayonnage.web.settings import ServerSettings
from tests.support.predictions import TREE, predicted
from tests.support.served import get, post, serving
from tests.support.small_shop import coloured, make_shop

FRENCH = {"accept-language": "fr"}
ODD = "a/b <i>x</i>"
TITLES = ["", "Blue mug", "GUIDE bleu", "été à la mer", "Cœur de Straße", "e\u0301te\u0301", "100% (sure)"]
EXPERTS = ["mosaic", "text", "copies"]
LAST_SEARCH = "**/v1/tree/search?q=poetri*"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty products, of every kind of row that a filter tells apart."""
    rng = np.random.default_rng(0)
    photos = [coloured(tuple(rng.integers(0, 255, 3).tolist()), (60, 40)) for _ in range(5)]
    rows, photos_of = [], {}
    for i in range(60):
        ident = ODD if i == 7 else f"p{i}"
        leaf = int(rng.choice([1000, 1001, 1002, 2000]))
        votes = [
            {"expert": name, "category_id": int(rng.choice([leaf, 2000])), "probability": 0.5}
            for name in EXPERTS if rng.random() < 0.7
        ]  # fmt: skip
        decision = str(rng.choice(["accept", "parent", "review"]))
        row = predicted(0, leaf, decision, float(rng.choice([0.0, 0.3, 1.2, 2.1])), votes=votes)
        rows.append(row | {"product_id": ident, "title": TITLES[i % 7], "text_read": ["", "Roman"][i % 2]})
        photos_of[ident] = [photos[k] for k in rng.permutation(5)[: i % 5]][:4]
    return make_shop(tmp_path_factory.mktemp("shop"), rows, photos_of)


@pytest.fixture(scope="module")
def products(workspace: Path) -> PredictedProducts:
    return KnownPredictions(Workspace(workspace)).open()


@pytest.fixture(scope="module")
def served(workspace: Path) -> Iterator[str]:
    with serving(ServerSettings(workspace), ready=False) as address:
        yield address


def passes(one: PredictedProduct, wanted: ProductFilter) -> bool:
    """Slow and obvious."""
    sure = np.float32(one.probabilities[-1])
    texts = [str(one.product_id), one.title, one.text_read]
    return all([
        not wanted.level or int(TREE.ancestor(wanted.level)[one.leaf]) == wanted.node,
        wanted.decision in (None, one.decision),
        np.float32(wanted.at_least) <= sure <= np.float32(wanted.at_most),
        not wanted.dissent or any(v.expert == wanted.dissent and v.leaf != one.leaf for v in one.votes),
        wanted.images in (None, one.n_images),
        not wanted.text or any(folded(wanted.text) in folded(text) for text in texts),
    ])  # fmt: skip


FILTERS = st.builds(
    ProductFilter,
    level=st.integers(0, 3), node=st.integers(0, 1), decision=st.sampled_from([None, *Decision]),
    at_least=st.sampled_from([0.0, 0.3, 0.9]), at_most=st.sampled_from([1.0, 0.9, 0.5]),
    dissent=st.sampled_from(["", *EXPERTS, "title"]), images=st.sampled_from([None, 0, 1, 4]),
    text=st.sampled_from(["", "BLEU", "roman", "P1", "été", "ETE", "coeur", "Stras", "SSE", "%", "(", ".*", "nothing"]),
    order=st.sampled_from(ProductOrder),
)  # fmt: skip


@given(wanted=FILTERS)
def test_filters_are_those_of_the_obvious_version(products: PredictedProducts, wanted: ProductFilter):
    rows = matching(products, wanted)
    everything = products.take(np.arange(len(products)))
    assert sorted(rows.tolist()) == [one.position for one in everything if passes(one, wanted)]
    sure = products.confidences[rows]
    if wanted.order is ProductOrder.TABLE:
        assert (np.diff(rows) > 0).all()
    else:
        assert (np.diff(sure) >= 0 if wanted.order is ProductOrder.LEAST_SURE else np.diff(sure) <= 0).all()


@given(wanted=FILTERS)
def test_addresses_keep_the_filter(wanted: ProductFilter):
    from starlette.requests import Request

    from rayonnage.web.pages.asked_filter import asked_filter

    if wanted.level == 0:
        wanted = ProductFilter(**{**vars(wanted), "node": 0})
    query = address_of(wanted, TREE).partition("?")[2]
    asked = asked_filter(Request({"type": "http", "query_string": query.encode(), "headers": []}), TREE)
    assert asked == wanted


@pytest.mark.parametrize(
    "query",
    ["in=999", "in=1000&level=99", "level=2", "from=-1&to=1e9", "from=٣", "images=9", "decision=x", "dissent=' or 1",
     "text=" + "x" * 500, "page=1000000", "order=", "from=99999999999999999999", "from=00" + "9" * 400,
     "to=0100" + "0" * 5000],
)  # fmt: skip
def test_odd_addresses_show_a_page(served: str, query: str):
    assert get(f"{served}/browse?{query}").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("browse?page=0", 422), ("browse?predictions=none", 404), ("browse/products/none", 404),
     ("v1/products/none", 404), ("v1/products/p1?predictions=none", 404), ("browse/explanations/p1", 503),
     ("v1/products/%00", 422), ("browse?in=%00", 422)],
)  # fmt: skip
def test_bad_requests(served: str, path: str, status: int):
    assert get(f"{served}/{path}").status_code == status


def test_product_over_http(served: str, products: PredictedProducts):
    row = products[products.position(ODD)]
    found = get(f"{served}/v1/{product_link(ODD).removeprefix('browse/')}").json()
    assert (found["product_id"], found["decision"], found["title"]) == (ODD, row.decision, row.title)
    assert found["best"]["path"] == list(TREE.paths[row.leaf])
    assert len(found["votes"]) == len(row.votes)
    for link in found["photos"]:
        assert get(f"{served}/{link}").headers["content-type"] == "image/jpeg"


def test_look_through_the_tree(served: str, page: Page):
    page.goto(f"{served}/browse")
    expect(page.get_by_role("status").filter(has_text="of 60 products")).to_be_visible()
    page.get_by_role("link", name="KITCHEN").click()
    page.get_by_role("link", name="CUPS").click()
    expect(page).to_have_url(f"{served}/browse?in=2000&level=2")
    page.get_by_label("Decision").select_option("review")
    expect(page).to_have_url(f"{served}/browse?in=2000&level=2&decision=review")
    page.go_back()
    expect(page.get_by_label("Decision")).to_have_value("")


def test_text_swaps_the_list(served: str, page: Page):
    page.goto(f"{served}/browse")
    page.get_by_label("Title, text or id").press_sequentially("<i>")
    expect(page.get_by_role("status").filter(has_text="1–1 of 1 products")).to_be_visible()
    expect(page.get_by_label("Title, text or id")).to_be_focused()
    page.locator(".products a").click()
    expect(page).to_have_url(f"{served}/{product_link(ODD)}")
    expect(page.locator("main i")).to_have_count(0)


def test_without_a_script(served: str, chromium):
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(f"{served}/browse?text=roman")
    page.get_by_label("Order").select_option("surest")
    page.get_by_role("button", name="Show").click()
    assert "order=surest" in page.url
    assert "text=roman" in page.url
    assert page.get_by_label("Title, text or id").input_value() == "roman"
    context.close()


def test_answer_that_stands_is_shown(served: str):
    answer = {"product_id": "p2", "kind": "category", "category_id": 1002}
    kept = post(f"{served}/v1/review/answers", json=answer)
    assert kept.status_code == 200, kept.text
    answered = "a répondu le"
    assert "relecture\N{NO-BREAK SPACE}: " in get(f"{served}/browse", headers=FRENCH).text
    told = get(f"{served}/{product_link('p2')}", headers=FRENCH).text
    assert answered in told
    assert "<strong>BOOKS › TRAVEL › GUIDE</strong>" in told
    post(f"{served}/v1/review/undo", json={"act": kept.json()["act"]})
    assert answered not in get(f"{served}/{product_link('p2')}", headers=FRENCH).text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"kind": "parent", "level": 1}, "La catégorie parente seulement\N{NO-BREAK SPACE}: {parent}"),
        ({"kind": "none", "why_none": "no_product"}, "Pas un produit"),
    ],
)
def test_other_answers_stand_in_words(served: str, products: PredictedProducts, answer: dict[str, object], said: str):
    parent = TREE.paths[products[products.position("p3")].leaf][0]
    kept = post(f"{served}/v1/review/answers", json={"product_id": "p3", **answer})
    assert kept.status_code == 200, kept.text
    told = get(f"{served}/{product_link('p3')}", headers=FRENCH).text
    assert f"<strong>{said.format(parent=parent)}</strong>" in told
    post(f"{served}/v1/review/undo", json={"act": kept.json()["act"]})


def test_sources_are_told_in_words(served: str, products: PredictedProducts):
    row = next(one for one in products.take(np.arange(len(products))) if len(one.votes) == len(EXPERTS))
    told = get(f"{served}/{product_link(row.product_id)}", headers=FRENCH).text
    rows = re.findall(r'<th scope="row">(.*?)<br>', told)
    assert rows == ["Photos", "Texte lu sur les photos", "Copies connues"]


def test_correction_asks_the_review(served: str, page: Page):
    sent = []

    def answered(route) -> None:
        sent.append((route.request.url.rsplit("/", 1)[1], route.request.post_data_json))
        route.fulfill(json={"act": 5, "count": 1})

    page.route("**/v1/review/*", answered)
    page.goto(f"{served}/{product_link('p1')}")
    box = page.get_by_role("combobox", name="Category")
    box.press_sequentially("poetri")
    expect(page.get_by_role("option")).to_have_count(1)
    box.press("Enter")
    expect(page.get_by_text("Kept: BOOKS › FICTION › POETRY")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back.")).to_be_visible()
    assert [name for name, _ in sent] == ["answers", "undo"]
    assert (sent[0][1]["product_id"], sent[0][1]["kind"], sent[0][1]["category_id"]) == ("p1", "category", 1001)
    assert sent[1][1] == {"act": 5}


def typed_with_a_search_under_way(served: str, page: Page) -> Locator:
    """The box of a product's page: the list shows what four letters found, and six are being searched for."""
    page.goto(f"{served}/{product_link('p1')}")
    box = page.get_by_role("combobox", name="Category")
    box.press_sequentially("poet")
    expect(page.get_by_role("option")).to_contain_text("POETRY")
    with page.expect_request(LAST_SEARCH):
        box.press_sequentially("ri")
    return box


def test_correction_means_what_was_typed_last(served: str, page: Page):
    """Enter right after the last letter, while the list still shows what the letters before it found."""
    sent, held = [], []

    def answered(route) -> None:
        sent.append(route.request.post_data_json["category_id"])
        route.fulfill(json={"act": 5, "count": 1})

    page.route("**/v1/review/answers*", answered)
    page.route(LAST_SEARCH, lambda route: held.append(route))
    box = typed_with_a_search_under_way(served, page)
    with page.expect_request(LAST_SEARCH):
        box.press("Enter")
    held[-1].fulfill(json=[{"category_id": 2000, "path": ["KITCHEN", "CUPS", "MUG"]}])
    expect(page.get_by_text("Kept: KITCHEN › CUPS › MUG")).to_be_visible()
    expect(page.get_by_role("option")).to_have_count(0)
    assert sent == [2000]


def test_search_under_way_ends_when_a_category_is_chosen(served: str, page: Page):
    page.route("**/v1/review/answers*", lambda route: route.fulfill(json={"act": 5, "count": 1}))
    page.route(LAST_SEARCH, lambda route: None)
    typed_with_a_search_under_way(served, page)
    with page.expect_event("requestfailed", timeout=10_000):
        page.get_by_role("option").click()
    expect(page.get_by_text("Kept: BOOKS › FICTION › POETRY")).to_be_visible()
    expect(page.get_by_role("option")).to_have_count(0)
