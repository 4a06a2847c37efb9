"""`fusion predict FILE`: streaming, in committed parts, so that a killed run continues where it stopped."""

import csv
import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.catalog import Catalog
from catalog.files.answer_sheet import has_answers
from catalog.files.atomic import atomic_path, write_text
from catalog.files.file_lock import exclusive
from catalog.files.progress import Progress, part_of
from catalog.ids.id_columns import id_type
from catalog.problem_places import name_files
from catalog.product import ProblemLog
from catalog.recent_rows import RecentRows
from catalog.runs.saved_probabilities import predictions_folder
from catalog.runs.workspace import Workspace
from fusion.config import FusionConfig
from fusion.prediction.columns import schema_of
from fusion.prediction.folder import PredictionFolder, PredictionOrigin, PredictionRecord
from fusion.prediction.predictor import Predictor
from fusion.prediction.table import to_table
from fusion.review.journal import Journal
from fusion.review.queue import write_queue

CHUNK = 256
"""Products predicted at a time."""
PART = 8 * CHUNK
"""Products in a committed part: what a kill can cost, under three minutes at 13 products a second."""


@dataclass(frozen=True)
class Outcome:
    """What was written; n_resumed: parts that were already there; was_whole: everything was, nothing was predicted."""

    files: PredictionFolder
    record: PredictionRecord
    n_resumed: int
    was_whole: bool

    @property
    def n_left_out(self) -> int:
        """Products that wait for review, but for which review.csv has no room: they stay in the table."""
        return self.record.review.waiting - self.record.review.queued

    def text(self) -> str:
        """For people: what became of the products, and where it stands."""
        files, review = self.files, self.record.review
        return (
            f"{self.record.n_products} products: {', '.join(f'{n} {d}' for d, n in self.record.decisions.items())}\n"
            f"{files.submission}\n{files.table}\n"
            f"{files.review} ({review.queued} products), {files.audit} ({review.audited})"
        )


def predict_file(
    predictor: Predictor, catalog: Catalog, workspace: Workspace, folder: Path | None = None, *,
    overwrite: bool = False, discard_answers: bool = False, progress: Progress | None = None,
) -> Outcome:  # fmt: skip
    """Write `submission.csv`, `predictions.parquet` and `problems.json`, one row per product in file order.

    `review.csv` holds what was not accepted, `audit.csv` a sample of what was, for people to fill. Parts are committed
    as they are ready; a second run with the same input and model continues. A model is known by what it holds, wherever
    its folder lies. After a kill the networks get the same batches as without it, and on a CPU that is the same bytes;
    on a GPU as far as it answers the same batch with the same bits (`mosaic.networks.torch_backend`).

    Raises:
        ValueError: the folder holds predictions of another input or model, and `overwrite` is off; or a reviewer's
            answers that no journal holds would be lost, and `discard_answers` is off.
    """
    files = PredictionFolder(folder or predictions_folder(workspace, catalog) / predictor.run.folder.name)
    files.path.mkdir(parents=True, exist_ok=True)
    # a second process waits, and then finds everything done
    with exclusive(files.path / ".lock"):
        if not discard_answers and (overwrite or not files.is_whole):
            _keep_answers(files, workspace)
        if overwrite:
            files.clear()
        files.remove_temporaries()
        schema = _schema(predictor, catalog)
        files.claim(_origin_of(predictor, catalog, schema))
        n_resumed, was_whole = 0, files.is_whole
        if not was_whole:
            parts, n_resumed = _predict_parts(predictor, catalog, files, schema, progress)
            _assemble(parts, files, catalog, predictor, schema)
        elif progress is not None:
            progress(len(catalog), len(catalog))
        shutil.rmtree(files.parts, ignore_errors=True)
        return Outcome(files, files.record(), n_resumed, was_whole)


def _origin_of(predictor: Predictor, catalog: Catalog, schema: pa.Schema) -> PredictionOrigin:
    tree, run, precision = predictor.tree, predictor.run.folder.name, predictor.target_precision
    shown = tree.shown_fingerprint
    return PredictionOrigin(
        catalog.fingerprint, run, predictor.digest, precision, tree.lang, shown, PART, schema.names, catalog.address
    )


