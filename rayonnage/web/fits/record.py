"""What is known of one fit: `fit.json` in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from catalog.files.atomic import write_text
from catalog.runs.config import checked, plain
from catalog.runs.run import read_json
from rayonnage.fitting.recipe import Quality
from rayonnage.web.jobs.record import JobRecord

FIT = "fit.json"
RUNS = "runs"
"""A fit's workspace, in its folder."""


class FitStatus(StrEnum):
    """How far a fit is; `stopping`: it was asked to end where it can be gone on with."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


ACTIVE = (FitStatus.WAITING, FitStatus.RUNNING, FitStatus.STOPPING)
"""States of which none is the last."""


@dataclass(frozen=True)
class FitRecord:
    """One fit.

    Attributes:
        fit_id: 128 random bits, hexadecimal; owner: name of who began it; name: of the catalogue, for people.
        time_s: seconds that it may take; quality: see `rayonnage fit --quality`.
        upload: the catalogue that was sent, None for the workspace's own.
        answers: the workspace's own with what reviewers have answered.
        created, ended: seconds since 1970, `ended` 0 before; unpacked: bytes of what was in a zip.
        seconds: that it took, when it is done.
        run: name of the fusion run that came of it; error: a sentence where it failed.
        put: its model is the workspace's now.
    """

    fit_id: str
    owner: str
    name: str
    time_s: float
    created: float
    quality: Quality = "balanced"
    upload: JobRecord | None = None
    answers: bool = False
    state: FitStatus = FitStatus.WAITING
    unpacked: int = 0
    ended: float = 0.0
    seconds: float = 0.0
    run: str = ""
    error: str = ""
    put: bool = False

    @property
    def is_active(self) -> bool:
        """Whether it waits, or works."""
        return self.state in ACTIVE

    def save(self, folder: Path) -> None:
        """Write it into the fit's folder."""
        write_text(folder / FIT, json.dumps(plain(self), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> FitRecord:
        """Of a fit's folder; raises OSError, or ValueError where it is damaged."""
        return checked(cls, read_json(folder / FIT), f"{folder / FIT} is damaged")
