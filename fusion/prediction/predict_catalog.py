"""`fusion predict FILE`: streaming, in committed parts, so that a killed run continues where it stopped."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.catalog import Catalog
from catalog.files.answer_sheet import has_answers
from catalog.files.atomic import atomic_path, exclusive, write_text
from catalog.files.progress import Progress, part_of
from catalog.problem_places import name_files
from catalog.product import ProblemLog
from catalog.runs.run import read_json
from catalog.runs.saved_probabilities import predictions_folder
from catalog.runs.workspace import Workspace
from fusion.config import FusionConfig
from fusion.prediction.predictor import Predictor
from fusion.prediction.table import SCHEMA, to_table
from fusion.review.journal import Journal
from fusion.review.queue import QueueFiles, write_queue, written_in

CHUNK = 256
"""Products predicted at a time."""
PART = 8 * CHUNK
"""Products in a committed part: what a kill can cost."""


@dataclass(frozen=True)
class Outcome:
    """What was written, and what became of the products."""

    folder: Path
    submission: Path
    table: Path
    review: Path
    audit: Path
    written: QueueFiles
    n_products: int
    decisions: dict[str, int]
    problems: ProblemLog
    n_resumed: int

    @property
    def n_left_out(self) -> int:
        """Products that wait for review, but for which review.csv has no room: they stay in the table."""
        return self.written.waiting - self.written.queued

    def text(self) -> str:
        """For people: what became of the products, and where it stands."""
        return (
            f"{self.n_products} products: {', '.join(f'{n} {d}' for d, n in self.decisions.items())}\n"
            f"{self.submission}\n{self.table}\n"
            f"{self.review} ({self.written.queued} products), {self.audit} ({self.written.audited})"
        )


def predict_file(
    predictor: Predictor,
    catalog: Catalog,
    workspace: Workspace,
    folder: Path | None = None,
    *,
    overwrite: bool = False,
    discard_answers: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Write `submission.csv`, `predictions.parquet` and `problems.json`, one row per product in file order.

    `review.csv` holds what was not accepted, `audit.csv` a sample of what was, for people to fill. Parts are committed
    as they are ready; a second run with the same input and model continues.

    Raises:
        ValueError: the folder holds predictions of another input or model, and `overwrite` is off; or a reviewer's
            answers that no journal holds would be lost, and `discard_answers` is off.
    """
    folder = folder or predictions_folder(workspace, catalog) / predictor.run.folder.name
    folder.mkdir(parents=True, exist_ok=True)
    # a second process waits, and then finds everything done
    with exclusive(folder / ".lock"):
        return _predict_locked(predictor, catalog, workspace, folder, overwrite, discard_answers, progress)


