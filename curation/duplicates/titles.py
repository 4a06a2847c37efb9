"""Products of one title: variants of an article, or wrong labels where their categories differ."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress
from catalog.metrics.intervals import MetricValue, accuracy_interval
from catalog.photos.photo_index import Ints
from catalog.sources.source import NO_CATEGORY
from catalog.split.same_titles import NO_TITLE, title_numbers
from catalog.tree.taxonomy import Taxonomy
from curation.duplicates.groups import parting_level
from curation.duplicates.photos import CatalogPhotos


@dataclass(frozen=True)
class TitleLeak:
    """What the titles of one catalogue give away of another.

    Attributes:
        products: `(n,)` int64 products of the second catalogue whose title a product of the first has, too.
        agrees: `(m,)` bool over the labelled ones, where such a product of the first is labelled as well: its most
            frequent category there is theirs.
        n_second: products of the second catalogue.
    """

    products: Ints
    agrees: NDArray[np.bool_]
    n_second: int

    def to_json(self) -> dict[str, Any]:
        """Counts, share, and how often the categories agree, with its exact 95 % interval."""
        agrees = MetricValue(float(self.agrees.mean()) if len(self.agrees) else nan, *accuracy_interval(self.agrees))
        return {
            "products": len(self.products),
            "share": len(self.products) / self.n_second,
            "labelled": len(self.agrees),
            **agrees.to_json("category_agrees"),
        }


@dataclass(frozen=True)
class SharedTitles:
    """G titles that two products or more have, letter case and blanks aside; the worst first.

    Attributes:
        number: `(N,)` int64, equal for products of one title, `NO_TITLE` where there is none.
        product: `(M,)` int64 products, sorted by title; start: `(G + 1,)` first of each in `product`.
        parts_at: `(G,)` int8 level at which the categories part, see `Groups.parts_at`.
        leak: between two catalogues.
    """

    number: Ints
    product: Ints
    start: Ints
    parts_at: NDArray[np.int8]
    leak: TitleLeak | None = None

    @classmethod
    def of(cls, photos: CatalogPhotos, tree: Taxonomy | None, progress: Progress | None = None) -> SharedTitles | None:
        """Those of one catalogue or of two together; None where no product has a title."""
        number = np.concatenate([title_numbers(catalog.titles(progress)) for catalog in photos.catalogs])
        if (number == NO_TITLE).all():
            return None
        order = np.argsort(number, kind="stable")
        order = order[number[order] != NO_TITLE]
        _, first, size = np.unique(number[order], return_index=True, return_counts=True)
        parts_at = parting_level(photos.nodes(tree)[order], first, tree)
        shared = np.flatnonzero(size > 1)
        # the worst are those that part highest; what is the same everywhere, or not labelled, comes last
        height = np.where(parts_at[shared] > 0, parts_at[shared], np.iinfo(np.int8).max)
        shared = shared[np.lexsort((first[shared], -size[shared], height))]
        members = [order[first[title] : first[title] + size[title]] for title in shared.tolist()]
        start = np.concatenate([[0], np.cumsum(size[shared])]).astype(np.int64)
        product = np.concatenate([np.zeros(0, np.int64), *members])
        leak = find_title_leak(photos, number) if len(photos.catalogs) > 1 else None
        return cls(number, product, start, parts_at[shared], leak)

    @property
    def across(self) -> Ints:
        """`(n,)` int64 titles whose products lie in different categories."""
        return np.flatnonzero(self.parts_at > 0)

    def products_of(self, title: int) -> Ints:
        """The products that have it."""
        return self.product[self.start[title] : self.start[title + 1]]

    def to_json(self) -> dict[str, Any]:
        """Counts in plain JSON types."""
        titled = self.number[self.number != NO_TITLE]
        counts = {
            "products": len(titled),
            "distinct": len(np.unique(titled)),
            "shared": len(self.parts_at),
            "products_sharing": len(self.product),
            "largest": int(np.diff(self.start).max(initial=0)),
            "in_different_categories": len(self.across),
        }
        return counts if self.leak is None else {**counts, "leak": self.leak.to_json()}


def find_title_leak(photos: CatalogPhotos, number: Ints) -> TitleLeak:
    """Compare the titles of two catalogues, `(N,)` numbers of both."""
    first, second = (np.flatnonzero((photos.side == side) & (number != NO_TITLE)) for side in (0, 1))
    seen = second[np.isin(number[second], number[first])]
    categories = photos.category_ids
    labelled = first[categories[first] != NO_CATEGORY]
    pairs, times = np.unique(np.stack([number[labelled], categories[labelled]]), axis=1, return_counts=True)
    # of each title its most frequent category, of equals the one with the smaller number
    order = np.lexsort((pairs[1], -times, pairs[0]))
    titles, place = np.unique(pairs[0][order], return_index=True)
    usual = pairs[1][order][place]
    judged = seen[(categories[seen] != NO_CATEGORY) & np.isin(number[seen], titles)]
    agrees = usual[np.searchsorted(titles, number[judged])] == categories[judged] if len(judged) else np.zeros(0, bool)
    return TitleLeak(seen, agrees, len(photos.catalogs[1]))
