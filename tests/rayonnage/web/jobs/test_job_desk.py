"""The thread that has jobs predicted, and what disturbs it."""

from __future__ import annotations

import errno
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from catalog.files.file_lock import take
from catalog.runs.workspace import Workspace
from rayonnage.web.app import create_app
from rayonnage.web.jobs import child_desk
from rayonnage.web.jobs.desk import LOCK, JobDesk
from rayonnage.web.jobs.record import JobRecord, JobState
from rayonnage.web.jobs.store import JobStore, UploadPart
from rayonnage.web.settings import ServerSettings
from tests.support.scripted_child import child, waited

MODEL = SimpleNamespace(current=SimpleNamespace(folder=Path("model")))
"""No job comes as far as to load it."""


def sent(store: JobStore, name: str = "a.zip", data: bytes = b"bad") -> JobRecord:
    job = store.create("ann", name, len(data))
    with store.writing(job, 0) as part:
        part.write(data)
    return store.complete(job)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobDesk:
    monkeypatch.setattr(child_desk, "LOOK_S", 0.02)
    (tmp_path / "workspace.json").write_text('{"latest": {}}', encoding="utf-8")
    return JobDesk(Workspace(tmp_path), MODEL)  # type: ignore[arg-type]


def test_of_two_servers_one_has_jobs_predicted(desk: JobDesk):
    job = sent(desk.store)
    other = take(desk.store.folder / LOCK)
    assert other is not None
    desk.start()
    try:
        assert not waited_briefly(lambda: desk.store.get(job.job_id).state is not JobState.WAITING)
        # the other server ends, in whatever way
        os.close(other)
        assert waited(lambda: desk.store.get(job.job_id).state is JobState.FAILED)
        assert "damaged" in desk.store.get(job.job_id).error
        assert take(desk.store.folder / LOCK) is None
    finally:
        desk.close()
    after = take(desk.store.folder / LOCK)
    assert after is not None
    os.close(after)


def waited_briefly(condition: Callable[[], bool]) -> bool:
    time.sleep(0.3)
    return condition()


def test_a_line_that_was_cut_off_ends_its_job(desk: JobDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    child(tmp_path, monkeypatch, """printf '{"step": "lo'""")
    job = sent(desk.store)
    desk.start()
    try:
        assert waited(lambda: desk.store.get(job.job_id).state is JobState.FAILED)
    finally:
        desk.close()


def test_a_running_job_is_deleted_with_all_that_it_writes(
    desk: JobDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # the path of the job's folder stands in the order
    child(tmp_path, monkeypatch, f"while :; do for job in {tmp_path}/jobs/*; do mkdir -p $job/late/$$; done; done")
    job = sent(desk.store)
    desk.start()
    try:
        assert waited(lambda: (desk.store.path(job.job_id) / "late").exists())
        desk.delete(job)
        assert not desk.store.path(job.job_id).exists()
        # the thread lives, and takes the next one
        assert waited(lambda: desk.progress(job) is None)
        monkeypatch.undo()
        monkeypatch.setattr(child_desk, "LOOK_S", 0.02)
        other = sent(desk.store)
        desk.wake()
        assert waited(lambda: desk.store.get(other.job_id).state is JobState.FAILED)
    finally:
        desk.close()


def test_a_small_table_of_a_billion_rows(desk: JobDesk):
    """Parquet writes a repeated value once."""
    table = io.BytesIO()
    rows = {"product_id": pa.array([1] * 1_000_001), "title": pa.array(["a"] * 1_000_001).dictionary_encode()}
    pq.write_table(pa.table(rows), table)
    assert len(table.getvalue()) < 20_000
    job = sent(desk.store, "a.parquet", table.getvalue())
    desk.start()
    try:
        assert waited(lambda: desk.store.get(job.job_id).state is JobState.FAILED)
    finally:
        desk.close()
    assert "1,000,001 products, at most 1,000,000" in desk.store.get(job.job_id).error


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 507), (errno.EROFS, 507), (errno.EIO, 500)])
def test_a_disk_that_takes_nothing(desk: JobDesk, monkeypatch: pytest.MonkeyPatch, number: int, status: int):
    client = TestClient(create_app(ServerSettings(desk.workspace.folder)), base_url="http://localhost")
    job = client.post("/v1/jobs", json={"name": "a.zip", "size": 3}).json()
    monkeypatch.setattr(UploadPart, "write", lambda part, data: raising(number))
    where = f"/v1/jobs/{job['job_id']}/upload"
    answer = client.patch(where, content=b"abc", headers={"Upload-Offset": "0"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    monkeypatch.setattr(JobRecord, "save", lambda job, folder: raising(number))
    assert client.post("/v1/jobs", json={"name": "a.zip", "size": 3}).status_code == status


def raising(number: int) -> None:
    raise OSError(number, os.strerror(number), "/secret/place")


def test_a_job_deleted_while_its_last_bytes_come(desk: JobDesk, monkeypatch: pytest.MonkeyPatch):
    client = TestClient(create_app(ServerSettings(desk.workspace.folder)), base_url="http://localhost")
    job = client.post("/v1/jobs", json={"name": "a.zip", "size": 3}).json()
    write = UploadPart.write

    def deleting(part: UploadPart, data: bytes) -> None:
        write(part, data)
        client.delete(f"/v1/jobs/{job['job_id']}")

    monkeypatch.setattr(UploadPart, "write", deleting)
    answer = client.patch(f"/v1/jobs/{job['job_id']}/upload", content=b"abc", headers={"Upload-Offset": "0"})
    assert answer.status_code == 404
    assert list(desk.store.folder.iterdir()) == []
