"""What changed between two trees, and how far a product moved when its category did."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.id_lookup import UNKNOWN
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId
from catalog.tree.label_leaves import label_leaves
from catalog.tree.level_names import LEVEL_NAMES
from catalog.tree.taxonomy import Taxonomy, path_text

NO_NAMES = IdNames.none()
NO_LEVEL = -1
"""Categories of which one is in neither tree."""
SAME_PATH = 0
"""Another id for the same path: the category was renumbered."""


def moved_level(
    old_ids: NDArray[np.int64], new_ids: NDArray[np.int64], old_tree: Taxonomy | None, new_tree: Taxonomy | None,
    old_names: IdNames = NO_NAMES, new_names: IdNames = NO_NAMES,
) -> NDArray[np.int8]:  # fmt: skip
    """`(n,)` int8 highest level at which the categories differ: 1 to D, `SAME_PATH` or `NO_LEVEL`.

    Both are looked up in the new tree, else in the old one: there a category that was renamed meanwhile is
    still one. Only where neither tree knows both, paths of the old tree are compared with paths of the new one.

    Args:
        old_ids, new_ids: `(n,)` numbers of category ids, different ones.
        old_names, new_names: the texts of those that are no integers.
    """
    level = np.full(len(old_ids), NO_LEVEL, np.int8)
    for tree in (new_tree, old_tree):
        if tree is not None:
            a, b = label_leaves(tree, old_ids, old_names), label_leaves(tree, new_ids, new_names)
            known = (a != UNKNOWN) & (b != UNKNOWN) & (level == NO_LEVEL)
            level[known] = tree.depth + 1 - tree.distance(a[known], b[known])
    if old_tree is None or new_tree is None:
        return level
    a, b = label_leaves(old_tree, old_ids, old_names), label_leaves(new_tree, new_ids, new_names)
    rest = np.flatnonzero((a != UNKNOWN) & (b != UNKNOWN) & (level == NO_LEVEL))
    pairs, which = np.unique(np.stack([a[rest], b[rest]], axis=1), axis=0, return_inverse=True)
    by_name = [first_difference(old_tree.paths[i], new_tree.paths[j]) for i, j in pairs.tolist()]
    # numpy 2.0 alone gives this inverse a second axis
    level[rest] = np.array(by_name, np.int8)[which.reshape(-1)]
    return level


def first_difference(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Level of the first name that differs or that one path alone has, `SAME_PATH` when none does."""
    names = enumerate(zip_longest(_composed(a), _composed(b)), start=1)
    return next((level for level, (x, y) in names if x != y), SAME_PATH)


def names_of_levels(old: Taxonomy | None, new: Taxonomy | None) -> Mapping[int, str]:
    """What the levels of two trees are called: as the deeper one does, of two as deep the new one."""
    trees = [tree for tree in (new, old) if tree is not None]
    return max(trees, key=lambda tree: tree.depth).level_names if trees else LEVEL_NAMES


def _composed(path: tuple[str, ...]) -> tuple[str, ...]:
    """Names in one Unicode form: two dumps may spell the same accents differently."""
    return tuple(unicodedata.normalize("NFC", name) for name in path)


