"""Jobs as they lie in the workspace."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from catalog.sources.table.confinement import is_confined
from rayonnage.web.jobs.limits import JobLimits, LimitReached
from rayonnage.web.jobs.record import INPUT, UPLOAD, JobRecord, JobState
from rayonnage.web.jobs.store import JobStore, OffsetDiffers

LIMITS = JobLimits(job_bytes=1000, all_bytes=1500, jobs=3, free_bytes=0, chunk_bytes=600)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs", LIMITS)


def sent(store: JobStore, job: JobRecord, data: bytes) -> JobRecord:
    with store.writing(job, store.offset(job)) as part:
        part.write(data)
    return store.complete(job)


def test_an_upload_in_parts(store: JobStore):
    job = store.create("ann", "C:\\shop\\spring.csv", 10)
    assert (job.name, store.offset(job), job.state) == ("spring.csv", 0, JobState.UPLOADING)
    assert sent(store, job, b"12345").state is JobState.UPLOADING
    with pytest.raises(OffsetDiffers, match="byte 5"), store.writing(job, 0):
        pass
    # a server of another day goes on
    again = JobStore(store.folder, LIMITS)
    job = sent(again, again.get(job.job_id, "ann"), b"67890")
    assert (job.state, again.offset(job)) == (JobState.WAITING, 10)
    table = store.path(job.job_id) / INPUT / "table.csv"
    assert (table.read_bytes(), is_confined(table)) == (b"1234567890", True)
    assert store.folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(OffsetDiffers), store.writing(job, 10):
        pass


def test_what_has_come_stays(store: JobStore):
    job = store.create("ann", "a.zip", 100)
    with store.writing(job, 0) as part:
        part.write(b"x" * 30)
        with pytest.raises(OffsetDiffers), store.writing(job, 30):
            pass
    assert store.offset(job) == 30
    with pytest.raises(LimitReached, match="more bytes"), store.writing(job, 30) as part:
        part.write(b"x" * 71)
    with store.writing(job, 30) as part:
        part.write(b"x" * 70)
    assert store.complete(job).state is JobState.WAITING


def test_nobody_else_sees_it(store: JobStore):
    job = store.create("ann", "a.zip", 100)
    assert (store.of("ann"), store.of("bob")) == ([job], [])
    for job_id in (job.job_id, "../ann", "", "0" * 32):
        with pytest.raises(FileNotFoundError, match="no job"):
            store.get(job_id, "bob")


@pytest.mark.parametrize(
    ("name", "size", "why"),
    [("a.exe", 10, "not one of"), ("a.csv", 0, "empty"), ("", 10, "without a name"), ("a.csv", 1001, "at most 1 kB")],
)
def test_what_is_not_taken(store: JobStore, name: str, size: int, why: str):
    with pytest.raises(ValueError, match=why):
        store.create("ann", name, size)


def test_bounds_of_all(store: JobStore):
    store.create("ann", "a.zip", 900)
    with pytest.raises(LimitReached, match="all jobs have 1 kB of 2 kB") as error:
        store.create("bob", "a.zip", 700)
    assert error.value.status == 429
    for _ in range(2):
        store.create("ann", "a.zip", 1)
    with pytest.raises(LimitReached, match="3 jobs of ann"):
        store.create("ann", "a.zip", 1)
    full = JobStore(store.folder, JobLimits(free_bytes=2**60))
    with pytest.raises(LimitReached, match="stay free"):
        full.create("bob", "a.zip", 1)


def test_it_empties_itself(store: JobStore):
    job, done, kept = (store.create("ann", "a.zip", 10) for _ in range(3))
    os.utime(store.path(job.job_id) / UPLOAD, (0, time.time() - LIMITS.upload_s - 1))
    store.update(done, state=JobState.DONE, ended=time.time() - LIMITS.kept_s - 1)
    store.update(kept, state=JobState.FAILED, ended=time.time())
    (store.folder / ("f" * 32)).mkdir()
    store.sweep()
    assert [path.name for path in store.folder.iterdir()] == [kept.job_id]
    store.delete(kept)
    assert list(store.folder.iterdir()) == []


def test_a_part_that_comes_late_changes_nothing(store: JobStore):
    """Of two requests with the last bytes, the later one still knows the job as one that is being sent."""
    job = store.create("ann", "a.csv", 3)
    with store.writing(job, 0) as part:
        part.write(b"abc")
    store.complete(job)
    with pytest.raises(OffsetDiffers), store.writing(job, 3):
        pass
    assert store.complete(job).state is JobState.WAITING
    assert (store.path(job.job_id) / INPUT / "table.csv").read_bytes() == b"abc"
    store.delete(job)
    for late in (lambda: store.complete(job), lambda: store.writing(job, 3).__enter__()):
        with pytest.raises(FileNotFoundError):
            late()
    assert list(store.folder.iterdir()) == []
