"""The page that classifies, as somebody uses it who has never seen it."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import FilePayload, Page, expect

from rayonnage.web.classifying.sample_products import EXAMPLES
from rayonnage.web.settings import ServerSettings
from tests.support.served import copied, get, post, serving

NOVEL, MUG = EXAMPLES[1], EXAMPLES[0]
GIVE = """([type, photos]) => {
    const data = new DataTransfer();
    for (const [name, base64] of photos)
        data.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], name, {type: "image/jpeg"}));
    const event = type === "paste" ? new ClipboardEvent(type, {clipboardData: data, bubbles: true, cancelable: true})
        : new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true});
    document.getElementById("drop").dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def served(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo, served."""
    folder = copied(demo / "demo", tmp_path_factory.mktemp("classify"))
    # not waited for: the first page is shown while the model still loads
    with serving(ServerSettings(folder / "runs"), ready=False) as address:
        yield address


def file(name: str, photo: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": photo}


def choose(page: Page, *names: str) -> None:
    page.set_input_files("#files", [file(name, NOVEL.photo(place % 2)) for place, name in enumerate(names)])


def order(page: Page) -> list[str]:
    return [str(alt).split(": ")[1] for alt in page.locator("#tray img").evaluate_all("all => all.map(one => one.alt)")]


def answered(page: Page) -> None:
    expect(page.locator(".told .badge")).to_be_visible()


def test_three_actions_and_the_page_goes_on_by_itself_when_the_model_is_there(served: str, page: Page):
    page.goto(served)
    choose(page, "front.jpg")
    page.click("#go")
    answered(page)
    expect(page.locator("#loading")).to_be_hidden()
    expect(page.locator(".told .badge")).to_have_text(re.compile("Accepted|Sure only of the parent category|To review"))
    expect(page.locator("#said")).not_to_be_empty()
    expect(page.locator(".candidates > li")).to_have_count(4)
    assert page.locator(".why li").count() >= 2


def test_photos_are_chosen_pasted_dropped_ordered_and_removed(served: str, page: Page):
    page.goto(served)
    choose(page, "a.jpg", "b.jpg")
    for kind, name in (("paste", "c.jpg"), ("drop", "d.jpg")):
        page.evaluate(GIVE, [kind, [[name, base64.b64encode(MUG.photo(0)).decode()]]])
    assert order(page) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    page.evaluate(GIVE, ["drop", [["e.jpg", ""]]])
    expect(page.locator(".toast")).to_have_text("A product has at most 4 photos.")
    page.get_by_label("Move photo 3 forward").press("Enter")
    assert order(page) == ["a.jpg", "c.jpg", "b.jpg", "d.jpg"]
    expect(page.locator("#said")).to_have_text("Photo 3 is now in place 2.")
    expect(page.get_by_label("Move photo 2 forward")).to_be_focused()
    tiles = page.locator("#tray img")
    start, end = tiles.nth(3).bounding_box(), tiles.nth(0).bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 60, start["y"] + 60)
    page.mouse.down()
    page.mouse.move(end["x"] + 70, end["y"] + 70, steps=8)
    page.mouse.up()
    assert order(page)[0] == "d.jpg"
    expect(page.locator("#tray .place").first).to_have_text("Main photo")
    page.get_by_label("Remove photo 1").click()
    assert "d.jpg" not in order(page)
    page.set_input_files("#files", [{"name": "list.txt", "mimeType": "text/plain", "buffer": b"no photo"}])
    expect(page.locator(".toast").last).to_have_text("list.txt is not a photo.")
    assert len(order(page)) == 3


def test_words_that_were_read_stand_on_the_photos(served: str, page: Page):
    page.goto(served)
    page.get_by_role("button", name="A novel").click()
    answered(page)
    words = page.locator(".read .word")
    if not words.count():
        pytest.skip("this small demo's model reads no text on this cover")
    number = words.first.get_attribute("data-word")
    frame = page.locator(f'.seen rect[data-word="{number}"]')
    words.first.focus()
    expect(frame).to_have_class("on")
    words.first.blur()
    expect(frame).not_to_have_class("on")
    box, photo = frame.bounding_box(), page.locator(".seen").first.bounding_box()
    assert box is not None
    assert photo is not None
    assert photo["x"] - 2 <= box["x"] <= box["x"] + box["width"] <= photo["x"] + photo["width"] + 8


def test_history_survives_a_reload_is_opened_again_downloaded_and_deleted(served: str, page: Page):
    page.goto(served)
    choose(page, "=cmd.jpg")
    page.fill("#title", "<b>=1+1</b>")
    page.click("#go")
    answered(page)
    decision = page.locator(".told .badge").inner_text()
    page.get_by_text("More options").click()
    page.select_option("#top", "2")
    expect(page.locator(".candidates > li")).to_have_count(2)
    expect(page.locator("#history tbody tr")).to_have_count(2)
    page.reload()
    rows = page.locator("#history tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first.locator(".name")).to_have_text("<b>=1+1</b>")
    expect(rows.first.locator("img")).to_have_count(1)
    rows.first.locator(".reopen").click()
    answered(page)
    assert page.locator(".told .badge").inner_text() == decision
    expect(page.locator(".candidates > li")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 2
    assert lines[0]["photos"] == "'=cmd.jpg"
    assert 0 < float(lines[0]["probability"]) <= 1
    rows.first.locator("[data-forget]").click()
    expect(rows).to_have_count(1)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete all").click()
    expect(page.get_by_text("What you classify is listed here.")).to_be_visible()
    page.reload()
    expect(rows).to_have_count(0)


def test_the_same_for_a_program(served: str, page: Page):
    page.goto(served)
    page.set_input_files("#files", [file('it\'s; a "mug".jpg', MUG.photo(0))])
    page.fill("#title", "@mug's")
    page.click("#go")
    answered(page)
    page.get_by_text("The same for a program").click()
    expect(page.locator("#json")).to_contain_text('"decision"')
    told = json.loads(page.locator("#json").inner_text())["answers"][0]
    assert told["n_images"] == 1
    assert len(told["candidates"]) == 4
    words = shlex.split(page.locator("#curl").inner_text().replace("\\\n", " "))
    assert words[:2] == ["curl", f"{served}/v1/predict"]
    assert 'photos=@"it\'s; a \\"mug\\".jpg"' in words
    assert words[words.index("--form-string") + 1] == "title=@mug's"
    with page.expect_download() as download:
        page.locator("#json-file").click()
    assert json.loads(Path(download.value.path()).read_text())["answers"][0] == told


def test_a_product_at_random_and_an_example_of_the_instructions(served: str, page: Page):
    page.goto(served)
    page.get_by_role("button", name="A product of the catalogue at random").click()
    answered(page)
    assert 1 <= len(order(page)) <= 4
    page.get_by_role("button", name="One at random").click()
    expect(page.locator("#history tbody tr")).to_have_count(2)
    page.goto(f"{served}/help")
    assert served in page.locator("[data-address]").first.inner_text()
    page.get_by_role("link", name="A mug").click()
    answered(page)
    assert order(page) == ["mug-1.jpg", "mug-2.jpg"]


def test_a_product_that_comes_late_does_not_take_the_place_of_the_next(served: str, page: Page):
    held = []
    page.goto(served)
    page.route("**/random", lambda route: held.append(route), times=1)
    with page.expect_request("**/random"):
        page.get_by_role("button", name="A product of the catalogue at random").click()
    page.locator("[data-example]").first.click()
    answered(page)
    shown = order(page)
    held[0].fulfill(json={"title": "late", "description": "", "photos": []})
    # a request that ends later is heard of later
    page.evaluate("fetch(location.href).then((response) => response.text())")
    assert order(page) == shown
    expect(page.get_by_label("Title")).not_to_have_value("late")


def test_the_language_is_chosen_and_one_returns_to_the_page(served: str, page: Page):
    page.goto(f"{served}/help?x=1")
    page.get_by_role("button", name="Français").click()
    expect(page.locator("h1")).to_have_text("Comment ça marche")
    assert page.url == f"{served}/help?x=1"
    page.goto(served)
    expect(page.locator("#go")).to_have_text("Classer")


def test_light(served: str, page: Page):
    sizes: list[int] = []
    page.on(
        "response", lambda answer: sizes.append(len(answer.body())) if answer.request.resource_type != "image" else None
    )
    page.goto(served)
    page.wait_for_load_state("networkidle")
    assert sum(sizes) < 80_000


@pytest.mark.parametrize(
    "back", ["//elsewhere.example/x", "https://elsewhere.example", "\\\\elsewhere.example", "a\r\nb: c"]
)
def test_nobody_is_sent_elsewhere(served: str, back: str):
    answer = post(f"{served}/language", data={"language": "fr", "back": back})
    assert answer.status_code == 303
    assert httpx.URL(answer.url).join(answer.headers["location"]).host == "127.0.0.1"
    assert "b" not in answer.headers


def test_what_is_refused_says_why(served: str):
    photo = ("photos", ("a.jpg", MUG.photo(0), "image/jpeg"))
    refused = [
        (post(f"{served}/classify", data={"title": " "}), 422, "photos"),
        (post(f"{served}/classify", files=[photo] * 5), 422, "photos"),
        (post(f"{served}/classify", files=[photo], data={"top": "11"}), 422, "top"),
        (get(f"{served}/answer?entry=other"), 404, "entry"),
        (get(f"{served}/answer.json?entry=other"), 404, "entry"),
        (get(f"{served}/example?number=99"), 404, "number"),
        (post(f"{served}/language", data={"language": "xx"}), 422, "language"),
    ]
    for answer, status, field in refused:
        assert (answer.status_code, answer.json()["field"]) == (status, field)


def test_a_photo_that_cannot_be_opened_is_named(served: str, page: Page):
    page.goto(served)
    page.set_input_files("#files", [file("good.jpg", MUG.photo(0)), file("bad.jpg", b"\xff\xd8nothing")])
    page.click("#go")
    answered(page)
    expect(page.locator(".why")).to_contain_text("Photo 2 cannot be opened and was left out.")
