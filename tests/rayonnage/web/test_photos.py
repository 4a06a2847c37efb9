"""Photos of products, as the pages show them."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from rayonnage.web.browsing.product_links import photo_link
from rayonnage.web.settings import ServerSettings
from tests.support.predictions import predicted
from tests.support.served import PATIENCE_S, serving
from tests.support.small_shop import coloured, make_shop, md5_of

RED, BLUE = coloured((200, 30, 30), (900, 600)), coloured((30, 30, 200))
BROKEN = b"no photo at all"
IDS = [1, "a/b", "..", ".", "é ?&#%20+", "00123", "<b>x</b>"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("shop")
    photos: dict[object, list[bytes]] = {one: [RED, BLUE] for one in IDS} | {7: [BROKEN], 8: []}
    rows = [predicted(0) | {"product_id": one} for one in photos]
    workspace = make_shop(folder, rows, photos)
    # a real server: how a path is decoded is a part of what is tested
    with (
        serving(ServerSettings(workspace), ready=False) as address,
        httpx.Client(base_url=address, timeout=PATIENCE_S) as client,
    ):
        yield client


@pytest.mark.parametrize("product_id", IDS)
def test_ids_of_any_text(client: httpx.Client, product_id: int | str):
    answer = client.get("/" + photo_link(product_id, 1, 480))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.size == (480, 320)
    assert answer.content != RED
    assert answer.headers["etag"] == f'"{md5_of(RED)}-480"'
    assert answer.headers["cache-control"].startswith("private, max-age=")


def test_none_is_enlarged(client: httpx.Client):
    answer = client.get("/" + photo_link(1, 2, 1600))
    assert Image.open(io.BytesIO(answer.content)).size == (300, 200)


def test_same_photo_is_not_sent_again(client: httpx.Client):
    first = client.get("/" + photo_link(1, 1, 160))
    again = client.get("/" + photo_link(1, 1, 160), headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_photo_that_cannot_be_shown_is_a_drawing(client: httpx.Client):
    answer = client.get("/" + photo_link(7, 1))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "etag" not in answer.headers


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        (photo_link(99, 1), 404, "product_id"),
        (photo_link(8, 1), 404, "n"),
        (photo_link(1, 3), 404, "n"),
        (photo_link(1, 1, 500), 422, "side"),
        ("photos/1/5", 422, "path.n"),
        ("photos/1/one", 422, "path.n"),
        ("photos/%00/1", 422, "product_id"),
        (photo_link(1, 1, predictions="nowhere"), 404, "predictions"),
        (photo_link(1, 1, catalog="training"), 404, "catalog"),
        (photo_link(1, 1, catalog="other"), 422, "query.catalog"),
    ],
)
def test_bad_requests_say_what_is_wrong(client: httpx.Client, path: str, status: int, field: str):
    answer = client.get("/" + path)
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
