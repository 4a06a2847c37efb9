"""Who has fits done, one after the other, each in a process of its own, and puts what comes of them in place."""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.split.plan import Plan
from fusion.review.journal import Journal
from rayonnage.fitting.recipe import Quality
from rayonnage.web.fits.adopting import adopt
from rayonnage.web.fits.progress import FitProgress
from rayonnage.web.fits.record import FitRecord, FitStatus
from rayonnage.web.fits.store import FitLimits, FitStore
from rayonnage.web.jobs.child_desk import ChildDesk
from rayonnage.web.jobs.record import JobRecord
from rayonnage.web.jobs.store import JobStore
from rayonnage.web.jobs.work import WorkOrder
from rayonnage.web.serving.served_model import ServedModel

REPORT = "fit.html"
LOCK = ".fits"
"""Held by the server that has the fits done: of two in one workspace, the other one waits for its end."""


class FitDesk(ChildDesk[FitRecord]):
    """The fits, and the thread that has them done beside the jobs: these need not wait for hours."""

    def __init__(
        self, workspace: Workspace, jobs: JobStore, model: ServedModel, limits: FitLimits | None = None
    ) -> None:
        self.workspace, self.limits = workspace, limits or FitLimits()
        self.store = FitStore(workspace, jobs, self.limits)
        super().__init__("fits", self.store, LOCK)
        self._model, self._uploads = model, jobs.limits

    def of_workspace(self, owner: str, time_s: float, quality: Quality, *, answers: bool = False) -> FitRecord:
        """Let the workspace's catalogue be learnt from, with what reviewers have answered or as it is.

        Raises:
            FileNotFoundError: the workspace has none. ValueError: no answers. LimitReached: see `FitStore.create`.
        """
        name = self._name_of(self.workspace.plan())
        if answers and not self.n_answers():
            raise ValueError("nobody has answered anything yet: review some products first, or fit without answers")
        fit = self.store.create(owner, name, time_s, quality, answers=answers)
        self.wake()
        return fit

    def of_upload(self, owner: str, time_s: float, quality: Quality, upload: JobRecord) -> FitRecord:
        """Let a catalogue that was sent be learnt from; raises as `FitStore.create` does."""
        fit = self.store.create(owner, upload.name, time_s, quality, upload=upload)
        self.wake()
        return fit

    def catalogue(self) -> str:
        """What people call the workspace's catalogue, empty where it has none."""
        try:
            return self._name_of(self.workspace.plan())
        except (OSError, ValueError):
            return ""

    def n_answers(self) -> int:
        """Products that reviewers have given a category."""
        try:
            return len(Journal(self.workspace).labels())
        except (OSError, ValueError):
            return 0

    def of_run(self, name: str) -> FitRecord | None:
        """The fit of the workspace's catalogue that the run of that name came of, until it is put in place."""
        for fit in self.store.all():
            if name and fit.run == name and fit.upload is None and not fit.put:
                return fit
        return None

    def run(self, fit: FitRecord) -> Run:
        """What came of a fit that is done and not put in place; raises FileNotFoundError, ValueError."""
        return Run.load(self.store.workspace(fit).folder / fit.run, "fusion")

    def report(self, fit: FitRecord) -> Path | None:
        """The page of a fit that is done, wherever it lies by now."""
        page = self.store.path(fit.fit_id) / REPORT
        return page if fit.state is FitStatus.DONE and page.is_file() else None

    def progress(self, fit: FitRecord) -> FitProgress:
        """How far a fit is, or was when it stopped."""
        return FitProgress.of(self.store.workspace(fit).folder)

    def stop(self, fit: FitRecord) -> FitRecord:
        """Ask a fit to stop at its next safe point; one that waits for its turn stops at once.

        Raises:
            ValueError: it has ended.
        """
        fit = self.store.get(fit.fit_id)
        if not fit.is_active:
            raise ValueError(f"this fit is {fit.state}: there is nothing to stop")
        if fit.state is FitStatus.WAITING:
            return self.store.update(fit, state=FitStatus.STOPPED, ended=time.time())
        fit = self.store.update(fit, state=FitStatus.STOPPING)
        self._child.interrupt(fit.fit_id)
        return fit

    def go_on(self, fit: FitRecord) -> FitRecord:
        """Let one that was stopped, or has failed, go on where it was; raises ValueError for any other."""
        fit = self.store.wait_again(fit)
        self.wake()
        return fit

    def delete(self, fit: FitRecord) -> None:
        """Remove a fit, ending it where it works; raises ValueError where the workspace's model has learnt from it."""
        self.store.delete(fit)
        if self._child.kill(fit.fit_id):
            # what it wrote meanwhile
            self.store.sweep()

    def put(self, fit: FitRecord) -> FitRecord:
        """Make what came of a fit the workspace's model, which begins to be loaded and answers from then on.

        Raises:
            ValueError: there is no model yet, it is of another tree than the workspace's, or another one is loaded.
        """
        fit = self.store.get(fit.fit_id)
        if fit.state is not FitStatus.DONE:
            raise ValueError(f"this fit is {fit.state}: it has a model when it is done")
        run = adopt(self.workspace, self.store.workspace(fit), fit.run)
        fit = self.store.update(fit, put=True)
        self._model.replace(run.folder)
        return fit

    @staticmethod
    def _name_of(plan: Plan) -> str:
        return plan.catalog.rstrip("/").rpartition("/")[2]

    def _do(self, fit: FitRecord) -> bool:
        if fit.state is FitStatus.STOPPING:
            # the server that was to stop it has ended
            self.store.update(fit, state=FitStatus.STOPPED, ended=time.time())
            return True
        self.store.update(fit, state=FitStatus.RUNNING)
        order = WorkOrder(str(self.store.path(fit.fit_id)), str(self.workspace.folder), self._uploads)
        if why := self._run(fit.fit_id, "rayonnage.web.fits.work", order.written(), partial(self._hear, fit)):
            if self.store.get(fit.fit_id).state is FitStatus.STOPPING:
                # asked before it could say that it stops
                self.store.update(fit, state=FitStatus.STOPPED, ended=time.time())
                return True
            error = f"the fit broke off ({why}): go on with it, it begins where it was"
            self.store.update(fit, state=FitStatus.FAILED, error=error, ended=time.time())
        return True

    def _hear(self, fit: FitRecord, said: dict[str, Any]) -> None:
        """Take in what the child says."""
        if "ready" in said and self.store.get(fit.fit_id).state is FitStatus.STOPPING:
            # it was asked before it could hear
            self._child.interrupt(fit.fit_id)
        elif "unpacked" in said:
            self.store.update(fit, unpacked=said["unpacked"])
        elif "error" in said:
            self.store.update(fit, state=FitStatus.FAILED, error=said["error"], ended=time.time())
        elif "stopped" in said:
            self.store.update(fit, state=FitStatus.STOPPED, ended=time.time())
        elif "run" in said:
            page = self.store.workspace(fit).folder / REPORT
            if page.is_file():
                # beside the workspace, which gives its files away when it is put in place
                shutil.copyfile(page, self.store.path(fit.fit_id) / REPORT)
            end = {"ended": time.time(), "seconds": self.progress(fit).seconds}
            fit = self.store.update(fit, state=FitStatus.DONE, run=said["run"], **end)
            if self.workspace.latest("fusion") is None:
                # nothing answers that it could be compared with
                self.put(fit)
