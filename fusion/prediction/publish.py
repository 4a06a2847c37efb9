"""Predictions beside their products: a field `prediction` in the documents of a MongoDB collection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bson
import numpy as np
import pyarrow.parquet as pq
from pymongo import UpdateOne

from catalog.catalog import Catalog
from catalog.files.id_lookup import positions_of
from catalog.files.progress import Progress, in_batches
from catalog.ids.id_columns import id_in_cell, ids_in, numbers_in
from catalog.ids.shop_id import ShopId
from catalog.sources.address import Address, is_uri
from catalog.sources.mongo.address import MongoAddress
from catalog.sources.mongo.connection import Connection
from catalog.sources.mongo.id_forms import ids_there
from catalog.sources.mongo.writer import WriteCounts, Writer
from fusion.prediction.columns import depth_of, path_columns, probability_columns

if TYPE_CHECKING:
    from fusion.prediction.predictor import Predictor

FIELD = "prediction"
"""The one field of a product's document that is written."""
BESIDE_PATH = [
    "product_id", "category_id", "decision", "given", "reason", "top_category_ids", "top_probabilities",
]  # fmt: skip
"""Columns that are read of a table, beside those of the path."""
ROWS = 1000
"""Rows of the table in memory at a time; products asked for at a time."""
NAMED = 5
"""Products named of those that are left out."""
INSERT = "--insert-missing"


@dataclass(frozen=True)
class Published:
    """What became of the predictions.

    Attributes:
        written: what the server said.
        n_products: all that the table has.
        missing: some of the products that the collection does not hold and that were left out.
    """

    written: WriteCounts
    n_products: int
    missing: tuple[ShopId, ...]

    @property
    def n_missing(self) -> int:
        """Products that were left out."""
        return self.n_products - self.written.matched - self.written.upserted

    def text(self) -> str:
        """For people."""
        parts = [f"{self.written.modified} changed", f"{self.written.matched - self.written.modified} as they were"]
        if self.written.upserted:
            parts.append(f"{self.written.upserted} new documents")
        if self.n_missing:
            some = ", ".join(map(str, self.missing)) + (", ..." if self.n_missing > len(self.missing) else "")
            parts.append(f"{self.n_missing} left out, as the collection does not hold them ({some})")
        return ", ".join(parts)


