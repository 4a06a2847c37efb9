"""Hand-made folders of predictions, as `fusion predict` would leave them, without a network."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.product import ProblemLog
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.prediction.columns import schema_of
from fusion.prediction.folder import PredictionFolder, PredictionOrigin, PredictionRecord
from fusion.review.queue import QueueFiles, write_queue
from fusion.review.sheet import columns_of

TREE = Taxonomy(
    [
        (1000, ("BOOKS", "FICTION", "NOVEL")),
        (1001, ("BOOKS", "FICTION", "POETRY")),
        (1002, ("BOOKS", "TRAVEL", "GUIDE")),
        (2000, ("KITCHEN", "CUPS", "MUG")),
    ]
)
SCHEMA = schema_of(TREE.depth)


def predicted(
    product_id: int, category_id: int = 1000, decision: str = "review", distance: float = 1.0, **more
) -> dict:
    """A row of the full table; photos are the product's own unless given."""
    names = TREE.paths[int(TREE.leaf_index([category_id])[0])]
    p = (3 - distance) / 3
    row = dict.fromkeys(SCHEMA.names) | {
        "product_id": product_id, "category_id": category_id, "cat1": names[0], "cat2": names[1], "cat3": names[2],
        "p_cat1": p, "p_cat2": p, "p_cat3": p, "expected_distance": distance, "decision": decision,
        "given": path_text(names) if decision == "accept" else "", "reason": "photo", "n_images": 1, "n_readable": 1,
        "top_category_ids": [category_id, 2000], "top_probabilities": [p, 1 - p], "text_read": "",
        "photos_md5": [f"{product_id:032x}"],
    }  # fmt: skip
    return row | more


def write_predictions(
    folder: Path, rows: list[dict], *, review_rows: int = 1000, audit_rows: int = 20, seed: int = 0, part: int = 7
) -> QueueFiles:
    """predictions.parquet, review.csv, audit.csv, input.json and problems.json, in row groups of `part`."""
    folder.mkdir(exist_ok=True)
    files = PredictionFolder(folder)
    files.claim(PredictionOrigin("catalogue-1", "fusion-1", "digest-1", 0.95, "", "", part, SCHEMA.names))
    with pq.ParquetWriter(files.table, SCHEMA) as writer:
        for start in range(0, len(rows), part):
            writer.write_table(pa.Table.from_pylist(rows[start : start + part], SCHEMA))
    sizes = {"review_rows": review_rows, "audit_rows": audit_rows, "seed": seed}
    written = write_queue(files.table, files.review, files.audit, TREE, **sizes)
    files.save(PredictionRecord(len(rows), {}, written, ProblemLog()))
    return written


def read_rows(path: Path) -> list[dict[str, str]]:
    """A CSV's rows by column."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(path: Path, answers: dict[int, object], target: Path | None = None) -> Path:
    """Write answers into the cells of a CSV as a careful spreadsheet would."""
    rows = read_rows(path)
    for row in rows:
        row["corrected_category_id"] = str(answers.get(int(row["product_id"]), ""))
    with (target or path).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, columns_of(TREE.depth))
        writer.writeheader()
        writer.writerows(rows)
    return target or path
