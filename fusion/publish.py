"""Predictions beside their products: a field `prediction` in the documents of a MongoDB collection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bson
import pyarrow.parquet as pq
from pymongo import UpdateOne

from catalog.catalog import Catalog
from catalog.sources.address import Address, is_uri
from catalog.sources.connection import Connection
from catalog.sources.mongo_address import MongoAddress
from catalog.sources.mongo_writer import Writer, Written
from catalog.sources.source import Progress
from catalog.taxonomy import LEVELS

if TYPE_CHECKING:
    from fusion.predictor import Predictor

FIELD = "prediction"
"""The one field of a product's document that is written."""
COLUMNS = [
    "product_id", "category_id", "cat1", "cat2", "cat3", "p_cat1", "p_cat2", "p_cat3", "decision", "given", "reason",
    "top_category_ids", "top_probabilities",
]  # fmt: skip
ROWS = 1000
"""Rows of the table in memory at a time."""


@dataclass(frozen=True)
class Publication:
    """Where predictions go, and from what.

    Attributes:
        connection: the collection.
        adds: a product that is not there gets a document of its own. Off where the products themselves lie: one that
            was removed since it was read does not come back as a document without photos.
    """

    connection: Connection
    adds: bool

    @classmethod
    def to(cls, uri: Address, catalog: Catalog) -> Publication:
        """Check, before anything is predicted, that predictions may be written there.

        Raises:
            ConnectionError: no server answers.
            ValueError: not the URI of a collection, or the user may not write to it.
        """
        if not isinstance(uri, str) or not is_uri(uri):
            raise ValueError(f"--to {uri}: expected mongodb://host/database.collection (--output names a folder)")
        connection = Connection(MongoAddress.parse(uri))
        # it matches nothing, but needs the right to write
        connection.answer(lambda: connection.collection.update_one({"_id": {"$in": []}}, {"$unset": {FIELD: ""}}))
        own = MongoAddress.parse(catalog.address) if is_uri(catalog.address) else None
        return cls(connection, adds=own is None or own.place != connection.address.place)

    def publish(self, table: Path, predictor: Predictor, progress: Progress | None = None) -> str:
        """Set the field `prediction` of every product of a table (`predictions.parquet`) and say what changed.

        Other fields are not touched. The same table again changes nothing, so that after a kill at any point the same
        call completes it. The run's name and the precision that its decisions aim at stand in each document.
        """
        source = {"run": predictor.run.folder.name, "target_precision": predictor.target_precision}
        return self.summary(self.write(table, source, progress))

    def write(self, table: Path, source: dict[str, Any], progress: Progress | None = None) -> Written:
        """`source`: further entries of every `prediction`."""
        writer = Writer(self.connection)
        with pq.ParquetFile(table) as file:
            done, total = 0, file.metadata.num_rows
            for batch in file.iter_batches(ROWS, columns=COLUMNS):
                for row in batch.to_pylist():
                    said = {FIELD: {**_prediction(row), **source}}
                    operation = UpdateOne({"_id": row["product_id"]}, {"$set": said}, upsert=self.adds)
                    writer.add(operation, len(bson.encode(said)))
                done += batch.num_rows
                if progress is not None:
                    progress(done, total)
        writer.flush()
        return writer.written

    def summary(self, written: Written) -> str:
        """One line for people."""
        gone = written.sent - written.matched - written.upserted
        parts = [
            f"{written.modified} changed",
            f"{written.matched - written.modified} as they were",
            f"{written.upserted} new documents" if written.upserted else "",
            f"{gone} products are no longer there" if gone else "",
        ]
        return f"{self.connection.address}, field {FIELD}: {', '.join(filter(None, parts))}"


def _prediction(row: dict[str, Any]) -> dict[str, Any]:
    """What is written of one row; probabilities are float32 and keep seven digits."""
    return {
        "category_id": row["category_id"],
        "path": [row[f"cat{level}"] for level in LEVELS],
        "probabilities": [_rounded(row[f"p_cat{level}"]) for level in LEVELS],
        "decision": row["decision"],
        "given": row["given"],
        "reason": row["reason"],
        "top": [
            {"category_id": leaf, "probability": _rounded(p)}
            for leaf, p in zip(row["top_category_ids"], row["top_probabilities"], strict=True)
        ],
    }


def _rounded(probability: float) -> float:
    return float(f"{probability:.7g}")
