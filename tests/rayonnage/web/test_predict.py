"""`POST /v1/predict`."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import rayonnage
from catalog.catalog import Catalog
from fusion.decide import Decision
from fusion.prediction.answers import Answer, Candidate
from rayonnage.web.api.predict_types import PlacedProduct
from rayonnage.web.settings import RequestLimits, ServerSettings
from tests.support.predictions import TREE
from tests.support.served import PATIENCE_S, serving

LIMITS = RequestLimits(products=64, photo_bytes=2 * 2**20)


@pytest.fixture(scope="module")
def served(demo: Path) -> Iterator[httpx.Client]:
    with (
        serving(ServerSettings(demo / "demo" / "runs", limits=LIMITS)) as address,
        httpx.Client(base_url=address, timeout=PATIENCE_S) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def products(demo: Path) -> list:
    return Catalog(demo / "demo" / "catalogue" / "test.bson").take(range(30))


def as_json(product) -> dict:
    photos = [base64.b64encode(photo).decode() for photo in product.images]
    return {"photos": photos, "title": product.title, "description": product.description}


def refused(response: httpx.Response, status: int, field: str | None) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem.get("field") == field, problem
    return problem


def test_every_answer_is_the_models(served: httpx.Client, products: list, demo: Path):
    response = served.post("/v1/predict", json={"products": [as_json(product) for product in products]})
    assert response.status_code == 200, response.text
    answers = response.json()["answers"]
    with rayonnage.load(demo / "demo" / "runs") as model:
        for product, answer in zip(products, answers, strict=True):
            [alone] = model.predict(
                [{"photos": list(product.images), "title": product.title, "description": product.description}]
            )
            assert answer["decision"] == alone.decision
            assert answer["given"] == list(alone.given)
            assert answer["reason"] == alone.reason
            assert answer["text_read"] == alone.text_read
            assert answer["n_images"] == len(product.images)
            assert [one["category_id"] for one in answer["candidates"]] == [c.category_id for c in alone.candidates]
            assert [one["path"] for one in answer["candidates"]] == [list(c.path) for c in alone.candidates]
            found = [one["probability"] for one in answer["candidates"]]
            assert found == pytest.approx([c.probability for c in alone.candidates], abs=1e-5)
            assert answer["probabilities"] == pytest.approx(alone.probabilities, abs=1e-5)


def test_form_and_json_say_the_same_and_the_second_comes_from_the_cache(served: httpx.Client, products: list):
    product = next(one for one in products if len(one.images) == 4)
    files = [("photos", (f"{n}.jpg", photo)) for n, photo in enumerate(product.images)]
    texts = {"title": product.title, "description": product.description}
    form = served.post("/v1/predict", files=files, data={**texts, "top": 3}).json()["answers"]
    twice = served.post("/v1/predict", json={"products": [as_json(product)], "top": 3}).json()["answers"]
    assert len(form[0]["candidates"]) == 3
    assert twice == [form[0] | {"cached": True}]
    turned = served.post("/v1/predict", files=files[::-1], data=texts).json()["answers"]
    assert not turned[0]["cached"]
    counted = served.get("/metrics").text
    assert "rayonnage_cached_answers_total" in counted
    assert 'rayonnage_seconds_count{stage="queue"}' in counted
    assert "rayonnage_accepted_share" in counted


def test_an_unreadable_photo_is_its_products_problem(served: httpx.Client, products: list):
    good = base64.b64encode(products[0].images[0]).decode()
    bad = base64.b64encode(b"no photo").decode()
    answers = served.post("/v1/predict", json={"products": [{"photos": [good, bad]}, {"photos": [bad]}]}).json()
    first, second = answers["answers"]
    assert [(problem["photo"], problem["kind"]) for problem in first["problems"]] == [(1, "unreadable_photo")]
    assert (first["n_images"], first["n_readable"]) == (2, 1)
    assert second["decision"] == "review"
    alone = served.post("/v1/predict", json={"products": [{"photos": [bad]}]})
    refused(alone, 422, "products[0].photos[0]")
    refused(served.post("/v1/predict", files={"photos": b"no photo"}), 422, "photos[0]")


def test_a_title_is_enough(served: httpx.Client):
    [answer] = served.post("/v1/predict", data={"title": "Grand mug bleu"}, files={"photos": b"x"}).json()["answers"]
    assert answer["n_images"] == 1
    [answer] = served.post("/v1/predict", json={"products": [{"title": "Grand mug bleu"}]}).json()["answers"]
    assert answer["n_images"] == 0
    assert answer["decision"] == "review"


WRONG = [
    ({"products": []}, "products"),
    ({"products": [{"photos": []}]}, "products[0].photos"),
    ({"products": [{"title": "mug"}, {"photos": ["!"]}]}, "products[1].photos[0]"),
    ({"products": [{"photos": ["aGk=", 7]}]}, "products[0].photos[1]"),
    ({"products": [{"photos": ["https://shop.example/a.jpg"]}]}, "products[0].photos[0]"),
    ({"products": [{"photos": [""]}]}, "products[0].photos[0]"),
    ({"products": [{"photos": ["aGk="] * 5}]}, "products[0].photos"),
    ({"products": [{"title": "mug"}] * 65}, "products"),
    ({"products": [{"title": "mug"}], "top": 0}, "top"),
    ({"products": [{"title": "mug"}], "lang": "English"}, "lang"),
    ({"products": [{"title": "mug", "url": "file:///etc/passwd"}]}, "products[0].url"),
    ([], None),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_wrong_json_is_told_by_its_field(served: httpx.Client, body: object, field: str | None):
    refused(served.post("/v1/predict", json=body), 422, field)


def test_wrong_bodies(served: httpx.Client, products: list):
    refused(served.post("/v1/predict", content=b"<xml/>", headers={"content-type": "text/xml"}), 415, None)
    refused(served.post("/v1/predict", content=b"{", headers={"content-type": "application/json"}), 422, None)
    refused(served.post("/v1/predict", data={"photos": "a.jpg"}, files={"title": (None, "mug")}), 422, "photos[0]")
    refused(served.post("/v1/predict", data={"titel": "mug"}, files={"photos": b"x"}), 422, "titel")
    refused(served.post("/v1/predict", files={"title": b"mug"}), 422, "title")
    refused(served.post("/v1/predict", data={"top": "all"}, files={"photos": b"x"}), 422, "top")
    refused(served.post("/v1/predict", files=[("photos", b"x")] * 5), 422, None)
    refused(served.post("/v1/predict", content=b"x", headers={"content-type": "multipart/form-data"}), 422, None)
    large = b"\xff\xd8" + bytes(LIMITS.photo_bytes)
    refused(served.post("/v1/predict", files={"photos": large}), 413, "photos[0]")
    text = base64.b64encode(large).decode()
    refused(served.post("/v1/predict", json={"products": [{"photos": [text]}]}), 413, "products[0].photos[0]")
    assert 'rayonnage_refused_requests_total{status="413"}' in served.get("/metrics").text


def test_no_upload_lies_on_disk(served: httpx.Client, products: list, monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: object, **settings: object) -> None:
        raise AssertionError("a temporary file")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", refuse)
    photo = products[0].images[0] + bytes(3 * 2**19)
    response = served.post("/v1/predict", files=[("photos", photo)], data={"title": "mug"})
    assert response.status_code == 200, response.text


def test_the_api_is_described(served: httpx.Client):
    api = served.get("/openapi.json").json()
    body = api["paths"]["/v1/predict"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"]["properties"]["products"]["maxItems"] == 64
    assert "$ref" not in json.dumps(body)
    assert api["components"]["schemas"]["PlacedProduct"]["examples"]


def test_ids_that_browsers_would_round_are_texts():
    path, shares = TREE.paths[0], (0.9, 0.8, 0.7)
    best = Candidate(2**53 + 1, path, 0.7, shares)
    answer = Answer(
        0, best, shares, Decision.ACCEPT, path, (best, Candidate(1000, path, 0.1, shares)), (), "", "", (), depth=3,
        needed=(0.5, 0.5, 0.5), copies=(-(2**60), "MH01"), n_images=1, n_readable=1,
    )  # fmt: skip
    placed = PlacedProduct.of(answer, TREE, "run").model_dump(mode="json")
    assert placed["category_id"] == "9007199254740993"
    assert [one["category_id"] for one in placed["candidates"]] == ["9007199254740993", 1000]
    assert placed["copies"] == ["-1152921504606846976", "MH01"]
