"""Which of the categories that a configuration names a tree has."""

import contextlib
from collections.abc import Sequence

from catalog.tree.taxonomy import SEPARATOR, Taxonomy, path_text


def category_names(tree: Taxonomy, categories: Sequence[str]) -> list[str]:
    """Those of the configured categories that the tree has, as people are shown them."""
    names = []
    for category in categories:
        with contextlib.suppress(KeyError):
            names.append(path_text(tree.shown[tree.leaves_below(category)[0]][: len(category.split(SEPARATOR))]))
    return names
