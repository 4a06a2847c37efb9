"""Places in the tree as users give them: `LIBRAIRIE > ROMAN`, `books>novels` in the language shown, a category_id."""

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from catalog.files.csv_rows import id_in
from catalog.files.id_lookup import UNKNOWN
from catalog.files.wording import listed
from catalog.tree.answers import N_NAMED, CategoryNames
from catalog.tree.taxonomy import Taxonomy, path_text


def leaves_of_categories(tree: Taxonomy, categories: Sequence[str], option: str) -> NDArray[np.bool_]:
    """`(n_leaves,)` bool: leaves below any of the categories.

    Each is the tree's own path, else a category_id, else what `CategoryNames` reads: a path in any spelling, or a name
    that one node alone has.

    Raises:
        ValueError: the tree lacks one, or has several; `option` and the nearest paths, or the several, are named.
    """
    below = np.zeros(len(tree), bool)
    names = CategoryNames(tree)
    for category in categories:
        below[_leaves(tree, names, category, option)] = True
    return below


def _leaves(tree: Taxonomy, names: CategoryNames, name: str, option: str) -> NDArray[np.int64]:
    """`(n,)` leaf indices below one category."""
    try:
        return tree.leaves_below(name)
    except KeyError:
        category_id = id_in(name)
    if category_id is not None:
        leaf = tree.leaf_index([category_id])
        if leaf[0] != UNKNOWN:
            return leaf
    nodes = names.nodes(name)
    if not nodes:
        raise ValueError(f"{option}: the tree has no shelf {name!r}; {_near(tree, names, name)}")
    if len(nodes) > 1:
        named = listed([repr(path_text(node)) for node in nodes], N_NAMED)
        raise ValueError(f"{option}: the tree has {len(nodes)} shelves {name!r}: say which of {named}")
    node = nodes[0]
    return np.array([i for i, path in enumerate(tree.paths) if path[: len(node)] == node], np.int64)


def _near(tree: Taxonomy, names: CategoryNames, name: str) -> str:
    named = dict.fromkeys(map(names.shown, names.nearest(name)))
    if named:
        return f"the nearest are {_quoted(named)}"
    roots = dict.fromkeys(path[0] for path in tree.shown)
    return f"its {tree.level_names[1]} are {_quoted(roots)}" + (" ..." if len(roots) > N_NAMED else "")


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(repr(text) for text in islice(texts, N_NAMED))
