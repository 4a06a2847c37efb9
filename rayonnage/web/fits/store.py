"""The workspace's folder of fits: bounded, and emptied by itself of what nobody has put in place."""

from __future__ import annotations

import re
import secrets
import shutil
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from catalog.runs.workspace import Workspace
from rayonnage.fitting.recipe import Quality
from rayonnage.web.fits.record import FIT, RUNS, FitRecord, FitStatus
from rayonnage.web.jobs.limits import DAY_S, LimitReached
from rayonnage.web.jobs.record import INPUT, JobRecord
from rayonnage.web.jobs.store import JobStore

FIT_ID = re.compile(r"[0-9a-f]{32}")


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


class FitStore:
    """Folders `fits/ID`, one for each fit; safe in threads, used by one server at a time."""

    def __init__(self, workspace: Workspace, jobs: JobStore, limits: FitLimits) -> None:
        self.folder, self.limits = workspace.folder / "fits", limits
        self._served, self._jobs, self._lock = workspace, jobs, threading.RLock()

    def path(self, fit_id: str) -> Path:
        """Where a fit lies."""
        return self.folder / fit_id

    def workspace(self, fit: FitRecord) -> Workspace:
        """Where a fit's model comes to be."""
        return Workspace(self.path(fit.fit_id) / RUNS)

    def all(self) -> list[FitRecord]:
        """Every fit, the newest first; what is damaged or being removed is none."""
        found = []
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if FIT_ID.fullmatch(path.name):
                try:
                    found.append(FitRecord.load(path))
                except (OSError, ValueError):
                    continue
        return sorted(found, key=lambda fit: (-fit.created, fit.fit_id))

    def of(self, owner: str) -> list[FitRecord]:
        """Those that somebody may see: of the workspace's catalogue, and of the ones that they have sent."""
        return [fit for fit in self.all() if _is_seen(fit, owner)]

    def get(self, fit_id: str, owner: str | None = None) -> FitRecord:
        """One fit; raises FileNotFoundError where there is none that `owner` may see (None: anybody)."""
        if FIT_ID.fullmatch(fit_id):
            try:
                fit = FitRecord.load(self.path(fit_id))
            except (OSError, ValueError):
                fit = None
            if fit is not None and (owner is None or _is_seen(fit, owner)):
                return fit
        raise FileNotFoundError(f"there is no fit {fit_id[:40]}: it was deleted, or has been kept for its time")

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
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            fit = FitRecord(
                secrets.token_hex(16), owner, name, time_s, time.time(), quality, upload=upload, answers=answers
            )
            path = self.path(fit.fit_id)
            path.mkdir(mode=0o700)
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
            self._remove(fit)

    def _is_needed(self, fit: FitRecord) -> bool:
        """Whether the catalogue of the workspace's plan lies in a fit's folder."""
        if not fit.put:
            return False
        try:
            learnt_from = self._served.plan().catalog
        except (OSError, ValueError):
            return True
        return Path(str(learnt_from)).resolve().is_relative_to(self.path(fit.fit_id).resolve())

    def _remove(self, fit: FitRecord) -> None:
        path = self.path(fit.fit_id)
        # without its record it is none, should this be interrupted; the next sweep removes the rest
        (path / FIT).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what has been kept for its time, and halves of what was deleted."""
        with self._lock:
            for fit in self.all():
                is_over = not fit.is_active and time.time() - fit.ended > self.limits.kept_s
                if is_over and not self._is_needed(fit):
                    self._remove(fit)
            for path in self.folder.iterdir() if self.folder.is_dir() else ():
                if FIT_ID.fullmatch(path.name) and not (path / FIT).exists():
                    shutil.rmtree(path, ignore_errors=True)


def _is_seen(fit: FitRecord, owner: str) -> bool:
    return fit.upload is None or fit.owner == owner
