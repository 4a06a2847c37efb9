"""The products that wait for a reviewer: in order of gain, by their copies, and by what is suggested."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fusion.prediction.predicted_products import PredictedProducts
from fusion.review.queue import read_queue

WAITS = 1


class WaitingProducts:
    """All products that were not accepted, and which of them nobody has answered: some 20 bytes each.

    A product's `position` is its row in the table of predictions, its `rank` its place by gain, and its `lot` the rank
    of the first product with the same photos; copies stand together.

    Attributes:
        count: those that wait.
        by_leaf: `(n_leaves,)` int64 of these, how many each leaf is suggested for.
    """

    def __init__(self, products: PredictedProducts) -> None:
        queue = read_queue(products.folder.table)
        order = queue.best_first()
        self._rows = queue.rows[order].astype(np.int32)
        group = queue.group[order]
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        self._lots = np.repeat(starts, np.diff(starts, append=len(group))).astype(np.int32)
        self._ranks = np.full(len(products), -1, np.int32)
        self._ranks[self._rows] = np.arange(len(group))
        self._leaves, self._confidences = products.leaves, products.confidences
        leaves = products.leaves[self._rows]
        self._of_leaf = np.lexsort((-products.confidences[self._rows], leaves)).astype(np.int32)
        self._first_of_leaf = np.searchsorted(leaves[self._of_leaf], np.arange(len(products.tree) + 1))
        self.open_all()

    def open_all(self) -> None:
        """Let all wait again."""
        self._waits = bytearray([WAITS]) * len(self._rows)
        self.count = len(self._rows)
        self.by_leaf: NDArray[np.int64] = np.diff(self._first_of_leaf)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, position: int) -> bool:
        """Whether the product at a position was put before the reviewers, answered or not."""
        return bool(self._ranks[position] >= 0)

    def waits(self, position: int) -> bool:
        """Whether nobody has answered the product."""
        rank = int(self._ranks[position])
        return rank >= 0 and self._waits[rank] == WAITS

    def close(self, position: int) -> None:
        """The product is answered."""
        if self.waits(position):
            self._waits[self._ranks[position]] = 0
            self.count -= 1
            self.by_leaf[self._leaves[position]] -= 1

    def close_all(self, positions: NDArray[np.int64]) -> None:
        """`(n,)` distinct products are answered."""
        self._turn(positions, WAITS, 0, -1)

    def open_again(self, positions: NDArray[np.int64]) -> None:
        """`(n,)` distinct products wait again."""
        self._turn(positions, 0, WAITS, 1)

    def _turn(self, positions: NDArray[np.int64], old: int, new: int, sign: int) -> None:
        ranks, waits = self._ranks[positions], np.frombuffer(self._waits, np.uint8)
        ranks = ranks[ranks >= 0]
        ranks = ranks[waits[ranks] == old]
        waits[ranks] = new
        self.count += sign * len(ranks)
        self.by_leaf += sign * np.bincount(self._leaves[self._rows[ranks]], minlength=len(self.by_leaf))

    def still(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `(n,)` products that wait."""
        queued = positions[self._ranks[positions] >= 0]
        return queued[np.frombuffer(self._waits, np.uint8)[self._ranks[queued]] == WAITS]

    def lots(self, positions: NDArray[np.int64]) -> NDArray[np.int32]:
        """`(n,)` lots of products that were put before the reviewers."""
        return self._lots[self._ranks[positions]]

    def next_rank(self, rank: int) -> int:
        """The first rank from this one on of a product that waits, -1 where there is none."""
        # one search over bytes: a million answered ones are passed over within 50 microseconds
        return self._waits.find(WAITS, rank)

    def position(self, rank: int) -> int:
        """The product at a rank."""
        return int(self._rows[rank])

    def lot(self, position: int) -> int:
        """The lot of a product that was put before the reviewers."""
        return int(self._lots[self._ranks[position]])

    def copies(self, position: int) -> list[int]:
        """The waiting products with the photos of one that was put before the reviewers, itself included."""
        lot, found = self.lot(position), []
        rank = lot
        while rank < len(self._lots) and self._lots[rank] == lot:
            if self._waits[rank] == WAITS:
                found.append(int(self._rows[rank]))
            rank += 1
        return found

    def suggested(self, leaf: int, min_confidence: float = 0.0) -> NDArray[np.int64]:
        """`(n,)` waiting products that a leaf is suggested for, the surest first."""
        ranks = self._of_leaf[self._first_of_leaf[leaf] : self._first_of_leaf[leaf + 1]]
        positions = self._rows[ranks[np.frombuffer(self._waits, np.uint8)[ranks] == WAITS]].astype(np.int64)
        return positions[self._confidences[positions] >= min_confidence]

    def sure_by_leaf(self, min_confidence: float) -> NDArray[np.int64]:
        """`(n_leaves,)` waiting products that each leaf is suggested for with at least this confidence."""
        waiting = self._rows[np.frombuffer(self._waits, np.uint8) == WAITS]
        sure = waiting[self._confidences[waiting] >= min_confidence]
        return np.bincount(self._leaves[sure], minlength=len(self.by_leaf))
