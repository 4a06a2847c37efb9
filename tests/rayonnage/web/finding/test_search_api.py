"""`POST /v1/search` and `GET /v1/similar/ID`."""

from __future__ import annotations

import base64
import importlib
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import httpx
import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.cli_options import no_bar
from catalog.runs.workspace import Workspace
from rayonnage.web.browsing.product_links import product_segment
from rayonnage.web.settings import RequestLimits, ServerSettings
from search.indexing.building import IndexOptions
from search.indexing.catalog_index import index_catalog, remove_products
from search.indexing.place import IndexPlace
from search.query.index_search import IndexSearch
from search.ranking.rank import PLAIN
from search.ranking.search_text import SearchText
from search.ranking.text_channel import TextWeights
from search.ranking.text_store import TextStore
from tests.support.colour_embedder import SmallPictures, colour_embedder
from tests.support.indexed_shop import BROKEN, ELSEWHERE, LABELLED, LARGE, ODD, index_shop, label_of, photo_of
from tests.support.served import PATIENCE_S, serving
from text.encoders import EncoderMissing


@contextmanager
def opened(workspace: Path, **limits: float) -> Iterator[httpx.Client]:
    settings = ServerSettings(workspace, limits=RequestLimits(**limits))
    with serving(settings, ready=False) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture(scope="module")
def served(indexed_shop: Path) -> Iterator[httpx.Client]:
    with opened(indexed_shop, photo_bytes=2**20) as client:
        yield client


def files(*seeds: int) -> list[tuple[str, bytes]]:
    return [("photos", photo_of(seed)) for seed in seeds]


def as_json(*seeds: int, **more: object) -> dict[str, object]:
    return {"photos": [base64.b64encode(photo_of(seed)).decode() for seed in seeds], **more}


def refused(answer: httpx.Response, status: int, field: str | None) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().get("field") == field, answer.text
    return answer.json()["detail"]


def ids(answer: httpx.Response) -> list[object]:
    assert answer.status_code == 200, answer.text
    return [one["product_id"] for one in answer.json()["found"]]


def test_form_and_json_find_the_product_by_the_photo_that_is_most_like_it(served: httpx.Client):
    form = served.post("/v1/search", files=files(103), data={"k": 4, "title": "mug"}).json()
    assert form == served.post("/v1/search", json=as_json(103, k=4, title="mug")).json()
    first = form["found"][0]
    assert (first["product_id"], first["photo"], first["category_id"]) == (3, 1, label_of(3))
    assert first["path"] == ["BOOKS", "TRAVEL", "GUIDE"]
    assert first["score"] == pytest.approx(1, abs=1e-3)
    assert len(form["found"]) == 4
    scores = [one["score"] for one in form["found"]]
    assert scores == sorted(scores, reverse=True)
    assert max(scores) <= 1
    assert (form["network"], form["n_products"], form["problems"]) == ("colours", len(LABELLED) + 1, [])


def test_ids_that_browsers_would_round_are_texts_both_ways(served: httpx.Client):
    found = ids(served.post("/v1/search", files=files(11), data={"k": 1}))
    assert found == [str(LARGE)]
    assert str(LARGE) not in ids(served.post("/v1/search", json=as_json(11, k=100, without=[str(LARGE)])))
    assert LARGE not in ids(served.post("/v1/search", json=as_json(11, k=100, without=[LARGE])))
    for one in (ODD, LARGE):
        assert str(one) not in ids(served.get(f"/v1/similar/{product_segment(one)}?k=100"))