@dataclass(frozen=True)
class TreeChanges:
    """Two trees, category by category.

    Paths are those that people are shown; where both trees show the same, as one translation for both does, the trees'
    own names tell what changed.

    Attributes:
        added, removed: ids with their path. renamed: id, path before and after, highest level that changed.
        renumbered: old id, new id and the path that both have.
        nodes: by level above the leaves, paths of nodes that only the new or only the old tree has.
        level_names: what the levels are called.
    """

    added: tuple[tuple[ShopId, str], ...]
    removed: tuple[tuple[ShopId, str], ...]
    renamed: tuple[tuple[ShopId, str, str, int], ...]
    renumbered: tuple[tuple[ShopId, ShopId, str], ...]
    nodes: dict[str, dict[str, list[str]]]
    level_names: Mapping[int, str]

    @classmethod
    def between(cls, old: Taxonomy, new: Taxonomy) -> Self:
        """Compare by category_id, and what is left by path."""
        names = names_of_levels(old, new)
        before = dict(zip(_ids(old), range(len(old)), strict=True))
        after = dict(zip(_ids(new), range(len(new)), strict=True))
        gone = {_composed(old.paths[leaf]): i for i, leaf in before.items() if i not in after}
        came = {_composed(new.paths[leaf]): i for i, leaf in after.items() if i not in before}
        renumbered = [(gone[p], came[p], path_text(old.shown[before[gone[p]]])) for p in gone.keys() & came]
        renumbered.sort(key=lambda row: _in_order(row[0]))
        settled = {i for row in renumbered for i in row[:2]}
        renamed = []
        for i in sorted(before.keys() & after, key=_in_order):
            level = first_difference(old.paths[before[i]], new.paths[after[i]])
            if level != SAME_PATH:
                (was,), (now,) = _path_texts([_leaf(old, before[i])], [_leaf(new, after[i])])
                renamed.append((i, was, now, level))
        lost, gained = (sorted(ids - settled, key=_in_order) for ids in (before.keys() - after, after.keys() - before))
        removed, added = _path_texts([_leaf(old, before[i]) for i in lost], [_leaf(new, after[i]) for i in gained])
        return cls(
            added=tuple(zip(gained, added, strict=True)),
            removed=tuple(zip(lost, removed, strict=True)),
            renamed=tuple(renamed),
            renumbered=tuple(renumbered),
            nodes={
                names[level]: _nodes(old, new, level) for level in (old if old.depth > new.depth else new).levels[:-1]
            },
            level_names=names,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "added": [{"category_id": i, "path": path} for i, path in self.added],
            "removed": [{"category_id": i, "path": path} for i, path in self.removed],
            "renamed": [
                {"category_id": i, "old_path": old, "new_path": new, "level": self.level_names[level]}
                for i, old, new, level in self.renamed
            ],
            "renumbered": [{"old_id": old, "new_id": new, "path": path} for old, new, path in self.renumbered],
            "nodes": self.nodes,
        }

    def lines(self, limit: int = 3) -> list[str]:
        """For people: counts, and the first of each kind."""
        kinds = ("added", "removed", "renamed", "renumbered")
        lines = ["categories: " + ", ".join(f"{len(getattr(self, kind)):,} {kind}" for kind in kinds)]
        for level, changes in self.nodes.items():
            if any(changes.values()):
                listed = (f"{kind}: {', '.join(paths[:limit])}" for kind, paths in changes.items() if paths)
                lines.append(f"  {level}: {'; '.join(listed)}")
        lines += [f"    added    {i}  {path}" for i, path in self.added[:limit]]
        lines += [f"    removed  {i}  {path}" for i, path in self.removed[:limit]]
        lines += [f"    renamed  {i}  {old} -> {new}" for i, old, new, _ in self.renamed[:limit]]
        return lines + [f"    renumbered  {old} -> {new}  {path}" for old, new, path in self.renumbered[:limit]]


def _ids(tree: Taxonomy) -> list[ShopId]:
    """The category_id of each leaf; of a text that both trees have in two Unicode forms, the composed one."""
    return [unicodedata.normalize("NFC", one) if isinstance(one, str) else one for one in tree.shop_ids]


def _in_order(category_id: ShopId) -> tuple[bool, int, str]:
    """Sorts integers by their size, before texts."""
    is_text = isinstance(category_id, str)
    return is_text, 0 if is_text else int(category_id), str(category_id)


def _nodes(old: Taxonomy, new: Taxonomy, level: int) -> dict[str, list[str]]:
    before, after = _shown_above(old, level), _shown_above(new, level)
    lost, gained = (sorted(these.keys() - others) for these, others in ((before, after), (after, before)))
    removed, added = _path_texts([(before[p], p) for p in lost], [(after[p], p) for p in gained])
    return {"added": added, "removed": removed}


def _shown_above(tree: Taxonomy, level: int) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Paths of the nodes of a level that have others below them, as people are shown them."""
    pairs = zip(tree.paths, tree.shown, strict=True)
    return {_composed(path[:level]): shown[:level] for path, shown in pairs if len(path) > level}


NodePaths = tuple[Sequence[str], Sequence[str]]
"""A node's path as people are shown it, and the tree's own."""


def _leaf(tree: Taxonomy, leaf: int) -> NodePaths:
    return tree.shown[leaf], tree.paths[leaf]


def _path_texts(old: Sequence[NodePaths], new: Sequence[NodePaths]) -> tuple[list[str], list[str]]:
    """Texts of both sides; by the tree's own name where a path is shown on both."""
    both = {tuple(shown) for shown, _ in old} & {tuple(shown) for shown, _ in new}
    before, after = (
        [path_text(path if tuple(shown) in both else shown) for shown, path in side] for side in (old, new)
    )
    return before, after
