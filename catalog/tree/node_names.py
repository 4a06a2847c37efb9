"""By which names the nodes of a tree are shown: those that it carries, those that are shipped, its own."""

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catalog.tree.translations import SHIPPED_DEPTH, Name, Names, refuse, shipped

log = logging.getLogger(__name__)
Node = tuple[str, int, int]
"""Language, level, and the node's index at that level."""
Path = tuple[str, ...]
WAY_OUT = (
    "a CSV of category_id,lang,name and perhaps level adds a language: "
    "catalog split TRAIN.bson --tree TREE.csv --names FILE"
)


class NamedTree(Protocol):
    """What naming its nodes asks of a tree (a `Taxonomy`)."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """`(n_leaves,)` path of each leaf."""

    @property
    def depth(self) -> int:
        """Levels; the last holds the leaves."""

    @property
    def names(self) -> Names:
        """Names in other languages that the tree carries."""

    def leaf_index(self, category_ids: ArrayLike) -> NDArray[np.int64]:
        """`(n,)` int64 leaf of each category_id, `UNKNOWN` where the tree lacks it."""

    def ancestor(self, level: int) -> NDArray[np.int64]:
        """`(n_leaves,)` index of each leaf's node at `level`."""

    def n_nodes(self, level: int) -> int:
        """Nodes at `level`."""

    def node_path(self, level: int, node: int) -> tuple[str, ...]:
        """Names from Cat I down to a node."""


def names_for(tree: NamedTree, names: Names) -> Names:
    """Those of the names whose ids the tree knows; the others are counted in a warning.

    Raises:
        ValueError: rows call one node by different names (an accent's Unicode form makes no difference).
    """
    known = tree.leaf_index([row.category_id for row in names.rows]) >= 0
    if not known.all():
        unknown = int((~known).sum())
        log.warning("%s: %d of %d names are of ids that the tree lacks: ignored", names.source, unknown, len(known))
    # a name of a leaf is one of the tree's last level, and is kept as that
    resolved = (replace(row, level=row.level or tree.depth) for row in compress(names.rows, known))
    kept = Names(tuple(resolved), names.source)
    faults = [
        f"line {row.line}: level {row.level}, but the tree has {tree.depth}"
        for row in kept.rows if row.level > tree.depth
    ]  # fmt: skip
    if faults:
        refuse(
            names.source, faults, "name is of a level that the tree lacks", "names are of levels that the tree lacks"
        )
    for (lang, level, node), rows in _by_node(tree, kept.rows).items():
        other = next((row for row in rows if not _same(row.text, rows[0].text)), None)
        if other is not None:
            path = " > ".join(tree.node_path(level, node))
            faults.append(
                f"lines {rows[0].line} and {other.line}: {path} is called {rows[0].text!r} and {other.text!r} in {lang}"
            )
    refuse(names.source, faults, "name contradicts another", "names contradict others")
    return kept


def shown_in(tree: NamedTree, lang: str) -> tuple[str, tuple[Path, ...]]:
    """The language and `(n_leaves,)` paths in it; an empty language where they are the tree's own.

    Raises:
        ValueError: see `Taxonomy.in_language`.
    """
    own_lang, names = known_names(tree)
    known = sorted({key[0] for key in names})
    if lang in known:
        nodes = zip(*(tree.ancestor(level).tolist() for level in range(1, tree.depth + 1)), strict=True)
        return lang, tuple(
            tuple(names.get((lang, level, above[level - 1]), name) for level, name in enumerate(path, start=1))
            for above, path in zip(nodes, tree.paths, strict=True)
        )
    if own_lang and lang != own_lang:
        raise ValueError(f"no category names in {lang!r} are known, only in {', '.join([own_lang, *known])}: {WAY_OUT}")
    if lang != own_lang:
        log.warning(
            "no category names in %r are known (known: %s): they are shown as the tree has them. %s",
            lang, ", ".join(known) or "none", WAY_OUT,
        )  # fmt: skip
    return "", tree.paths


def known_names(tree: NamedTree) -> tuple[str, dict[Node, str]]:
    """The language of a tree whose translation is shipped, else an empty one; names, the tree's before shipped ones."""
    own_lang, names = _shipped(tree)
    return own_lang, names | {key: rows[0].text for key, rows in _by_node(tree, tree.names.rows).items()}


def _by_node(tree: NamedTree, rows: Sequence[Name]) -> dict[Node, list[Name]]:
    """Rows by what they name; those of unknown ids are left out."""
    rows_of: dict[Node, list[Name]] = {}
    for row, leaf in zip(rows, tree.leaf_index([row.category_id for row in rows]).tolist(), strict=True):
        if leaf >= 0:
            # whoever names a leaf further up names its node
            level = min(row.level or tree.depth, len(tree.paths[leaf]))
            rows_of.setdefault((row.lang, level, int(tree.ancestor(level)[leaf])), []).append(row)
    return rows_of


def _shipped(tree: NamedTree) -> tuple[str, dict[Node, str]]:
    """The language of a tree whose translation is shipped, and the names; nothing for other trees.

    A translation is of this tree when it names half of its Cat I and Cat II.
    """
    if tree.depth != SHIPPED_DEPTH:
        return "", {}
    n_nodes = tree.n_nodes(1) + tree.n_nodes(2)
    for translation in shipped():
        rows_of = _by_node(tree, translation.names.rows)
        # a leaf that was moved since would give its old parent's name to the new one
        agreed = {key: rows[0].text for key, rows in rows_of.items() if len({row.text for row in rows}) == 1}
        if 2 * sum(level < SHIPPED_DEPTH for _, level, _ in agreed) >= n_nodes:
            return translation.own, agreed
    return "", {}


def _same(a: str, b: str) -> bool:
    return unicodedata.normalize("NFC", a) == unicodedata.normalize("NFC", b)
