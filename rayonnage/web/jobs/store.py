"""The workspace's folder of jobs: bounded, seen by their owners alone, and emptied by itself."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from catalog.files.terminal import on_one_line
from catalog.files.wording import any_of
from catalog.sources.folder.layout import Layout
from catalog.sources.table.confinement import confine
from rayonnage.web.jobs.limits import JobLimits, LimitReached, size_text
from rayonnage.web.jobs.record import ENDINGS, INPUT, JOB, UPLOAD, JobRecord, JobState
from rayonnage.web.jobs.record_store import RecordStore

MAX_NAME = 200


class OffsetDiffers(Exception):
    """The next byte of an upload is another one than the client thinks: `offset`."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the upload goes on at byte {offset:,}")
        self.offset = offset


class JobStore(RecordStore[JobRecord]):
    """Folders `jobs/ID`, one for each job; safe in threads, used by one server at a time."""

    def __init__(self, folder: Path, limits: JobLimits) -> None:
        super().__init__(folder, "job", JOB, JobRecord.load)
        self.limits = limits
        self._written = set[str]()

    def create(
        self, owner: str, name: str, size: int, layout: Layout | None = None, *, to_learn: bool = False
    ) -> JobRecord:
        """Make room for an upload.

        Raises:
            ValueError: a file of a kind that holds no products, or an empty one.
            LimitReached: it is too large, or too much lies here already; the message has the figures.
        """
        name = on_one_line(name.replace("\\", "/").rpartition("/")[2])[-MAX_NAME:]
        if Path(name).suffix.lower() not in ENDINGS:
            raise ValueError(f"{name or 'a file without a name'} is not one of {any_of(ENDINGS)}")
        if size < 1:
            raise ValueError(f"{name} is empty")
        with self._lock:
            self.sweep()
            self._require_room(owner, name, size)
            job = JobRecord(self._new(), owner, name, size, time.time(), layout=layout, to_learn=to_learn)
            path = self.path(job.job_id)
            (path / UPLOAD).touch(0o600)
            job.save(path)
            return job

    def _require_room(self, owner: str, name: str, size: int) -> None:
        limits, jobs = self.limits, self.all()
        if size > limits.job_bytes:
            raise LimitReached(413, f"{name} has {size_text(size)}, at most {size_text(limits.job_bytes)} are taken: "
                                    "send it in parts")  # fmt: skip
        n_own = sum(job.owner == owner for job in jobs)
        if n_own >= limits.jobs:
            raise LimitReached(429, f"{n_own} jobs of {owner} lie here, at most {limits.jobs} do: delete one first")
        used = sum(job.size + job.unpacked for job in jobs)
        if used + size > limits.all_bytes:
            raise LimitReached(429, f"all jobs have {size_text(used)} of {size_text(limits.all_bytes)}, there is no "
                                    f"room for {size_text(size)}: delete one, or wait until one has been kept for its "
                                    "time")  # fmt: skip
        self.require_disk(size)

    def require_disk(self, size: int) -> None:
        """Raise LimitReached where so many bytes would leave too few of the disk free."""
        place = next(path for path in (self.folder, *self.folder.parents) if path.is_dir())
        free = shutil.disk_usage(place).free
        kept = self.limits.free_bytes
        if free - size < kept:
            raise LimitReached(
                507,
                f"the server's disk has {size_text(free)} left, of which {size_text(kept)} stay free: no room for "
                f"{size_text(size)}",
            )

    def offset(self, job: JobRecord) -> int:
        """Bytes of the upload that are here."""
        try:
            return (self.path(job.job_id) / UPLOAD).stat().st_size
        except FileNotFoundError:
            return job.size

    @contextmanager
    def writing(self, job: JobRecord, offset: int) -> Iterator[UploadPart]:
        """Go on with an upload; what has been written stays, whatever happens to the rest.

        Raises:
            OffsetDiffers: it goes on elsewhere, is complete, or somebody is at it.
            FileNotFoundError: it was deleted.
        """
        with self._lock:
            # as it is by now: to who read it before the last byte came, it is still being sent
            job = self.get(job.job_id)
            here = self.offset(job)
            if job.state is not JobState.UPLOADING or offset != here or job.job_id in self._written:
                raise OffsetDiffers(here)
            self._written.add(job.job_id)
        try:
            with (self.path(job.job_id) / UPLOAD).open("ab", buffering=0) as file:
                yield UploadPart(file.fileno(), job.size - offset, self.limits.chunk_bytes)
        finally:
            with self._lock:
                self._written.discard(job.job_id)

    def complete(self, job: JobRecord) -> JobRecord:
        """Let an upload whose last byte has come wait for its turn, or to be learnt from; any other stays as it is.

        Raises FileNotFoundError when it was deleted meanwhile.
        """
        path = self.path(job.job_id)
        with self._lock:
            job = self.get(job.job_id)
            if job.state is not JobState.UPLOADING or self.offset(job) < job.size:
                return job
            (path / INPUT).mkdir(mode=0o700, exist_ok=True)
            target = path / INPUT / job.file
            # before the table lies there: no moment may find it without
            confine(target)
            os.replace(path / UPLOAD, target)
            if job.to_learn:
                # from now on it is kept for its time
                return self.update(job, state=JobState.KEPT, ended=time.time())
            return self.update(job, state=JobState.WAITING)

    def update(self, job: JobRecord, **changes: object) -> JobRecord:
        """Change a record; raises FileNotFoundError when the job was deleted meanwhile."""
        with self._lock:
            self.get(job.job_id)
            changed: JobRecord = replace(job, **changes)  # type: ignore[arg-type]
            changed.save(self.path(job.job_id))
            return changed

    def take_out(self, job: JobRecord, target: Path) -> None:
        """Move what was sent to be learnt from into a new folder; the job is none any more.

        Raises FileNotFoundError when it was deleted, or taken out, meanwhile.
        """
        with self._lock:
            if self.get(job.job_id).state is not JobState.KEPT:
                raise FileNotFoundError(f"{job.name} is not here")
            os.rename(self.path(job.job_id) / INPUT, target)
            self.delete(job)

    def delete(self, job: JobRecord) -> None:
        """Remove a job with all that it holds."""
        with self._lock:
            self._remove(job.job_id)

    def sweep(self) -> None:
        """Remove what has been kept for its time, uploads that nobody goes on with, and halves of what was deleted."""
        now = time.time()
        with self._lock:
            for job in self.all():
                if job.state is JobState.UPLOADING:
                    upload = self.path(job.job_id) / UPLOAD
                    touched = upload.stat().st_mtime if upload.exists() else job.created
                    if now - touched > self.limits.upload_s and job.job_id not in self._written:
                        self.delete(job)
                elif not job.is_active and now - job.ended > self.limits.kept_s:
                    self.delete(job)
            self._remove_halves()


class UploadPart:
    """Where the next bytes of an upload go."""

    def __init__(self, file: int, left: int, most: int) -> None:
        self._file, self._left, self._most = file, left, most

    def write(self, data: bytes) -> None:
        """Add bytes; raises LimitReached for more than were announced, or than one request may bring."""
        if len(data) > self._left:
            raise LimitReached(413, "more bytes came than the upload was said to have")
        if len(data) > self._most:
            raise LimitReached(413, "the part is too large: see chunk_bytes of the job")
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self._left -= len(data)
        self._most -= len(data)
