"""An index on a Qdrant server."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from catalog.embeddings import Embeddings
from catalog.files.progress import Progress, in_batches
from catalog.ids.id_names import IdNames
from search.checks import check_entries, checked_queries, present_vectors
from search.contract import COLLECTION, NO_ROW, Entries, Filter, Hits, IndexIdentity
from search.qdrant.found_names import FoundNames
from search.qdrant.points import (
    CATEGORY,
    FIRST,
    INDEXED,
    PHOTO,
    PRODUCT,
    TEXTS,
    are_first,
    conditions,
    lets_none_pass,
    one_of,
    points_of,
    row_numbers,
)
from search.qdrant.server import IN_MEMORY, connect, faults_told, identity_there, named

POINTS, QUERIES, PRODUCTS = 256, 32, 1000
"""Sent at a time: points with their vectors, queries, ids of products."""
VECTORS_OF_ONE = 100
"""Of a product, at most: a photo each."""
OVERSAMPLING = 4.0
"""How many times as many as are asked for are taken by the bytes in memory, and ranked by the vectors on disk."""
ANEW = "make the index anew with `rayonnage search index`"


class QdrantIndex:
    """Vectors on a Qdrant server, as `VectorIndex` says, but for two things that a server cannot promise.

    An addition that is cut off leaves some of it there: the same addition again completes it. `ids` has the texts of
    what was found or added last, not of all: a server holds more than a machine keeps.

    Vectors lie on the server's disk in float16, and in its memory in a byte a number.
    """

    def __init__(self, address: str, collection: str, client: QdrantClient, identity: IndexIdentity) -> None:
        """Use `create` or `open`."""
        self.address, self.collection = address, collection
        self._client, self._identity, self._names = client, identity, FoundNames()

    @classmethod
    def create(
        cls, address: str, identity: IndexIdentity, embeddings: Embeddings, entries: Entries, *,
        collection: str = COLLECTION, client: QdrantClient | None = None, progress: Progress | None = None,
    ) -> Self:  # fmt: skip
        """Make a collection of N vectors; an earlier one of that name is replaced.

        Args:
            address: `http://HOST:6333`. entries: of the N vectors. client: an open connection, where there is one.

        Raises:
            ValueError: vectors of another width, not finite or not of length 1, or not one entry for each; or a
                collection of that name that is no index.
            OSError: no server answers, or it refuses.
        """
        check_entries(len(embeddings), entries)
        client = client or connect(address)
        # others' collections are not ours to replace
        identity_there(client, address, collection)
        with faults_told(address):
            client.delete_collection(collection)
            client.create_collection(
                collection,
                models.VectorParams(
                    size=identity.width, distance=models.Distance.DOT, on_disk=True, datatype=models.Datatype.FLOAT16
                ),
                quantization_config=models.ScalarQuantization(
                    scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
                ),
                metadata=dataclasses.asdict(identity),
            )
            if address != IN_MEMORY:
                for field, kind in INDEXED.items():
                    client.create_payload_index(collection, field, kind)
        index = cls(address, collection, client, identity)
        order, is_first = _in_order(entries, embeddings.present())
        for places in in_batches(np.arange(len(order)), embeddings.block_rows, progress):
            rows = order[places]
            index._put(embeddings.rows(rows), entries.take(rows), is_first[places])
        return index

    @staticmethod
    def require_replaceable(address: str, collection: str = COLLECTION) -> None:
        """Raise as `create` does where no server answers, or a collection of that name is no index."""
        identity_there(connect(address), address, collection)

    @classmethod
    def open(
        cls, address: str, expect: str | None = None, *, collection: str = COLLECTION,
        client: QdrantClient | None = None,
    ) -> Self:  # fmt: skip
        """Open the collection of a server.

        Args:
            expect: the digest of the network whose vectors will be looked for; None: any.

        Raises:
            FileNotFoundError: there is no such collection.
            ValueError: it holds something else, or vectors of another network.
            OSError: no server answers, or it refuses.
        """
        client = client or connect(address)
        where = named(address, collection)
        identity = identity_there(client, address, collection)
        if identity is None:
            raise FileNotFoundError(f"{where} does not exist: `rayonnage search index` makes one")
        if expect is not None and identity.digest != expect:
            raise ValueError(
                f"{where} holds vectors of another network ({identity.network}), which cannot be compared: {ANEW}"
            )
        return cls(address, collection, client, identity)

    @property
    def identity(self) -> IndexIdentity:
        """What its vectors come from."""
        return self._identity

    @property
    def n_products(self) -> int:
        """Products that can be found."""
        return self._count([models.FieldCondition(key=FIRST, match=models.MatchValue(value=True))])

    @property
    def ids(self) -> IdNames:
        """The texts of the ids that were found or added last."""
        return self._names

    def __len__(self) -> int:
        """Vectors that can be found."""
        return self._count([])

    def add(self, vectors: NDArray[np.float32], entries: Entries) -> None:
        """As `VectorIndex.add` says of `(N, D)` vectors, but that a cut off addition is completed by the same one."""
        check_entries(len(vectors), entries)
        present = present_vectors(vectors, entries, self._identity.width)
        order, is_first = _in_order(entries, present)
        self._put(vectors[order], entries.take(order), is_first)
        kept = row_numbers(entries.product_ids[present], entries.photos[present])
        of_product = entries.product_ids[present]
        for some in in_batches(np.unique(entries.product_ids), PRODUCTS):
            # what is new is there before the old goes: a product that is replaced can be found all the time
            new = kept[np.isin(of_product, some)].tolist()
            spared: list[Any] | None = [models.HasIdCondition(has_id=new)] if new else None
            self._delete(models.Filter(must=[one_of(PRODUCT, some)], must_not=spared))

    def remove(self, product_ids: NDArray[np.int64]) -> int:
        """As `VectorIndex.remove` says of `(P,)` products."""
        n = 0
        for some in in_batches(np.unique(product_ids), PRODUCTS):
            first = models.FieldCondition(key=FIRST, match=models.MatchValue(value=True))
            n += self._count([one_of(PRODUCT, some), first])
            self._delete(models.Filter(must=[one_of(PRODUCT, some)]))
        return n

    def search(self, queries: NDArray[np.float32], k: int, where: Filter | None = None) -> Hits:
        """As `VectorIndex.search` says of `(Q, D)` vectors; also raises ValueError where queries are not finite."""
        queries = checked_queries(queries, self._identity.width)
        hits = _nothing_found(len(queries), k)
        asked = np.flatnonzero(queries.any(axis=1))
        if lets_none_pass(where) or k < 1:
            return hits
        wanted = conditions(where)
        for some in in_batches(asked, QUERIES):
            for row, points in zip(some.tolist(), self._found(queries[some], k, wanted), strict=True):
                points.sort(key=lambda point: (-point.score, point.id))
                payloads = [point.payload or {} for point in points]
                self._names.learn(text for payload in payloads for text in payload.get(TEXTS, ()))
                n = len(points)
                hits.scores[row, :n] = [point.score for point in points]
                hits.rows[row, :n] = [point.id for point in points]
                for column, key in ((hits.product_ids, PRODUCT), (hits.photos, PHOTO), (hits.category_ids, CATEGORY)):
                    column[row, :n] = [payload[key] for payload in payloads]
        return hits

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """As `VectorIndex.vectors` says of `(n,)` rows; raises ValueError for rows that have been removed."""
        found: dict[int, Any] = {}
        for some in in_batches(np.unique(rows), POINTS):
            with faults_told(self.address):
                points = self._client.retrieve(self.collection, some.tolist(), with_payload=False, with_vectors=True)
            found |= {int(point.id): point.vector for point in points}
        gone = [row for row in rows.tolist() if row not in found]
        if gone:
            raise ValueError(f"row {gone[0]} is not in collection {self.collection} any more: search again")
        return np.array([found[row] for row in rows.tolist()], np.float32).reshape(-1, self._identity.width)

    def rows_of(self, product_id: int) -> NDArray[np.int64]:
        """`(n,)` int64, as `VectorIndex.rows_of` says."""
        only = models.Filter(must=[one_of(PRODUCT, np.array([product_id]))])
        with faults_told(self.address):
            points, _ = self._client.scroll(self.collection, only, limit=VECTORS_OF_ONE, with_payload=[PHOTO])
        points.sort(key=lambda point: (point.payload or {})[PHOTO])
        return np.array([point.id for point in points], np.int64)

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _put(self, vectors: NDArray[np.float32], entries: Entries, is_first: NDArray[np.bool_]) -> None:
        """Write the points of `(n, D)` vectors, none of them zeros."""
        present_vectors(vectors, entries, self._identity.width)
        for rows in in_batches(np.arange(len(vectors)), POINTS):
            points = points_of(vectors[rows], entries.take(rows), is_first[rows])
            with faults_told(self.address):
                self._client.upsert(self.collection, points, wait=True)
        self._names.learn(one for one in entries.ids.take(entries.product_ids) if isinstance(one, str))

    def _found(
        self, queries: NDArray[np.float32], k: int, wanted: models.Filter | None
    ) -> Iterator[list[models.ScoredPoint]]:
        finer = models.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING)
        params = None if self.address == IN_MEMORY else models.SearchParams(quantization=finer)
        requests = [
            models.QueryRequest(
                query=query, limit=k, filter=wanted, params=params, with_payload=[PRODUCT, PHOTO, CATEGORY, TEXTS]
            )
            for query in queries.tolist()
        ]
        with faults_told(self.address):
            answers = self._client.query_batch_points(self.collection, requests)
        return (list(answer.points) for answer in answers)

    def _count(self, must: list[Any]) -> int:
        with faults_told(self.address):
            return self._client.count(self.collection, models.Filter(must=must), exact=True).count

    def _delete(self, which: models.Filter) -> None:
        with faults_told(self.address):
            self._client.delete(self.collection, models.FilterSelector(filter=which), wait=True)


def _in_order(entries: Entries, present: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rows that hold a vector, those of one product together, its photos in order, and the first of each product."""
    order = np.lexsort((entries.photos, entries.product_ids))
    order = order[present[order]]
    return order, are_first(entries.product_ids[order])


def _nothing_found(n: int, k: int) -> Hits:
    return Hits(
        np.full((n, k), -np.inf, np.float32), np.full((n, k), NO_ROW, np.int64), np.full((n, k), NO_ROW, np.int64),
        np.full((n, k), NO_ROW, np.int8), np.full((n, k), NO_ROW, np.int64),
    )  # fmt: skip
