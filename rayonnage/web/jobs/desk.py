"""Who takes jobs and has them predicted, one after the other, each in a process of its own."""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from catalog.files.file_lock import take
from catalog.runs.workspace import Workspace
from rayonnage.web.jobs.child import ChildEnd, ChildWork
from rayonnage.web.jobs.limits import JobLimits
from rayonnage.web.jobs.record import PREDICTIONS, JobRecord, JobState
from rayonnage.web.jobs.store import JobStore
from rayonnage.web.jobs.work import WorkOrder
from rayonnage.web.serving.served_model import NotReady, ServedModel

log = logging.getLogger(__name__)
LOOK_S = 1.0
SWEEP_S = 600.0
LOCK = ".predicts"
"""Held by the server that has the jobs predicted: of two in one workspace, the other one waits for its end."""
RESULTS = {
    "submission": "submission.csv", "review": "review.csv", "audit": "audit.csv", "table": "predictions.parquet",
    "problems": "problems.json",
}  # fmt: skip
"""What can be fetched of a job, by what it is called in addresses."""


@dataclass(frozen=True)
class JobProgress:
    """How far the running job is: `done` of `total` in a step: unpack, read, load, predict; 0 of 0: nobody knows."""

    step: str = "load"
    done: int = 0
    total: int = 0


class JobDesk:
    """The jobs, and the thread that has them predicted."""

    def __init__(self, workspace: Workspace, model: ServedModel, limits: JobLimits | None = None) -> None:
        self.workspace, self.limits = workspace, limits or JobLimits()
        self.store = JobStore(workspace.folder / "jobs", self.limits)
        self._model = model
        self._progress: dict[str, JobProgress] = {}
        self._child = ChildWork()
        self._predicts: int | None = None
        self._wake, self._ends = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)

    def start(self) -> None:
        """Go on with what an earlier server had begun, and with what waits."""
        self._thread.start()

    def close(self) -> None:
        """End; the job that runs is gone on with by the next server."""
        self._ends.set()
        self._wake.set()
        self._child.close()
        if self._thread.is_alive():
            self._thread.join(10)
        if self._predicts is not None:
            os.close(self._predicts)
            self._predicts = None

    def wake(self) -> None:
        """Say that a job waits."""
        self._wake.set()

    def progress(self, job: JobRecord) -> JobProgress | None:
        """How far a job is; None where it does not run."""
        return self._progress.get(job.job_id)

    def delete(self, job: JobRecord) -> None:
        """Remove a job, stopping it where it runs."""
        self.store.delete(job)
        if self._child.kill(job.job_id):
            # what it wrote meanwhile
            self.store.delete(job)

    def result(self, job: JobRecord, what: str) -> Path:
        """The file of a result; raises FileNotFoundError where there is none (yet)."""
        if what not in RESULTS:
            raise FileNotFoundError(f"there is no result {what[:40]}: there are {', '.join(RESULTS)}")
        path = self.store.path(job.job_id) / PREDICTIONS / RESULTS[what]
        if job.state is not JobState.DONE or not path.is_file():
            raise FileNotFoundError(f"the job is {job.state}: it has results when it is done")
        return path

    def _work(self) -> None:
        swept = 0.0
        while not self._ends.is_set():
            try:
                if time.monotonic() - swept > SWEEP_S:
                    swept = time.monotonic()
                    self.store.sweep()
                job = self._next()
                if job is not None:
                    self._run(job)
                    continue
            except FileNotFoundError:
                log.debug("a job was deleted while it ran")
            except (OSError, ValueError) as error:
                # one job's trouble must not end the thread that all others wait for
                log.error("jobs: %s", error)
            self._wake.wait(LOOK_S)
            self._wake.clear()

    def _next(self) -> JobRecord | None:
        """The job whose turn it is: one that was begun, else the oldest; None: none, or no model is there yet."""
        waiting = [job for job in self.store.all() if job.is_active]
        if not waiting or not self._is_ours():
            return None
        job = min(waiting, key=lambda job: (job.state is not JobState.RUNNING, job.created))
        if job.run:
            return job
        try:
            run = self._model.current.folder
        except NotReady:
            return None
        # what was begun with a model is ended with it: parts of two cannot be joined
        return self.store.update(job, state=JobState.RUNNING, run=str(run.resolve()))

    def _is_ours(self) -> bool:
        """Whether this server has the jobs predicted: two would do the same one at once, into the same folder."""
        if self._predicts is None:
            self._predicts = take(self.store.folder / LOCK)
        return self._predicts is not None

    def _run(self, job: JobRecord) -> None:
        self._progress[job.job_id] = JobProgress()
        order = WorkOrder(str(self.store.path(job.job_id)), str(self.workspace.folder), self.limits)
        try:
            end = self._child.run(
                job.job_id, "rayonnage.web.jobs.work", order.written(), partial(self._hear, job.job_id)
            )
            self._settle(job, end)
        finally:
            self._progress.pop(job.job_id, None)

    def _hear(self, job_id: str, said: dict[str, Any]) -> None:
        """Take in what the child says."""
        if "step" in said:
            self._progress[job_id] = JobProgress(said["step"], said["done"], said["total"])
        elif "unpacked" in said:
            self.store.update(self.store.get(job_id), unpacked=said["unpacked"])
        elif "error" in said:
            self._end(job_id, state=JobState.FAILED, error=said["error"])
        elif "decisions" in said:
            self._end(job_id, state=JobState.DONE, decisions=said["decisions"], problems=said["problems"])

    def _end(self, job_id: str, **changes: object) -> None:
        self.store.update(self.store.get(job_id), ended=time.time(), **changes)

    def _settle(self, job: JobRecord, end: ChildEnd) -> None:
        """Say of a child that ended without a word, as one for which there was no memory, that it did."""
        if self._ends.is_set() or not self.store.get(job.job_id).is_active:
            return
        log.error("job %s ended with status %d: %s", job.job_id, end.status, end.told)
        error = f"the prediction broke off ({end.why}): send a part of the products"
        self._end(job.job_id, state=JobState.FAILED, error=error)
