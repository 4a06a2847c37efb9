"""Products linked by the photos that they share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.photos.photo_index import PhotoIndex


@dataclass(frozen=True)
class Links:
    """Groups of products, and the photos that link nothing.

    Attributes:
        product: `(N,)` int64 number of each product's linked group.
        common: `(D,)` bool, distinct photos of more products than link.
    """

    product: NDArray[np.int64]
    common: NDArray[np.bool_]


def link_products(
    photos: PhotoIndex,
    max_copies: int,
    *,
    among: NDArray[np.bool_] | None = None,
    alike: NDArray[np.int64] | None = None,
) -> Links:
    """Group products that share a photo, directly or through others.

    Args:
        max_copies: a photo of more products than this links nothing, or one group swallows the catalogue.
        among: `(D,)` distinct photos that may link, None for all.
        alike: `(E, 2)` numbers of distinct photos that link as if they were one; none of them common.
    """
    # 0.2 s: every command knows plans, few link
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    # one Cdiscount photo has 16,643 copies: linked by it, and on by their other photos, most products are one group
    common = photos.n_products > max_copies
    photo, product = photos.carriers
    links = ~common if among is None else among & ~common
    kept = links[photo]
    # photos are nodes too: every pair of a photo's products would be up to max_copies ** 2 edges
    ends = np.stack([photo[kept], product[kept] + photos.n_distinct], axis=1)
    if alike is not None:
        ends = np.concatenate([ends, alike])
    n_nodes = photos.n_distinct + len(photos.n_images)
    graph = coo_matrix((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(n_nodes, n_nodes))
    _, label = connected_components(graph, directed=False)
    return Links(label[photos.n_distinct :].astype(np.int64), common)


def linked_by_copies(
    catalog: Catalog, positions: NDArray[np.int64], max_copies: int, progress: Progress | None = None
) -> tuple[NDArray[np.int64], int]:
    """Group products that share a photo, directly or through others.

    Returns:
        `(len(positions),)` int64 number of each product's group, and how many products carry a photo with more than
        `max_copies` copies, which links nothing.
    """
    usable = np.zeros(len(catalog), bool)
    usable[positions] = True
    photos = catalog.photo_index(progress).within(usable)
    links = link_products(photos, max_copies)
    _, group = np.unique(links.product[positions], return_inverse=True)
    return group, int(photos.carry(links.common).sum())
