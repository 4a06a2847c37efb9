"""Writing to a MongoDB collection: bounded bulks that may be sent twice; a whole collection put in place at once."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import ReplaceOne, UpdateOne

from catalog.product import ProblemLog
from catalog.sources.bson.document_ids import product_id_in
from catalog.sources.mongo.address import MongoAddress
from catalog.sources.mongo.connection import TOLERANT, Connection

BULK_BYTES = 8 * 2**20
BULK_COUNT = 1000
"""A bulk is sent when it has this many bytes or operations."""
MAX_DOCUMENT = 16 * 2**20
"""Bytes that MongoDB takes at most."""
PARTIAL = ".rayonnage-partial"
"""Ending of the collection that is written before it takes its place."""


@dataclass
class WriteCounts:
    """What the server said of the operations.

    Attributes:
        matched: documents that were there; modified: those of them that were changed; upserted: new ones.
        sent: operations. Of a bulk that was sent again after a dropped connection the last answer counts: what the
            first attempt had done already is then matched, but neither modified nor upserted.
    """

    sent: int = 0
    matched: int = 0
    modified: int = 0
    upserted: int = 0


class Writer:
    """Sends operations on single documents in unordered bulks. Every operation must be idempotent."""

    def __init__(self, connection: Connection, collection: str | None = None) -> None:
        """`collection`: another one of the same database."""
        self.connection = connection
        self.collection = collection or connection.address.collection
        self.written = WriteCounts()
        self._bulk: list[ReplaceOne | UpdateOne] = []
        self._bytes = 0

    def add(self, operation: ReplaceOne | UpdateOne, size: int) -> None:
        """Add an operation whose document has `size` bytes; sends the bulk when it is full."""
        if self._bulk and self._bytes + size > BULK_BYTES:
            self.flush()
        self._bulk.append(operation)
        self._bytes += size
        if len(self._bulk) == BULK_COUNT:
            self.flush()

    def flush(self) -> None:
        """Send what is left.

        Raises:
            ConnectionError: no server answers, or it keeps dropping the connection.
            ValueError: the server refuses.
        """
        if not self._bulk:
            return
        collection = self.connection.client[self.connection.address.database][self.collection]
        answer = self.connection.answer(lambda: collection.bulk_write(self._bulk, ordered=False))
        self.written.sent += len(self._bulk)
        self.written.matched += answer.matched_count
        self.written.modified += answer.modified_count
        self.written.upserted += answer.upserted_count
        self._bulk, self._bytes = [], 0


class CollectionSink:
    """Takes BSON documents; nothing of them is seen in the collection until `commit`."""

    def __init__(self, connection: Connection) -> None:
        self.problems = ProblemLog()
        self.connection = connection
        self.partial = connection.address.collection + PARTIAL
        self.writer = Writer(connection, self.partial)

    def write(self, document: bytes) -> None:
        """Add one document with all its fields; raises ValueError when it is larger than MongoDB takes."""
        # an `_id` keeps its type, int64 and UUIDs too: a replacement must not change what it is found by
        whole = RawBSONDocument(document, TOLERANT.with_options(document_class=RawBSONDocument))
        if len(document) > MAX_DOCUMENT:
            raise ValueError(
                f"{self.connection.address}: product {product_id_in(whole['_id'])} has {len(document):,} bytes, "
                f"MongoDB takes at most {MAX_DOCUMENT:,}: make its photos smaller, or leave it out"
            )
        self.writer.add(ReplaceOne({"_id": whole["_id"]}, whole, upsert=True), len(document))

    def clear(self) -> None:
        """Remove what was written before the collection took its place: also what a killed process has left."""
        self.connection.answer(self._side.drop)

    def commit(self) -> None:
        """Put what was written in the place of the collection.

        Raises:
            ValueError: another process has written there meanwhile.
        """
        self.writer.flush()
        there = self.connection.answer(lambda: self._side.count_documents({}))
        if there != self.writer.written.sent:
            raise ValueError(
                f"{self.connection.address}: {self.writer.written.sent} documents were written to {self.partial}, but "
                f"{there} are there. Does another process write it? Give the command again when it has ended"
            )
        if not there:
            raise ValueError(f"{self.connection.address}: there is nothing to write")
        address = self.connection.address
        self.connection.answer(lambda: self._rename(f"{address.database}.{self.partial}", address.namespace))

    def _rename(self, source: str, target: str) -> None:
        # asked again after a dropped connection, it may be done already
        if self.partial in self.connection.client[self.connection.address.database].list_collection_names():
            self.connection.client.admin.command("renameCollection", source, to=target, dropTarget=True)

    @property
    def _side(self) -> Any:
        return self.connection.client[self.connection.address.database][self.partial]


def mongo_sink(uri: str, overwrite: bool) -> AbstractContextManager[CollectionSink]:
    """A collection to write: on leaving without an error it is there as a whole, else it is as it was.

    Documents go to a collection of another name beside it, which is renamed in the end. Indexes and rules of a
    collection that is replaced go with it.

    Raises:
        FileExistsError: the collection holds documents, and `overwrite` is off.
    """
    connection = Connection(MongoAddress.parse(uri))
    count = connection.answer(lambda: connection.collection.count_documents({}, limit=1))
    if count and not overwrite:
        raise FileExistsError(
            f"{connection.address} holds documents already: choose another collection, or --overwrite to replace all "
            "of them"
        )
    return _filled(connection)


@contextmanager
def _filled(connection: Connection) -> Iterator[CollectionSink]:
    sink = CollectionSink(connection)
    sink.clear()
    try:
        yield sink
        sink.commit()
    except BaseException:
        with suppress(OSError, ValueError):
            sink.clear()
        raise
