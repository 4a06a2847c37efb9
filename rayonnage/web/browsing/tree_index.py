"""Trees in the languages that people read, and their type-ahead, made once for each tree."""

from __future__ import annotations

from threading import Lock

from catalog.recently_used import RecentlyUsed
from catalog.runs.workspace import Workspace
from catalog.tree.category_search import CategorySearch
from catalog.tree.taxonomy import Taxonomy

KEPT = 3
"""Trees whose index stays in memory: predictions of some runs may be looked at side by side."""


class TreeIndex:
    """The workspace's tree, and the search in any tree; safe in threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._searches = RecentlyUsed[tuple[str, str], CategorySearch](KEPT)
        self._turned = RecentlyUsed[tuple[str, str, str], Taxonomy](KEPT)
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

    def at_hand(self, language: str | None = None) -> Taxonomy | None:
        """The workspace's with its names in a language, as it stands where none is given; None where there is none."""
        try:
            tree = self.tree()
        except (OSError, ValueError):
            return None
        return tree if language is None else self.turned(tree, language)

    def search(self, tree: Taxonomy) -> CategorySearch:
        """The search in a tree; the first call takes half a second with 5270 leaves."""
        key = tree.fingerprint, tree.shown_fingerprint
        return self._searches.made(key, lambda: CategorySearch(tree))

    def shown(self, tree: Taxonomy, language: str) -> tuple[tuple[str, ...], ...]:
        """`(n_leaves,)` paths in a language, as the tree shows them where nothing is known in it."""
        return self.search(tree).shown.get(language, tree.shown)

    def turned(self, tree: Taxonomy, language: str) -> Taxonomy:
        """The tree as its names are in a language, as it stands where nothing is known in it."""
        if language not in self.search(tree).languages:
            return tree
        key = tree.fingerprint, tree.shown_fingerprint, language
        return self._turned.made(key, lambda: tree.in_language(language))