def _schema(predictor: Predictor, catalog: Catalog) -> pa.Schema:
    """Of the full table: the products' ids are the catalogue's, those of categories the model's."""
    tree, product_id = predictor.tree, id_type(catalog.ids, catalog.product_ids)
    return schema_of(tree.depth, product_id, id_type(tree.ids), titles=catalog.has_texts)


def _keep_answers(files: PredictionFolder, workspace: Workspace) -> None:
    """Refuse to replace a file that a reviewer has filled, unless the journal holds its answers."""
    journal = Journal(workspace)
    for path in (files.review, files.audit):
        if path.is_file() and has_answers(path) and not journal.entries_of([path]):
            raise ValueError(
                f"{path} holds a reviewer's answers: take them in first (fusion review apply "
                f"{path}{workspace.option}), choose another --output, or --discard-answers"
            )


def _predict_parts(
    predictor: Predictor, catalog: Catalog, files: PredictionFolder, schema: pa.Schema, progress: Progress | None
) -> tuple[list[Path], int]:
    """All parts, in order, and how many of them were there already."""
    files.parts.mkdir(exist_ok=True)
    starts = range(0, len(catalog), PART)
    parts = [files.parts / f"part-{number:06d}.parquet" for number in range(len(starts))]
    missing = [(start, part) for start, part in zip(starts, parts, strict=True) if not part.is_file()]
    for start, part in missing:
        _predict_part(predictor, catalog, start, part, schema, progress)
    return parts, len(parts) - len(missing)


def _predict_part(
    predictor: Predictor, catalog: Catalog, start: int, part: Path, schema: pa.Schema, progress: Progress | None
) -> None:
    stop = min(start + PART, len(catalog))
    problems, in_training = ProblemLog(), predictor.trained_on(catalog)
    # of this part alone: what it says must not depend on what was predicted before it
    recent = RecentRows()
    with atomic_path(part) as temporary:
        with pq.ParquetWriter(temporary, schema) as writer:
            tables = []
            done_before = part_of(progress, start, len(catalog))
            for _, products in catalog.batches(CHUNK, done_before, range(start, stop)):
                predictions = predictor.predict(products, in_training=in_training, recent=recent)
                problems.merge(predictions.problems)
                tables.append(to_table(predictions, predictor.tree, predictor.top_leaves, schema))
            # one row group, so that a part has the same bytes however its products were chunked
            writer.write_table(pa.concat_tables(tables))
        # the part's rename commits it: its problems must lie there before
        write_text(part.with_suffix(".json"), json.dumps(problems.to_json()))


def _assemble(
    parts: list[Path], files: PredictionFolder, catalog: Catalog, predictor: Predictor, schema: pa.Schema
) -> None:
    """Join the parts; the record is written last and says that everything is whole."""
    problems, decisions, n_products = ProblemLog(), Counter[str](), 0
    problems.merge(catalog.problems)
    with (
        atomic_path(files.table) as whole,
        atomic_path(files.submission) as lines,
        lines.open("w", newline="", encoding="utf-8") as file,
        pq.ParquetWriter(whole, schema) as writer,
    ):
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["_id", "category_id"])
        # one part in memory at a time, whatever the catalogue's size
        for part in parts:
            table = pq.read_table(part, schema=schema)
            writer.write_table(table)
            rows.writerows(zip(table["product_id"].to_pylist(), table["category_id"].to_pylist(), strict=True))
            decisions.update(table["decision"].to_pylist())
            n_products += len(table)
            problems.merge(ProblemLog.from_json(json.loads(part.with_suffix(".json").read_text(encoding="utf-8"))))
    name_files(catalog, problems)
    config = predictor.run.config(FusionConfig)
    review = write_queue(
        files.table, files.review, files.audit, predictor.tree,
        review_rows=config.review_rows, audit_rows=config.audit_rows, seed=config.seed,
    )  # fmt: skip
    files.save(PredictionRecord(n_products, dict(sorted(decisions.items())), review, problems))
