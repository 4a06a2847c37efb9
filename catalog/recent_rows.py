"""Results of the latest mosaics: those of copied photos recur, also across chunks of products."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

K = TypeVar("K", bound=Hashable)
Row = NDArray[np.float32]
CACHE_BYTES = 16 * 2**20
"""All rows together: memory stays flat whatever the size of the catalogue."""
ENTRY_BYTES = 1024
"""What keeping one row costs beside its numbers: its key and the objects around both."""


class RecentRows(Generic[K]):
    """Rows of float32 by what they were computed from, those used least recently forgotten first."""

    def __init__(self) -> None:
        self._rows: OrderedDict[K, Row] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def of(self, keys: Iterable[K], compute: Callable[[list[K]], Mapping[K, Row]]) -> dict[K, Row]:
        """The row of each key, each missing one computed once; `compute` takes all of them together."""
        distinct = dict.fromkeys(keys)
        rows = {key: self._rows[key] for key in distinct if key in self._rows}
        rows.update(compute([key for key in distinct if key not in rows]))
        for key, row in rows.items():
            # a view would keep the whole batch alive for as long as one of its rows is remembered
            self._rows[key] = row.copy() if row.base is not None else row
            self._rows.move_to_end(key)
        longest = max((row.nbytes for row in rows.values()), default=0)
        while len(self._rows) > max(1, CACHE_BYTES // (longest + ENTRY_BYTES)):
            self._rows.popitem(last=False)
        return rows

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()
