"""What a shop calls its categories, products and files never becomes markup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from catalog.tree.taxonomy import Taxonomy
from rayonnage.web.browsing.product_links import product_link
from rayonnage.web.settings import ServerSettings
from rayonnage.web.showing.rendering import NAVIGATION
from tests.support.predictions import predicted
from tests.support.served import serving
from tests.support.small_shop import coloured, make_shop

NAME = "<img src=x onerror=alert(1)>"
IDS = [f"{NAME}{n}" for n in range(4)]
PATHS = [*NAVIGATION.values(), "review/grid", f"browse?text={NAME}", product_link(IDS[0]), f"nowhere/{NAME}", "history"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A shop that calls everything by that name, served."""
    ids = (1000, 1001, 1002, 2000)
    tree = Taxonomy([(one, tuple(f"{NAME}{n}{level}" for level in range(3))) for n, one in enumerate(ids)])
    rows = [
        predicted(0)
        | {
            "product_id": one,
            "title": NAME,
            "text_read": NAME,
            "cat1": f"{NAME}00",
            "cat2": f"{NAME}01",
            "reason": "photo",
        }
        for one in IDS
    ]
    photos = {one: [coloured((90, 40 * n, 90), (60, 40))] for n, one in enumerate(IDS)}
    folder = tmp_path_factory.mktemp("hostile")
    with serving(ServerSettings(make_shop(folder, rows, photos, tree)), ready=False) as address:
        yield address


@pytest.mark.parametrize("path", sorted(set(PATHS)))
def test_names_stay_text(hostile: str, chromium: Browser, path: str):
    context = chromium.new_context(locale="en-GB")
    window = context.new_page()
    said: list[str] = []
    window.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    answer = window.goto(f"{hostile}/{path}")
    window.wait_for_load_state("networkidle")
    assert answer.status in (200, 404)
    assert "onerror" not in window.evaluate(
        "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).join()"
    )
    assert window.locator('img[src="x"]').count() == 0
    assert said == []
    if path == "review":
        assert NAME in window.locator("main").inner_text()
    context.close()


def test_a_file_called_so(tmp_path: Path, hostile: str, chromium: Browser):
    photo = tmp_path / f"{NAME}.jpg"
    photo.write_bytes(coloured((1, 2, 3)))
    context = chromium.new_context()
    window = context.new_page()
    window.goto(f"{hostile}/")
    window.locator("input[type=file]").first.set_input_files(photo)
    window.wait_for_timeout(500)
    assert window.locator('img[src="x"]').count() == 0
    context.close()
