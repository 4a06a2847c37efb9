"""Results of the latest computations: those on copied photos recur, also across chunks of products."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

K = TypeVar("K", bound=Hashable)
Row = NDArray[np.float32]
CACHE_BYTES = 16 * 2**20
"""All rows together: memory stays flat whatever the size of the catalogue."""
ENTRY_BYTES = 1024
"""What keeping one row costs beside its numbers: its key and the objects around both."""


class RecentRows:
    """Rows of float32 by what they were computed from, those used least recently forgotten first; safe in threads.

    It belongs to whoever predicts: experts remember nothing themselves. A key begins with who computed the row.
    """

    def __init__(self) -> None:
        self._rows: OrderedDict[Hashable, Row] = OrderedDict()
        self._n_bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def of(self, keys: Iterable[K], compute: Callable[[list[K]], Mapping[K, Row]]) -> dict[K, Row]:
        """The row of each key, each missing one computed once; `compute` takes all of them together."""
        distinct = dict.fromkeys(keys)
        with self._lock:
            rows = {key: self._rows[key] for key in distinct if key in self._rows}
        # not under the lock: what two threads miss at the same moment is computed twice, and none waits for the other
        rows.update(compute([key for key in distinct if key not in rows]))
        with self._lock:
            for key, row in rows.items():
                self._keep(key, row)
            while self._n_bytes > CACHE_BYTES and len(self._rows) > 1:
                self._n_bytes -= _cost(self._rows.popitem(last=False)[1])
        return rows

    def _keep(self, key: Hashable, row: Row) -> None:
        if key not in self._rows:
            # a view would keep the whole batch alive for as long as one of its rows is remembered
            self._rows[key] = row.copy() if row.base is not None else row
            self._n_bytes += _cost(row)
        self._rows.move_to_end(key)


def _cost(row: Row) -> int:
    return row.nbytes + ENTRY_BYTES
