"""Which of the categories that a configuration names a tree has."""

import contextlib
from collections.abc import Sequence

from catalog.tree.taxonomy import Taxonomy


def category_names(tree: Taxonomy, categories: Sequence[str]) -> list[str]:
    """Those of the configured categories that the tree has, as people are shown them."""
    names = []
    for category in categories:
        with contextlib.suppress(KeyError):
            names.append(tree.shown_category(category))
    return names
