"""Who takes jobs and has them predicted, one after the other, each in a process of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from catalog.runs.workspace import Workspace
from rayonnage.web.jobs.child_desk import ChildDesk
from rayonnage.web.jobs.limits import JobLimits
from rayonnage.web.jobs.record import PREDICTIONS, JobRecord, JobState
from rayonnage.web.jobs.store import JobStore
from rayonnage.web.jobs.work import WorkOrder
from rayonnage.web.serving.served_model import NotReady, ServedModel

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


class JobDesk(ChildDesk[JobRecord]):
    """The jobs, and the thread that has them predicted."""

    def __init__(self, workspace: Workspace, model: ServedModel, limits: JobLimits | None = None) -> None:
        self.workspace, self.limits = workspace, limits or JobLimits()
        self.store = JobStore(workspace.folder / "jobs", self.limits)
        super().__init__("jobs", self.store, LOCK)
        self._model = model
        self._progress: dict[str, JobProgress] = {}

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

    def _do(self, job: JobRecord) -> bool:
        if not job.run:
            try:
                run = self._model.current.folder
            except NotReady:
                return False
            # what was begun with a model is ended with it: parts of two cannot be joined
            job = self.store.update(job, state=JobState.RUNNING, run=str(run.resolve()))
        self._progress[job.job_id] = JobProgress()
        order = WorkOrder(str(self.store.path(job.job_id)), str(self.workspace.folder), self.limits)
        hear = partial(self._hear, job.job_id)
        try:
            if why := self._run(job.job_id, "rayonnage.web.jobs.work", order.written(), hear):
                error = f"the prediction broke off ({why}): send a part of the products"
                self._end(job.job_id, state=JobState.FAILED, error=error)
        finally:
            self._progress.pop(job.job_id, None)
        return True

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
