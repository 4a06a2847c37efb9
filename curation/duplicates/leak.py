"""What one catalogue gives away of another: products that show the same photo in both."""

from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.intervals import MetricValue, accuracy_interval
from catalog.photos.photo_index import Ints
from catalog.sources.source import NO_CATEGORY
from curation.duplicates.groups import EXACT, NEAR, near_links
from curation.duplicates.photos import CatalogPhotos, PhotoHashes


@dataclass(frozen=True)
class Leak:
    """Products of the second catalogue that share a photo with one of the first.

    Attributes:
        n_products: products of the second catalogue.
        pairs: by kind, `(E, 2)` int64 products (first, second catalogue), each pair once; a pair that shares an exact
            copy is no near one.
        n_common: products whose only shared photos are too common to mean anything.
        agree: by kind, `(L,)` bool over the labelled pairs: the same category.
    """

    n_products: int
    pairs: dict[str, Ints]
    n_common: int
    agree: dict[str, NDArray[np.bool_]]

    def sharing(self, kind: str) -> Ints:
        """`(n,)` int64 products of the second catalogue with a shared photo of this kind; near: and no exact one."""
        products = np.unique(self.pairs[kind][:, 1])
        return products if kind == EXACT else np.setdiff1d(products, self.pairs[EXACT][:, 1])

    def to_json(self) -> dict[str, Any]:
        """Counts, shares and how often the categories agree, with exact 95 % intervals."""
        kinds: dict[str, Any] = {}
        for kind, pairs in self.pairs.items():
            agree = self.agree[kind]
            agrees = MetricValue(float(agree.mean()) if len(agree) else nan, *accuracy_interval(agree))
            kinds[kind] = {
                "products": len(self.sharing(kind)),
                "share": len(self.sharing(kind)) / self.n_products,
                "pairs": len(pairs),
                "labelled_pairs": len(agree),
                **agrees.to_json("category_agrees"),
            }
        return {"products": self.n_products, **kinds, "common_photos_only": self.n_common}


def find_leak(photos: CatalogPhotos, max_copies: int, looks: PhotoHashes | None = None) -> Leak:
    """Compare the two catalogues of `photos`."""
    common = photos.n_products > max_copies
    second = photos.side[photos.owner] == 1
    linking = ~common[photos.number]
    first_rows, second_rows = np.flatnonzero(~second & linking), np.flatnonzero(second & linking)
    pairs = {EXACT: _joined(photos, first_rows, second_rows, photos.number[first_rows], photos.number[second_rows])}
    if looks is not None:
        near = near_links(photos.n_products, looks, max_copies)
        look = np.where(near.nearest < 255, looks.of_photo, -1)[photos.number]
        a, b = (rows[look[rows] >= 0] for rows in (first_rows, second_rows))
        joined = [_joined(photos, a, b, look[a], look[b])]
        for left, right in (looks.pairs.T, looks.pairs.T[::-1]):
            # each photo stands once for every look that is near its own
            place, edge = _matches(look[a], left)
            joined.append(_joined(photos, a[place], b, right[edge], look[b]))
        every = np.unique(np.concatenate(joined), axis=0)
        n = len(photos.product_ids)
        pairs[NEAR] = every[~np.isin(every @ [n, 1], pairs[EXACT] @ [n, 1])]
    categories = photos.category_ids
    agree = {
        kind: (categories[of_kind[:, 0]] == categories[of_kind[:, 1]])[(categories[of_kind] != NO_CATEGORY).all(axis=1)]
        for kind, of_kind in pairs.items()
    }
    in_first = np.zeros(photos.n_distinct, bool)
    in_first[photos.number[~second]] = True
    shares_common = np.unique(photos.owner[second & (common & in_first)[photos.number]])
    known = np.concatenate([of_kind[:, 1] for of_kind in pairs.values()])
    return Leak(len(photos.catalogs[1]), pairs, len(np.setdiff1d(shares_common, known)), agree)


def _joined(photos: CatalogPhotos, first: Ints, second: Ints, first_key: Ints, second_key: Ints) -> Ints:
    """`(E, 2)` pairs of products whose photos (places `first`, `second`) have equal keys, each pair once."""
    left, right = _matches(first_key, second_key)
    n = len(photos.product_ids)
    encoded = np.unique(photos.owner[first[left]] * n + photos.owner[second[right]])
    return np.stack([encoded // n, encoded % n], axis=1)


def _matches(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Places in `left` and in `right` of every pair of equal keys."""
    order = np.argsort(right, kind="stable")
    low, high = (np.searchsorted(right[order], left, side=side) for side in ("left", "right"))
    n = high - low
    place = np.repeat(np.arange(len(left)), n)
    within = np.arange(len(place)) - np.repeat(np.cumsum(n) - n, n)
    return place, order[low[place] + within]
