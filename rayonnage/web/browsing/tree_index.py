"""Trees in the languages that people read, and their type-ahead, made once for each tree."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from catalog.runs.workspace import Workspace
from catalog.tree.category_search import CategorySearch
from catalog.tree.taxonomy import Taxonomy

KEPT = 3
"""Trees whose index stays in memory: predictions of some runs may be looked at side by side."""


class TreeIndex:
    """The workspace's tree, and the search in any tree; safe in threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._searches: OrderedDict[tuple[str, str], CategorySearch] = OrderedDict()
        self._turned: OrderedDict[tuple[str, str, str], Taxonomy] = OrderedDict()
        self._tree: tuple[float, Taxonomy] | None = None
        self._lock = Lock()

    def tree(self) -> Taxonomy:
        """The workspace's.

        Raises:
            FileNotFoundError, ValueError: there is none, or it is damaged.
        """
        written = (self._workspace.folder / "tree.csv").stat().st_mtime
        with self._lock:
            if self._tree is None or self._tree[0] != written:
                self._tree = written, self._workspace.taxonomy()
            return self._tree[1]

    def search(self, tree: Taxonomy) -> CategorySearch:
        """The search in a tree; the first call takes half a second with 5270 leaves."""
        key = tree.fingerprint, tree.shown_fingerprint
        with self._lock:
            if key not in self._searches:
                self._searches[key] = CategorySearch(tree)
            self._searches.move_to_end(key)
            while len(self._searches) > KEPT:
                self._searches.popitem(last=False)
            return self._searches[key]

    def shown(self, tree: Taxonomy, language: str) -> tuple[tuple[str, ...], ...]:
        """`(n_leaves,)` paths in a language, as the tree shows them where nothing is known in it."""
        return self.search(tree).shown.get(language, tree.shown)

    def turned(self, tree: Taxonomy, language: str) -> Taxonomy:
        """The tree as its names are in a language, as it stands where nothing is known in it."""
        if language not in self.search(tree).languages:
            return tree
        key = tree.fingerprint, tree.shown_fingerprint, language
        with self._lock:
            if key not in self._turned:
                self._turned[key] = tree.in_language(language)
            self._turned.move_to_end(key)
            while len(self._turned) > KEPT:
                self._turned.popitem(last=False)
            return self._turned[key]
