"""Files that are damaged or removed while they are served: a sentence, and neither a fault nor a path of the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from rayonnage.web.app import create_app
from rayonnage.web.settings import ServerSettings
from tests.support.predictions import predicted
from tests.support.small_shop import coloured, make_shop

PAGES = ("/", "/browse", "/browse?text=mug", "/browse/products/1", "/review", "/runs", "/runs-live", "/jobs", "/random")
DATA = (
    "/v1/review", "/v1/review/groups", "/v1/review/none.csv", "/v1/products/1", "/v1/tree", "/v1/tree/search?q=mug",
    "/v1/runs", "/v1/jobs", "/photos/1/1", "/browse?predictions=none",
)  # fmt: skip


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    photo = coloured((200, 0, 0), (40, 40))
    rows = [predicted(i, 1000, "review", 1.0) for i in range(3)]
    workspace = make_shop(tmp_path, rows, {i: [photo] for i in range(3)})
    client = TestClient(create_app(ServerSettings(workspace)), base_url="http://localhost")
    answer = client.post("/v1/review/answers", json={"product_id": 1, "kind": "none", "why_none": "no_product"})
    assert answer.status_code == 200
    return client


@pytest.mark.parametrize("content", [b"\xff\xfe{", b"[" * 100_000, None])
@pytest.mark.parametrize(
    "name",
    ["predictions/predictions.parquet", "predictions/problems.json", "predictions/input.json", "*/workspace.json",
     "*/tree.csv", "*/reviews/*.json", "*/reviews/*.jsonl"],
)  # fmt: skip
def test_what_is_damaged_is_told(client: TestClient, tmp_path: Path, name: str, content: bytes | None):
    asked = [*((path, {"accept": "text/html"}) for path in PAGES), *((path, {}) for path in DATA)]
    for _ in range(2):
        for path, headers in asked:
            answer = client.get(path, headers=headers)
            assert answer.status_code < 500 or answer.status_code == 503, (path, answer.text)
            assert str(tmp_path) not in answer.text, path
        files = list(tmp_path.glob(name))
        assert files or content is None
        for damaged in files:
            damaged.unlink() if content is None else damaged.write_bytes(content)
    for path, body in (("next", {"count": 1}), ("undo", {}), ("bulk", {"copies_of": 1}), ("release", {"held": [1]})):
        answer = client.post(f"/v1/review/{path}", json=body)
        assert answer.status_code < 500 or answer.status_code == 503, (path, answer.text)
        assert str(tmp_path) not in answer.text, path
