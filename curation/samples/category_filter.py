"""Places in the tree as users give them: `LIBRAIRIE > ROMAN`, `books>novels` in the language shown, a category_id."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from catalog.files.csv_rows import id_in
from catalog.files.id_lookup import UNKNOWN
from catalog.files.wording import listed
from catalog.tree.taxonomy import Taxonomy, path_text

Node = tuple[str, ...]
N_NAMED = 5
LIKENESS = 0.7
"""difflib's ratio from which a name is near another."""


def leaves_of_categories(tree: Taxonomy, categories: Sequence[str], option: str) -> NDArray[np.bool_]:
    """`(n_leaves,)` bool: leaves below any of the categories.

    Each is the tree's own path, else a category_id, else a path as it is shown, else either of them in other letters
    (upper or lower case, Unicode form, blanks around `>`).

    Raises:
        ValueError: the tree lacks one, or has several; `option` and the nearest paths, or the several, are named.
    """
    below = np.zeros(len(tree), bool)
    names = _CategoryNames(tree)
    for category in categories:
        below[names.leaves(category, option)] = True
    return below


class _CategoryNames:
    """The names that the nodes of a tree go by; a node is known by the tree's own path."""

    def __init__(self, tree: Taxonomy) -> None:
        self._tree = tree
        pairs = list(zip(tree.paths, tree.shown, strict=True))
        self._shown_as = {path[:level]: path_text(shown[:level]) for path, shown in pairs for level in tree.levels}

    @cached_property
    def _by_shown(self) -> dict[str, set[Node]]:
        nodes: dict[str, set[Node]] = {}
        for node, shown in self._shown_as.items():
            nodes.setdefault(_composed(shown), set()).add(node)
        return nodes

    @cached_property
    def _by_folded(self) -> dict[str, set[Node]]:
        nodes: dict[str, set[Node]] = {}
        for node, shown in self._shown_as.items():
            for text in (path_text(node), shown):
                nodes.setdefault(_folded(text), set()).add(node)
        return nodes

    def leaves(self, name: str, option: str) -> NDArray[np.int64]:
        """`(n,)` int64 leaf indices below a category; raises ValueError as `leaves_of_categories` does."""
        try:
            return self._tree.leaves_below(name)
        except KeyError:
            category_id = id_in(name.strip())
        if category_id is not None:
            leaf = self._tree.leaf_index([category_id])
            if leaf[0] != UNKNOWN:
                return leaf
        # to the letter first: two nodes of a shop's tree may differ in case alone
        nodes = sorted(self._by_shown.get(_composed(name)) or self._by_folded.get(_folded(name)) or ())
        if not nodes:
            raise ValueError(f"{option}: the tree has no shelf {name!r}; {self._near(name)}")
        if len(nodes) > 1:
            named = listed([repr(path_text(node)) for node in nodes], N_NAMED)
            raise ValueError(f"{option}: the tree has {len(nodes)} shelves {name!r}: say which of {named}")
        node = nodes[0]
        return np.array([i for i, path in enumerate(self._tree.paths) if path[: len(node)] == node], np.int64)

    def _near(self, name: str) -> str:
        """Paths whose last name is its last, for people forget the parent; then paths, then last names like it."""
        wanted = _folded(name)
        by_last: dict[str, list[str]] = {}
        for text in self._by_folded:
            by_last.setdefault(_last(text), []).append(text)
        near = by_last.get(_last(wanted), [])
        near = near + difflib.get_close_matches(wanted, self._by_folded, N_NAMED, LIKENESS)
        for last in difflib.get_close_matches(_last(wanted), by_last, N_NAMED, LIKENESS):
            near = near + by_last[last]
        named = dict.fromkeys(self._shown_as[node] for text in near for node in sorted(self._by_folded[text]))
        if named:
            return f"the nearest are {_quoted(named)}"
        roots = dict.fromkeys(path[0] for path in self._tree.shown)
        return f"its Cat I are {_quoted(roots)}" + (" ..." if len(roots) > N_NAMED else "")


def _last(folded: str) -> str:
    return folded.rpartition(">")[2]


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(repr(text) for text in islice(texts, N_NAMED))


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip())


def _folded(text: str) -> str:
    """Without what people type otherwise: case, Unicode form, blanks around `>`."""
    plain = _composed(_composed(text).casefold())
    return re.sub(r"\s*>\s*", ">", plain)
