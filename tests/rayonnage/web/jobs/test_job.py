"""A catalogue goes in through the API, and its sheets come out."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from rayonnage.web.settings import ServerSettings
from tests.support.served import PATIENCE_S, copied, serving

END_S = 600


@pytest.fixture(scope="module")
def workspace(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(demo / "demo", tmp_path_factory.mktemp("jobs")) / "runs"


@pytest.fixture(scope="module")
def api(workspace: Path) -> Iterator[httpx.Client]:
    with serving(ServerSettings(workspace)) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
        yield client


def send(api: httpx.Client, name: str, data: bytes, part: int = 2**20, **more: str) -> dict:
    job = api.post("/v1/jobs", json={"name": name, "size": len(data), **more}).raise_for_status().json()
    where = f"/v1/jobs/{job['job_id']}/upload"
    for start in range(0, len(data), part):
        offset = int(api.head(where).headers["Upload-Offset"])
        assert offset == start
        api.patch(where, content=data[start : start + part], headers={"Upload-Offset": str(start)}).raise_for_status()
    return job


def ended(api: httpx.Client, job_id: str) -> dict:
    end = time.monotonic() + END_S
    while time.monotonic() < end:
        job = api.get(f"/v1/jobs/{job_id}").json()
        if job["state"] in ("done", "failed"):
            return job
        time.sleep(0.2)
    raise AssertionError(job)


def zip_of(catalog: Catalog, *, table: str = "") -> bytes:
    """Folders `ID/1.jpg` of some products, and perhaps a table beside them."""
    packed_bytes = io.BytesIO()
    with zipfile.ZipFile(packed_bytes, "w") as packed:
        for product in (catalog[n] for n in range(6)):
            for number, photo in enumerate(product.images, 1):
                packed.writestr(f"photos/{product.product_id}/{number}.jpg", photo)
        if table:
            packed.writestr("products.csv", table)
    return packed_bytes.getvalue()


@pytest.fixture(scope="module")
def catalog(workspace: Path) -> Catalog:
    return Catalog(workspace.parent / "catalogue" / "test.bson")


def test_a_table_with_its_photos(api: httpx.Client, workspace: Path, catalog: Catalog):
    ids = [catalog[n].product_id for n in range(6)]
    rows = [f"{one},photos/{one}/1.jpg" for one in ids]
    secret = next((workspace / "plan").iterdir())
    rows += [f"9001,{secret}", "9002,../../job.json", "9003,missing.jpg"]
    job = send(api, "spring.zip", zip_of(catalog, table="\n".join(["product_id,photos", *rows])), part=100_000)
    done = ended(api, job["job_id"])
    assert (done["state"], done["error"], done["n_products"]) == ("done", None, 9)
    assert done["problems"]["photo path outside of what was sent (only photos that were sent along are read)"] == 2
    assert done["problems"]["photo file that does not exist"] == 1
    lines = api.get(f"/v1/jobs/{job['job_id']}/submission").text.splitlines()
    assert (lines[0], [line.split(",")[0] for line in lines[1:]]) == (
        "_id,category_id", [*map(str, ids), "9001", "9002", "9003"],
    )  # fmt: skip
    table = pq.read_table(io.BytesIO(api.get(f"/v1/jobs/{job['job_id']}/table").content))
    assert table["n_readable"].to_pylist() == [1] * 6 + [0] * 3
    review = api.get(f"/v1/jobs/{job['job_id']}/review")
    assert review.headers["content-disposition"].endswith('review.csv"')
    assert review.content.startswith(b"\xef\xbb\xbf")
    assert api.get("/v1/jobs").json()[0]["predictions"] == f"jobs/{job['job_id']}"
    assert api.delete(f"/v1/jobs/{job['job_id']}").status_code == 204
    assert not (workspace / "jobs" / job["job_id"]).exists()


def test_what_cannot_be_predicted_is_told(api: httpx.Client, workspace: Path):
    titles = send(api, "titles.csv", b"product_id,photos,title\n1,/etc/passwd,Blue mug\n2,,Red mug\n")
    refused = ended(api, titles["job_id"])
    assert refused["state"] == "failed"
    assert "titles alone are of little use" in refused["error"]
    broken = ended(api, send(api, "a.zip", b"no zip at all")["job_id"])
    assert broken["error"] == "the zip is damaged: File is not a zip file"
    text = ended(api, send(api, "a.csv", b"name;price\nx;1\n")["job_id"])["error"]
    assert str(workspace) not in text
    assert "a.csv" in text


def test_refusals(api: httpx.Client):
    for body, status in (({"name": "a.exe", "size": 3}, 422), ({"name": "a.zip", "size": 2**50}, 413), ({}, 422)):
        answer = api.post("/v1/jobs", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    job = api.post("/v1/jobs", json={"name": "a.zip", "size": 3}).json()
    where = f"/v1/jobs/{job['job_id']}"
    assert api.patch(f"{where}/upload", content=b"abc", headers={"Upload-Offset": "1"}).status_code == 409
    assert api.patch(f"{where}/upload", content=b"abcd", headers={"Upload-Offset": "0"}).status_code == 413
    assert api.get(f"{where}/submission").status_code == 404
    assert api.get("/v1/jobs/" + "0" * 32).status_code == 404
    assert api.delete(where).status_code == 204
    assert api.delete(where).status_code == 404


def test_a_server_that_is_killed_goes_on_with_its_job(demo: Path, tmp_path: Path, catalog: Catalog):
    # in another workspace: in the one of `api` that server would predict it
    workspace = copied(demo / "demo", tmp_path) / "runs"
    with serving(ServerSettings(workspace)) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as api:
        job = send(api, "folders.zip", zip_of(catalog), layout="product")
        while api.get(f"/v1/jobs/{job['job_id']}").json()["state"] != "running":
            time.sleep(0.05)
    with serving(ServerSettings(workspace)) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as api:
        done = ended(api, job["job_id"])
        assert (done["state"], done["n_products"]) == ("done", 6)
