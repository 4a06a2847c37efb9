"""A workspace with predictions and their catalogue, made by hand: no network, so no model that answers."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import bson
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from catalog.catalog import Catalog
from catalog.files.atomic import write_text
from catalog.product import ProblemLog
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.prediction.columns import TITLE, schema_of
from fusion.prediction.folder import PredictionFolder, PredictionOrigin, PredictionRecord
from fusion.review.queue import write_queue
from tests.support.predictions import TREE


def coloured(colour: tuple[int, int, int], size: tuple[int, int] = (300, 200)) -> bytes:
    """A JPEG of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


def md5_of(photo: bytes) -> str:
    """As the predictions write it."""
    return hashlib.md5(photo, usedforsecurity=False).hexdigest()


def make_shop(
    folder: Path, rows: Sequence[dict], photos: dict[object, list[bytes]], tree: Taxonomy = TREE, part: int = 7
) -> Path:
    """`folder/runs`, `folder/catalogue.bson` and `folder/predictions`; returns the workspace.

    Args:
        rows: of the full table, as `predictions.predicted` makes them; their `photos_md5` are set here.
        photos: of each product, by its id.
        part: rows in a row group of the table.
    """
    workspace = Workspace(folder / "runs")
    documents = [{"_id": one["product_id"], "imgs": [{"picture": bson.Binary(p)} for p in photos[one["product_id"]]]}
                 for one in rows]  # fmt: skip
    (folder / "catalogue.bson").write_bytes(b"".join(map(bson.encode, documents)))
    catalog = Catalog(folder / "catalogue.bson")
    run = Run.create(workspace.folder, "fusion", "fusion", plan="plan", data="data", config={}, tree=tree)
    run.save()
    tree.save(workspace.folder / "tree.csv")
    write_text(workspace.folder / "workspace.json", '{"latest": {"fusion": "' + run.folder.name + '"}}')
    id_type = pa.string() if any(isinstance(one["product_id"], str) for one in rows) else pa.int64()
    schema = schema_of(tree.depth, product_id=id_type, titles=True)
    files = PredictionFolder(folder / "predictions")
    files.path.mkdir()
    files.claim(
        PredictionOrigin(
            catalog.fingerprint, run.folder.name, "digest", 0.95, "", "", part, schema.names, catalog.address
        )
    )
    full = [
        {TITLE: ""} | one | {"votes": one["votes"] or []}
        | {"product_id": str(one["product_id"]) if id_type == pa.string() else one["product_id"]}
        | {"photos_md5": [md5_of(p) for p in photos[one["product_id"]]], "n_images": len(photos[one["product_id"]])}
        for one in rows
    ]  # fmt: skip
    with pq.ParquetWriter(files.table, schema) as writer:
        for start in range(0, len(full), part):
            writer.write_table(pa.Table.from_pylist(full[start : start + part], schema))
    queue = write_queue(files.table, files.review, files.audit, tree, review_rows=1000, audit_rows=20, seed=0)
    files.save(PredictionRecord(len(full), {}, queue, ProblemLog()))
    return workspace.folder
