"""Products that match no query, beside those of an index: a search among more than the shop has."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number
from search.contract import NO_ROW, Entries, Filter, Hits, IndexIdentity, VectorIndex

FILLER = "filler "
"""Before the id of a distractor: whatever its id, it is no product of the index."""


def filler_numbers(ids: Iterable[ShopId]) -> NDArray[np.int64]:
    """`(n,)` numbers of the ids that distractors have instead of their own."""
    return np.array([id_number(f"{FILLER}{one}") for one in ids], np.int64)


def as_fillers(entries: Entries) -> Entries:
    """The same entries under ids that no shop has, so that none of them passes for a true match."""
    numbers, row = np.unique(entries.product_ids, return_inverse=True)
    own = entries.ids.take(numbers)
    categories = entries.ids.among(entries.category_ids)
    ids = IdNames.of([*(f"{FILLER}{one}" for one in own), *categories.take(categories.numbers)])
    return dataclasses.replace(entries, product_ids=filler_numbers(own)[row], ids=ids)


class JoinedIndex:
    """Two indexes searched as one: the rows of the second follow those of the first. Nothing can be added or removed.

    Raises:
        ValueError: vectors of two networks.
    """

    def __init__(self, first: VectorIndex, second: VectorIndex) -> None:
        """`first`: whose identity it has; rows of it must stay below 2**40."""
        one, other = first.identity, second.identity
        if (one.digest, one.width) != (other.digest, other.width):
            raise ValueError(f"vectors of {one.network} and of {other.network} cannot be compared")
        self._parts = (first, second)

    @property
    def identity(self) -> IndexIdentity:
        """That of the first."""
        return self._parts[0].identity

    @property
    def n_products(self) -> int:
        """Products of both."""
        return sum(part.n_products for part in self._parts)

    @cached_property
    def ids(self) -> IdNames:
        """The texts of both."""
        return IdNames.of([one for part in self._parts for one in part.ids.take(part.ids.numbers)])

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def add(self, vectors: NDArray[np.float32], entries: Entries) -> None:
        """Refused, whatever the `(N, D)` vectors: it is for measuring alone."""
        raise ValueError("two indexes searched as one take no vectors: add them to one of the two")

    def remove(self, product_ids: NDArray[np.int64]) -> int:
        """Refused, whatever the `(P,)` products: it is for measuring alone."""
        raise ValueError("two indexes searched as one lose no products: remove them from one of the two")

    def search(self, queries: NDArray[np.float32], k: int, where: Filter | None = None) -> Hits:
        """The k best of both for each of `(Q, D)` vectors; equals in the order of their rows."""
        first, second = (part.search(queries, k, where) for part in self._parts)
        second = dataclasses.replace(second, rows=np.where(second.rows == NO_ROW, NO_ROW, second.rows + _SECOND))
        names = [field.name for field in dataclasses.fields(Hits)]
        both = {name: np.concatenate([getattr(first, name), getattr(second, name)], axis=1) for name in names}
        best = np.argsort(-both["scores"], axis=1, kind="stable")[:, :k]
        return Hits(**{name: np.take_along_axis(values, best, axis=1) for name, values in both.items()})

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """`(n, D)` float32 by `(n,)` rows."""
        found = np.empty((len(rows), self.identity.width), np.float32)
        of_second = rows >= _SECOND
        for part, chosen, before in zip(self._parts, (~of_second, of_second), (0, _SECOND), strict=True):
            if chosen.any():
                found[chosen] = part.vectors(rows[chosen] - before)
        return found

    def rows_of(self, product_id: int) -> NDArray[np.int64]:
        """`(n,)` int64 rows of a product of either."""
        first, second = (part.rows_of(product_id) for part in self._parts)
        return np.concatenate([first, second + _SECOND])

    def close(self) -> None:
        """Let go of both."""
        for part in self._parts:
            part.close()


_SECOND = 2**40
"""Where the rows of the second begin: the first may grow meanwhile, so that its length would not do."""
