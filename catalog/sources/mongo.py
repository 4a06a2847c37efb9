"""A MongoDB collection of products, read by `_id`: what was cut off is asked for again, nothing is lost or repeated."""

from __future__ import annotations

import hashlib
import logging
import struct
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from bson.raw_bson import RawBSONDocument
from numpy.typing import NDArray

from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.sidecar import cache_folder
from catalog.sources.bson_file import document_of
from catalog.sources.connection import TOLERANT, Connection, Fields
from catalog.sources.mongo_address import MongoAddress
from catalog.sources.source import NO_CATEGORY, Document, Index, PackedRows, Progress

log = logging.getLogger(__name__)

INTEGERS = ["int", "long"]
"""BSON types of a product's `_id`."""
BATCH = 2000
"""Index rows that the server sends at a time: it reads that many whole documents for it, within the time limit."""
REQUEST_BYTES = 32 * 2**20
"""Documents asked for in one request have at most about this many bytes."""
PHOTOS = {"category_id": 1, "imgs.picture": 1}
"""The fields that a product is made of; MongoDB adds the `_id`."""


class MongoCollection:
    """A collection of documents `{_id, category_id?, imgs: [{picture}]}`, in the order of `_id`.

    Products have an integer `_id`; documents with another one (an ObjectId, a text) are counted and named as problems.
    The index is built without a photo leaving the server. A row's `offset` is the product's number in the order of
    `_id`, `length` the size of the whole document in bytes when the index was built.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @classmethod
    def at(cls, uri: str) -> MongoCollection:
        """The collection that a URI names; raises ValueError when it names none. Nothing is opened yet."""
        return cls(Connection(MongoAddress.parse(uri)))

    def __reduce__(self) -> tuple[Any, ...]:
        return MongoCollection, (self.connection,)

    @property
    def address(self) -> str:
        """The URI without credentials: whoever opens it again gives them in the environment."""
        return str(self.connection.address)

    @property
    def title(self) -> str:
        """The same URI."""
        return self.address

    @property
    def name(self) -> str:
        """`database.collection`."""
        return quote(self.connection.address.namespace, safe=" ")

    def stamp(self) -> dict[str, Any]:
        """Identity, size and count of writes of the collection: every write to it since makes another stamp.

        The server counts writes from its start, so its process belongs to the stamp too. A server that does not
        count them leaves an edit unseen that keeps the number of documents, their bytes and the last `_id`. Of a view,
        or where the user may not ask for statistics, nothing is known: no two stamps are equal.

        Raises:
            FileNotFoundError: no such collection.
            ConnectionError: no server answers.
        """
        found = self.connection.require()
        collection = self.connection.collection
        try:
            parts = self.connection.answer(
                lambda: list(collection.aggregate([{"$collStats": {"storageStats": {}, "latencyStats": {}}}]))
            )
        except ValueError as error:
            log.info("%s", error)
            parts = []
        if found.get("type") == "view" or not parts:
            return {"unknown": uuid.uuid4().hex}
        server = self.connection.answer(lambda: self.connection.client.admin.command("hello"))
        last = self.connection.answer(lambda: collection.find_one({}, {"_id": 1}, sort=[("_id", -1)]))
        return {
            "collection": str(found.get("info", {}).get("uuid")),
            "server": str(server.get("topologyVersion", {}).get("processId")),
            # one part per shard
            "count": sum(int(part["storageStats"].get("count", 0)) for part in parts),
            "size": sum(int(part["storageStats"].get("size", 0)) for part in parts),
            "writes": sum(int(part["latencyStats"]["writes"]["ops"]) for part in parts),
            "last": None if last is None else repr(last["_id"]),
        }

    def sidecar(self, suffix: str) -> Path:
        """In the user's cache folder, by the address."""
        digest = hashlib.blake2b(self.address.encode(), digest_size=8).hexdigest()
        return cache_folder() / f"mongodb%{self.name[:100]}-{digest}{suffix}"

    def index(self, progress: Progress | None = None) -> Index:
        """Ask the server for everything but the photos; raises ValueError when there is not one usable product.

        The fingerprint is made of every product's `_id`, category and sizes of photos: a photo replaced by another of
        exactly its size is not seen in it, nor are other fields.
        """
        collection = self.connection.collection
        total = self.connection.answer(collection.estimated_document_count)
        problems, rows, digest = ProblemLog(), PackedRows(), hashlib.blake2b(digest_size=16)
        for n_rows, fields in enumerate(self._outlines()):
            where, sizes = f"_id {fields['_id']}", fields.get("imgs")
            if isinstance(sizes, list):
                # stands in for the photos: the same rules decide as of documents that have them
                fields["imgs"] = [None if size is None else {"picture": b""} for size in sizes]
            document = document_of(fields)
            for kind, detail in document.problems:
                problems.add(Problem(kind, where, document.product_id, detail))
            category = NO_CATEGORY if document.category_id is None else document.category_id
            rows.append((n_rows, int(fields["length"]), document.product_id, category, len(document.pictures)))
            of_photos = [size for size in sizes if size is not None] if isinstance(sizes, list) else []
            digest.update(struct.pack(f"<{2 + len(of_photos)}q", document.product_id, category, *of_photos))
            if progress is not None and n_rows % BATCH == 0:
                progress(n_rows, max(total, n_rows))
        self._name_others(problems)
        whole = rows.whole()
        if not len(whole):
            raise ValueError(self._nothing_usable(problems))
        if progress is not None:
            progress(len(whole), len(whole))
        return Index(whole, problems, digest.hexdigest())

    def read(self, rows: NDArray[np.void]) -> Iterator[Document]:
        """The products of these rows.

        Raises:
            ValueError: one of them is gone or has another category or number of photos since the index was built. No
                product is made up for it; the index is removed, so that the next command builds it anew.
        """
        for some in requests(rows):
            fields = self._found(some, self.connection.collection, PHOTOS)
            found = {product_id: document_of(own) for product_id, own in fields.items()}
            self._require_unchanged(some, found)
            yield from (found[product_id] for product_id in some["product_id"].tolist())

    def raw(self, rows: NDArray[np.void]) -> Iterator[bytes]:
        """The documents with all their fields, as the server sends them; raises ValueError when one is gone."""
        whole = self.connection.collection.with_options(TOLERANT.with_options(document_class=RawBSONDocument))
        for some in requests(rows):
            found = self._found(some, whole, None)
            gone = [product_id for product_id in some["product_id"].tolist() if product_id not in found]
            if gone:
                self._refuse(gone)
            yield from (found[product_id].raw for product_id in some["product_id"].tolist())

    def _found(self, rows: NDArray[np.void], collection: Any, fields: dict[str, int] | None) -> dict[int, Any]:
        """Those of these rows' documents that are there, by `_id`; after a dropped connection the rest is asked for."""
        ids, found = sorted(set(rows["product_id"].tolist())), dict[int, Any]()

        def ask() -> Any:
            left = [product_id for product_id in ids if product_id not in found]
            return collection.find({"_id": {"$in": left}}, fields, batch_size=len(left))

        for document in self.connection.stream(ask):
            # 5.0 equals 5 for the server, but it is no product's _id
            if isinstance(document["_id"], int):
                found[int(document["_id"])] = document
        return found

    def _outlines(self) -> Iterator[Fields]:
        """Every document with an integer `_id`, in its order; in `imgs` each picture's size, None for what is none."""
        collection = self.connection.collection
        last: int | None = None

        def ask() -> Iterator[Fields]:
            return collection.aggregate(outline_pipeline(last), batchSize=BATCH)

        for fields in self.connection.stream(ask):
            last = fields["_id"]
            yield fields

    def _name_others(self, problems: ProblemLog) -> None:
        """Count the documents whose `_id` is no integer, and name the first; their other fields stay there."""
        collection, others = self.connection.collection, {"_id": {"$not": {"$type": INTEGERS}}}
        count = self.connection.answer(lambda: collection.count_documents(others))
        if not count:
            return
        first = self.connection.answer(
            lambda: list(collection.find(others, {"_id": 1}, limit=problems.max_named, sort=[("_id", 1)]))
        )
        for fields in first:
            what = f"_id is {type(fields['_id']).__name__}, expected an integer"
            where = f"_id {str(fields['_id'])[:40]}"
            problems.add(Problem(ProblemKind.BAD_DOCUMENT, where, detail=what))
        problems.counts[ProblemKind.BAD_DOCUMENT] += max(0, count - len(first))

    def _nothing_usable(self, problems: ProblemLog) -> str:
        if not len(problems):
            return f"{self} is empty: expected documents {{_id, category_id, imgs: [{{picture}}]}}"
        return (
            f"{self} holds no usable product: the _id must be an integer.\n{problems.summary()}\n"
            "If the products' number is in another field, make a collection that has it as _id: "
            'db.NAME.aggregate([{$set: {_id: "$FIELD"}}, {$out: "NEW_NAME"}])'
        )

    def _require_unchanged(self, rows: NDArray[np.void], found: dict[int, Document]) -> None:
        changed = []
        for row in rows:
            document = found.get(int(row["product_id"]))
            category = None if row["category_id"] == NO_CATEGORY else int(row["category_id"])
            if document is None or (document.category_id, len(document.pictures)) != (category, row["n_images"]):
                changed.append(int(row["product_id"]))
        if changed:
            self._refuse(changed)

    def _refuse(self, changed: list[int]) -> None:
        """What was derived from an older state is removed, or the next command would stumble over it again."""
        base = self.sidecar("")
        for path in base.parent.glob(f"{base.name.replace('[', '[[]')}.*"):
            path.unlink(missing_ok=True)
        raise ValueError(
            f"{self}: {len(changed)} products were removed or changed since it was indexed (_id "
            f"{', '.join(map(str, changed[:5]))}). Give the command again, it will look through the collection anew; "
            "of a collection that keeps changing, take a copy first: catalog convert"
        )

    def __str__(self) -> str:
        return self.title


