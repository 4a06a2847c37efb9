"""Catalogues of which nothing can be learnt: said before the work, each with the way out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.wording import listed, plural
from catalog.sources.source import NO_CATEGORY
from catalog.split.labels import TreeMatch
from catalog.tree.taxonomy import Taxonomy, path_text
from rayonnage.fitting.looking.decoded_sample import DecodedSample

LEAST = 10
"""Products to learn from: a fifth of fewer is no product that could be measured on."""


def check_labels(catalog: Catalog, tree: Taxonomy, file: Path | None) -> None:
    """Raise ValueError where products have no category, or none that the tree knows; `file`: the tree's, if it has one.

    A tree that knows less than half of the labels is another shop's, whose ids may be among these by chance.
    """
    labels = catalog.category_ids
    if (labels == NO_CATEGORY).all():
        raise ValueError(
            f"{catalog}: labels are missing: give each product its category, in a table as category_id, category_path "
            "or category_level1, category_level2, ..., in a folder by the names of its folders"
        )
    match = TreeMatch.of(catalog, tree)
    if not match.doubtful:
        return
    unknown = (labels != NO_CATEGORY) & (catalog.leaves(tree) == UNKNOWN)
    others = catalog.ids.take(np.unique(labels[unknown]))
    knows = "none of the" if not match.known else f"{match.known:,} of the"
    raise ValueError(
        f"{file or catalog}: this tree knows {knows} {match.labelled:,} labelled products of {catalog}, not "
        f"{listed([str(other)[:40] for other in others], 3)}: give the tree of this catalogue (--tree), "
        "or leave --tree out where the labels are names of categories"
    )


def check_products(
    catalog: Catalog, tree: Taxonomy, leaf: NDArray[np.int64], among: NDArray[np.bool_], group: NDArray[np.int64]
) -> None:
    """Raise ValueError where too little can be learnt from.

    Args:
        leaf: `(P,)` of each product. among: `(P,)` bool, those that can be learnt from. group: `(n,)` lot of each of
            those.
    """
    n = int(among.sum())
    if not n:
        raise ValueError(
            f"{catalog}: no product with a category has a photo: `catalog info {catalog}` names what is wrong with them"
        )
    leaves = np.unique(leaf[among])
    if len(leaves) == 1:
        raise ValueError(
            f"{catalog}: all {plural(n, 'product')} to learn from are of one category "
            f"({path_text(tree.shown[leaves[0]])}), and there is nothing to tell apart: add products of others"
        )
    if n < LEAST:
        raise ValueError(
            f"{catalog}: {plural(n, 'product')} with a category and a photo are too few to learn from and to measure "
            f"on: label {LEAST} or more, better some dozens of each category"
        )
    lots = np.unique(np.stack([leaf[among], group], axis=1), axis=0)
    if len(lots) == len(leaves):
        what = "product" if len(leaves) == n else "product, or variants of one"
        raise ValueError(
            f"{catalog}: each of the {len(leaves):,} categories has a single {what}: what is learnt from it cannot be "
            "measured on another one; label more products, or give a tree whose categories hold several (--tree)"
        )


def check_photos(catalog: Catalog, sample: DecodedSample) -> None:
    """Raise ValueError where not one photo can be decoded."""
    if sample.megapixels:
        return
    first = sample.broken.named[0]
    raise ValueError(
        f"{catalog}: none of the {plural(sample.n_tried, 'photo')} can be decoded (the first: {first.place}, "
        f"{first.detail}): give files as the shop has them (JPEG, PNG, WebP, ...)"
    )
