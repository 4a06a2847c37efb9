"""The expert that knows copies: photos, by MD5, that the labelled catalogue holds, with the leaves of their products.

A photo says the L1-normalised counts of its products' leaves, with one more count for what was never seen: a single
copy is less certain than twenty. A product says the mean of its photos. Copies were worth 0.003 to 0.005 of accuracy in
the Cdiscount challenge, whose third team found that a majority vote and a softmax of the counts hurt where copies
disagree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.files.id_lookup import UNKNOWN
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId
from catalog.photos.photo_index import md5_halves
from catalog.probabilities import Probabilities, Silence
from catalog.runs.training_data import TrainingData, catalog_positions

NAME = "copies"
IDS_FILE = "copies-ids.safetensors"
"""Beside the table: the ids of its products that are texts."""
K = 20
"""Leaves kept per product: the photo of an energy label is on products of hundreds of leaves."""


@dataclass(frozen=True)
class CopyTable:
    """Leaves of every photo of a labelled catalogue.

    Attributes:
        high, low: `(M,)` uint64 halves of the photos' MD5s, sorted by both.
        start: `(M + 1,)` int64 first entry of each photo in `leaf` and `count`.
        leaf: `(E,)` int32; count: `(E,)` int32 products with that photo on that leaf.
        product: `(M,)` int64 number of the first product in the catalogue with that photo; ids: what these stand for.
        frequency: `(n_leaves,)` float64 training share of each leaf.
        taxonomy, plan: fingerprint of the tree, id of the plan.
    """

    high: NDArray[np.uint64]
    low: NDArray[np.uint64]
    start: NDArray[np.int64]
    leaf: NDArray[np.int32]
    count: NDArray[np.int32]
    product: NDArray[np.int64]
    frequency: NDArray[np.float64]
    taxonomy: str
    plan: str
    ids: IdNames = field(default_factory=IdNames.none)

    @classmethod
    def of(cls, data: TrainingData) -> CopyTable:
        """Every photo of the plan's products; nothing is decoded."""
        catalog, positions = data.catalog, data.plan.positions
        labelled = np.zeros(len(catalog), bool)
        labelled[positions] = True
        photos = catalog.photo_index().within(labelled)
        photo, product = photos.carriers
        pairs, count = np.unique(photo * len(data.tree) + data.leaf[product], return_counts=True)
        start = np.searchsorted(pairs // len(data.tree), np.arange(photos.n_distinct + 1))
        high, low = md5_halves(photos.md5s[photos.first]).T
        first_product = catalog.product_ids[photos.owner[photos.first]]
        return cls(
            high, low, start.astype(np.int64),
            (pairs % len(data.tree)).astype(np.int32), count.astype(np.int32),
            first_product, data.leaf_frequency, data.tree.fingerprint, data.plan.plan_id,
            # catalogue and run may part: the run has to know what its numbers are called
            catalog.ids.among(first_product),
        )  # fmt: skip

    def find(self, md5: bytes) -> int:
        """Number of a photo in the table, -1 when no labelled product has it."""
        # numpy has no integers of 128 bits: one half is searched after the other
        high, low = (np.uint64(int.from_bytes(md5[i : i + 8], "big")) for i in (0, 8))
        at, end = (int(np.searchsorted(self.high, high, side)) for side in ("left", "right"))
        at += int(np.searchsorted(self.low[at:end], low))
        return at if at < end and self.low[at] == low else UNKNOWN

    def predict(
        self, product_ids: NDArray[np.int64], md5s: Sequence[Sequence[bytes]], own_leaf: NDArray[np.int64] | None = None
    ) -> Probabilities:
        """Probabilities of N products, given as the MD5s of their photos.

        `own_leaf`, `(N,)`: the products are in the table with these leaves, and each is left out of its own counts.
        """
        n = len(product_ids)
        leaves, values = np.zeros((n, K), np.int32), np.zeros((n, K), np.float32)
        rest, silence = np.zeros(n, np.float32), np.zeros(n, np.uint8)
        n_known = np.zeros(n, np.int8)
        for row, photos in enumerate(md5s):
            left_out = UNKNOWN if own_leaf is None else int(own_leaf[row])
            # a seller may show one photo twice: it says nothing more the second time
            shares = [s for s in (self._shares(self.find(md5), left_out) for md5 in dict.fromkeys(photos)) if s]
            n_known[row] = len(shares)
            if not shares:
                silence[row], leaves[row], values[row], rest[row] = Silence.NO_COPY, 0, np.nan, np.nan
                continue
            mean: dict[int, float] = defaultdict(float)
            for leaf, share in chain.from_iterable(shares_of_photo.items() for shares_of_photo in shares):
                mean[leaf] += share / len(shares)
            listed = sorted(mean, key=lambda leaf: (-mean[leaf], leaf))[:K]
            probabilities = [mean[leaf] for leaf in listed]
            # repeating the last listed leaf with its own value says nothing new
            leaves[row] = listed + [listed[-1]] * (K - len(listed))
            values[row] = probabilities + [probabilities[-1]] * (K - len(listed))
            rest[row] = max(0.0, 1.0 - sum(probabilities))
        support = np.arange(len(self.frequency), dtype=np.int32)
        return Probabilities(
            NAME, product_ids, n_known, leaves, values, rest, silence, support, self.frequency, self.taxonomy, self.plan
        )

    def _shares(self, photo: int, left_out: int) -> dict[int, float]:
        """Share of each leaf among a photo's products and one unseen; empty when no product is left."""
        if photo == UNKNOWN:
            return {}
        entries = slice(int(self.start[photo]), int(self.start[photo + 1]))
        counts = dict(zip(self.leaf[entries].tolist(), self.count[entries].tolist(), strict=True))
        if left_out in counts:
            # a product that counts itself finds its own label, as no new product ever will
            counts[left_out] -= 1
        n = sum(counts.values())
        return {leaf: count / (n + 1) for leaf, count in counts.items() if count}

    def examples(self, md5s: Sequence[bytes], other_than: int) -> list[ShopId]:
        """product_ids of the first labelled product with each of these photos, without that of number `other_than`."""
        products = (int(self.product[photo]) for photo in map(self.find, md5s) if photo != UNKNOWN)
        return [self.ids.shown(product) for product in dict.fromkeys(products) if product != other_than]

    def held_out(self, data: TrainingData, product_ids: NDArray[np.int64]) -> Probabilities:
        """Probabilities of `(N,)` products of the table itself, each left out of its own counts."""
        positions = catalog_positions(data.catalog, product_ids)
        photos = data.catalog.photo_index()
        md5s = [photos.md5s_of(position) for position in positions.tolist()]
        return self.predict(product_ids, md5s, data.leaf[positions])

    def save(self, path: Path) -> None:
        """Write one safetensors file, and beside it one of the ids where there are texts among them."""
        save_arrays(path, {name: getattr(self, name) for name in _arrays(len(self.frequency))})
        if len(self.ids):
            save_arrays(path.with_name(IDS_FILE), {"ids": self.ids.to_bytes()})

    @classmethod
    def load(cls, path: Path, n_leaves: int, taxonomy: str, plan: str) -> CopyTable:
        """Inverse of `save`.

        Raises:
            ValueError: the file is missing, damaged, or does not fit a tree of `n_leaves`.
        """
        remedy, misfit = "run `fusion train` again", "does not fit its run's tree"
        arrays = load_arrays(path, _arrays(n_leaves), what="known photos", remedy=remedy, misfit=misfit)
        table = cls(**arrays, taxonomy=taxonomy, plan=plan, ids=_load_ids(path.with_name(IDS_FILE), remedy))
        # shapes alone would let a damaged index read another photo's leaves
        start, n_entries = table.start, len(table.leaf)
        fits = (
            len(start) == len(table.high) + 1
            and (len(start) == 1 or int(start[-1]) == n_entries)
            and (np.diff(start) >= 0).all()
            and (not n_entries or (int(table.leaf.min()) >= 0 and int(table.leaf.max()) < n_leaves))
        )
        if not fits:
            raise ValueError(f"{path} {misfit}: {remedy}")
        return table


def _load_ids(path: Path, remedy: str) -> IdNames:
    """Those that `CopyTable.save` wrote; raises ValueError where they are damaged."""
    if not path.is_file():
        return IdNames.none()
    data = load_arrays(path, {"ids": ArraySpec(np.uint8, ("B",))}, what="ids of products", remedy=remedy)["ids"]
    try:
        return IdNames.from_bytes(data)
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): {remedy}") from None


def _arrays(n_leaves: int) -> dict[str, ArraySpec]:
    """Each array of a `CopyTable` on disk."""
    return {
        "high": ArraySpec(np.uint64, ("M",)), "low": ArraySpec(np.uint64, ("M",)),
        "start": ArraySpec(np.int64, ("M + 1",)),
        "leaf": ArraySpec(np.int32, ("E",)), "count": ArraySpec(np.int32, ("E",)),
        "product": ArraySpec(np.int64, ("M",)),
        "frequency": ArraySpec(np.float64, (n_leaves,), finite=True),
    }  # fmt: skip
