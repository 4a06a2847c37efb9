"""A model is trained from the page and the API; nothing trains here."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from starlette.testclient import TestClient

from catalog.runs.workspace import Workspace
from rayonnage.fitting.progress.showing import PROGRESS
from rayonnage.web.app import create_app
from rayonnage.web.fits.desk import FitDesk
from rayonnage.web.fits.record import FitStatus
from rayonnage.web.services import Services
from rayonnage.web.settings import ServerSettings
from tests.rayonnage.web.fits.test_fit_desk import small_plan
from tests.support.predictions import predicted
from tests.support.served import serving
from tests.support.small_shop import coloured, make_shop


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Of a shop whose catalogue was split; the thread that works is not started."""
    folder = tmp_path_factory.mktemp("shop")
    room = Workspace(make_shop(folder, [predicted(1)], {1: [coloured((1, 2, 3))]}))
    small_plan(folder / "catalogue.bson").save(room.folder / "plan")
    return TestClient(create_app(ServerSettings(room.folder)), base_url="http://localhost")


def services(client: TestClient) -> Services:
    return client.app.state.services  # type: ignore[attr-defined]


def begun(client: TestClient, **more: object) -> dict:
    return client.post("/v1/fits", json={"minutes": 15, **more}).raise_for_status().json()


def test_begun_shown_stopped_and_deleted(client: TestClient):
    fit = begun(client)
    assert (fit["name"], fit["state"], fit["minutes"], fit["uploaded"]) == ("catalogue.bson", "waiting", 15, False)
    where = f"/v1/fits/{fit['fit_id']}"
    record = services(client).fits.store.get(fit["fit_id"])
    services(client).fits.store.update(record, state=FitStatus.RUNNING)
    progress = services(client).fits.store.workspace(record).folder / PROGRESS
    progress.parent.mkdir(parents=True)
    told = {"key": "mosaic-2", "title": "learn from two photos", "share": 0.25, "seconds": 60, "left_s": 185}
    progress.write_text(json.dumps(told), encoding="utf-8")
    shown = client.get(where).json()
    assert (shown["stage"], shown["share"], shown["left_s"]) == ("mosaic-2", 0.25, 185)
    page = client.get("/fits").text
    assert "Learning from the photos" in page
    assert "4 min left" in page
    french = client.get("/fits", headers={"Accept-Language": "fr"}).text
    assert "Apprentissage des photos" in french
    assert client.post(f"{where}/put").status_code == 409
    assert client.get(f"{where}/report").status_code == 404
    assert client.post(f"{where}/stop").json()["state"] == "stopping"
    assert client.delete(where).status_code == 204
    assert client.get(where).status_code == 404


def test_refusals(client: TestClient):
    sent = client.post("/v1/jobs", json={"name": "a.zip", "size": 3, "to_learn": True}).json()["job_id"]
    other = client.post("/v1/jobs", json={"name": "a.zip", "size": 3}).json()["job_id"]
    for body, status in (
        ({"minutes": 0.5}, 422), ({"minutes": 2000}, 422), ({}, 422), ({"minutes": 5, "upload": "0" * 32}, 404),
        ({"minutes": 5, "upload": sent}, 409), ({"minutes": 5, "upload": other}, 409),
        ({"minutes": 5, "answers": True}, 409),
    ):  # fmt: skip
        answer = client.post("/v1/fits", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), body
    assert client.post("/fits", data={"minutes": 5}, headers={"Origin": "http://elsewhere"}).status_code == 403
    assert client.get("/v1/fits").json() == []


def test_what_is_sent_is_learnt_from(client: TestClient):
    job = client.post("/v1/jobs", json={"name": "spring.zip", "size": 3, "to_learn": True}).json()
    client.patch(f"/v1/jobs/{job['job_id']}/upload", content=b"abc", headers={"Upload-Offset": "0"})
    assert "spring.zip" not in client.get("/jobs").text
    fit = begun(client, upload=job["job_id"], minutes=2)
    assert (fit["name"], fit["uploaded"]) == ("spring.zip", True)
    assert client.get(f"/v1/jobs/{job['job_id']}").status_code == 404
    client.delete(f"/v1/fits/{fit['fit_id']}")


def test_the_pages_buttons(client: TestClient):
    """Without a script, too."""
    assert client.post("/fits", data={"minutes": 0, "own": 30}, follow_redirects=False).headers["location"] == "fits"
    (fit,) = client.get("/v1/fits").json()
    assert fit["minutes"] == 30
    record = services(client).fits.store.get(fit["fit_id"])
    services(client).fits.store.update(record, state=FitStatus.FAILED, error="no labels", ended=time.time())
    assert "no labels" in client.get("/fits").text
    client.post(f"/fits/{fit['fit_id']}/go-on")
    assert client.get(f"/v1/fits/{fit['fit_id']}").json()["state"] == "waiting"
    client.post(f"/fits/{fit['fit_id']}/stop")
    assert client.get(f"/v1/fits/{fit['fit_id']}").json()["state"] == "stopped"
    client.post(f"/fits/{fit['fit_id']}/delete")
    assert client.get("/v1/fits").json() == []


def test_the_report_is_a_page_of_its_own(client: TestClient):
    fit = begun(client)
    record = services(client).fits.store.get(fit["fit_id"])
    page = Path(services(client).fits.store.path(fit["fit_id"])) / "fit.html"
    page.write_text("<html><h1>Learnt</h1></html>", encoding="utf-8")
    services(client).fits.store.update(record, state=FitStatus.DONE, run="fusion-1", ended=time.time())
    answer = client.get(f"/v1/fits/{fit['fit_id']}/report")
    assert answer.text == page.read_text(encoding="utf-8")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert f"fits/{fit['fit_id']}/put" in client.get("/fits").text
    assert "fusion-1" in client.get(f"/fits/{fit['fit_id']}/put").text
    client.delete(f"/v1/fits/{fit['fit_id']}")


def test_a_catalogue_is_sent_and_learnt_in_the_browser(tmp_path: Path, page: Page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(FitDesk, "start", lambda desk: None)
    (tmp_path / "runs").mkdir()
    (tmp_path / "spring.zip").write_bytes(b"abc" * 1000)
    with serving(ServerSettings(tmp_path / "runs"), ready=False) as address:
        page.goto(f"{address}/fits")
        page.get_by_label("How long may it take?").select_option("Another time")
        page.get_by_label("Minutes", exact=True).fill("7")
        page.locator("#file").set_input_files(tmp_path / "spring.zip")
        fit = page.get_by_role("article", name="spring.zip within 7 min")
        expect(fit).to_contain_text("Waits for its turn")
        fit.get_by_role("button", name="Stop", exact=True).click()
        expect(fit).to_contain_text("Stopped")
        page.on("dialog", lambda dialog: dialog.accept())
        fit.get_by_role("button", name="Delete").click()
        expect(page.get_by_text("Nothing has been learnt from this page yet.")).to_be_visible()
    assert list((tmp_path / "runs" / "fits").glob("*/*")) == []
