"""The index as it is at one moment: searched by any number of threads while the next state is written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.ids.id_names import IdNames
from catalog.sources.source import NO_CATEGORY
from search.contract import NO_ROW, Filter, Hits
from search.index.codec import Codec
from search.index.coded_search import CodedPart, near_rows
from search.index.nearest import nearest_rows
from search.index.segment import VECTORS, Segment
from search.index.state_file import IndexState, SmallFile, StateFile
from search.index.vector_file import selector

RARE = 5000
"""Rows: where a filter lets no more pass, they are looked at one by one, whatever cells they are in."""
Passing = NDArray[np.bool_] | None
"""`(n,)` bool of the rows of a segment; None: all."""


@dataclass(frozen=True)
class Snapshot:
    """A state that has been opened.

    Attributes:
        file: that says so. codec: of the segments' codes; None where the search is exact.
        segments: in the order of their rows. alive: of each, the rows that are not forgotten.
    """

    file: StateFile
    codec: Codec | None
    segments: tuple[Segment, ...]
    alive: tuple[Passing, ...]

    @classmethod
    def open(cls, folder: Path, file: StateFile, earlier: Snapshot | None = None) -> Snapshot:
        """Open what a state names; segments that are open already stay so.

        Raises:
            ValueError: a damaged file, which it names.
            FileNotFoundError: a file is missing.
        """
        state = file.state
        if earlier is not None and earlier.state.codec == state.codec:
            codec = earlier.codec
        else:
            codec, earlier = None if state.codec is None else Codec.load(state.codec.check(folder)), None
        known = {(one.record, one.inode): one for one in earlier.segments} if earlier is not None else {}
        segments = []
        for record in state.segments:
            segment = known.get((record, _inode(folder / record.name)))
            segments.append(Segment(folder, record, state.identity.width, codec) if segment is None else segment)
        removed = read_removed(folder, state.removed, state.n_rows)
        ends = np.cumsum([len(segment) for segment in segments])[:-1]
        alive = [~part if part.any() else None for part in np.split(removed, ends)] if segments else []
        return cls(file, codec, tuple(segments), tuple(alive))

    @property
    def state(self) -> IndexState:
        """All that its file says."""
        return self.file.state

    def __len__(self) -> int:
        return self.state.n_rows - self.state.n_removed

    @cached_property
    def ids(self) -> IdNames:
        """The texts of all ids that are no integers."""
        names = IdNames.none()
        for segment in self.segments:
            names = names.joined(segment.entries.ids)
        return names

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """`(S + 1,)` int64 row of the first vector of each segment, and the row after the last."""
        sizes = [len(segment) for segment in self.segments]
        return self.state.first_row + np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])

    def search(self, queries: NDArray[np.float32], k: int, where: Filter | None) -> Hits:
        """The k nearest of each of `(Q, D)` queries, as `VectorIndex.search` says."""
        passing = [self._passing(number, where) for number in range(len(self.segments))]
        n_passing = sum(
            len(segment) if some is None else int(some.sum())
            for segment, some in zip(self.segments, passing, strict=True)
        )
        selectors = [selector(one) for one in passing]
        scores = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), NO_ROW, np.int64)
        for number in np.flatnonzero(queries.any(axis=1)).tolist() if n_passing and k else []:
            near = self._near(queries[number], k, selectors, n_passing)
            best = self._ranked(queries[number], np.sort(near), k)
            scores[number, : len(best[0])], rows[number, : len(best[1])] = best
        return self._hits(scores, rows)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """`(n, D)` vectors by `(n,)` rows, as `VectorIndex.vectors` says; raises ValueError naming a damaged file."""
        place = np.searchsorted(self._starts, rows, "right") - 1
        if ((place < 0) | (place >= len(self.segments))).any():
            raise ValueError("there are no such rows in the index any more: it has been compacted; search again")
        vectors = np.empty((len(rows), self.state.identity.width), np.float32)
        for number in np.unique(place).tolist():
            here = place == number
            vectors[here] = self.segments[number].vectors(rows[here] - self._starts[number])
        return vectors

    def rows_of(self, product_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(n,)` int64 rows of some products, ascending."""
        parts = [np.zeros(0, np.int64)]
        for segment, alive, start in zip(self.segments, self.alive, self._starts.tolist(), strict=False):
            rows = segment.products.rows_of(product_ids)
            parts.append((rows if alive is None else rows[alive[rows]]) + start)
        return np.concatenate(parts)

    def entry(self, name: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(n,)` int64 of a column of `Entries` by `(n,)` rows; -1 for `NO_ROW`."""
        values = np.full(rows.shape, -1, np.int64)
        place = np.searchsorted(self._starts, rows, "right") - 1
        for number, segment in enumerate(self.segments):
            here = (place == number) & (rows != NO_ROW)
            values[here] = getattr(segment.entries, name)[rows[here] - self._starts[number]]
        return values

    def _passing(self, number: int, where: Filter | None) -> Passing:
        alive = self.alive[number]
        if where is None:
            return alive
        passing = self.segments[number].passing(where)
        return passing if alive is None else passing & alive

    def _near(self, query: NDArray[np.float32], k: int, selectors: list[Any], n_passing: int) -> NDArray[np.int64]:
        """`(n,)` rows, in no order, among which the k nearest of `(D,)` are."""
        parts = zip(self.segments, selectors, self._starts.tolist(), strict=False)
        if self.codec is None or n_passing <= RARE:
            exact = [nearest_rows(one.file, query, k, selected) + start for one, selected, start in parts]
            return np.concatenate(exact)
        coded = [CodedPart(one.codes, selected, start) for one, selected, start in parts if one.codes is not None]
        return near_rows(self.codec, coded, query, k, n_passing, self.state.n_rows)

    def _ranked(
        self, query: NDArray[np.float32], rows: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and rows of the best of `(n,)` ascending rows."""
        # a product of matrices sums in another order at its edges: equal vectors would have other scores
        scores = np.einsum("nd,d->n", self.vectors(rows), query)
        best = np.argsort(-scores, kind="stable")[:k]
        return scores[best], rows[best]

    def _hits(self, scores: NDArray[np.float32], rows: NDArray[np.int64]) -> Hits:
        categories = self.entry("category_ids", rows)
        categories[rows == NO_ROW] = NO_CATEGORY
        photos = self.entry("photos", rows).astype(np.int8)
        return Hits(scores, rows, self.entry("product_ids", rows), photos, categories)


def read_removed(folder: Path, file: SmallFile | None, n_rows: int) -> NDArray[np.bool_]:
    """`(n_rows,)` bool: rows that are forgotten."""
    removed = np.zeros(n_rows, bool)
    if file is not None:
        bits = np.frombuffer(file.check(folder).read_bytes(), np.uint8)
        # rows that were added afterwards are in no file until one of them goes
        known = np.unpackbits(bits, bitorder="little")[:n_rows]
        removed[: len(known)] = known
    return removed


def _inode(folder: Path) -> int:
    return (folder / VECTORS).stat().st_ino
