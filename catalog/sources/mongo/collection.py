"""A MongoDB collection of products, read by `_id`: what was cut off is asked for again, nothing is lost or repeated."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from bson.raw_bson import RawBSONDocument
from numpy.typing import NDArray

from catalog.files.progress import Progress, in_batches
from catalog.files.user_cache import cache_folder
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import id_number
from catalog.product_text import FIELDS, ShopText
from catalog.sources.bson.document import document_of, texts_of
from catalog.sources.bson.document_ids import product_id_in
from catalog.sources.mongo.address import MongoAddress
from catalog.sources.mongo.connection import TOLERANT, Connection
from catalog.sources.mongo.id_forms import id_of
from catalog.sources.mongo.index import build_index, outlines_digest
from catalog.sources.source import Document, Index, Source

log = logging.getLogger(__name__)

REQUEST_BYTES = 32 * 2**20
"""Documents asked for in one request have at most about this many bytes."""
TEXTS = dict.fromkeys(FIELDS, 1)
PHOTOS = {"category_id": 1, **TEXTS, "imgs.picture": 1}
"""The fields that a product's texts, and that a product is made of; MongoDB adds the `_id`."""
TEXTS_AT_ONCE = 2000
"""Products whose texts are asked for in one request."""


class MongoCollection(Source):
    """A collection of documents `{_id, category_id?, imgs: [{picture}]}`, in the order of `_id`.

    An `_id` is an integer, a text, an ObjectId or a UUID; documents with another one are counted and named as problems.
    The index is built without a photo leaving the server. A row's `offset` is the product's place in the order of
    `_id` and the form of its `_id` (see `id_forms`), `length` the size of the whole document in bytes when the index
    was built.
    """

    def __init__(self, connection: Connection, ids: IdNames | None = None) -> None:
        """`ids`: the texts of the index's ids, where there is one: products are asked for by them."""
        self.connection = connection
        self.ids = IdNames.none() if ids is None else ids

    @classmethod
    def at(cls, uri: str) -> MongoCollection:
        """The collection that a URI names; raises ValueError when it names none. Nothing is opened yet."""
        return cls(Connection(MongoAddress.parse(uri)))

    def __reduce__(self) -> tuple[Any, ...]:
        # whoever opens the catalogue again finds the ids beside its index
        return MongoCollection, (self.connection,)

    def knowing(self, ids: IdNames) -> MongoCollection:
        """The same collection, of which the texts of ids are known."""
        return MongoCollection(self.connection, ids)

    @property
    def address(self) -> str:
        """The URI without credentials: whoever opens it again gives them in the environment."""
        return str(self.connection.address)

    @property
    def name(self) -> str:
        """`database.collection`."""
        return quote(self.connection.address.namespace, safe=" ")

    def stamp(self) -> dict[str, Any]:
        """Identity, size and count of writes of the collection: every write to it since makes another stamp.

        The server counts writes from its start, so its process belongs to the stamp too. A server that counts nothing,
        as some that only speak MongoDB's protocol, is asked for all but the photos instead. Of a view, or where the
        server tells no statistics or not this user, nothing is known: no two stamps are equal.

        Raises:
            FileNotFoundError: no such collection.
            ConnectionError: no server answers.
        """
        collection_info = self.connection.require()
        collection = self.connection.collection
        # before the counts are asked: a server that counts has this read among them
        last = self.connection.answer(lambda: collection.find_one({}, {"_id": 1}, sort=[("_id", -1)]))
        try:
            parts = self.connection.answer(
                lambda: list(collection.aggregate([{"$collStats": {"storageStats": {}, "latencyStats": {}}}]))
            )
        except ValueError as error:
            log.info("%s", error)
            parts = []
        # servers that only speak MongoDB's protocol may tell less
        has_counts = all("writes" in part.get("latencyStats", {}) and "storageStats" in part for part in parts)
        if collection_info.get("type") == "view" or not parts or not has_counts:
            return {"unknown": uuid.uuid4().hex}
        server = self.connection.answer(lambda: self.connection.client.admin.command("hello"))
        counts = any(of_kind["ops"] for part in parts for of_kind in part["latencyStats"].values())
        return {
            "collection": str(collection_info.get("info", {}).get("uuid")),
            "server": str(server.get("topologyVersion", {}).get("processId")),
            # one part per shard
            "count": sum(int(part["storageStats"].get("count", 0)) for part in parts),
            "size": sum(int(part["storageStats"].get("size", 0)) for part in parts),
            "writes": sum(int(part["latencyStats"]["writes"]["ops"]) for part in parts),
            "last": None if last is None else repr(last["_id"]),
            **({} if counts or last is None else {"outlines": outlines_digest(self.connection)}),
        }

    def sidecar(self, suffix: str) -> Path:
        """In the user's cache folder, by the address."""
        digest = hashlib.blake2b(self.address.encode(), digest_size=8).hexdigest()
        return cache_folder() / f"mongodb%{self.name[:100]}-{digest}{suffix}"

    def index(self, progress: Progress | None = None) -> Index:
        """See `mongo_index.build_index`."""
        return build_index(self.connection, progress)

    def read(self, rows: NDArray[np.void]) -> Iterator[Document]:
        """The products of these `(n,)` rows.

        Raises:
            ValueError: one of them is gone or has another category or number of photos since the index was built. No
                product is made up for it; the index is removed, so that the next command builds it anew.
        """
        for some in requests(rows):
            fields = self._found(some, self.connection.collection, PHOTOS)
            documents = {number: document_of(of_product) for number, of_product in fields.items()}
            self._require_unchanged(some, documents)
            yield from (documents[number] for number in some["product_id"].tolist())

    def texts(self, rows: NDArray[np.void]) -> Iterator[ShopText]:
        """The texts of these `(n,)` rows; raises ValueError when one is gone, as `read` does."""
        for some in in_batches(rows, TEXTS_AT_ONCE):
            fields = self._found(some, self.connection.collection, TEXTS)
            numbers = some["product_id"].tolist()
            self._require_none([number for number in numbers if number not in fields])
            yield from (texts_of(fields[number]) for number in numbers)

    def raw(self, rows: NDArray[np.void]) -> Iterator[bytes]:
        """The documents of `(n,)` rows with all their fields, as the server sends them; ValueError when one is gone."""
        whole = self.connection.collection.with_options(TOLERANT.with_options(document_class=RawBSONDocument))
        for some in requests(rows):
            documents = self._found(some, whole, None)
            numbers = some["product_id"].tolist()
            self._require_none([number for number in numbers if number not in documents])
            yield from (documents[number].raw for number in numbers)

    def document_ids(self, rows: NDArray[np.void]) -> list[Any]:
        """The `_id`s of these `(n,)` rows; the server is not asked."""
        pairs = zip(rows["offset"].tolist(), rows["product_id"].tolist(), strict=True)
        return [id_of(offset, number, self.ids) for offset, number in pairs]

    def _found(self, rows: NDArray[np.void], collection: Any, fields: dict[str, int] | None) -> dict[int, Any]:
        """These rows' documents that are there, by number; after a dropped connection the rest is asked for."""
        distinct = rows[np.unique(rows["product_id"], return_index=True)[1]]
        ids = dict(zip(distinct["product_id"].tolist(), self.document_ids(distinct), strict=True))
        documents = dict[int, Any]()

        def ask() -> Any:
            left = [document_id for number, document_id in ids.items() if number not in documents]
            return collection.find({"_id": {"$in": left}}, fields, batch_size=len(left))

        for document in self.connection.stream(ask):
            # as for the server, 5.0 is 5
            documents[id_number(product_id_in(document["_id"]))] = document
        return documents

    def _require_unchanged(self, rows: NDArray[np.void], documents: dict[int, Document]) -> None:
        changed = []
        for offset, length, number, *seen in rows.tolist():
            document = documents.get(number)
            if document is None or document.row(offset, length) != (offset, length, number, *seen):
                changed.append(number)
        self._require_none(changed)

    def _require_none(self, changed: list[int]) -> None:
        """What was derived from an older state is removed, or the next command would stumble over it again."""
        if not changed:
            return
        base = self.sidecar("")
        for path in base.parent.glob(f"{base.name.replace('[', '[[]')}.*"):
            path.unlink(missing_ok=True)
        raise ValueError(
            f"{self}: {len(changed)} products were removed or changed since it was indexed (_id "
            f"{', '.join(map(str, self.ids.take(changed[:5])))}). Give the command again, it will look through the "
            "collection anew; of a collection that keeps changing, take a copy first: catalog convert"
        )

    def __str__(self) -> str:
        return self.title


def requests(rows: NDArray[np.void]) -> Iterator[NDArray[np.void]]:
    """`(n,)` rows in their order, cut where the documents of a part would pass `REQUEST_BYTES` together."""
    start, size = 0, 0
    for stop, length in enumerate(rows["length"].tolist()):
        if stop > start and size + length > REQUEST_BYTES:
            yield rows[start:stop]
            start, size = stop, 0
        size += length
    if start < len(rows):
        yield rows[start:]