def outline_pipeline(last: int | None) -> list[dict[str, Any]]:
    """What the server is asked for an index of the documents after the `_id` `last` (None: of all).

    `$gt` compares with numbers alone (type bracketing), whatever else lies in the collection.
    """
    wanted = {"$type": INTEGERS} if last is None else {"$type": INTEGERS, "$gt": last}
    is_picture = {"$eq": [{"$type": "$$this.picture"}, "binData"]}
    sizes = {"$map": {"input": "$imgs", "in": {"$cond": [is_picture, {"$binarySize": "$$this.picture"}, None]}}}
    fields = {
        "category_id": 1,
        "length": {"$bsonSize": "$$ROOT"},
        "imgs": {"$cond": [{"$isArray": "$imgs"}, sizes, "$imgs"]},
    }
    return [{"$match": {"_id": wanted}}, {"$sort": {"_id": 1}}, {"$project": fields}]


def requests(rows: NDArray[np.void]) -> Iterator[NDArray[np.void]]:
    """Rows in their order, cut where the documents of a part would pass `REQUEST_BYTES` together."""
    start, size = 0, 0
    for stop, length in enumerate(rows["length"].tolist()):
        if stop > start and size + length > REQUEST_BYTES:
            yield rows[start:stop]
            start, size = stop, 0
        size += length
    if start < len(rows):
        yield rows[start:]
