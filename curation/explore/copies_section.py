"""What the page says of copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from catalog.catalog import Catalog
from catalog.files.wording import percent, plural
from catalog.photos.photo_index import PhotoIndex
from catalog.photos.thumbnails import strip
from catalog.reports.page import Example, Gallery, Part, Plot, Section, Table
from catalog.tree.taxonomy import LEVEL_NAMES, LEVELS
from curation.explore import drawings
from curation.explore.copies import Ints, Places, copy_distribution, most_copied
from curation.explore.placement import Placement

SHOWN = 12
LEAVES_SHOWN = 3
SIDE = 96
"""Pixels of a photo on the page."""
PARTED = {1: "of different Cat I", 2: "of one Cat I, different Cat II", 3: "of one Cat II"}


def copies_section(catalog: Catalog, photos: PhotoIndex, placement: Placement) -> Section:
    """Photos by number of copies, the most copied ones, and those that stand in several categories."""
    places = None if placement.tree is None else Places.of(photos, placement.leaf, placement.tree)
    most = most_copied(photos, SHOWN)
    worst = np.zeros(0, np.int64) if places is None else places.worst(SHOWN)
    figures = copies_figures(photos, places, placement)
    figures["most_copied"] = [_photo_figures(i, photos, places, placement, catalog) for i in most.tolist()]
    figures["worst"] = [_photo_figures(i, photos, places, placement, catalog) for i in worst.tolist()]
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
    return Section("copies", "Copies", sentences, _parts(catalog, photos, figures, most, worst, placement), figures)


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
        by_level = np.bincount(places.parts_at, minlength=4)
        figures["across"] = {
            "photos": int(by_level[1:].sum()),
            "products": int((photos.carry(places.parts_at > 0) & (placement.leaf >= 0)).sum()),
            "by_level": {LEVEL_NAMES[level]: int(by_level[level]) for level in placement.levels},
        }
    return figures


def _photo_figures(
    distinct: int, photos: PhotoIndex, places: Places | None, placement: Placement, catalog: Catalog
) -> dict[str, Any]:
    leaves = [] if places is None else places.leaves_of(distinct)
    return {
        "md5": photos.md5(distinct),
        "copies": int(photos.n_copies[distinct]),
        "products": int(photos.n_products[distinct]),
        "leaves": len(leaves),
        "parts_at": LEVEL_NAMES[int(places.parts_at[distinct])] if len(leaves) > 1 and places is not None else None,
        "where": [[placement.name(leaf), n] for leaf, n in leaves[:LEAVES_SHOWN]],
        "product_id": int(catalog.product_ids[photos.owner[photos.first[distinct]]]),
    }


def _parts(
    catalog: Catalog, photos: PhotoIndex, figures: dict[str, Any], most: Ints, worst: Ints, placement: Placement
) -> list[Part]:
    if not len(photos):
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
    if len(most):
        note = "The same file, byte for byte; below each, where most of its copies lie."
        parts.append(Gallery("The most copied photos", _examples(catalog, photos, most, figures["most_copied"]), note))
    if len(worst):
        by_level = figures["across"]["by_level"]
        rows = [
            [LEVEL_NAMES[level], f"on leaves {PARTED[level]}", by_level[LEVEL_NAMES[level]]]
            for level in (LEVELS if len(placement.levels) > 1 else ())
        ]
        if rows:
            parts.append(Table("Photos that lie on several leaves", ["parted at", "", "distinct photos"], rows))
        note = "Those that part highest in the tree first, then those on most leaves."
        parts.append(Gallery("Copies across categories", _examples(catalog, photos, worst, figures["worst"]), note))
    return parts


def _examples(catalog: Catalog, photos: PhotoIndex, chosen: Ints, figures: Sequence[dict[str, Any]]) -> list[Example]:
    first = photos.first[chosen]
    products = catalog.take(photos.owner[first])
    examples = []
    for photo, product, shown in zip(first.tolist(), products, figures, strict=True):
        picture = product.images[int(photos.position[photo])]
        lines = [f"{shown['copies']:,} times, in {plural(shown['products'], 'product')}"]
        if shown["leaves"] > 1:
            lines[0] += f", on {shown['leaves']:,} leaves"
        lines += [f"{n:,} on {name}" for name, n in shown["where"]]
        if shown["leaves"] > LEAVES_SHOWN:
            lines.append(f"and {shown['leaves'] - LEAVES_SHOWN:,} more leaves")
        examples.append(Example([strip([picture], SIDE)], lines))
    return examples
