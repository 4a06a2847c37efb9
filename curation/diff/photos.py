"""Which products have other photos than before: MD5s compared, nothing decoded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress, in_batches
from catalog.product import MAX_IMAGES

SAME, REORDERED, CHANGED = 0, 1, 2
AT_A_TIME = 65_536


def photo_changes(
    old: Catalog,
    new: Catalog,
    at_old: NDArray[np.int64],
    at_new: NDArray[np.int64],
    progress: Progress | None = None,
) -> NDArray[np.int8]:
    """`(m,)` int8: the same photos, the same ones in another order, or others; of a product the first four count.

    Args:
        at_old, at_new: `(m,)` positions of the same products in both catalogues.
    """
    before, after = _Digests(old, progress), _Digests(new, progress)
    found = np.empty(len(at_old), np.int8)
    for rows in in_batches(np.arange(len(at_old)), AT_A_TIME):
        a, b = before.of(at_old[rows]), after.of(at_new[rows])
        same = (a == b).all(axis=1)
        together = (np.sort(a, axis=1) == np.sort(b, axis=1)).all(axis=1)
        found[rows] = np.where(same, SAME, np.where(together, REORDERED, CHANGED))
    return found


class _Digests:
    """The MD5s of a catalogue's photos by product."""

    def __init__(self, catalog: Catalog, progress: Progress | None) -> None:
        self._md5s = catalog.md5s(progress)
        self._n_images = catalog.n_images
        self._starts = np.cumsum(self._n_images, dtype=np.int64) - self._n_images

    def of(self, positions: NDArray[np.int64]) -> NDArray[np.bytes_]:
        """`(n, 4)` S16, empty where there is no photo: S16 compares and sorts as the 16 bytes do."""
        rank = np.arange(MAX_IMAGES)
        there = rank < self._n_images[positions, None]
        place = self._starts[positions, None] + rank
        digests = np.zeros((len(positions), MAX_IMAGES, 16), np.uint8)
        digests[there] = self._md5s[place[there]]
        return digests.view("S16")[:, :, 0]
