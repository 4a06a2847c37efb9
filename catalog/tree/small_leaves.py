"""Leaves with too few products to learn: each counts as the node above it that has enough."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import plural
from catalog.ids.shop_id import ShopId, id_number, shop_id
from catalog.tree.tree_file import Leaf

Path = tuple[str, ...]


def small_leaves(
    shop_ids: Sequence[ShopId], paths: Sequence[Path], n_products: NDArray[np.integer], least: int
) -> dict[ShopId, int]:
    """The level at which each leaf with fewer than `least` products counts; others are not named.

    A leaf goes to the node above it, together with its small siblings and what is labelled there; where these are too
    few as well they go on up, together, as far as Cat I. Leaves of Cat I stay.

    Args:
        shop_ids, paths, n_products: `(n_leaves,)` of each leaf.
    """
    level = [len(path) for path in paths]
    for depth in range(max(level), 1, -1):
        at_node: dict[Path, list[int]] = {}
        for leaf, path in enumerate(paths):
            if level[leaf] == depth:
                at_node.setdefault(path[:depth], []).append(leaf)
        for leaves in at_node.values():
            # two leaves may share a full path: as long as they are leaves each stands for itself
            together = [leaves] if any(len(paths[leaf]) > depth for leaf in leaves) else [[leaf] for leaf in leaves]
            for some in together:
                if n_products[some].sum() < least:
                    for leaf in some:
                        level[leaf] = depth - 1
    return {one: at for one, at, path in zip(shop_ids, level, paths, strict=True) if at < len(path)}


def small_lines(small: Mapping[ShopId, int]) -> list[str]:
    """What figures of a tree with such leaves mean, in a sentence; nothing of a tree without."""
    if not small:
        return []
    n = plural(len(small), "category has", "categories have")
    one = "counts as the category above it" if len(small) == 1 else "count as the category above them"
    return [f"{n} too few products to be learnt and {one}: on their products that one is right (--min-leaf)."]


def min_leaf_option(small: Mapping[ShopId, int]) -> str:
    """For the next split by a tree with such leaves: without it, answers that name a node above them would be lost."""
    return " --min-leaf N" if small else ""


@dataclass(frozen=True)
class LearntLeaves:
    """What is learnt of a tree some of whose leaves count as nodes above them.

    Attributes:
        leaves: those that count as themselves, and the nodes; a node that is no leaf has its path for an id.
        stands_for: id of the leaf that each of the others counts as.
    """

    leaves: list[Leaf]
    stands_for: dict[ShopId, ShopId]

    @classmethod
    def of(cls, leaves: Sequence[Leaf], small: Mapping[ShopId, int], separator: str) -> LearntLeaves:
        """`small`: as `small_leaves` gives it; `separator`: between the names of a node's path where it is an id.

        Raises:
            ValueError: a level that is none above its leaf.
        """
        kept = [leaf for leaf in leaves if leaf[0] not in small]
        leaf_at: dict[Path, ShopId] = {}
        for leaf_id, path in kept:
            leaf_at.setdefault(path, leaf_id)
        taken = {id_number(leaf_id) for leaf_id, _ in leaves}
        stands_for: dict[ShopId, ShopId] = {}
        for leaf_id, path in leaves:
            level = small.get(leaf_id)
            if level is None:
                continue
            if not 1 <= level < len(path):
                raise ValueError(f"category_id {leaf_id} has {len(path)} names, and cannot count as its level {level}")
            node = path[:level]
            if node not in leaf_at:
                leaf_at[node] = _node_id(node, separator, taken)
                taken.add(id_number(leaf_at[node]))
                kept.append((leaf_at[node], node))
            stands_for[leaf_id] = leaf_at[node]
        return cls(kept, stands_for)


def _node_id(node: Path, separator: str, taken: Container[int]) -> ShopId:
    """The path as an id, as it will be read again: `Toys > Cars`; `Cars >` where a category has the id `Cars`."""
    text = separator.join(node)
    while id_number(node_id := shop_id(text)) in taken:
        text = f"{text}{separator}".strip()
    return node_id
