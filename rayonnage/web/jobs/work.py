"""`python -m rayonnage.web.jobs.work`: predicts one job, in a process of its own that gives its memory back."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from catalog.files.file_kinds import PARQUET_ENDINGS
from catalog.files.full_disk import FULL
from catalog.files.parent_process import ParentProcess
from catalog.files.progress import Progress
from rayonnage.web.jobs.contents import TITLES_ALONE, UNPACKED, SentCatalogue, lay_out
from rayonnage.web.jobs.limits import JobLimits
from rayonnage.web.jobs.record import INPUT, PREDICTIONS, JobRecord

NICENESS = 10
"""The pages and the requests of shops come first."""
EVERY_S = 0.3
MAX_TEXT = 2000
LAYOUT_OPTION = "--layout"
HOW_LAID_OUT = "it cannot be told whether each folder is a product or each photo is one: say so when you send it"


@dataclass(frozen=True)
class WorkOrder:
    """What a child is told: the folders of its work and of the workspace, and the bounds of what it unpacks."""

    folder: str
    workspace: str
    limits: JobLimits

    def written(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> WorkOrder:
        """Inverse of `written`."""
        order = json.loads(text)
        return cls(**{**order, "limits": JobLimits(**order["limits"])})

    @classmethod
    def begun(cls) -> WorkOrder:
        """Of the command line, for a process that stands behind the pages from now on."""
        os.nice(NICENESS)
        logging.basicConfig(level=logging.ERROR)
        return cls.read(sys.argv[1])


class WorkReport:
    """What the child says: one JSON object a line."""

    def __init__(self, parent: ParentProcess) -> None:
        self._parent = parent

    def say(self, **what: object) -> None:
        """Send one line."""
        self._parent.answer(json.dumps(what).encode() + b"\n")

    def step(self, name: str) -> Progress:
        """Shows how far a step is, a few times a second."""
        said = 0.0
        self.say(step=name, done=0, total=0)

        def progress(done: int, total: int) -> None:
            nonlocal said
            if time.monotonic() - said > EVERY_S or done == total:
                said = time.monotonic()
                self.say(step=name, done=done, total=total)

        return progress


def main() -> None:
    """Do what the command line says; status 1 and a sentence where that cannot be done."""
    report = WorkReport(ParentProcess())
    order = WorkOrder.begun()
    folder = Path(order.folder)
    job = JobRecord.load(folder)
    try:
        _predict(order, folder, job, report)
    except (ValueError, OSError) as error:
        places = (folder / INPUT / job.file, folder / INPUT / UNPACKED, folder / INPUT, folder)
        report.say(error=without_paths(reason(error), places, job.name))
        sys.exit(1)


def _predict(order: WorkOrder, folder: Path, job: JobRecord, report: WorkReport) -> None:
    sent = lay_out(folder, job, order.limits, report.step("unpack"))
    if sent.unpacked is not None:
        report.say(unpacked=sent.unpacked)
    from catalog.runs.run import Run
    from catalog.runs.workspace import Workspace

    workspace = Workspace(order.workspace)
    progress = report.step("read")
    require_few_rows(sent.path, order.limits)
    try:
        catalog = workspace.open(sent.path, progress)
    except ValueError as error:
        raise better_told(error, sent, job) from error
    if len(catalog) > order.limits.products:
        raise ValueError(too_many(len(catalog), order.limits))
    report.step("load")
    from fusion.prediction.predict_catalog import predict_file
    from fusion.prediction.predictor import Predictor

    predictor = Predictor(Run.load(Path(job.run), "fusion"), workspace)
    try:
        outcome = predict_file(predictor, catalog, workspace, folder / PREDICTIONS, progress=report.step("predict"))
    finally:
        predictor.close()
    problems = {kind.name: count for kind, count in outcome.record.problems.counts.items()}
    report.say(decisions=outcome.record.decisions, problems=problems)


def require_few_rows(path: Path, limits: JobLimits) -> None:
    """Refuse a table whose foot says that it has too many, before all of them are read."""
    if path.suffix.lower() not in PARQUET_ENDINGS or not path.is_file():
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        n_rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError):
        # whoever opens it says what it is
        return
    if n_rows > limits.products:
        raise ValueError(too_many(n_rows, limits))


def too_many(n_products: int, limits: JobLimits) -> str:
    """What is said of a catalogue with too many products."""
    return f"there are {n_products:,} products, at most {limits.products:,} are taken at once: send them in parts"


def better_told(error: ValueError, sent: SentCatalogue, job: JobRecord) -> ValueError:
    """What the command line's way out is no way for who has sent a file."""
    text = str(error)
    if LAYOUT_OPTION in text:
        return ValueError(HOW_LAID_OUT)
    if sent.is_table and job.ending != ".zip" and "names no photo" in text:
        return ValueError(TITLES_ALONE)
    return error


def reason(error: Exception) -> str:
    """What went wrong, for who cannot do anything about the server."""
    if isinstance(error, OSError) and error.errno is not None:
        return "the server's disk is full" if error.errno in FULL else os.strerror(error.errno)
    return str(error)


def without_paths(text: str, places: Iterable[Path], name: str) -> str:
    """A text for who has sent the file: by the name that it has there, without a path of the server."""
    for place in places:
        for written in (str(place.resolve()), str(place)):
            text = text.replace(written + "/", "").replace(written, name)
    return text[:MAX_TEXT]


if __name__ == "__main__":
    main()