def test_only_what_is_asked_for_is_found(served: httpx.Client):
    everything = ids(served.post("/v1/search", json=as_json(3, k=100)))
    assert set(everything) == {str(one) if one == LARGE else one for one in LABELLED} | {ELSEWHERE}
    labelled = ids(served.post("/v1/search", json=as_json(3, k=100, category_id=1000)))
    assert set(labelled) == {one for one in LABELLED if label_of(one) == 1000}
    form = {"k": 100, "n_images": 1, "without": [str(ELSEWHERE), "3"]}
    assert ids(served.post("/v1/search", files=files(3), data=form)) == [str(LARGE)]
    query = f"/v1/similar/3?k=100&n_images=1&without={ELSEWHERE}"
    assert ids(served.get(query)) == [str(LARGE)]
    assert 3 not in ids(served.get("/v1/similar/3?k=100"))
    names = served.get("/v1/similar/3?k=1&lang=fr").json()["found"][0]["path"]
    assert names == ["BOOKS", "TRAVEL", "GUIDE"]


def test_an_unreadable_photo_is_told_and_the_others_are_compared(served: httpx.Client):
    both = [("photos", b"no photo"), ("photos", photo_of(3))]
    answer = served.post("/v1/search", files=both, data={"k": 1}).json()
    assert [one["product_id"] for one in answer["found"]] == [3]
    assert [(one["kind"], one["photo"]) for one in answer["problems"]] == [("unreadable_photo", 0)]
    refused(served.post("/v1/search", files={"photos": b"no photo"}), 422, "photos[0]")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "photos"),
        ({"photos": []}, "photos"),
        ({"photos": ["!"]}, "photos[0]"),
        ({"photos": [""]}, "photos[0]"),
        ({"photos": ["https://shop.example/a.jpg"]}, "photos[0]"),
        ({"photos": ["aGk="] * 5}, "photos"),
        ({"photos": ["aGk="], "k": 0}, "k"),
        ({"photos": ["aGk="], "k": 101}, "k"),
        ({"photos": ["aGk="], "n_images": 5}, "n_images"),
        ({"photos": ["aGk="], "without": [""]}, "without[0]"),
        ({"photos": ["aGk="], "category_id": "\n"}, "category_id"),
        ({"photos": ["aGk="], "lang": "English"}, "lang"),
        ({"photos": ["aGk="], "url": "file:///etc/passwd"}, "url"),
        ({"products": [{"photos": ["aGk="]}]}, "photos"),
        ([], None),
    ],
)
def test_wrong_json_is_told_by_its_field(served: httpx.Client, body: object, field: str | None):
    refused(served.post("/v1/search", json=body), 422, field)


def test_wrong_forms(served: httpx.Client):
    refused(served.post("/v1/search", content=b"<xml/>", headers={"content-type": "text/xml"}), 415, None)
    refused(served.post("/v1/search", data={"k": "all"}, files=files(1)), 422, "k")
    refused(served.post("/v1/search", data={"titel": "mug"}, files=files(1)), 422, "titel")
    refused(served.post("/v1/search", files={"title": (None, "mug")}), 422, "photos")
    refused(served.post("/v1/search", files=files(1) * 5), 422, None)
    refused(served.post("/v1/search", files={"photos": bytes(2**20 + 1)}), 413, "photos[0]")
    refused(served.post("/v1/search", json=as_json(3, category_id=77)), 422, "category_id")
    counted = served.get("/metrics").text
    assert 'rayonnage_seconds_count{stage="search"}' in counted
    assert 'rayonnage_refused_requests_total{status="413"}' in counted


def test_products_that_cannot_be_compared(served: httpx.Client):
    assert str(BROKEN) in refused(served.get(f"/v1/similar/{BROKEN}"), 422, "product_id")
    refused(served.get("/v1/similar/99"), 404, "product_id")
    refused(served.get("/v1/similar/%00"), 422, "product_id")
    refused(served.get("/v1/similar/3?k=0"), 422, "query.k")


