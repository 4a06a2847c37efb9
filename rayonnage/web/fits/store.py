"""The workspace's folder of fits: bounded, and emptied by itself of what nobody has put in place."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from catalog.runs.workspace import Workspace
from rayonnage.fitting.recipe import Quality
from rayonnage.web.fits.record import FIT, RUNS, FitRecord, FitStatus
from rayonnage.web.jobs.limits import DAY_S, LimitReached
from rayonnage.web.jobs.record import INPUT, JobRecord
from rayonnage.web.jobs.record_store import RecordStore
from rayonnage.web.jobs.store import JobStore


@dataclass(frozen=True)
class FitLimits:
    """Bounds of fits.

    Attributes:
        fits: in the workspace, those put in place aside; time_s: the longest; least_s: the shortest.
        kept_s: seconds until one that has ended, and that nobody put in place, is removed.
        work_bytes: that must be free on the disk for one to begin.
    """

    fits: int = 10
    time_s: float = DAY_S
    least_s: float = 60.0
    kept_s: float = 7 * DAY_S
    work_bytes: int = 4 * 2**30


class FitStore(RecordStore[FitRecord]):
    """Folders `fits/ID`, one for each fit; safe in threads, used by one server at a time."""

    def __init__(self, workspace: Workspace, jobs: JobStore, limits: FitLimits) -> None:
        super().__init__(workspace.folder / "fits", "fit", FIT, FitRecord.load)
        self.limits = limits
        self._served, self._jobs = workspace, jobs

    def workspace(self, fit: FitRecord) -> Workspace:
        """Where a fit's model comes to be."""
        return Workspace(self.path(fit.fit_id) / RUNS)

    def create(
        self, owner: str, name: str, time_s: float, quality: Quality, *,
        upload: JobRecord | None = None, answers: bool = False,
    ) -> FitRecord:  # fmt: skip
        """Let a fit wait for its turn; an upload becomes its own.

        Raises:
            LimitReached: too many lie here, or the disk has no room; the message has the figures.
            FileNotFoundError: the upload was deleted, or taken by another fit.
        """
        with self._lock:
            self.sweep()
            n_fits = sum(not fit.put for fit in self.all())
            if n_fits >= self.limits.fits:
                raise LimitReached(429, f"{n_fits} fits lie here, at most {self.limits.fits} do: delete one first")
            self._jobs.require_disk(self.limits.work_bytes)
            fit = FitRecord(self._new(), owner, name, time_s, time.time(), quality, upload=upload, answers=answers)
            path = self.path(fit.fit_id)
            if upload is not None:
                self._jobs.take_out(upload, path / INPUT)
            fit.save(path)
            return fit

    def update(self, fit: FitRecord, **changes: object) -> FitRecord:
        """Change a record; raises FileNotFoundError when the fit was deleted meanwhile."""
        with self._lock:
            changed: FitRecord = replace(self.get(fit.fit_id), **changes)  # type: ignore[arg-type]
            changed.save(self.path(fit.fit_id))
            return changed

    def wait_again(self, fit: FitRecord) -> FitRecord:
        """Let one that was stopped, or has failed, wait for its turn; raises ValueError for any other."""
        with self._lock:
            fit = self.get(fit.fit_id)
            if fit.state not in (FitStatus.STOPPED, FitStatus.FAILED):
                raise ValueError(
                    f"this fit is {fit.state}: only one that was stopped, or has failed, can be gone on with"
                )
            return self.update(fit, state=FitStatus.WAITING, ended=0.0, error="")

    def delete(self, fit: FitRecord) -> None:
        """Remove a fit with all that it holds; raises ValueError where the workspace's model has learnt from it."""
        with self._lock:
            if self._is_needed(self.get(fit.fit_id)):
                raise ValueError("its model was put in place, and what it has learnt from lies here: it stays")
            self._remove(fit.fit_id)

    def _is_seen(self, fit: FitRecord, /, owner: str) -> bool:
        """Of the workspace's catalogue they are everybody's, of what was sent its sender's."""
        return fit.upload is None or fit.owner == owner

    def _is_needed(self, fit: FitRecord) -> bool:
        """Whether the catalogue of the workspace's plan lies in a fit's folder."""
        if not fit.put:
            return False
        try:
            learnt_from = self._served.plan().catalog
        except (OSError, ValueError):
            return True
        return Path(str(learnt_from)).resolve().is_relative_to(self.path(fit.fit_id).resolve())

    def sweep(self) -> None:
        """Remove what has been kept for its time, and halves of what was deleted."""
        with self._lock:
            for fit in self.all():
                is_over = not fit.is_active and time.time() - fit.ended > self.limits.kept_s
                if is_over and not self._is_needed(fit):
                    self._remove(fit.fit_id)
            self._remove_halves()