def _predict_locked(
    predictor: Predictor,
    catalog: Catalog,
    workspace: Workspace,
    folder: Path,
    overwrite: bool,
    discard_answers: bool,
    progress: Progress | None,
) -> Outcome:
    if not discard_answers and (overwrite or not (folder / "problems.json").is_file()):
        _keep_answers(folder, workspace)
    if overwrite:
        _clear(folder)
    for left in folder.glob(".*.tmp"):
        # of a process that was killed: the lock says that none is at work
        left.unlink(missing_ok=True)
    _claim(
        folder,
        {
            "data": catalog.fingerprint,
            "run": predictor.run.folder.name,
            "precision": predictor.target_precision,
            "lang": predictor.tree.lang,
            "names": predictor.tree.shown_fingerprint,
            "part": PART,
            "columns": SCHEMA.names,
        },
    )
    n_parts = -(-len(catalog) // PART)
    parts = [folder / "parts" / f"part-{i:06d}.parquet" for i in range(n_parts)]
    table = folder / "predictions.parquet"
    n_resumed = 0
    if not (folder / "problems.json").is_file():
        parts[0].parent.mkdir(exist_ok=True)
        for i, part in enumerate(parts):
            if part.is_file():
                n_resumed += 1
            else:
                _predict_part(predictor, catalog, i * PART, part, progress)
        _assemble(parts, folder, catalog, predictor)
    elif progress is not None:
        progress(len(catalog), len(catalog))
    shutil.rmtree(parts[0].parent, ignore_errors=True)
    summary = read_json(folder / "problems.json")
    return Outcome(
        folder,
        folder / "submission.csv",
        table,
        folder / "review.csv",
        folder / "audit.csv",
        written_in(folder),
        int(summary["n_products"]),
        summary["decisions"],
        ProblemLog.from_json(summary["problems"]),
        n_resumed,
    )


def _claim(folder: Path, identity: dict[str, Any]) -> None:
    """Mark the folder as belonging to this input and model, or refuse it when it belongs to others."""
    path = folder / "input.json"
    if not path.is_file():
        write_text(path, json.dumps(identity, indent=2) + "\n")
        return
    # predictions of before there were languages have the tree's own names
    found = {"lang": "", "names": "", **read_json(path)}
    if found != identity:
        same_but_names = {**found, "lang": identity["lang"], "names": identity["names"]} == identity
        other = (
            "with names in another language, or other names"
            if same_but_names
            else ("of another input, model, precision or version")
        )
        raise ValueError(f"{folder} holds predictions {other}: choose another --output, or --overwrite them")


def _keep_answers(folder: Path, workspace: Workspace) -> None:
    """Refuse to replace a file that a reviewer has filled, unless the journal holds its answers."""
    journal = Journal(workspace)
    for path in (folder / "review.csv", folder / "audit.csv"):
        if path.is_file() and has_answers(path) and not journal.entries_of([path]):
            raise ValueError(
                f"{path} holds a reviewer's answers: take them in first (fusion review apply "
                f"{path}{workspace.option}), choose another --output, or --discard-answers"
            )


def _clear(folder: Path) -> None:
    """Remove what an earlier prediction wrote, and nothing else."""
    # problems.json says that everything is whole, input.json whose it is: a kill in between must leave neither lying
    for name in ("problems.json", "submission.csv", "predictions.parquet", "review.csv", "audit.csv"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "parts", ignore_errors=True)
    (folder / "input.json").unlink(missing_ok=True)


def _predict_part(predictor: Predictor, catalog: Catalog, start: int, part: Path, progress: Progress | None) -> None:
    stop = min(start + PART, len(catalog))
    problems, learnt = ProblemLog(), predictor.learnt_from(catalog)
    with atomic_path(part) as temporary:
        with pq.ParquetWriter(temporary, SCHEMA) as writer:
            tables = []
            done_before = part_of(progress, start, len(catalog))
            for _, products in catalog.batches(CHUNK, done_before, range(start, stop)):
                found = predictor.predict(products, learnt=learnt)
                problems.merge(found.problems)
                tables.append(to_table(found, predictor.tree, predictor.top_leaves))
            writer.write_table(pa.concat_tables(tables))
        # the part's rename commits it: its problems must lie there before
        write_text(part.with_suffix(".json"), json.dumps(problems.to_json()))


def _assemble(parts: list[Path], folder: Path, catalog: Catalog, predictor: Predictor) -> None:
    """Join the parts; `problems.json` is written last and says that everything is whole."""
    problems, decisions, n_products = ProblemLog(), Counter[str](), 0
    problems.merge(catalog.problems)
    with (
        atomic_path(folder / "predictions.parquet") as whole,
        atomic_path(folder / "submission.csv") as lines,
        lines.open("w", newline="", encoding="utf-8") as file,
        pq.ParquetWriter(whole, SCHEMA) as writer,
    ):
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["_id", "category_id"])
        for part in parts:
            table = pq.read_table(part, schema=SCHEMA)
            writer.write_table(table)
            rows.writerows(zip(table["product_id"].to_pylist(), table["category_id"].to_pylist(), strict=True))
            decisions.update(table["decision"].to_pylist())
            n_products += len(table)
            problems.merge(ProblemLog.from_json(json.loads(part.with_suffix(".json").read_text(encoding="utf-8"))))
    name_files(catalog, problems)
    config = predictor.run.config(FusionConfig)
    written = write_queue(
        folder / "predictions.parquet", folder / "review.csv", folder / "audit.csv", predictor.tree,
        review_rows=config.review_rows, audit_rows=config.audit_rows, seed=config.seed,
    )  # fmt: skip
    summary = {
        "n_products": n_products,
        "decisions": dict(sorted(decisions.items())),
        "review": asdict(written),
        "problems": problems.to_json(),
    }
    write_text(folder / "problems.json", json.dumps(summary, indent=2) + "\n")
