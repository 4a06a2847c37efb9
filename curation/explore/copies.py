"""Copies: photos of one MD5, how often each stands in the catalogue, in how many categories, and what the page says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.wording import percent, plural
from catalog.photos.photo_index import Ints, PhotoIndex
from catalog.photos.thumbnails import strip
from catalog.reports.page import Example, Gallery, Part, Plot, Section, Table
from catalog.tree.taxonomy import Taxonomy
from curation.explore import drawings
from curation.explore.placement import Placement
from curation.shown_titles import title_line, title_of

SHOWN = 12
LEAVES_SHOWN = 3
SIDE = 96
"""Pixels of a photo on the page."""
Shown = list[tuple[dict[str, Any], Example]]
"""Photos by their figures, and as the page shows them."""


def copy_distribution(photos: PhotoIndex) -> Ints:
    """`(K, 2)` int64 number of copies, rising, and how many distinct photos have so many."""
    return np.column_stack(np.unique(photos.n_copies, return_counts=True)).astype(np.int64).reshape(-1, 2)


def most_copied(photos: PhotoIndex, n: int) -> Ints:
    """Up to n distinct photos, `(<= n,)` int64, that stand more than once, the most frequent first."""
    order = np.argsort(-photos.n_copies, kind="stable")[:n]
    return order[photos.n_copies[order] > 1]


@dataclass(frozen=True)
class Places:
    """On which leaves the copies of every photo lie; photos on labelled products alone.

    Attributes:
        photo, leaf, n: `(M,)` so many copies of a distinct photo lie on this leaf, sorted by photo and leaf.
        n_leaves: `(D,)` int64 leaves of each photo, 0 where it has no labelled product.
        parts_at: `(D,)` int64 level at which the leaves of a photo part: 1 where they are of different Cat I, 2 of one
            Cat I and so on; 0 where it lies on one leaf or none.
    """

    photo: Ints
    leaf: Ints
    n: Ints
    n_leaves: Ints
    parts_at: Ints

    @classmethod
    def of(cls, photos: PhotoIndex, leaf: Ints, tree: Taxonomy) -> Places:
        """`leaf`: `(N,)` leaf index of each product, -1 where unknown."""
        lies_on = leaf[photos.owner]
        known = lies_on != UNKNOWN
        pairs, n = np.unique(photos.number[known] * len(tree) + lies_on[known], return_counts=True)
        photo, leaf_of = pairs // len(tree), pairs % len(tree)
        parts_at = np.zeros(photos.n_distinct, np.int64)
        starts = np.flatnonzero(np.diff(photo, prepend=-1))
        ends = np.append(starts, len(photo))[1:] - 1
        # the leaves below a node are one contiguous range: where the two ends are alike, all between them are
        for level in reversed(tree.levels):
            ancestor = tree.ancestor(level)
            apart = ancestor[leaf_of[starts]] != ancestor[leaf_of[ends]]
            parts_at[photo[starts[apart]]] = level
        return cls(photo, leaf_of, n, np.bincount(photo, minlength=photos.n_distinct).astype(np.int64), parts_at)

    def leaves_of(self, distinct: int) -> list[tuple[int, int]]:
        """Leaves of a photo and its copies there, most copies first."""
        low, high = np.searchsorted(self.photo, [distinct, distinct + 1])
        copies_on = zip(self.leaf[low:high].tolist(), self.n[low:high].tolist(), strict=True)
        return sorted(copies_on, key=lambda pair: (-pair[1], pair[0]))

    def worst(self, n: int) -> Ints:
        """`(<= n,)` int64 photos on several leaves: parted highest in the tree, then on most leaves, most copies."""
        across = np.flatnonzero(self.parts_at)
        labelled = np.bincount(self.photo, weights=self.n, minlength=len(self.parts_at))
        order = np.lexsort((-labelled[across], -self.n_leaves[across], self.parts_at[across]))
        return across[order[:n]]


def copies_section(catalog: Catalog, photos: PhotoIndex, placement: Placement) -> Section:
    """Photos by number of copies, the most copied ones, and those that stand in several categories."""
    places = None if placement.tree is None else Places.of(photos, placement.leaf, placement.tree)
    most = _shown(most_copied(photos, SHOWN), catalog, photos, places, placement)
    worst = [] if places is None else _shown(places.worst(SHOWN), catalog, photos, places, placement)
    figures = copies_figures(photos, places, placement)
    figures |= {"most_copied": [photo for photo, _ in most], "worst": [photo for photo, _ in worst]}
    sentences = [
        f"{plural(figures['photos'], 'photo')}, {figures['distinct']:,} of them distinct: "
        f"{percent(figures['share_of_copies'])} are copies of another photo, byte for byte."
    ]
    if len(figures["distribution"]) > 1:
        sentences.append(
            f"{plural(figures['products_sharing'], 'product shares', 'products share')} a photo with another product; "
            f"{plural(figures['repeated_in_product'], 'photo stands', 'photos stand')} twice or more in one product."
        )
    if places is not None and figures["across"]["photos"]:
        across = figures["across"]
        sentences.append(
            f"{plural(across['photos'], 'distinct photo lies', 'distinct photos lie')} on more than one leaf: "
            "such a photo does not tell where its products belong, or a label is wrong."
        )
    return Section("copies", "Copies", sentences, _parts(figures, most, worst, placement), figures)


def copies_figures(photos: PhotoIndex, places: Places | None, placement: Placement) -> dict[str, Any]:
    """Numbers of copies in plain JSON types."""
    distribution = copy_distribution(photos)
    figures: dict[str, Any] = {
        "photos": len(photos),
        "distinct": photos.n_distinct,
        "share_of_copies": 1 - photos.n_distinct / len(photos) if len(photos) else 0.0,
        "products_sharing": int(photos.carry(photos.n_products > 1).sum()),
        "repeated_in_product": int((photos.n_products < photos.n_copies).sum()),
        "distribution": distribution.tolist(),
    }
    if places is not None:
        by_level = np.bincount(places.parts_at, minlength=placement.levels[-1] + 1)
        figures["across"] = {
            "photos": int(by_level[1:].sum()),
            "products": int((photos.carry(places.parts_at > 0) & (placement.leaf >= 0)).sum()),
            "by_level": {placement.level_names[level]: int(by_level[level]) for level in placement.levels},
        }
    return figures


def _parts(figures: dict[str, Any], most: Shown, worst: Shown, placement: Placement) -> list[Part]:
    if not figures["photos"]:
        return []
    n_copies, n_photos = zip(*figures["distribution"], strict=True)
    parts: list[Part] = [
        Plot(
            "Copies of a photo",
            "How many distinct photos stand in the catalogue how often, both axes logarithmic: most stand once (left), "
            "a few very often (right).",
            drawings.copies(n_copies, n_photos),
        )
    ]
    if most:
        note = "The same file, byte for byte; below each, where most of its copies lie."
        parts.append(Gallery("The most copied photos", [example for _, example in most], note))
    if worst:
        by_level = figures["across"]["by_level"]
        if len(placement.levels) > 1:
            names = ((placement.level_names[level], _parted(level, placement)) for level in placement.levels)
            rows = [[name, f"on leaves {parted}", by_level[name]] for name, parted in names]
            parts.append(Table("Photos that lie on several leaves", ["parted at", "", "distinct photos"], rows))
        note = "Those that part highest in the tree first, then those on most leaves."
        parts.append(Gallery("Copies across categories", [example for _, example in worst], note))
    return parts


def _parted(level: int, placement: Placement) -> str:
    """What leaves have in common that part at a level of the tree."""
    names = placement.level_names
    if level == 1:
        return f"of different {names[1]}"
    shared = f"of one {names[level - 1]}"
    return shared if level == placement.levels[-1] else f"{shared}, different {names[level]}"


def _shown(chosen: Ints, catalog: Catalog, photos: PhotoIndex, places: Places | None, placement: Placement) -> Shown:
    """The `(n,)` chosen distinct photos."""
    shown: Shown = []
    first = photos.first[chosen]
    products, positions = catalog.take(photos.owner[first]), photos.position[first].tolist()
    for distinct, product, position in zip(chosen.tolist(), products, positions, strict=True):
        leaves = [] if places is None else places.leaves_of(distinct)
        figures: dict[str, Any] = {
            "md5": photos.md5(distinct),
            "copies": int(photos.n_copies[distinct]),
            "products": int(photos.n_products[distinct]),
            "leaves": len(leaves),
            "parts_at": placement.level_names[int(places.parts_at[distinct])]
            if places is not None and len(leaves) > 1
            else None,
            "where": [[placement.name(leaf), n] for leaf, n in leaves[:LEAVES_SHOWN]],
            "product_id": product.product_id,
        }
        lines = [f"{figures['copies']:,} times, in {plural(figures['products'], 'product')}"]
        if len(leaves) > 1:
            lines[0] += f", on {len(leaves):,} leaves"
        lines += title_line(title_of(product.text))
        lines += [f"{n:,} on {name}" for name, n in figures["where"]]
        if len(leaves) > LEAVES_SHOWN:
            lines.append(f"and {len(leaves) - LEAVES_SHOWN:,} more leaves")
        shown.append((figures, Example([strip([product.images[position]], SIDE)], lines)))
    return shown
