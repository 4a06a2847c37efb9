"""The category tree, one to eight levels deep: category_id <-> leaf index <-> full path."""

from __future__ import annotations

import copy
import hashlib
import logging
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catalog.files.csv_rows import write_rows
from catalog.files.id_lookup import positions_of
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number, id_numbers
from catalog.tree.leaf_rows import columns_of, read_leaves, read_saved_leaves
from catalog.tree.node_names import names_for, shown_in
from catalog.tree.translations import Names
from catalog.tree.tree_file import Leaf, without_controls

log = logging.getLogger(__name__)
NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
LEVEL_NAMES = {level: f"Cat {numeral}" for level, numeral in enumerate(NUMERALS, start=1)}
"""What the levels are called, as many as a tree may have."""
SEPARATOR = " > "
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

    Attributes:
        leaf_ids: `(n_leaves,)` int64 number of each leaf's category_id; ids: what these numbers stand for.
        shop_ids: `(n_leaves,)` category_id of each leaf as the shop has it.
        path_lengths: `(n_leaves,)` int64 names in each leaf's path.
        depth: D, the longest of these; levels: 1 to D, of which D holds the leaves.
        paths: the names by which nodes are told apart and ordered.
        shown: paths as people are shown them, perhaps in another language; order and identity are those of `paths`.
        lang: the language of `shown`, empty where it is `paths`.
        names: what is known in other languages beside what ships with the program.
    """

    def __init__(self, leaves: Sequence[tuple[ShopId, tuple[str, ...]]]) -> None:
        """Build from `(category_id, (Cat I, Cat II, ...))`, one to eight names each.

        Raises:
            ValueError: no leaf, a repeated category_id, two with the same number, or a path without a name or
                with more than eight.
        """
        if not leaves:
            raise ValueError("the category tree has no leaf")
        for category_id, path in leaves:
            if not 1 <= len(path) <= len(LEVEL_NAMES):
                raise ValueError(
                    f"category_id {category_id} has a path of {len(path)} names, not 1 to {len(LEVEL_NAMES)}"
                )
        self.ids = IdNames.of(leaf[0] for leaf in leaves)
        numbers = map(id_number, (leaf[0] for leaf in leaves))
        spelt = zip(numbers, _one_spelling([leaf[1] for leaf in leaves]), strict=True)
        ordered = sorted(spelt, key=lambda leaf: (leaf[1], leaf[0]))
        self.leaf_ids: NDArray[np.int64] = np.array([leaf[0] for leaf in ordered], np.int64)
        self.shop_ids: tuple[ShopId, ...] = tuple(self.ids.take(self.leaf_ids))
        self.paths: tuple[tuple[str, ...], ...] = tuple(leaf[1] for leaf in ordered)
        self.depth = max(map(len, self.paths))
        self.levels = tuple(range(1, self.depth + 1))
        self.path_lengths: NDArray[np.int64] = np.array(list(map(len, self.paths)))
        self.shown = self.paths
        self.lang = ""
        self.names = Names()
        ids, counts = np.unique(self.leaf_ids, return_counts=True)
        if (counts > 1).any():
            raise ValueError(f"category_id {self.ids.shown(ids[counts > 1][0])} stands twice in the tree")
        self._id_order = np.argsort(self.leaf_ids)
        self._ancestor = {level: _number_runs(_nodes_at(level, self.paths)) for level in self.levels[:-1]}
        # two leaves may even share a full path: the id keeps them apart
        self._ancestor[self.depth] = np.arange(len(ordered))

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
        path = Path(path)
        tree = cls._of(path, without_controls(path, read_leaves(path)), names)
        for alike in tree.like_ids():
            log.warning(
                "%s: the ids %s differ only in case or blanks, and are taken for different categories: if they are "
                "one, write them alike",
                path, " and ".join(map(repr, alike)),
            )  # fmt: skip
        return tree

    @classmethod
    def _of(cls, path: Path, leaves: Sequence[Leaf], names: str | Path | None) -> Taxonomy:
        try:
            tree = cls(leaves)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        return tree if names is None else tree.with_names(Names.from_csv(names))

    def to_csv(self, path: Path) -> None:
        """Write the tree as a CSV of `category_level1`, `category_level2`, ..., which `from_csv` reads."""
        rows = (
            [leaf_id, *names, *[""] * (self.depth - len(names))]
            for leaf_id, names in zip(self.shop_ids, self.paths, strict=True)
        )
        write_rows(path, columns_of(self.depth), rows)

    @classmethod
    def load(cls, path: Path, lang: str | None = None) -> Taxonomy:
        """What `save` wrote, see `in_language`; raises as `from_csv` does."""
        names = path.with_name(NAMES_FILE)
        return cls._of(path, read_saved_leaves(path), names if names.is_file() else None).in_language(lang)

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
        named.names = names_for(self, names)
        return named

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
        turned = copy.copy(self)
        turned.lang, turned.shown = shown_in(self, lang.strip().lower())
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
        text = "\n".join(f"{i}\t" + "\t".join(p) for i, p in zip(self.shop_ids, paths, strict=True))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def leaf_index(self, category_ids: ArrayLike) -> NDArray[np.int64]:
        """Leaf index of each category_id, `(n,)` int64 of `(n,)` or any other shape; -1 where the tree lacks it.

        The ids are the shop's own, or an array of the numbers that stand for them.
        """
        return positions_of(self.leaf_ids, id_numbers(category_ids), self._id_order)

    def like_ids(self) -> list[list[ShopId]]:
        """Ids that differ only in case or blanks, together; nothing where all are integers."""
        alike: dict[str, list[ShopId]] = {}
        for one in self.shop_ids if len(self.ids) else ():
            alike.setdefault("".join(str(one).casefold().split()), []).append(one)
        return [ids for ids in alike.values() if len(ids) > 1]

    def ancestor(self, level: int) -> NDArray[np.int64]:
        """`(n_leaves,)` index of each leaf's node at `level`, one of `levels` (at the last the leaf itself)."""
        return self._ancestor[level]

    def n_nodes(self, level: int) -> int:
        """Number of nodes at a level."""
        return int(self._ancestor[level][-1]) + 1

    def first_leaf(self, level: int) -> NDArray[np.int64]:
        """`(n_nodes,)` first leaf below each node of a level: the offsets that `np.add.reduceat` takes."""
        return np.flatnonzero(np.diff(self._ancestor[level], prepend=-1))

    def parent(self, level: int) -> NDArray[np.int64]:
        """`(n_nodes of level,)` index at `level - 1` of each node's parent; zeros (the root) for level 1."""
        if level == 1:
            return np.zeros(self.n_nodes(1), np.int64)
        return self._ancestor[level - 1][self.first_leaf(level)]

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
        """`(n_leaves,)` level of the node above each leaf whose path reads like that, 0 where there is none."""
        wanted = _plain(category)
        level = np.zeros(len(self), np.int64)
        for leaf, path in enumerate(self.paths):
            # names are compared as they read together: one of them may have the separator in it
            level[leaf] = next((n for n in range(1, len(path) + 1) if _plain(path_text(path[:n])) == wanted), 0)
        if not level.any():
            raise KeyError(category)
        return level

    def distance(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(n,)` int64 height of the lowest common ancestor of leaves a and b, `(n,)`: 0 the same leaf ... D the root.

        This is the hierarchical distance of Bertinetto et al., "Making Better Mistakes", CVPR 2020.
        """
        different = [self.ancestor(level)[a] != self.ancestor(level)[b] for level in self.levels]
        return np.sum(different, axis=0, dtype=np.int64)


def _nodes_at(level: int, paths: Sequence[tuple[str, ...]]) -> list[tuple[str | int, ...]]:
    """What each leaf's node at a level is known by: its path so far, for a leaf further up its place as well."""
    return [path[:level] if len(path) >= level else (*path, place) for place, path in enumerate(paths)]


def _number_runs(keys: list[tuple[str | int, ...]]) -> NDArray[np.int64]:
    """Number the runs of equal keys in a sorted list from 0."""
    starts = [i > 0 and keys[i] != keys[i - 1] for i in range(len(keys))]
    return np.cumsum(starts, dtype=np.int64)


def _one_spelling(paths: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The same paths; where a node is written in two Unicode forms, both become the composed one (NFC)."""
    composed = [tuple(unicodedata.normalize("NFC", name) for name in path) for path in paths]
    spelling: dict[tuple[str, ...], str] = {}
    for path, whole in zip(paths, composed, strict=True):
        for level, name in enumerate(path, start=1):
            node = whole[:level]
            spelling[node] = name if spelling.get(node, name) == name else node[-1]
    return [tuple(spelling[whole[:level]] for level in range(1, len(whole) + 1)) for whole in composed]


def _plain(path: str) -> str:
    """The text of a path as it is compared with what people type: composed, without blanks around the names."""
    return path_text([name.strip() for name in unicodedata.normalize("NFC", path).split(SEPARATOR)])


def path_text(path: Sequence[str]) -> str:
    """A path as people read it: `LIBRAIRIE > LITTERATURE > ROMAN`."""
    return SEPARATOR.join(path)