def test_sixteen_at_once_are_each_told_their_own(served: httpx.Client):
    def nearest(seed: int) -> object:
        if seed % 2:
            return ids(served.post("/v1/search", files=files(seed), data={"k": 1}))[0]
        return ids(served.get(f"/v1/similar/{seed}?k=100&without=5"))[-1]

    alone = {seed: nearest(seed) for seed in range(1, 11)}
    assert [alone[seed] for seed in range(1, 11, 2)] == [1, 3, 5, 7, 9]
    asked = [1 + n % 10 for n in range(96)]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(nearest, asked)) == [alone[seed] for seed in asked]


def test_without_an_index_the_command_is_told_and_one_that_is_made_is_found(planned_shop: Path, tmp_path: Path):
    workspace = Path(shutil.copytree(planned_shop.parent, tmp_path / "shop")) / "runs"
    with opened(workspace) as client:
        for answer in (client.post("/v1/search", files=files(3)), client.get("/v1/similar/3")):
            detail = refused(answer, 404, None)
            assert "rayonnage search index CATALOG" in detail
            assert str(tmp_path) not in detail
        index_shop(workspace)
        assert ids(client.post("/v1/search", files=files(3), data={"k": 1})) == [3]
        assert 3 not in ids(client.get("/v1/similar/3"))


def test_an_index_of_another_network_answers_for_its_own_products_alone(
    own_shop: Path, monkeypatch: pytest.MonkeyPatch
):
    newer, loaded = colour_embedder(name="other colours"), []
    monkeypatch.setattr("search.indexing.embedders.workspace_embedder", lambda room: loaded.append(room) or newer)
    with opened(own_shop) as client:
        detail = refused(client.post("/v1/search", files=files(3)), 409, None)
        assert refused(client.post("/v1/search", files=files(3)), 409, None) == detail
        # which takes seconds
        assert len(loaded) == 1
        assert "vectors by colours" in detail
        assert "--overwrite" in detail
        assert ids(client.get("/v1/similar/3?k=2"))
        # it is made anew while the server runs
        catalog = Catalog(own_shop.parent / "train.bson")
        index_catalog(Workspace(own_shop), catalog, newer, options=IndexOptions(overwrite=True), bar=no_bar)
        answer = client.post("/v1/search", files=files(3), data={"k": 1})
        assert ids(answer) == [3]
        assert answer.json()["network"] == "other colours"
        assert ids(client.get("/v1/similar/3?k=2"))
        # and once more, by the one that the workspace has no more
        older = colour_embedder()
        index_catalog(Workspace(own_shop), catalog, older, options=IndexOptions(overwrite=True), bar=no_bar)
        assert client.get("/v1/similar/3?k=2").json()["network"] == "colours"
        refused(client.post("/v1/search", files=files(3)), 409, None)
        assert ids(client.get("/v1/similar/3?k=2"))


def test_another_network_of_the_workspace_is_noticed(own_shop: Path, monkeypatch: pytest.MonkeyPatch):
    newer = colour_embedder(name="other colours")
    with opened(own_shop) as client:
        assert ids(client.post("/v1/search", files=files(3), data={"k": 1})) == [3]
        monkeypatch.setattr("search.indexing.embedders.workspace_embedder", lambda workspace: newer)
        # as a training that ends writes it
        (own_shop / "workspace.json").write_bytes((own_shop / "workspace.json").read_bytes() + b"\n")
        refused(client.post("/v1/search", files=files(3)), 409, None)


