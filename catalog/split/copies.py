"""Photos by their MD5: which of them are copies, and which products they link."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from catalog.catalog import Catalog
from catalog.files.progress import Progress


def md5_halves(md5s: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """`(P, 2)` uint64 of `(P, 16)` uint8: two integers sort far faster than 16 bytes, and in the same order."""
    return np.ascontiguousarray(md5s).view(">u8").reshape(-1, 2).astype(np.uint64)


def photo_numbers(md5s: NDArray[np.uint8]) -> NDArray[np.int64]:
    """`(P,)` int64: equal photos have equal numbers, from 0 on, in the order of their MD5s."""
    halves = md5_halves(md5s)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    new = np.any(np.diff(halves[order], axis=0, prepend=halves[order[:1]]) != 0, axis=1)
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(new)
    return number


def photo_sums(catalog: Catalog, progress: Progress | None = None) -> NDArray[np.uint64]:
    """`(N,)` uint64: equal for products with the same photos in any order, by the sum of their MD5s' first halves."""
    ends = np.cumsum(catalog.n_images, dtype=np.int64)
    # sums wrap around, and so do their differences
    total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(md5_halves(catalog.md5s(progress))[:, 0])])
    return np.asarray(total[ends] - total[ends - catalog.n_images], np.uint64)


def photo_owners(catalog: Catalog) -> NDArray[np.int64]:
    """`(P,)` int64 position of each photo's product, in the order of `Catalog.md5s`."""
    return np.repeat(np.arange(len(catalog)), catalog.n_images)


def photo_carriers(
    photo: NDArray[np.int64], owner: NDArray[np.int64], n_products: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of a photo and product that carries it, each pair once and in order, from `(P,)` photos and owners."""
    # one integer of both sorts far faster than rows do
    pairs = np.unique(photo * n_products + owner)
    return pairs // max(1, n_products), pairs % max(1, n_products)


@dataclass(frozen=True)
class Links:
    """Products linked by the photos that they share.

    Attributes:
        product: `(n_products,)` int64 number of each product's linked group.
        photo: `(n_photos,)` int64 the same for each photo; a common one stands alone.
        n_owners: `(n_photos,)` int64 products that carry each photo.
        common: `(n_photos,)` bool, more of them than link.
    """

    product: NDArray[np.int64]
    photo: NDArray[np.int64]
    n_owners: NDArray[np.int64]
    common: NDArray[np.bool_]


def link_products(
    photo: NDArray[np.int64],
    owner: NDArray[np.int64],
    n_products: int,
    max_copies: int,
    alike: NDArray[np.int64] | None = None,
) -> Links:
    """Group products that share a photo, directly or through others.

    Args:
        photo, owner: `(P,)` number of each photo and its product.
        max_copies: a photo of more products than this links nothing.
        alike: `(E, 2)` numbers of photos that link as if they were one; none of them common.
    """
    n_photos = int(photo.max()) + 1 if len(photo) else 0
    carried, carrier = photo_carriers(photo, owner, n_products)
    n_owners = np.bincount(carried, minlength=n_photos)
    common = n_owners > max_copies
    kept = ~common[carried]
    ends = np.stack([carried[kept], carrier[kept] + n_photos], axis=1)
    if alike is not None:
        ends = np.concatenate([ends, alike])
    n_nodes = n_photos + n_products
    graph = coo_matrix((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(n_nodes, n_nodes))
    _, label = connected_components(graph, directed=False)
    label = label.astype(np.int64)
    return Links(label[n_photos:], label[:n_photos], n_owners, common)
