"""`/v1/review` as a program sees it: what waits, answers, refusals, a sheet of what has no category."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from catalog.runs.workspace import Workspace
from fusion.review.journal import Journal
from tests.support.predictions import predicted
from tests.support.review_client import client_of, workspace_of


@pytest.fixture
def runs(tmp_path) -> Path:
    return workspace_of(tmp_path)


@pytest.fixture
def client(runs) -> TestClient:
    return client_of(runs)


def post(client: TestClient, path: str, status: int = 200, **body) -> dict:
    response = client.post(f"/v1/review{path}", json=body)
    assert response.status_code == status, response.text
    if status >= 400:
        assert response.headers["content-type"].startswith("application/problem+json")
    return response.json() if response.content else {}


def test_a_review_from_the_first_card_to_the_journal(client, runs):
    assert client.get("/v1/review").json()["waiting"] == 10
    cards = post(client, "/next", count=3)["cards"]
    assert [card["product_id"] for card in cards] == [3, 4, 0]
    card = cards[0]
    assert card["suggestion"]["path"] == ["BOOKS", "FICTION", "NOVEL"]
    assert card["parent"]["path"] == ["BOOKS", "FICTION"]
    assert (card["copies"], card["is_audit"], card["lease_s"]) == (2, False, 120)
    assert card["photos"][0].startswith("photos/3/1")
    assert card["why"]
    kept = post(client, "/answers", product_id=3, kind="accept", suggested=1000)
    assert (kept["count"], kept["progress"]["waiting"], kept["progress"]["mine"]) == (1, 9, 1)
    post(client, "/answers", product_id=4, kind="category", category_id="2000")
    post(client, "/answers", product_id=0, kind="parent")
    post(client, "/answers", product_id=1, kind="none", why_none="wrong_photos")
    left = post(client, "/answers", product_id=2, kind="skip")["progress"]
    assert (left["waiting"], left["answered"], left["none"], left["skipped"]) == (6, 4, 2, 1)
    given = Journal(Workspace(runs)).labels()
    assert dict(zip(given.product_ids.tolist(), given.category_ids.tolist(), strict=True)) == {3: 1000, 4: 2000}
    sheet = client.get("/v1/review/none.csv")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert [line.split(",")[:4] for line in sheet.text.splitlines()[1:]] == [
        ["0", "parent", "BOOKS > FICTION", "1000"], ["1", "wrong_photos", "", "1000"],
    ]  # fmt: skip
    assert post(client, "/undo")["cards"][0]["product_id"] == 2
    undone = post(client, "/undo")
    assert (undone["cards"][0]["product_id"], undone["count"], undone["progress"]["none"]) == (1, 1, 1)


def test_a_correction_of_an_accepted_product_and_the_live_precision(client):
    progress = post(client, "/answers", product_id=12, kind="category", category_id=1000)["progress"]
    assert (progress["waiting"], progress["audited"], progress["drawn"]) == (10, 1, 10)
    assert [(one["level"], one["right"]) for one in progress["precision"]] == [
        ("Cat III", 0),
        ("Cat II", 1),
        ("Cat I", 1),
    ]
    assert progress["precision"][0]["high"] == pytest.approx(0.975)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"kind": "category", "category_id": 2000}, "KITCHEN › CUPS › MUG"),
        ({"kind": "parent"}, "La catégorie parente seulement\N{NO-BREAK SPACE}: BOOKS › FICTION"),
        ({"kind": "none", "why_none": "no_product"}, "Pas un produit"),
    ],
)
def test_who_comes_too_late_is_told_in_their_language(client, runs, answer, said):
    post(client, "/answers", product_id=0, **answer)
    other = client_of(runs)
    # a page gives this browser a session of its own
    other.get("/help", headers={"accept": "text/html"})
    refused = post(other, "/answers", 409, product_id=0, kind="accept")
    assert " answered product 0 at " in refused["detail"]
    other.headers["accept-language"] = "fr"
    refused = post(other, "/answers", 409, product_id=0, kind="accept")
    assert " a répondu pour ce produit le " in refused["detail"]
    assert refused["detail"].endswith(said)


def test_a_grid_and_a_bulk(client):
    groups = client.get("/v1/review/groups?min_confidence=0.5").json()
    assert [(one["suggestion"]["category_id"], one["waiting"], one["sure"]) for one in groups] == [(1000, 10, 5)]
    shown = post(client, "/grid", category_id=1000, count=4)["cards"]
    ids = [card["product_id"] for card in shown]
    kept = post(client, "/grid/answers", category_id=1000, right=ids[1:], wrong=ids[:1])
    assert kept["count"] == 3
    assert post(client, "/next", count=1)["cards"][0]["product_id"] == ids[0]
    bulk = post(client, "/bulk", copies_of=3, answer_id=1001)
    assert (bulk["count"], bulk["category"]["path"][-1], len(bulk["cards"])) == (2, "POETRY", 2)
    kept = post(client, "/bulk/confirm", ticket=bulk["ticket"])
    assert kept["count"] == 2
    post(client, "/bulk/confirm", 409, ticket=bulk["ticket"])
    assert post(client, "/undo", act=kept["act"])["count"] == 2


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/answers", {"product_id": 99, "kind": "accept"}, 404, "product_id"),
        ("/answers", {"product_id": "", "kind": "accept"}, 422, "product_id"),
        ("/answers", {"product_id": 0, "kind": "category"}, 422, "category_id"),
        ("/answers", {"product_id": 0, "kind": "category", "category_id": 7}, 422, "category_id"),
        ("/answers", {"product_id": 0, "kind": "category", "category_id": "a\nb"}, 422, "category_id"),
        ("/answers", {"product_id": 0, "kind": "none"}, 422, "why_none"),
        ("/answers", {"product_id": 0, "kind": "parent", "level": 3}, 422, "level"),
        ("/answers", {"product_id": 0, "kind": "accept", "suggested": 1001}, 409, "suggested"),
        ("/answers", {"product_id": 10**30, "kind": "accept"}, 404, "product_id"),
        ("/next", {"count": 0}, 422, "count"),
        ("/next", {"held": [99]}, 404, "product_id"),
        ("/undo", {"act": 12}, 404, "act"),
        ("/undo", {"act": -12}, 404, "act"),
        ("/undo", {}, 409, None),
        ("/grid", {"category_id": 7}, 422, "category_id"),
        ("/grid/answers", {"category_id": 1000, "right": [10]}, 422, "right"),
        ("/bulk", {}, 422, "copies_of"),
        ("/bulk", {"copies_of": 0, "category_id": 1000}, 422, "copies_of"),
        ("/bulk/confirm", {"ticket": "no"}, 409, "ticket"),
        ("/next?predictions=others", {}, 404, "predictions"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_field(client, path, body, status, field):
    assert post(client, path, status, **body).get("field") == field
    assert client.get("/v1/review").json()["answered"] == 0


def test_long_ids_survive_a_browser(tmp_path):
    client = client_of(workspace_of(tmp_path, [predicted(2873375804257147) | {"product_id": 2873375804257147987}]))
    (card,) = post(client, "/next")["cards"]
    assert card["product_id"] == "2873375804257147987"
    assert post(client, "/answers", product_id=card["product_id"], kind="accept")["progress"]["waiting"] == 0


def test_a_journal_that_cannot_be_written_is_told_and_nothing_counts(client, runs, monkeypatch):
    def fails(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("fusion.review.act_file.os.fsync", fails)
        assert "not kept" not in post(client, "/answers", 503, product_id=0, kind="accept")["title"]
    assert client.get("/v1/review").json()["answered"] == 0
    assert post(client, "/answers", product_id=0, kind="accept")["progress"]["answered"] == 1


def test_the_description_has_a_summary_for_each_way(client):
    paths = client.get("/openapi.json").json()["paths"]
    ways = {path: way for path, ways in paths.items() if path.startswith("/v1/review") for way in ways.values()}
    assert len(ways) == 11
    assert all(way["summary"] and "422" in way["responses"] for way in ways.values())
