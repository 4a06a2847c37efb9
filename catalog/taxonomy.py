"""The three-level category tree: category_id <-> leaf index <-> full path."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catalog.atomic import write_text

LEVELS = (1, 2, 3)
LEVEL_NAMES = {1: "Cat I", 2: "Cat II", 3: "Cat III"}
COLUMNS = ("category_id", "category_level1", "category_level2", "category_level3")
SEPARATOR = " > "
UNKNOWN = -1
INTEGER = re.compile(r"-?[0-9]{1,18}")


class Taxonomy:
    """Leaves sorted by path, so that the leaves below any node are one contiguous range.

    Nodes are identified by their path, never by their name: Cdiscount has 5270 leaves and 5263 names.
    """

    def __init__(self, leaves: Sequence[tuple[int, tuple[str, str, str]]]) -> None:
        """Build from `(category_id, (Cat I, Cat II, Cat III))`.

        Raises:
            ValueError: no leaf, or a repeated category_id.
        """
        if not leaves:
            raise ValueError("the category tree has no leaf")
        ordered = sorted(leaves, key=lambda leaf: (leaf[1], leaf[0]))
        self.leaf_ids: NDArray[np.int64] = np.array([leaf[0] for leaf in ordered], np.int64)
        self.paths: tuple[tuple[str, str, str], ...] = tuple(leaf[1] for leaf in ordered)
        self.shown = self.paths
        """Paths as people are shown them, perhaps in another language; identity and order are those of `paths`."""
        ids, counts = np.unique(self.leaf_ids, return_counts=True)
        if (counts > 1).any():
            raise ValueError(f"category_id {ids[counts > 1][0]} stands twice in the tree")
        self._id_order = np.argsort(self.leaf_ids)
        self._ancestor = {level: _number_runs([p[:level] for p in self.paths]) for level in (1, 2)}
        # two leaves may even share a full path: the id keeps them apart
        self._ancestor[3] = np.arange(len(ordered))

    @classmethod
    def from_csv(cls, path: str | Path) -> Taxonomy:
        """Read `category_id,category_level1,category_level2,category_level3` (UTF-8, BOM allowed).

        Raises:
            FileNotFoundError: no such file.
            ValueError: a column is missing, an id is not an integer or repeated, a leaf has no parent;
                the message names the file and the lines.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: give the CSV of the category tree (--tree)")
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 text ({error}): save it as UTF-8") from None
        reader = csv.DictReader(io.StringIO(text))
        try:
            columns = list(reader.fieldnames or [])
            rows = [(reader.line_num, row) for row in reader]
        except csv.Error as error:
            raise ValueError(f"{path} is not a CSV file ({error})") from None
        missing = [name for name in COLUMNS if name not in columns]
        if missing:
            raise ValueError(f"{path} lacks the column {', '.join(missing)}; it has {', '.join(columns)}")
        leaves, faults = [], []
        for line, row in rows:
            # names are kept to the letter: Cdiscount has some that differ by a trailing blank alone
            names = [row[name] or "" for name in COLUMNS]
            if not INTEGER.fullmatch(names[0].strip()):
                faults.append(f"line {line}: category_id {names[0]!r} is not an integer")
            elif not all(name.strip() for name in names[1:]):
                empty = next(c for c, name in zip(COLUMNS[1:], names[1:], strict=True) if not name.strip())
                faults.append(f"line {line}: leaf {names[0]} has no {empty}")
            else:
                leaves.append((int(names[0]), (names[1], names[2], names[3])))
        if faults:
            shown = "\n".join(faults[:5])
            raise ValueError(f"{path}: {len(faults)} leaves cannot be placed in the tree\n{shown}")
        try:
            return cls(leaves)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def to_csv(self, path: Path) -> None:
        """Write the tree in the format that `from_csv` reads."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([leaf_id, *names] for leaf_id, names in zip(self.leaf_ids, self.paths, strict=True))
        write_text(path, text.getvalue())

    def __len__(self) -> int:
        return len(self.leaf_ids)

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the tree: ids and paths."""
        text = "\n".join(f"{i}\t" + "\t".join(p) for i, p in zip(self.leaf_ids, self.paths, strict=True))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def leaf_index(self, category_ids: ArrayLike) -> NDArray[np.int64]:
        """Leaf index of each category_id, same shape; -1 where the tree does not know it."""
        wanted = np.asarray(category_ids, np.int64)
        place = np.searchsorted(self.leaf_ids, wanted, sorter=self._id_order).clip(max=len(self) - 1)
        leaf = self._id_order[place]
        return np.where(self.leaf_ids[leaf] == wanted, leaf, UNKNOWN)

    def ancestor(self, level: int) -> NDArray[np.int64]:
        """`(n_leaves,)` index of each leaf's node at `level` (1, 2 or 3; at 3 the leaf itself)."""
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
        """Names from Cat I down to the node."""
        return self.paths[int(self.first_leaf(level)[node])][:level]

    def shown_path(self, level: int, node: int) -> tuple[str, ...]:
        """Names from Cat I down to the node, as people are shown them."""
        return self.shown[int(self.first_leaf(level)[node])][:level]

    def node_mass(self, leaves: NDArray[np.floating], level: int) -> NDArray[np.floating]:
        """Sum `(N, n_leaves)` leaf probabilities into `(N, n_nodes)` of a level."""
        return leaves if level == 3 else np.add.reduceat(leaves, self.first_leaf(level), axis=1)

    def leaves_below(self, shelf: str) -> NDArray[np.int64]:
        """Leaf indices below an exact path such as `LIBRAIRIE` or `MUSIQUE > CD`.

        Raises:
            KeyError: no such path in the tree.
        """
        wanted = tuple(part.strip() for part in shelf.split(SEPARATOR))
        leaves = [i for i, p in enumerate(self.paths) if tuple(n.strip() for n in p[: len(wanted)]) == wanted]
        if not leaves:
            raise KeyError(shelf)
        return np.array(leaves, np.int64)

    def distance(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        """Height of the lowest common ancestor of leaves a and b: 0 the same leaf ... 3 only the root.

        This is the hierarchical distance of Bertinetto et al., "Making Better Mistakes", CVPR 2020.
        """
        different = [self.ancestor(level)[a] != self.ancestor(level)[b] for level in LEVELS]
        return np.sum(different, axis=0, dtype=np.int64)


def _number_runs(keys: list[tuple[str, ...]]) -> NDArray[np.int64]:
    """Number the runs of equal keys in a sorted list from 0."""
    starts = [i > 0 and keys[i] != keys[i - 1] for i in range(len(keys))]
    return np.cumsum(starts, dtype=np.int64)


def path_text(path: Sequence[str]) -> str:
    """A path as people read it: `LIBRAIRIE > LITTERATURE > ROMAN`."""
    return SEPARATOR.join(path)
