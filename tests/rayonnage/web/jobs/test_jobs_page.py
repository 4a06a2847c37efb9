"""The page of jobs, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from catalog.runs.workspace import Workspace
from rayonnage.web.settings import ServerSettings
from tests.support.served import serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A workspace without a model: what is sent waits."""
    folder = tmp_path_factory.mktemp("empty")
    Workspace(folder).forget("fusion")
    with serving(ServerSettings(folder), ready=False) as address:
        yield address


def test_a_file_is_sent_and_deleted(served: str, page: Page, tmp_path: Path):
    page.goto(f"{served}/jobs")
    expect(page.locator("#jobs")).to_have_text("Nothing was sent yet.")
    file = tmp_path / "<i>spring.csv"
    file.write_bytes(b"product_id,photos\n" + b"1,a.jpg\n" * 700_000)
    page.set_input_files("#file", file)
    job = page.get_by_role("article")
    expect(job).to_contain_text("<i>spring.csv")
    expect(job).to_contain_text("Waits for its turn")
    page.once("dialog", lambda dialog: dialog.accept())
    job.get_by_role("button", name="Stop and delete").click()
    expect(page.locator("#jobs")).to_have_text("Nothing was sent yet.")


def test_an_upload_goes_on_where_it_broke(served: str, page: Page, tmp_path: Path):
    file = tmp_path / "autumn.csv"
    file.write_bytes(b"product_id,photos\n" + b"1,a.jpg\n" * 1_200_000)
    size, sent = file.stat().st_size, 3_000_000
    job = page.request.post(f"{served}/v1/jobs", data={"name": file.name, "size": size}).json()
    begun = page.request.patch(
        f"{served}/v1/jobs/{job['job_id']}/upload", data=file.read_bytes()[:sent], headers={"Upload-Offset": "0"}
    )
    assert begun.json()["offset"] == sent
    page.goto(f"{served}/jobs")
    expect(page.get_by_role("article")).to_contain_text("3.0 MB of 9.6 MB are here")
    offsets = []
    page.on("request", lambda asked: offsets.append(asked.headers.get("upload-offset")))
    page.set_input_files("#file", file)
    expect(page.get_by_role("article")).to_contain_text("Waits for its turn")
    assert next(filter(None, offsets)) == str(sent)
    page.request.delete(f"{served}/v1/jobs/{job['job_id']}")


def test_an_empty_file_is_refused_in_words(served: str, page: Page, tmp_path: Path):
    page.goto(f"{served}/jobs")
    (tmp_path / "empty.csv").write_bytes(b"")
    page.set_input_files("#file", tmp_path / "empty.csv")
    expect(page.get_by_role("alert")).to_have_text("empty.csv is empty.")
