"""The tree that a catalogue is split by: one that no file has; one whose smallest leaves count as others."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.files.wording import listed, plural
from catalog.sources.source import NO_CATEGORY
from catalog.split.plan import trainable
from catalog.tree.label_tree import LabelTree
from catalog.tree.small_leaves import small_leaves
from catalog.tree.taxonomy import Taxonomy, path_text
from catalog.tree.translations import Names


def tree_of_labels(catalog: Catalog, names: Path | None = None) -> tuple[Taxonomy, str]:
    """The tree that a catalogue's labels make, and what is to be said of it; `names` as `Taxonomy.from_csv` has them.

    Raises:
        FileNotFoundError, ValueError: as `LabelTree.of` and `Names.from_csv` raise them.
    """
    counts = catalog.source.category_choice()
    choice = counts and f"of the columns of categories, {counts}"
    labels, n_products = np.unique(catalog.category_ids[catalog.category_ids != NO_CATEGORY], return_counts=True)
    try:
        made = LabelTree.of(catalog, dict(zip(catalog.ids.take(labels), n_products.tolist(), strict=True)))
    except ValueError as error:
        # labels that could not be read are among these
        raise ValueError("\n".join(filter(None, [str(error), choice, catalog.problems.summary()]))) from None
    taxonomy = made.tree if names is None else made.tree.with_names(Names.from_csv(names))
    level_names = catalog.source.level_names()[: taxonomy.depth]
    # names that hold what stands between them make levels that no column calls anything
    if len(level_names) == taxonomy.depth:
        taxonomy = taxonomy.with_level_names(level_names)
    return taxonomy, "\n".join(filter(None, [str(made), choice]))


def without_small_leaves(catalog: Catalog, tree: Taxonomy, least: int) -> tuple[Taxonomy, str]:
    """The tree in which leaves of fewer than `least` products count as nodes above them, and what is to be said of it.

    Products are those that can be learnt from.
    """
    leaf = catalog.leaves(tree)
    n_products = np.bincount(leaf[trainable(catalog, tree)], minlength=len(tree))
    small = small_leaves(tree.shop_ids, tree.paths, n_products, least)
    n_left = int((n_products < least).sum()) - len(small)
    left = f"; {plural(n_left, 'category', 'categories')} of the first level stay, with as few" if n_left > 0 else ""
    if not small:
        return tree, f"no category counts as another: none below the first level has fewer than {least} products{left}"
    is_small = np.array([shop_id in small for shop_id in tree.shop_ids])
    by_size = sorted(np.flatnonzero(is_small).tolist(), key=lambda i: -n_products[i])
    examples = [
        f"{path_text(tree.shown[i])} ({n_products[i]:,}) as {path_text(tree.shown[i][: small[tree.shop_ids[i]]])}"
        for i in by_size
    ]
    empty = int((n_products[is_small] == 0).sum())
    without = f", {empty:,} of them without any" if empty else ""
    count = "counts" if len(small) == 1 else "count"
    n, in_all = plural(len(small), "category", "categories"), int(n_products[is_small].sum())
    return tree.counting(small), (
        f"{n} with fewer than {least} products ({in_all:,} in all{without}) {count} as the one above them until a "
        f"later split finds more: {listed(examples, 3)}{left}"
    )


def tree_shown(catalog: Catalog, tree: Taxonomy | None) -> Taxonomy | None:
    """The tree given, else the one that labels make where they are texts; None where they are ids alone.

    Nobody depends on it who only looks: labels of which no tree can be made are shown as they are.
    """
    if tree is not None or not len(catalog.ids):
        return tree
    try:
        return tree_of_labels(catalog)[0]
    except ValueError:
        return None
