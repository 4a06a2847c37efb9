"""The category tree, one to eight levels deep: category_id <-> leaf index <-> full path."""

from __future__ import annotations

import copy
import hashlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number, id_numbers
from catalog.tree.leaf_rows import read_saved_tree, read_tree, write_tree
from catalog.tree.level_names import LEVEL_NAMES, level_names_of
from catalog.tree.node_names import names_for, shown_in
from catalog.tree.path_order import SEPARATOR as SEPARATOR
from catalog.tree.path_order import levels_called, node_numbers, one_spelling
from catalog.tree.path_order import path_text as path_text
from catalog.tree.small_leaves import LearntLeaves
from catalog.tree.translations import Names
from catalog.tree.tree_file import Leaf, TreeFile

NAMES_FILE = "names.csv"
"""Names in other languages, beside the file of a saved tree."""


class Taxonomy:
    """Leaves sorted by path, so that the leaves below any node are one contiguous range.

    Nodes are identified by their path, never by their name: Cdiscount has 5270 leaves and 5263 names. Names are kept
    to the letter, but one that is written in two Unicode forms (an accent in the letter, or after it) is one node.

    Paths may differ in length: a leaf further up than others counts as its own only child on each level below it, so
    that every level tells all leaves apart by what is known there. A node that products lie on, and other nodes below
    it, is a leaf of its own beside its children, shown as the node.

    >>> import rayonnage
    >>> tree = rayonnage.Taxonomy.from_csv("category_names.csv")
    >>> len(tree), tree.n_nodes(1)
    (40, 8)
    >>> tree.leaves_below("MUSIQUE > CD")
    array([34, 35, 36, 37, 38, 39])
    >>> tree.paths[tree.leaf_index(1000003001)]
    ('ART DE LA TABLE - ARTICLES CULINAIRES', 'CUISSON DES ALIMENTS', 'CASSEROLE')

    Leaves with too few products to learn may count as nodes above them (`counting`): they are no leaves then, but their
    ids are known, and mean the leaf that the node has become.

    Attributes:
        leaf_ids: `(n_leaves,)` int64 number of each leaf's category_id; ids: what these numbers stand for.
        shop_ids: `(n_leaves,)` category_id of each leaf as the shop has it.
        known_ids: `(n_known,)` int64 those numbers, and the ones of leaves that count as others.
        path_lengths: `(n_leaves,)` int64 names in each leaf's path.
        depth: D, the longest of these; levels: 1 to D, of which D holds the leaves.
        paths: the names by which nodes are told apart and ordered.
        shown: paths as people are shown them, perhaps in another language; order and identity are those of `paths`.
        lang: the language of `shown`, empty where it is `paths`.
        names: what is known in other languages beside what ships with the program.
        level_names: what each of the levels is called: `Cat I`, `Cat II`, ..., where nobody has named them.
        small: the level at which each leaf counts that counts as a node above it, by its category_id.
    """

    def __init__(
        self, leaves: Sequence[Leaf], small: Mapping[ShopId, int] | None = None, level_names: Sequence[str] = ()
    ) -> None:
        """Build from `(category_id, (Cat I, Cat II, ...))`, one to eight names each.

        `small`, `level_names`: as the attributes say, `counting` and `with_level_names` set them.

        Raises:
            ValueError: no leaf, a repeated category_id, two with the same number, a path without a name or
                with more than eight, or names of levels that cannot be used.
        """
        if not leaves:
            raise ValueError("the category tree has no leaf")
        for category_id, path in leaves:
            if not 1 <= len(path) <= len(LEVEL_NAMES):
                raise ValueError(
                    f"category_id {category_id} has a path of {len(path)} names, not 1 to {len(LEVEL_NAMES)}"
                )
        self.small = dict(small or {})
        spelt = list(zip((leaf[0] for leaf in leaves), one_spelling([leaf[1] for leaf in leaves]), strict=True))
        learnt = LearntLeaves.of(spelt, self.small, SEPARATOR)
        self._given = spelt if self.small else []
        self.ids = IdNames.of([*(leaf[0] for leaf in learnt.leaves), *learnt.stands_for])
        numbered = [(id_number(category_id), path) for category_id, path in learnt.leaves]
        ordered = sorted(numbered, key=lambda leaf: (leaf[1], leaf[0]))
        self.leaf_ids: NDArray[np.int64] = np.array([leaf[0] for leaf in ordered], np.int64)
        self.shop_ids: tuple[ShopId, ...] = tuple(self.ids.take(self.leaf_ids))
        self.paths: tuple[tuple[str, ...], ...] = tuple(leaf[1] for leaf in ordered)
        self.depth = max(map(len, self.paths))
        self.levels = tuple(range(1, self.depth + 1))
        self.path_lengths: NDArray[np.int64] = np.array(list(map(len, self.paths)))
        self.shown = self.paths
        self.lang = ""
        self.names = Names()
        self.known_ids: NDArray[np.int64] = np.append(self.leaf_ids, id_numbers(list(learnt.stands_for)))
        ids, counts = np.unique(self.known_ids, return_counts=True)
        if (counts > 1).any():
            raise ValueError(f"category_id {self.ids.shown(ids[counts > 1][0])} stands twice in the tree")
        stands_for = positions_of(self.leaf_ids, id_numbers(list(learnt.stands_for.values())))
        self._leaf_of_known = np.append(np.arange(len(ordered)), stands_for)
        self._id_order = np.argsort(self.known_ids)
        self._level_names = tuple(level_names)
        self.level_names = level_names_of(max(len(leaf[1]) for leaf in leaves), self._level_names)
        self._ancestor = {level: node_numbers(level, self.paths) for level in self.levels[:-1]}
        # two leaves may even share a full path: the id keeps them apart
        self._ancestor[self.depth] = np.arange(len(ordered))
        # kept: a head asks for these dozens of times for each batch, which may be a single product
        self._first_leaf = {level: np.flatnonzero(np.diff(of, prepend=-1)) for level, of in self._ancestor.items()}
        self._parent = {level: self._ancestor[level - 1][self._first_leaf[level]] for level in self.levels[1:]}
        self._parent[1] = np.zeros(self.n_nodes(1), np.int64)

    @classmethod
    def from_csv(cls, path: str | Path, names: str | Path | None = None) -> Taxonomy:
        """Read a tree's file: a CSV of `category_id` and the path, or Google's list of product categories.

        The path stands in the columns `category_level1`, `category_level2`, ..., or in `category_path` with `>>`, `>`,
        `/` or `|` between its names, or follows from `parent_id` and `name`. See `catalog.tree.leaf_rows`.

        `names`: a CSV of names in other languages, see `with_names`.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not such a file, an id that is none or repeated, a category without a parent or below
                the eighth level, names that contradict each other; the message names the file and the lines.
        """
        return cls._of(Path(path), read_tree(Path(path)), names)

    @classmethod
    def _of(cls, path: Path, file: TreeFile, names: str | Path | None) -> Taxonomy:
        try:
            tree = cls(file.leaves, file.small, file.level_names)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        return tree if names is None else tree.with_names(Names.from_csv(names))

    def to_csv(self, path: Path) -> None:
        """Write the tree as a CSV of `category_level1`, `category_level2`, ..., which `from_csv` reads."""
        whole = self.whole()
        leaves = list(zip(whole.shop_ids, whole.paths, strict=True))
        write_tree(path, TreeFile(leaves, self.small, self._level_names))

    @classmethod
    def load(cls, path: Path, lang: str | None = None) -> Taxonomy:
        """What `save` wrote, see `in_language`; raises as `from_csv` does."""
        names = path.with_name(NAMES_FILE)
        return cls._of(path, read_saved_tree(path), names if names.is_file() else None).in_language(lang)

    def save(self, path: Path) -> None:
        """Write the tree, and the names that it carries beside it."""
        self.to_csv(path)
        if self.names:
            self.names.to_csv(path.with_name(NAMES_FILE))

    def with_names(self, names: Names) -> Taxonomy:
        """A copy that carries names in other languages; those of ids that it does not know are left out.

        Raises:
            ValueError: rows call one node by different names; their lines are named.
        """
        named = copy.copy(self)
        named.names = names_for(self.whole(), names)
        return named

    @property
    def given_level_names(self) -> tuple[str, ...]:
        """What the levels that are left are called, Cat I's name first; empty where nobody has named them."""
        return self._level_names[: self.depth]

    def with_level_names(self, names: Sequence[str]) -> Taxonomy:
        """A copy whose levels are called so, Cat I's name first; ValueError: not a name of its own for each level."""
        named = copy.copy(self)
        named._level_names, named.level_names = tuple(names), level_names_of(self.whole().depth, names)
        return named

    def counting(self, small: Mapping[ShopId, int]) -> Taxonomy:
        """The whole tree, but for leaves that count as the node above them at a level: see `small_leaves`."""
        tree = Taxonomy(list(zip(self.whole().shop_ids, self.whole().paths, strict=True)), small, self._level_names)
        tree.names = self.names
        return tree.in_language(self.lang) if self.lang else tree

    def whole(self) -> Taxonomy:
        """The tree in which every leaf counts as itself."""
        if not self.small:
            return self
        whole = Taxonomy(self._given, level_names=self._level_names)
        whole.names = self.names
        return whole.in_language(self.lang) if self.lang else whole

    def in_language(self, lang: str | None) -> Taxonomy:
        """A copy that shows names in a language: the names it carries before those that ship with the program.

        A node without a name there is shown as the tree calls it. A tree of which nobody said in which language it is
        written is shown as it stands, with a warning, where nothing is known in that language: it may be that one.

        Args:
            lang: a code such as `en`; None: as it stands.

        Raises:
            ValueError: the tree is known to be written in another language, and nothing is known in this one.
        """
        if lang is None:
            return self
        turned, whole = copy.copy(self), self.whole()
        turned.lang, shown = shown_in(whole, lang.strip().lower())
        if self.small and turned.lang:
            # a node is called as on the way to a leaf below it
            below = (bisect_left(whole.paths, path) for path in self.paths)
            shown = tuple(shown[leaf][: len(path)] for leaf, path in zip(below, self.paths, strict=True))
        turned.shown = shown if turned.lang else self.paths
        return turned

    def __len__(self) -> int:
        return len(self.leaf_ids)

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the tree: ids and paths."""
        return self._digest(self.paths)

    @property
    def shown_fingerprint(self) -> str:
        """Identity of the names shown; empty where they are the tree's own."""
        return "" if self.shown is self.paths else self._digest(self.shown)

    def _digest(self, paths: Sequence[tuple[str, ...]]) -> str:
        lines = [f"{i}\t" + "\t".join(p) for i, p in zip(self.shop_ids, paths, strict=True)]
        text = "\n".join(lines + sorted(f"{i}\t{level}" for i, level in self.small.items()))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def leaf_index(self, category_ids: ArrayLike) -> NDArray[np.int64]:
        """Leaf index of each category_id, `(n,)` int64 of `(n,)` or any other shape; -1 where the tree lacks it.

        The ids are the shop's own, or an array of the numbers that stand for them.
        """
        place = positions_of(self.known_ids, id_numbers(category_ids), self._id_order)
        return place if not self.small else np.where(place == UNKNOWN, UNKNOWN, self._leaf_of_known[place])

    def ancestor(self, level: int) -> NDArray[np.int64]:
        """`(n_leaves,)` index of each leaf's node at `level`, one of `levels` (at the last the leaf itself)."""
        return self._ancestor[level]

    def n_nodes(self, level: int) -> int:
        """Number of nodes at a level."""
        return int(self._ancestor[level][-1]) + 1

    def first_leaf(self, level: int) -> NDArray[np.int64]:
        """`(n_nodes,)` first leaf below each node of a level: the offsets that `np.add.reduceat` takes."""
        return self._first_leaf[level]

    def parent(self, level: int) -> NDArray[np.int64]:
        """`(n_nodes of level,)` index at `level - 1` of each node's parent; zeros (the root) for level 1."""
        return self._parent[level]

    def node_path(self, level: int, node: int) -> tuple[str, ...]:
        """Names from Cat I down to the node; fewer than `level` where it is a leaf further up."""
        return self.paths[int(self.first_leaf(level)[node])][:level]

    def shown_path(self, level: int, node: int) -> tuple[str, ...]:
        """Names from Cat I down to the node, as people are shown them."""
        return self.shown[int(self.first_leaf(level)[node])][:level]

    def node_mass(self, leaves: NDArray[np.floating], level: int) -> NDArray[np.floating]:
        """Sum `(N, n_leaves)` leaf probabilities into `(N, n_nodes)` of a level."""
        return leaves if level == self.depth else np.add.reduceat(leaves, self.first_leaf(level), axis=1)

    def leaves_below(self, category: str) -> NDArray[np.int64]:
        """`(n,)` int64 leaf indices below an exact path such as `LIBRAIRIE` or `MUSIQUE > CD`, in any Unicode form.

        It is the tree's own path whatever language is shown: the same products are read in all of them. A name may have
        ` > ` in it; of paths that read alike because of that, the leaves below all are given.

        Raises:
            KeyError: no such path in the tree.
        """
        return np.flatnonzero(self._level_of(category))

    def shown_category(self, category: str) -> str:
        """Such a path as people are shown it; raises as `leaves_below` does."""
        level = self._level_of(category)
        leaf = int(np.flatnonzero(level)[0])
        return path_text(self.shown[leaf][: level[leaf]])

    def _level_of(self, category: str) -> NDArray[np.int64]:
        level = levels_called(category, self.paths)
        if not level.any():
            raise KeyError(category)
        return level

    def distance(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(n,)` int64 height of the lowest common ancestor of leaves a and b, `(n,)`: 0 the same leaf ... D the root.

        This is the hierarchical distance of Bertinetto et al., "Making Better Mistakes", CVPR 2020.
        """
        different = [self.ancestor(level)[a] != self.ancestor(level)[b] for level in self.levels]
        return np.sum(different, axis=0, dtype=np.int64)
