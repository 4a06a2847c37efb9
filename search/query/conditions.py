"""Which products a search looks at, as people ask for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.files.csv_rows import id_in, why_not_id
from catalog.files.id_lookup import UNKNOWN, SortedNumbers
from catalog.files.sheet_ids import id_among
from catalog.files.wording import listed, plural
from catalog.ids.shop_id import ShopId, id_number
from catalog.runs.workspace import Workspace
from catalog.sources.source import NO_CATEGORY
from catalog.tree.category_filter import leaves_of_categories
from catalog.tree.label_leaves import label_leaves
from catalog.tree.label_tree import LabelTree
from catalog.tree.taxonomy import Taxonomy
from search.contract import Filter
from search.indexing.opening import OpenIndex


def tree_of(opened: OpenIndex, workspace: Workspace, lang: str | None = None) -> Taxonomy | None:
    """The workspace's tree, else the one that the labels of the index make; None where they are ids alone."""
    if (workspace.folder / "tree.csv").is_file():
        return workspace.taxonomy(lang)
    labels, counts = np.unique(opened.known.category_ids, return_counts=True)
    named = dict(zip(opened.known.labels.take(labels), counts.tolist(), strict=True))
    named.pop(NO_CATEGORY, None)
    try:
        return LabelTree.of(opened.place.folder, named).tree
    except ValueError:
        return None


def product_named(opened: OpenIndex, name: str) -> ShopId:
    """The id of the index's product that a text names, else the id that it is; raises ValueError where it is none."""
    one = id_among(name, SortedNumbers(opened.known.product_ids))
    if one is None:
        raise ValueError(f"{name!r} is no product id: {why_not_id(name)}")
    return one


def unknown_products(opened: OpenIndex, names: Sequence[str], option: str) -> list[str]:
    """A sentence where ids that an option was given are of no product of the index: perhaps one is misspelt."""
    ids = [product_named(opened, name) for name in names]
    unknown = [one for one in dict.fromkeys(ids) if id_number(one) not in opened.known.product_ids]
    n = plural(len(unknown), "product is", "products are")
    return [f"{option}: {n} not in {opened.place.folder}: {listed(unknown, 3)}"] if unknown else []


def filter_of(
    opened: OpenIndex, tree: Taxonomy | None, *, categories: Sequence[str] = (), n_images: Sequence[int] = (),
    without: Sequence[str] = (),
) -> Filter:  # fmt: skip
    """What `--category`, `--n-images` and `--without` ask for together.

    Raises:
        ValueError: a category that the tree lacks, with the nearest ones, or that no product of the index has; or
            what can be no id.
    """
    return Filter(
        category_ids=_labels_below(opened, tree, categories) if categories else None,
        n_images=frozenset(n_images) or None,
        without=np.array([id_number(product_named(opened, name)) for name in without], np.int64) if without else None,
    )


def _labels_below(opened: OpenIndex, tree: Taxonomy | None, categories: Sequence[str]) -> NDArray[np.int64]:
    """`(C,)` int64 labels of the index that lie below any of the categories."""
    labels = np.unique(opened.known.category_ids)
    labels = labels[labels != NO_CATEGORY]
    if tree is None:
        wanted = [one for one in map(id_in, categories) if one is not None]
        found = labels[np.isin(labels, [id_number(one) for one in wanted])]
    else:
        below = leaves_of_categories(tree, categories, "--category")
        leaf = label_leaves(tree, labels, opened.known.labels)
        found = labels[(leaf != UNKNOWN) & below[leaf]]
    if not len(found):
        raise ValueError(f"--category: no product of {opened.place.folder} has a label below {listed(categories, 3)}")
    return found