@dataclass(frozen=True)
class Publication:
    """Where predictions go.

    Attributes:
        connection: the collection.
        inserts: a product that is not there gets a document of its own, which holds the prediction alone. Its `_id` is
            of the type that it has in the catalogue's documents, else an integer or a text.
    """

    connection: Connection
    inserts: bool = False

    @classmethod
    def to(cls, uri: Address, inserts: bool = False) -> Publication:
        """Check that predictions may be written there: before the catalogue is looked through.

        Raises:
            ConnectionError: no server answers.
            FileNotFoundError: there is no such collection, and `inserts` is off.
            ValueError: not the URI of a collection, or the user may not write to it.
        """
        if not isinstance(uri, str) or not is_uri(uri):
            raise ValueError(f"--to {uri}: expected mongodb://host/database.collection (--output names a folder)")
        connection = Connection(MongoAddress.parse(uri))
        if not inserts and connection.answer(lambda: connection.collection.find_one({}, {"_id": 1})) is None:
            try:
                connection.require()
            except FileNotFoundError as error:
                raise FileNotFoundError(f"{error}. {INSERT} makes it") from None
        # it matches nothing, but needs the right to write
        connection.answer(lambda: connection.collection.update_one({"_id": {"$in": []}}, {"$unset": {FIELD: ""}}))
        return cls(connection, inserts)

    def look(self, catalog: Catalog, progress: Progress | None = None) -> str:
        """Count the catalogue's products in the collection, before anything is predicted.

        Returns:
            What a person should know before it starts; empty when every product has its document.

        Raises:
            ValueError: not one of them is there; or `inserts` where the products themselves lie: one that was removed
                since it was read would come back without photos.
        """
        if is_uri(catalog.address) and MongoAddress.parse(str(catalog.address)).place == self.connection.address.place:
            if self.inserts:
                raise ValueError(f"{INSERT} is for another collection than the one that is predicted: leave it out")
            return ""
        if self.inserts:
            return ""
        ids, names = catalog.product_ids, catalog.ids
        there = sum(len(ids_there(self.connection, names.take(some))) for some in in_batches(ids, ROWS, progress))
        place = self.connection.address
        if not there:
            raise ValueError(
                f"{place}: not one of the {len(ids)} products of {catalog} is in this collection. Is it the right one? "
                f"{INSERT} adds documents that hold their predictions alone"
            )
        if there == len(ids):
            return ""
        doubt = "Is it the right collection? " if 2 * there < len(ids) else ""
        return (
            f"{place}: {there} of the {len(ids)} products of {catalog} are in this collection. {doubt}"
            f"Predictions of the other {len(ids) - there} are written to the files alone ({INSERT} adds them)"
        )

    def publish(self, table: Path, catalog: Catalog, predictor: Predictor, progress: Progress | None = None) -> str:
        """Set the field `prediction` of every product of a table (`predictions.parquet`) and say what changed.

        Other fields are not touched. The same table again changes nothing, so that after a kill at any point the same
        call completes it. The run's name and the precision that its decisions aim at stand in each document.
        """
        source = {"run": predictor.run.folder.name, "target_precision": predictor.target_precision}
        return f"{self.connection.address}, field {FIELD}: {self.write(table, catalog, source, progress).text()}"

    def write(
        self, table: Path, catalog: Catalog, source: dict[str, Any], progress: Progress | None = None
    ) -> Published:
        """`source`: further entries of every `prediction`; `catalog`: the one that was predicted."""
        writer, missing, order = Writer(self.connection), list[ShopId](), np.argsort(catalog.product_ids)
        with pq.ParquetFile(table) as file:
            done, total, depth = 0, file.metadata.num_rows, depth_of(file.schema_arrow.names)
            columns = [*BESIDE_PATH, *path_columns(depth), *probability_columns(depth)]
            for batch in file.iter_batches(ROWS, columns=columns):
                ids, numbers = ids_in(batch["product_id"]), numbers_in(batch["product_id"])
                documents = ids_there(self.connection, ids)
                absent = np.array([number for number in numbers.tolist() if number not in documents], np.int64)
                if self.inserts:
                    positions = positions_of(catalog.product_ids, absent, order)
                    documents |= dict(zip(absent.tolist(), catalog.document_ids(positions), strict=True))
                for product_id, number, row in zip(ids, numbers.tolist(), batch.to_pylist(), strict=True):
                    if number in documents:
                        fields = {FIELD: {**_prediction(row, depth), **source}}
                        operation = UpdateOne({"_id": documents[number]}, {"$set": fields}, upsert=self.inserts)
                        writer.add(operation, len(bson.encode(fields)))
                    elif len(missing) < NAMED:
                        missing.append(product_id)
                # whoever looks meanwhile sees what progress says
                writer.flush()
                done += batch.num_rows
                if progress is not None:
                    progress(done, total)
        return Published(writer.written, total, tuple(missing))


def _prediction(row: dict[str, Any], depth: int) -> dict[str, Any]:
    """What is written of one row; probabilities are float32 and keep seven digits."""
    # a leaf further up has cells without a value below it
    n = sum(row[name] is not None for name in path_columns(depth))
    return {
        "category_id": id_in_cell(row["category_id"]),
        "path": [row[name] for name in path_columns(n)],
        "probabilities": [_rounded(row[name]) for name in probability_columns(n)],
        "decision": row["decision"],
        "given": row["given"],
        "reason": row["reason"],
        "top": [
            {"category_id": id_in_cell(leaf), "probability": _rounded(p)}
            for leaf, p in zip(row["top_category_ids"], row["top_probabilities"], strict=True)
        ],
    }


def _rounded(probability: float) -> float:
    return float(f"{probability:.7g}")
