"""What is known of one job: `job.json` in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from catalog.files.atomic import write_text
from catalog.runs.config import checked, plain
from catalog.runs.run import read_json
from catalog.sources.folder.layout import Layout

JOB = "job.json"
INPUT = "input"
UPLOAD = "upload.part"
PREDICTIONS = "predictions"


class JobState(StrEnum):
    """How far a job is; `kept`: a labelled catalogue is whole here, to be learnt from (`/v1/fits`)."""

    UPLOADING = "uploading"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    KEPT = "kept"


ENDINGS = (".csv", ".tsv", ".parquet", ".pq", ".zip")
"""Of what can be sent."""


@dataclass(frozen=True)
class JobRecord:
    """One job.

    Attributes:
        job_id: 128 random bits, hexadecimal; owner: name of who sent it; name: of the file, as it was called there.
        size: bytes of the upload; unpacked: bytes of what was in it.
        created, ended: seconds since 1970, `ended` 0 before.
        layout: what a folder in a zip is, None: to be found out.
        to_learn: it is not to be predicted: its products have categories, which a model is to learn.
        run: folder of the model that predicts, "" until it begins; error: a sentence where it failed.
        decisions: products by decision, problems: places by what is wrong there, when it is done.
    """

    job_id: str
    owner: str
    name: str
    size: int
    created: float
    state: JobState = JobState.UPLOADING
    layout: Layout | None = None
    to_learn: bool = False
    run: str = ""
    unpacked: int = 0
    ended: float = 0.0
    error: str = ""
    decisions: dict[str, int] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)

    @property
    def ending(self) -> str:
        """Of the file's name, in small letters."""
        return Path(self.name).suffix.lower()

    @property
    def file(self) -> str:
        """What the upload is called here: never what its sender says."""
        return f"table{self.ending}" if self.ending != ".zip" else "upload.zip"

    @property
    def n_products(self) -> int:
        """Products that were predicted."""
        return sum(self.decisions.values())

    @property
    def is_active(self) -> bool:
        """Whether it waits or is being predicted."""
        return self.state in (JobState.WAITING, JobState.RUNNING)

    def save(self, folder: Path) -> None:
        """Write it into the job's folder."""
        write_text(folder / JOB, json.dumps(plain(self), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> JobRecord:
        """Of a job's folder; raises OSError, or ValueError where it is damaged."""
        return checked(cls, read_json(folder / JOB), f"{folder / JOB} is damaged")