def test_a_title_counts_where_the_index_compares_titles(own_shop: Path, monkeypatch: pytest.MonkeyPatch):
    with opened(own_shop) as client:
        assert ids(client.post("/v1/search", files=files(103), data={"k": 1, "title": "mug blue"})) == [3]
    place = IndexPlace.of(Workspace(own_shop))
    # words count, beside which photos are nothing
    TextWeights(np.array([-9.0, 1.0]), np.array([-9.0, 1.0, 0.0, 90.0, 90.0]), PLAIN.visual_score).save(
        place.text_weights
    )
    TextStore.create(place.texts, None).add(np.array([6]), [SearchText("mug blue")])
    with opened(own_shop) as client:
        found = client.post("/v1/search", files=files(103), data={"k": 3, "title": "mug blue"}).json()["found"]
        # what is told of each is how alike the photos are, whatever orders them
        assert [one["product_id"] for one in found[:2]] == [6, 3]
        assert found[0]["score"] < found[1]["score"] == pytest.approx(1, abs=1e-3)
        assert ids(client.post("/v1/search", files=files(103), data={"k": 1})) == [3]

    def missing(place: IndexPlace) -> None:
        raise EncoderMissing("pip install 'rayonnage[text]'")

    monkeypatch.setattr("search.indexing.opening.text_channel", missing)
    with opened(own_shop) as client:
        assert ids(client.post("/v1/search", files=files(103), data={"k": 1, "title": "mug blue"})) == [3]


def test_products_that_are_removed_are_found_no_more(own_shop: Path):
    with opened(own_shop) as client:
        assert ids(client.post("/v1/search", files=files(3), data={"k": 1})) == [3]
        remove_products(IndexPlace.of(Workspace(own_shop)), np.array([3], np.int64))
        assert 3 not in ids(client.post("/v1/search", files=files(3), data={"k": 100}))
        refused(client.get("/v1/similar/3"), 404, "product_id")


def test_without_the_extra_it_is_named(own_shop: Path, monkeypatch: pytest.MonkeyPatch):
    load = importlib.import_module

    def without_faiss(name: str, package: str | None = None) -> ModuleType:
        if name == "faiss":
            raise ImportError("No module named 'faiss'")
        return load(name, package)

    monkeypatch.setattr(importlib, "import_module", without_faiss)
    with opened(own_shop) as client:
        for answer in (client.post("/v1/search", files=files(3)), client.get("/v1/similar/3")):
            assert "rayonnage[search]" in refused(answer, 409, None)


def test_a_damaged_index_is_named(own_shop: Path):
    (own_shop / "search" / "products.safetensors").write_bytes(b"no products")
    with opened(own_shop) as client:
        refused(client.post("/v1/search", files=files(3)), 409, None)


def test_too_many_searches_are_sent_away_and_a_slow_one_is_told(own_shop: Path, monkeypatch: pytest.MonkeyPatch):
    may_search, search = threading.Event(), IndexSearch.by_photos

    def slow(*arguments: object) -> object:
        may_search.wait(PATIENCE_S)
        return search(*arguments)

    monkeypatch.setattr(IndexSearch, "by_photos", slow)
    with opened(own_shop, searches=1, seconds=1) as client:
        late = client.post("/v1/search", files=files(1))
        assert (late.status_code, late.json()["title"]) == (503, "no answer in time")
        # nobody waits for it any more, but its thread is still at it
        full = client.post("/v1/search", files=files(2))
        assert (full.status_code, full.json()["title"]) == (503, "too much waits")
        assert all(int(one.headers["Retry-After"]) > 0 for one in (late, full))
        may_search.set()
        answer = full
        while answer.status_code == 503:
            answer = client.post("/v1/search", files=files(3), data={"k": 1})
        assert ids(answer) == [3]


def test_searches_share_the_allowance_of_predictions(own_shop: Path):
    with opened(own_shop, per_minute=2) as client:
        answers = [client.post("/v1/search", files=files(1)).status_code for _ in range(3)]
        assert answers == [200, 200, 429]
        assert client.get("/v1/similar/3").status_code == 200


def test_a_photo_is_embedded_by_itself(indexed_shop: Path, monkeypatch: pytest.MonkeyPatch):
    """Looking at a product of the index loads no network."""
    backend = SmallPictures()
    monkeypatch.setattr("search.indexing.embedders.workspace_embedder", lambda workspace: colour_embedder(backend))
    with opened(indexed_shop) as client:
        client.get("/v1/similar/3")
        assert backend.n_mosaics == 0
        client.post("/v1/search", files=files(3, 7))
        assert backend.n_mosaics >= 2
