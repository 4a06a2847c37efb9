"""The tree and its search over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from rayonnage.web.app import create_app
from rayonnage.web.settings import ServerSettings
from tests.support.predictions import TREE, predicted
from tests.support.small_shop import coloured, make_shop


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    workspace = make_shop(tmp_path_factory.mktemp("shop"), [predicted(1)], {1: [coloured((9, 9, 9))]})
    # the application is not started: no model is asked
    return TestClient(create_app(ServerSettings(workspace)), base_url="http://localhost")


def test_search(client: TestClient):
    found = client.get("/v1/tree/search", params={"q": "cups", "limit": 3}).json()
    assert found == [{"category_id": 2000, "path": ["KITCHEN", "CUPS", "MUG"], "names": {}}]
    assert client.get("/v1/tree/search", params={"q": "mog"}).json() == []
    assert client.get("/v1/tree/search", params={"q": "poetri"}).json()[0]["category_id"] == 1001
    assert client.get("/v1/tree/search", params={"q": "1002", "predictions": "predictions"}).json()[0]["path"][-1] == (
        "GUIDE"
    )


def test_tree_page_by_page(client: TestClient):
    offset, found = 0, []
    while offset is not None:
        answer = client.get("/v1/tree", params={"offset": offset, "limit": 3}).json()
        found += answer["categories"]
        offset = answer["next"]
    assert [tuple(one["path"]) for one in found] == list(TREE.paths)
    assert answer["total"] == len(TREE)
    assert answer["level_names"] == ["Cat I", "Cat II", "Cat III"]


def test_tree_is_not_sent_again(client: TestClient):
    first = client.get("/v1/tree")
    again = client.get("/v1/tree", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/v1/tree", params={"limit": 1}, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/tree/search", 422), ("/v1/tree/search?q=a&limit=0", 422), ("/v1/tree/search?q=a&predictions=none", 404),
        ("/v1/tree?offset=-1", 422), ("/v1/tree?lang=é\u2028", 200), ("/v1/tree?offset=1000000000", 200),
    ],
)  # fmt: skip
def test_odd_requests(client: TestClient, path: str, status: int):
    assert client.get(path).status_code == status


def test_a_language_does_not_break_its_header(client: TestClient):
    """A line break in a header ends the connection without an answer."""
    etag = client.get("/v1/tree", params={"lang": "é\r\nX: 1"}).headers["etag"]
    assert etag.isascii()
    assert etag.isprintable()


def test_without_a_tree(tmp_path: Path):
    (tmp_path / "workspace.json").write_text('{"latest": {}}', encoding="utf-8")
    client = TestClient(create_app(ServerSettings(tmp_path)), base_url="http://localhost")
    assert client.get("/v1/tree").status_code == 404
    assert client.get("/v1/tree/search?q=a").status_code == 404
