"""What the sample will hold, decided before anything is drawn."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from rayonnage.demo.categories import LEAVES, Leaf, apportion
from rayonnage.demo.copies import CopyGroup, Picture, components, mislabel, share_photos

_T = TypeVar("_T")

PHOTO_COUNTS = (4_369_441, 1_128_588, 542_792, 1_029_075)
"""Cdiscount's training products with one, two, three and four photos."""


@dataclass(frozen=True, slots=True)
class PlannedProduct:
    """One product of the sample.

    Attributes:
        product_id: unique over train and test.
        split: where it is written.
        leaf: where it truly belongs.
        label: what train.bson says; None in test.
        pictures: one to four, in order of rank; equal pictures become equal bytes.
    """

    product_id: int
    split: Literal["train", "test"]
    leaf: Leaf
    label: Leaf | None
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """The whole sample, undrawn; train and test stand mixed, in the order of their ids."""

    seed: int
    products: tuple[PlannedProduct, ...]
    groups: tuple[CopyGroup, ...]

    def copied_photos(self) -> dict[int, int]:
        """Product id -> how many of its photos other products have too."""
        times = Counter(picture for product in self.products for picture in product.pictures)
        return {p.product_id: sum(times[picture] > 1 for picture in p.pictures) for p in self.products}

    def largest_component(self) -> int:
        """Number of products in the largest set that shared photos link, over train and test."""
        return max(components([product.pictures for product in self.products]))


def plan_sample(n_train: int, n_test: int, seed: int) -> DemoPlan:
    """Decide products, labels and shared photos; the same arguments give the same plan.

    Raises:
        ValueError: fewer than 20 training or 10 test products: no room for shares of anything.
    """
    if n_train < 20 or n_test < 10:
        raise ValueError(f"n_train={n_train}, n_test={n_test}: a sample needs 20 training and 10 test products or more")
    if seed < 0:
        raise ValueError(f"seed={seed}: expected 0 or more")
    # stream 1 is the plan's; every picture has streams of its own (2, 3), so that none depends on another
    rng = np.random.default_rng([seed, 1])
    leaves: list[Leaf] = []
    counts: list[int] = []
    for size in (n_train, n_test):
        leaves += _shuffled(LEAVES, apportion(size, [leaf.weight for leaf in LEAVES]), rng)
        counts += _shuffled(range(1, 5), apportion(size, PHOTO_COUNTS), rng)
    labels = mislabel(leaves[:n_train], rng)
    ids = [int(i) for i in np.cumsum(rng.integers(1, 9, size=n_train + n_test))]
    order = rng.permutation(n_train + n_test)
    pictures = [[Picture(ids[place], rank) for rank in range(1, counts[i] + 1)] for place, i in enumerate(order)]
    groups = share_photos(pictures, [leaves[i] for i in order], rng)
    products = tuple(
        PlannedProduct(
            ids[place],
            "train" if i < n_train else "test",
            leaves[i],
            labels[i] if i < n_train else None,
            tuple(pictures[place]),
        )
        for place, i in enumerate(order)
    )
    return DemoPlan(seed, products, tuple(groups))


def _shuffled(items: Sequence[_T], times: Sequence[int], rng: np.random.Generator) -> list[_T]:
    repeated = [item for item, n in zip(items, times, strict=True) for _ in range(n)]
    return [repeated[i] for i in rng.permutation(len(repeated))]
