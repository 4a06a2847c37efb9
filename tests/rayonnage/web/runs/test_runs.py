"""The models of a workspace: listed, compared, put in each other's place; the reports open beside them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from catalog.metrics.product_scores import ProductScores
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from fusion.config import FusionConfig
from fusion.decide import given_by_scores
from fusion.head_artifacts import CALIBRATION, HeadArtifacts
from rayonnage.web.settings import ServerSettings
from rayonnage.written_pages import latest_pages
from tests.support.served import PATIENCE_S, copied, get, serving

OTHER = "fusion-20990101-000000"
END_S = 600


@pytest.fixture(scope="module")
def workspace(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo's, with a second run that is like the first, and one that is damaged."""
    folder = copied(demo / "demo", tmp_path_factory.mktemp("models")) / "runs"
    first = next(folder.glob("fusion-*"))
    shutil.copytree(first, folder / OTHER)
    (folder / "fusion-damaged").mkdir()
    (folder / "fusion-damaged" / "run.json").write_text("{", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def served(workspace: Path) -> Iterator[str]:
    with serving(ServerSettings(workspace)) as address:
        yield address


@pytest.fixture(scope="module")
def api(served: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{served}/v1", timeout=PATIENCE_S) as client:
        yield client


def until(api: httpx.Client, path: str, settled: Callable[[dict], bool]) -> dict:
    end = time.monotonic() + END_S
    while time.monotonic() < end:
        answer = api.get(path).raise_for_status().json()
        if settled(answer):
            return answer
        time.sleep(0.1)
    raise AssertionError(answer)


def test_what_is_known_of_each(api: httpx.Client, workspace: Path):
    runs = {run["name"]: run for run in api.get("/runs").json()}
    serving_now = api.get("/runs/serving").json()
    first = serving_now["name"]
    assert set(runs) == {first, OTHER, "fusion-damaged"}
    assert (runs[first]["serves"], runs[OTHER]["serves"]) == (True, False)
    measured = json.loads((workspace / first / "run.json").read_text())["metrics"]["fused"]["all"]
    assert [one["right"] for one in runs[first]["accuracy"]] == [measured["levels"][level]["top1"] for level in "321"]
    run = Run.load(workspace / first, "fusion")
    decided = given_by_scores(
        ProductScores.load(run.folder / CALIBRATION), HeadArtifacts.load(run.folder, run.taxonomy()).thresholds,
        run.taxonomy(),
    )  # fmt: skip
    assert runs[first]["unseen"] == pytest.approx((decided[:, 0] == 3).mean())
    assert runs[first]["unseen_parents"] == pytest.approx(np.isin(decided[:, 0], [1, 2]).mean())
    assert runs[first]["precision"] == run.config(FusionConfig).target_precision
    assert "damaged" in runs["fusion-damaged"]["fault"]
    assert runs["fusion-damaged"]["unseen"] is None
    assert serving_now["since"] <= time.time()


def test_one_against_another(api: httpx.Client):
    first = api.get("/runs/serving").json()["name"]
    answer = until(api, f"/runs/{first}/compare/{OTHER}", lambda one: one["done"])
    assert "held-out products" in answer["where"]
    assert all(row["verdict"].startswith(("no difference", "too few")) for row in answer["differences"])


def test_only_runs_of_the_workspace_by_name(api: httpx.Client):
    first = api.get("/runs/serving").json()["name"]
    assert api.post("/runs/fusion-none/serve").status_code == 404
    assert api.post("/runs/plan/serve").status_code == 404
    assert api.post(f"/runs/..%2Fruns%2F{first}/serve").status_code == 404
    assert api.post("/runs/fusion-damaged/serve").status_code == 409
    assert api.get(f"/runs/{first}/compare/plan").status_code == 404
    assert api.post("/runs/serving/take-back").status_code == 409


def test_the_reports_open_here_and_nothing_else_does(served: str, workspace: Path, page: Page):
    page.goto(f"{served}/runs")
    listed = latest_pages(Workspace(workspace))
    links = page.locator("a[href*='runs/pages/']")
    expect(links).to_have_count(len(listed))
    answer = get(f"{served}/runs/pages/{listed[0].key}")
    assert answer.content == listed[0].path.read_bytes()
    assert "sandbox" in answer.headers["content-security-policy"]
    for key in ("0" * 16, "..%2f..%2fworkspace.json", "workspace.json"):
        assert get(f"{served}/runs/pages/{key}").status_code == 404
    with page.expect_popup() as opened:
        links.first.click()
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible()


def test_put_in_place_and_taken_back(served: str, api: httpx.Client, page: Page):
    first = api.get("/runs/serving").json()["name"]
    page.goto(f"{served}/runs")
    row = page.get_by_role("row").filter(has_text=OTHER)
    row.get_by_role("link", name="Put in its place").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Let {OTHER} answer?")
    page.get_by_role("button", name="Put in its place").click()
    until(api, "/runs/serving", lambda one: one["name"] == OTHER)
    expect(page.get_by_role("button", name=f"Take {first} back")).to_be_visible()
    page.get_by_role("button", name=f"Take {first} back").click()
    expect(page.get_by_role("row").filter(has_text=first)).to_contain_text("Answers now")
    assert api.get("/runs/serving").json()["name"] == first
