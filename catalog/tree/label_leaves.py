"""The leaves that the labels of a catalogue mean: by the category's id, else by what the tree calls it."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from catalog.files.id_lookup import UNKNOWN
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number
from catalog.tree.answers import CategoryNames
from catalog.tree.taxonomy import Taxonomy


def label_leaves(tree: Taxonomy, labels: NDArray[np.int64], ids: IdNames) -> NDArray[np.int64]:
    """`(n,)` int64 leaf of each label; -1 where the tree has no such category, or several that it may be.

    A text that is no id of the tree is looked up among its names and paths, see `CategoryNames`: once, however many
    products have it.

    Args:
        labels: `(n,)` numbers of category_ids, in any order.
        ids: the texts of those that are no integers.
    """
    leaf = tree.leaf_index(labels)
    if not len(ids):
        return leaf
    unknown = np.flatnonzero(leaf == UNKNOWN)
    distinct, place = np.unique(labels[unknown], return_inverse=True)
    leaf[unknown] = np.array([_leaf_called(tree, label) for label in ids.take(distinct)], np.int64)[place]
    return leaf


def label_leaf(tree: Taxonomy, label: ShopId) -> int:
    """The leaf of one label, as `label_leaves` finds it."""
    leaf = int(tree.leaf_index(id_number(label)))
    return _leaf_called(tree, label) if leaf == UNKNOWN else leaf


def _leaf_called(tree: Taxonomy, label: ShopId) -> int:
    category = names_of(tree).category_in(label) if isinstance(label, str) else None
    return UNKNOWN if category is None else int(tree.leaf_index(category))


def why_unknown(tree: Taxonomy, label: ShopId) -> str:
    """A label that the tree lacks, for people; with the categories that it may be, where these are several."""
    is_name = isinstance(label, str) and names_of(tree).may_be(label)
    return names_of(tree).why_not(str(label)) if is_name else str(label)


@lru_cache(maxsize=4)
def names_of(tree: Taxonomy) -> CategoryNames:
    """The names of a tree, made once: several parts of a command ask for them."""
    return CategoryNames(tree)
