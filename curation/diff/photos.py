"""Which products have other photos than before: MD5s compared, nothing decoded."""

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress, in_batches
from catalog.photos.photo_index import PhotoIndex
from catalog.product import MAX_IMAGES

SAME, REORDERED, CHANGED = 0, 1, 2
AT_A_TIME = 65_536
"""Products whose MD5s are compared at a time: 64 bytes each, on both sides and sorted."""


def photo_changes(
    old: Catalog, new: Catalog, at_old: NDArray[np.int64], at_new: NDArray[np.int64], progress: Progress | None = None
) -> NDArray[np.int8]:
    """`(m,)` int8: the same photos, the same ones in another order, or others; of a product the first four count.

    Args:
        at_old, at_new: `(m,)` positions of the same products in both catalogues.
    """
    before, after = old.photo_index(progress), new.photo_index(progress)
    change = np.empty(len(at_old), np.int8)
    for rows in in_batches(np.arange(len(at_old)), AT_A_TIME):
        a, b = _md5s_of(before, at_old[rows]), _md5s_of(after, at_new[rows])
        same = (a == b).all(axis=1)
        together = (np.sort(a, axis=1) == np.sort(b, axis=1)).all(axis=1)
        change[rows] = np.where(same, SAME, np.where(together, REORDERED, CHANGED))
    return change


def _md5s_of(photos: PhotoIndex, products: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """`(n, 4)` S16, empty where there is no photo: S16 compares and sorts as the 16 bytes do."""
    position = np.arange(MAX_IMAGES)
    there = position < photos.n_images[products, None]
    photo = photos.start[products, None] + position
    md5s = np.zeros((len(products), MAX_IMAGES, 16), np.uint8)
    md5s[there] = photos.md5s[photo[there]]
    return md5s.view("S16")[:, :, 0]
