"""The page of the review, as reviewers use it: by its keys, in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from rayonnage.web.settings import ServerSettings
from rayonnage.web.showing.plain_words import share_text
from rayonnage.web.showing.words import LANGUAGES, PageWords
from tests.support.predictions import predicted
from tests.support.served import get, serving
from tests.support.small_shop import coloured, make_shop

WAITING = 30
COPIES = (28, 29, 30)
"""Products with the same photo: one answer is for all of them."""
ANSWERS = re.compile("/v1/review/answers")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """A server, without a model, over a shop in which thirty products wait: 16 novels, 8 poems, 6 mugs."""
    rows, photos = [], {}
    for number in range(1, WAITING + 1):
        category = 1000 if number <= 16 else 1001 if number <= 24 else 2000
        title = f"Article {number}"
        rows.append(predicted(number, category, distance=3 - number / 20, title=title, text_read="READ HERE"))
        shade = 8 * COPIES[0] if number in COPIES else 8 * number
        photos[number] = [
            coloured((shade, 90, 40)),
            *([coloured((shade, 0, 200))] if number % 5 == 0 and number not in COPIES else []),
        ]
    workspace = make_shop(tmp_path, rows, photos)
    with serving(ServerSettings(workspace), ready=False) as address:
        yield address


def progress(served: str) -> dict[str, int]:
    answer = get(f"{served}/v1/review")
    assert answer.status_code == 200, answer.text
    return answer.json()


def title(page: Page) -> str:
    return page.locator("#product-title").inner_text()


def opened(page: Page, served: str) -> str:
    """The page with its first product; returns its title."""
    # Chromium looks at requests some moments after it was told to: from the start, or `answers` comes too late at times
    page.route(ANSWERS, lambda route: route.continue_())
    page.goto(f"{served}/review")
    expect(page.locator("#product")).to_be_visible()
    return title(page)


def all_sent(page: Page) -> None:
    """Wait until no answer is under way."""
    expect(page.locator("#notices")).to_have_attribute("data-unsent", "0")


def answers(page: Page, respond: Callable[[Route], None], times: int = 1) -> None:
    """Let something else respond to the next answers."""
    page.route(ANSWERS, respond, times=times)


@pytest.mark.parametrize("language", LANGUAGES)
def test_shares_read_as_the_server_writes_them(served: str, chromium: Browser, language: str):
    with closing(chromium.new_page(locale=language)) as page:
        page.goto(f"{served}/review")
        shares = [0, 0.0001, 0.004, 0.006, 0.014, 0.5, 0.949, 0.991, 0.994, 0.996, 0.99999]
        ask = "async (shares) => shares.map((await import('./static/review_words.js')).share)"
        shown = page.evaluate(ask, shares)
    # browsers know a narrower space
    assert [text.replace("\u202f", "\u00a0") for text in shown] == [
        share_text(share, PageWords(language)) for share in shares
    ]


def test_twenty_products_by_keyboard_alone(served: str, page: Page):
    before = opened(page, served)
    seen = [before]
    for key in ["Enter", "2", "p", "Enter", "1"] * 4:
        page.keyboard.press(key)
        expect(page.locator("#product-title")).not_to_have_text(before)
        before = title(page)
        seen.append(before)
    all_sent(page)
    assert len(set(seen)) == 21
    told = progress(served)
    assert told["answered"] == 20
    assert told["waiting"] == WAITING - 20
    # what bench/pages.py measures
    while page.evaluate("performance.getEntriesByName('review.next').length") < 20:
        page.wait_for_timeout(20)


def test_undo_and_skip(served: str, page: Page):
    first = opened(page, served)
    page.keyboard.press("Enter")
    second = title(page)
    assert second != first
    page.keyboard.press("u")
    expect(page.locator("#product-title")).to_have_text(first)
    all_sent(page)
    assert progress(served)["waiting"] == WAITING
    page.keyboard.press("s")
    expect(page.locator("#product-title")).to_have_text(second)
    all_sent(page)
    expect(page.locator("#progress")).to_contain_text("1 skipped")
    # undone although the answer is still under way
    held: list[Route] = []
    answers(page, lambda route: held.append(route))
    page.keyboard.press("Enter")
    page.keyboard.press("u")
    expect(page.locator("#product-title")).to_have_text(second)
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    all_sent(page)
    assert progress(served)["answered"] == 0


def test_looking_back_and_ahead_answers_nothing(served: str, page: Page):
    first = opened(page, served)
    page.keyboard.press("ArrowRight")
    assert title(page) != first
    page.keyboard.press("ArrowLeft")
    assert title(page) == first
    page.keyboard.press("Enter")
    second = title(page)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".answered")).to_contain_text("You gave")
    page.keyboard.press("2")
    assert title(page) == first
    page.keyboard.press("Enter")
    assert title(page) == second
    all_sent(page)
    assert progress(served)["waiting"] == WAITING - 1


def test_type_ahead_finds_any_category(served: str, page: Page):
    first = opened(page, served)
    page.keyboard.press("/")
    page.keyboard.type("guide")
    expect(page.get_by_role("option")).to_have_count(1)
    expect(page.get_by_role("option")).to_contain_text("GUIDE")
    page.keyboard.press("Enter")
    expect(page.locator("#product-title")).not_to_have_text(first)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".answered")).to_contain_text("TRAVEL › GUIDE")


def test_none_of_these(served: str, page: Page):
    first = opened(page, served)
    page.keyboard.press("n")
    expect(page.get_by_role("dialog")).to_contain_text("Wrong photos")
    page.keyboard.press("Escape")
    assert title(page) == first
    page.keyboard.press("n")
    page.keyboard.press("2")
    expect(page.locator("#product-title")).not_to_have_text(first)
    all_sent(page)
    assert progress(served)["none"] == 1


def test_digits_of_a_french_keyboard(served: str, page: Page):
    """`&` and `é` are typed there by the keys of 1 and 2 without Shift; `/` and `?` with it."""
    first = opened(page, served)
    press = """([key, code]) => document.body.dispatchEvent(
        new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true }))"""
    page.evaluate(press, ["é", "Digit2"])
    expect(page.locator("#product-title")).not_to_have_text(first)
    page.evaluate(press, ["?", "KeyM"])
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.evaluate(press, ["/", "Digit7"])
    expect(page.locator("#search")).to_be_visible()


def test_keys_with_modifiers_and_held_keys_answer_nothing(served: str, page: Page):
    first = opened(page, served)
    page.keyboard.press("Control+p")
    page.keyboard.press("Alt+1")
    assert title(page) == first
    page.keyboard.down("Enter")
    second = title(page)
    assert second != first
    page.keyboard.down("Enter")
    assert title(page) == second


def test_two_reviewers_never_get_the_same_product(served: str, page: Page, chromium: Browser):
    other = chromium.new_context(locale="en-GB").new_page()
    seen: dict[Page, list[str]] = {page: [opened(page, served)], other: [opened(other, served)]}
    for _ in range(6):
        for each in (page, other):
            before = title(each)
            each.keyboard.press("Enter")
            expect(each.locator("#product-title")).not_to_have_text(before)
            seen[each].append(title(each))
    assert set(seen[page]) & set(seen[other]) == set()
    other.context.close()


def test_a_refused_answer_comes_back(served: str, chromium: Browser):
    page = chromium.new_context(locale="en-GB").new_page()
    first = opened(page, served)
    problem = {
        "title": "answered meanwhile",
        "status": 409,
        "detail": "Anna answered it at 14:03: MUG",
        "field": "product_id",
    }
    answers(page, lambda route: route.fulfill(status=409, json=problem, content_type="application/problem+json"))
    page.keyboard.press("Enter")
    second = title(page)
    expect(page.locator(".toast.bad")).to_contain_text("Anna answered it at 14:03")
    # what is before the reviewer does not change under their finger
    assert title(page) == second
    page.keyboard.press("Enter")
    expect(page.locator("#product-title")).to_have_text(first)
    expect(page.locator("#product .warning")).to_contain_text("Anna answered it")
    page.context.close()


def test_answers_wait_for_a_server_that_is_away(served: str, chromium: Browser):
    page = chromium.new_context(locale="en-GB").new_page()
    first = opened(page, served)
    answers(page, lambda route: route.abort(), times=2)
    page.keyboard.press("Enter")
    assert title(page) != first
    expect(page.locator(".unsent")).to_contain_text("1 answer is not sent yet")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Send now").click()
    expect(page.locator(".unsent")).to_be_hidden()
    all_sent(page)
    assert progress(served)["answered"] == 2
    page.context.close()


def test_unsent_answers_survive_a_reload(served: str, chromium: Browser):
    page = chromium.new_context(locale="en-GB").new_page()
    warned: list[str] = []
    page.on("dialog", lambda dialog: (warned.append(dialog.type), dialog.accept()))
    opened(page, served)
    answers(page, lambda route: route.abort())
    page.keyboard.press("Enter")
    expect(page.locator(".unsent")).to_be_visible()
    page.reload()
    all_sent(page)
    assert warned == ["beforeunload"]
    assert progress(served)["answered"] == 1
    page.context.close()


def test_copies_are_answered_together(served: str, page: Page):
    opened(page, served)
    while not page.locator(".choice.copies").count():
        page.keyboard.press("s")
    page.keyboard.press("c")
    page.keyboard.press("Enter")
    expect(page.locator("#bulk h2")).to_have_text("3 products get this category")
    expect(page.locator("#bulk figure")).to_have_count(3)
    page.keyboard.press("Enter")
    expect(page.locator("#bulk")).to_be_hidden()
    expect(page.locator(".toast")).to_contain_text("3 products answered together")
    assert progress(served)["answered"] == 3
    page.keyboard.press("u")
    expect(page.locator(".toast")).to_contain_text("3 products wait again")
    assert progress(served)["answered"] == 0


def test_a_grid_by_keyboard(served: str, page: Page):
    page.goto(f"{served}/review/grid")
    expect(page.locator(".group .open").first).to_be_focused()
    expect(page.locator(".group").first).to_contain_text("16 wait")
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(16)
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    expect(page.locator(".tile").nth(1)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    page.keyboard.press(" ")
    expect(page.locator("#loupe img").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("15 confirmed, 1 left for one by one")
    assert progress(served)["answered"] == 15
    page.keyboard.press("u")
    expect(page.locator(".toast")).to_contain_text("15 products wait again")
    assert progress(served)["waiting"] == WAITING


def test_a_late_reply_does_not_take_the_place_of_what_is_looked_at(served: str, page: Page):
    """The list of groups, asked for anew by an undo, comes when a group has been opened."""
    held = []
    page.goto(f"{served}/review/grid")
    expect(page.locator(".group .open").first).to_be_focused()
    page.route("**/v1/review/groups*", lambda route: held.append(route))
    undone = {"count": 1, "act": 1, "cards": [], "progress": progress(served)}
    page.route("**/v1/review/undo*", lambda route: route.fulfill(json=undone))
    with page.expect_request("**/v1/review/groups*"):
        page.keyboard.press("u")
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(16)
    with page.expect_event("requestfinished", lambda request: "/groups" in request.url):
        held[0].continue_()
    # a request that ends later is heard of later
    page.evaluate("fetch(location.href).then((response) => response.text())")
    expect(page.locator("#grid")).to_be_visible()
    expect(page.locator("#groups")).to_be_hidden()


def test_the_sure_ones_are_accepted_together(served: str, page: Page):
    page.goto(f"{served}/review/grid")
    page.get_by_role("button", name="Accept the sure ones of MUG").click()
    slider = page.get_by_role("slider")
    slider.press("Home")
    expect(page.locator("#bulk h2")).to_have_text("6 products get this category")
    expect(page.locator("#bulk figure")).to_have_count(6)
    page.get_by_role("button", name="Accept 6 products").click()
    expect(page.locator(".toast")).to_contain_text("6 products answered together")
    assert progress(served)["answered"] == 6
    page.keyboard.press("u")
    expect(page.locator(".toast")).to_contain_text("6 products wait again")
    assert progress(served)["answered"] == 0


def test_nothing_waits(served: str, page: Page):
    page.goto(f"{served}/review/grid")
    for left in (14, 6, 0):
        expect(page.locator(".group .open").first).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".tile").first).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.locator("#progress")).to_contain_text(f"{left} product")
        expect(page.locator("#grid")).to_be_hidden()
    expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()
    page.goto(f"{served}/review")
    expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()


def test_a_photo_is_enlarged(served: str, page: Page):
    opened(page, served)
    page.keyboard.press("z")
    expect(page.locator("#zoom img")).to_be_visible()
    page.locator("#zoom img").click()
    assert "scale(2.5)" in (page.locator("#zoom img").get_attribute("style") or "")
    page.keyboard.press("Escape")
    expect(page.locator("#zoom")).to_be_hidden()
    page.locator(".photo").first.click()
    expect(page.locator("#zoom")).to_be_visible()


def test_a_key_is_heard_in_the_very_frame_in_which_a_dialog_closes(served: str, page: Page):
    before = opened(page, served)
    page.locator(".photo").first.click()
    expect(page.locator("#zoom")).to_be_visible()
    assert page.locator("#zoom button").evaluate("button => button === document.activeElement")
    # both in one task, as where a slow machine has not painted yet: the focus is still in the dialog that has closed
    page.evaluate("""() => {
      for (const key of ["Escape", "Enter"]) {
        const pressed = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
        document.activeElement.dispatchEvent(pressed);
      }
    }""")
    expect(page.locator("#zoom")).to_be_hidden()
    expect(page.locator("#product-title")).not_to_have_text(before)
    all_sent(page)
    assert progress(served)["answered"] == 1


def test_enter_accepts_after_a_click_elsewhere(served: str, page: Page):
    opened(page, served)
    page.locator(".photo").first.click()
    expect(page.locator("#zoom")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#zoom")).to_be_hidden()
    before = title(page)
    page.keyboard.press("Enter")
    expect(page.locator("#product-title")).not_to_have_text(before)
    page.get_by_role("button", name="Skip").click()
    expect(page.locator("#progress")).to_contain_text("1 skipped")
    before = title(page)
    page.keyboard.press("Enter")
    expect(page.locator("#product-title")).not_to_have_text(before)
    all_sent(page)
    assert progress(served)["answered"] == 2


def test_without_predictions_the_command_is_named(tmp_path: Path, chromium: Browser):
    workspace = make_shop(tmp_path, [predicted(1)], {1: [coloured((9, 9, 9))]})
    (tmp_path / "predictions" / "problems.json").unlink()
    with serving(ServerSettings(workspace), ready=False) as address:
        page = chromium.new_context(locale="en-GB").new_page()
        for path in ("review", "review/grid"):
            page.goto(f"{address}/{path}")
            expect(page.locator(".empty code")).to_contain_text("rayonnage predict")
        page.context.close()
