"""The tree of what is left of a catalogue, with the names that it goes by in other languages."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.ids.shop_id import ShopId
from catalog.tree.node_names import known_names
from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import Name, Names


def tree_beside(destination: Path) -> Path:
    """Where the smaller tree lies when no place is given: `NAME.tree.csv` beside `NAME.bson`."""
    return destination.with_suffix(".tree.csv")


def names_beside(tree_out: Path, tree: Taxonomy) -> Path | None:
    """Where its names lie, `NAME.names.csv` beside `NAME.csv`; None where nobody asked for a language."""
    return tree_out.with_suffix(".names.csv") if tree.names or tree.lang else None


def smaller_tree(tree: Taxonomy, present: NDArray[np.int64]) -> Taxonomy:
    """The tree of the leaves `present`, `(n,)` rising, with all names that are known of their nodes.

    A node above the leaves is named by way of one of its leaves; where that one is gone, another one names it.
    """
    heirs: dict[tuple[int, int], ShopId] = {}
    for level in tree.levels:
        nodes, first = np.unique(tree.ancestor(level)[present], return_index=True)
        heirs |= {(level, int(node)): tree.shop_ids[present[i]] for node, i in zip(nodes, first, strict=True)}
    _, known = known_names(tree)
    rows = tuple(
        Name(heirs[level, node], level, lang, text)
        for (lang, level, node), text in known.items()
        if (level, node) in heirs
    )
    leaves = [(tree.shop_ids[i], tree.paths[i]) for i in present]
    return Taxonomy(leaves).with_names(Names(rows, tree.names.source))


def write_tree(tree: Taxonomy, path: Path, names: Path | None) -> None:
    """Write the tree, and its names where they have a place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tree.to_csv(path)
    if names is not None:
        tree.names.to_csv(names)
