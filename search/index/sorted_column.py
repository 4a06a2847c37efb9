"""Rows by a value that many of them may share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class SortedColumn:
    """Finds the rows of some values in a column of millions without a look at each row.

    Args:
        values: `(N,)` int64.
    """

    def __init__(self, values: NDArray[np.int64]) -> None:
        self._values = values
        self._order = np.argsort(values, kind="stable")

    def rows_of(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(n,)` int64 rows, ascending, whose value is one of `(W,)`."""
        return np.sort(self._rows_of(wanted))

    def is_one_of(self, wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`(N,)` bool: whether the value is one of `(W,)`."""
        is_wanted = np.zeros(len(self._values), bool)
        is_wanted[self._rows_of(wanted)] = True
        return is_wanted

    def _rows_of(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows, value by value."""
        wanted = np.unique(wanted)
        start = np.searchsorted(self._values, wanted, "left", sorter=self._order)
        lengths = np.searchsorted(self._values, wanted, "right", sorter=self._order) - start
        # place i of the result lies in the run of its value, as far from its start as from the start of its piece
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return self._order[np.repeat(start, lengths) + within]
