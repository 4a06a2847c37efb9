"""The demo's tree: forty leaves under Cdiscount's own Cat I names, of skewed sizes."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal, cast

import numpy as np

from catalog.tree.leaf_rows import columns_of

Kind = Literal["object", "book", "cd"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One category of the demo.

    Attributes:
        category_id: as in Cdiscount's tree, ten digits.
        path: Cat I, Cat II, Cat III.
        kind: what is drawn on it.
        motif: name of the shape that is drawn, or of the genre whose words are written.
        weight: relative number of products, at least 14.
    """

    category_id: int
    path: tuple[str, str, str]
    kind: Kind
    motif: str
    weight: int


def _leaf(row: dict[str, str]) -> Leaf:
    cat1, cat2, cat3 = (row[name] for name in columns_of(3)[1:])
    kind = cast(Kind, row["kind"])
    return Leaf(int(row["category_id"]), (cat1, cat2, cat3), kind, row["motif"], int(row["weight"]))


with (resources.files("rayonnage.demo") / "categories.csv").open(encoding="utf-8") as _table:
    LEAVES = tuple(map(_leaf, csv.DictReader(_table)))
"""All leaves, in the order of their ids. BOUILLOIRE stands twice, as seven names do in Cdiscount's tree."""


def siblings(leaf: Leaf) -> list[Leaf]:
    """The other leaves of the same Cat II; those of the same Cat I when there is none."""
    near = [other for other in LEAVES if other.path[:2] == leaf.path[:2] and other is not leaf]
    return near or [other for other in LEAVES if other.path[0] == leaf.path[0] and other is not leaf]


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Split `total` in proportion to `weights` by largest remainder; the parts sum to `total`."""
    exact = total * np.asarray(weights, dtype=np.float64) / sum(weights)
    parts = np.floor(exact).astype(int)
    # stable, so that equal remainders go to the same parts on every machine
    parts[np.argsort(parts - exact, kind="stable")[: total - parts.sum()]] += 1
    return [int(part) for part in parts]
