"""Which products are true matches of which queries, read from a CSV and checked."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.files.csv_rows import read_rows, why_not_id
from catalog.files.id_lookup import SortedNumbers
from catalog.files.sheet_ids import id_among
from catalog.files.wording import listed, plural
from catalog.ids.id_names import IdCollector, IdNames

QUERY, MATCH = "query_product_id", "match_product_id"
COLUMNS = f"a CSV with a row for each pair of a query and a true match: {QUERY},{MATCH}"
NAMED = 3


@dataclass(frozen=True)
class Truth:
    """The true matches of Q queries, at least one of each.

    Attributes:
        query_ids: `(Q,)` int64 numbers of ids, each once.
        query_of_match: `(M,)` int64 place in `query_ids`, ascending; match_ids: `(M,)` int64, each once per query.
    """

    query_ids: NDArray[np.int64]
    query_of_match: NDArray[np.int64]
    match_ids: NDArray[np.int64]

    @classmethod
    def of_pairs(cls, queries: NDArray[np.int64], matches: NDArray[np.int64]) -> Truth:
        """Of `(P,)` ids of queries and `(P,)` ids of their matches; a pair that is there twice counts once."""
        pairs = np.unique(np.stack([queries, matches], axis=1).reshape(-1, 2), axis=0)
        ids, query = np.unique(pairs[:, 0], return_inverse=True)
        return cls(ids, query.astype(np.int64), pairs[:, 1])

    def __len__(self) -> int:
        return len(self.query_ids)

    @property
    def n_true(self) -> NDArray[np.int64]:
        """`(Q,)` true matches of each query."""
        return np.bincount(self.query_of_match, minlength=len(self)).astype(np.int64)

    def matches(self, query: int) -> NDArray[np.int64]:
        """`(m,)` ids of the true matches of the query at this place."""
        low, high = np.searchsorted(self.query_of_match, [query, query + 1])
        return self.match_ids[low:high]


@dataclass(frozen=True)
class TruthFile:
    """What a CSV says, and what of it cannot be measured.

    Attributes:
        unknown_queries, unknown_matches: `(U,)` numbers of ids that the queries, the index do not hold.
        without_match: `(W,)` queries all of whose matches are unknown, so that they cannot be measured.
        n_twice: rows that say what an earlier one says. ids: the texts of ids that are no integers.
    """

    path: Path
    truth: Truth
    unknown_queries: NDArray[np.int64]
    unknown_matches: NDArray[np.int64]
    without_match: NDArray[np.int64]
    n_twice: int
    ids: IdNames

    @property
    def remarks(self) -> list[str]:
        """A sentence for each thing of the file that does not count."""
        lines = [
            f"{plural(len(numbers), what, many)}: {listed(self.ids.take(numbers), NAMED)}"
            for numbers, what, many in (
                (self.unknown_queries, "query that is not in the catalogue of queries, left out",
                 "queries that are not in the catalogue of queries, left out"),
                (self.unknown_matches, "match that is not in the index, left out",
                 "matches that are not in the index, left out"),
                (self.without_match, "query none of whose matches is in the index, left out",
                 "queries none of whose matches is in the index, left out"),
            )
            if len(numbers)
        ]  # fmt: skip
        return [*lines, f"{plural(self.n_twice, 'row')} that say what another says"] if self.n_twice else lines


def read_truth(path: Path, queries: NDArray[np.int64], is_indexed: Callable[[int], bool]) -> TruthFile:
    """The true matches that a CSV names, in any order, a row for each pair.

    Args:
        queries: `(N,)` numbers of the ids of products that may ask.
        is_indexed: whether the product with this number can be found.

    Raises:
        FileNotFoundError, ValueError: no such file or column, a cell that is no id, no pair that can be measured; the
            message says where and what to do.
    """
    known = SortedNumbers(queries)
    in_index = _Remembered(is_indexed)
    texts, asked, true = IdCollector(), array("q"), array("q")
    for line, row in read_rows(path, (QUERY, MATCH), COLUMNS):
        for cell, ids, among in ((row[QUERY], asked, known), (row[MATCH], true, in_index)):
            one = id_among(cell, among)
            if one is None:
                raise ValueError(f"{path}, line {line}: no product id: {why_not_id(cell)}")
            ids.append(texts.number(one))
    pairs = np.stack([np.array(asked, np.int64), np.array(true, np.int64)])
    kept = np.array([one in known and other in in_index for one, other in pairs.T.tolist()], bool)
    if not kept.any():
        raise ValueError(_nothing_left(path, pairs, known, in_index))
    distinct = Truth.of_pairs(*pairs)
    every = np.unique(pairs[0])
    truth = Truth.of_pairs(*pairs[:, kept])
    unknown = np.array([one not in known for one in every.tolist()], bool)
    return TruthFile(
        path, truth,
        unknown_queries=every[unknown],
        unknown_matches=np.array([one for one in np.unique(pairs[1]).tolist() if one not in in_index], np.int64),
        without_match=np.setdiff1d(every[~unknown], truth.query_ids),
        n_twice=pairs.shape[1] - len(distinct.match_ids),
        ids=texts.names(np.concatenate(pairs)),
    )  # fmt: skip


def _nothing_left(path: Path, pairs: NDArray[np.int64], known: Container[int], in_index: Container[int]) -> str:
    if not pairs.size:
        return f"{path} has no row below its columns: it is {COLUMNS}"
    n_queries = len({one for one in pairs[0].tolist() if one in known})
    n_matches = len({one for one in pairs[1].tolist() if one in in_index})
    return (
        f"{path}: no pair of a query and a match that can be measured: of its {len(np.unique(pairs[0]))} queries "
        f"{n_queries} are in the catalogue of queries, of its {len(np.unique(pairs[1]))} matches {n_matches} are in "
        "the index. Give the catalogue and the index that it was made for"
    )


class _Remembered:
    """Which numbers an index holds, each asked once."""

    def __init__(self, holds: Callable[[int], bool]) -> None:
        self._holds, self._known = holds, dict[int, bool]()

    def __contains__(self, number: object) -> bool:
        assert isinstance(number, int), "the number of an id"
        if number not in self._known:
            self._known[number] = self._holds(number)
        return self._known[number]
