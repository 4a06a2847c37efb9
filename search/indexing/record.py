"""What an index was made of: which products, with which photos, from which catalogues."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.arrays import ArraySpec, load_arrays, load_metadata, save_arrays
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.ids.id_names import IdNames
from search.indexing.signatures import signatures_of

OUTSIDE = -1
"""Instead of a catalogue's place among the sources: the product is of none of them."""
PRODUCTS = {
    "product_ids": ArraySpec(np.int64, ("N",)),
    "signatures": ArraySpec(np.uint64, ("N",)),
    "category_ids": ArraySpec(np.int64, ("N",)),
    "sources": ArraySpec(np.int16, ("N",)),
}
REMEDY = "make the index anew: rayonnage search index CATALOG --overwrite"


@dataclass(frozen=True)
class IndexedProducts:
    """N products that an index has taken in, those without a readable photo included.

    Attributes:
        product_ids: `(N,)` int64, rising, each once. signatures: `(N,)` uint64, see `signatures_of`.
        category_ids: `(N,)` int64, `NO_CATEGORY` where there is none.
        sources: `(N,)` int16, the place of the product's catalogue in `addresses`.
        addresses: of the catalogues, the one that was indexed first, then those that were added.
        labels: the texts of categories' ids that are no integers; there may be more than products have by now.
        is_trained: whether the vectors are by a network of the workspace, not by one before any training.
    """

    product_ids: NDArray[np.int64]
    signatures: NDArray[np.uint64]
    category_ids: NDArray[np.int64]
    sources: NDArray[np.int16]
    addresses: tuple[str, ...]
    labels: IdNames
    is_trained: bool

    @classmethod
    def of(cls, catalog: Catalog, signatures: NDArray[np.uint64], *, is_trained: bool) -> IndexedProducts:
        """All products of a catalogue, with their `(N,)` signatures in its order."""
        order = np.argsort(catalog.product_ids)
        return cls(
            catalog.product_ids[order], signatures[order], catalog.category_ids[order],
            np.zeros(len(order), np.int16), (catalog.address,), labels_of(catalog), is_trained,
        )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> IndexedProducts:
        """What `save` wrote; raises ValueError where it is missing or damaged."""
        arrays = load_arrays(path, PRODUCTS, what="products of an index", remedy=REMEDY)
        try:
            metadata = load_metadata(path)
            is_whole = metadata["digest"] == _digest(arrays, metadata["made"])
            made: dict[str, Any] = json.loads(metadata["made"])
            addresses, is_trained = tuple(map(str, made["addresses"])), bool(made["is_trained"])
            labels = IdNames.of(map(str, made["labels"]))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path} is damaged: it names no catalogues: {REMEDY}") from None
        if not is_whole:
            raise ValueError(f"{path} is damaged: its content is not what was written: {REMEDY}")
        return cls(**arrays, addresses=addresses, labels=labels, is_trained=is_trained)

    def save(self, path: Path) -> None:
        """Write it, atomically."""
        labels = self.labels.take(self.labels.numbers)
        made = {"addresses": self.addresses, "labels": labels, "is_trained": self.is_trained}
        arrays, text = {name: getattr(self, name) for name in PRODUCTS}, json.dumps(made)
        save_arrays(path, arrays, {"made": text, "digest": _digest(arrays, text)})

    def __len__(self) -> int:
        return len(self.product_ids)

    def places(self, product_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(n,)` int64 row of each of `(n,)` products; -1 where it was not taken in."""
        return positions_of(self.product_ids, product_ids)

    def source_of(self, product_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(n,)` int64 place in `addresses` of each of `(n,)` products' catalogue, or `OUTSIDE`."""
        place = self.places(product_ids)
        return np.where(place == UNKNOWN, OUTSIDE, self.sources[place] if len(self) else OUTSIDE).astype(np.int64)

    def moved_to(self, address: str) -> IndexedProducts:
        """The same, where the catalogue that was indexed first lies elsewhere now."""
        return replace(self, addresses=(address, *self.addresses[1:]))

    def with_source(self, catalog: Catalog) -> IndexedProducts:
        """The same, with a catalogue among the sources, and what its labels are called."""
        addresses = tuple(dict.fromkeys((*self.addresses, catalog.address)))
        names = [one for labels in (self.labels, labels_of(catalog)) for one in labels.take(labels.numbers)]
        return replace(self, addresses=addresses, labels=IdNames.of(names))

    def without(self, product_ids: NDArray[np.int64]) -> IndexedProducts:
        """The same without these `(n,)` products."""
        return self._at(np.flatnonzero(~np.isin(self.product_ids, product_ids)))

    def taking(
        self, product_ids: NDArray[np.int64], signatures: NDArray[np.uint64], category_ids: NDArray[np.int64],
        source: int,
    ) -> IndexedProducts:  # fmt: skip
        """The same with these `(n,)` products in place of what was known of them; `source`: place in `addresses`."""
        kept = self.without(product_ids)
        together = replace(
            kept,
            product_ids=np.concatenate([kept.product_ids, product_ids]),
            signatures=np.concatenate([kept.signatures, signatures]),
            category_ids=np.concatenate([kept.category_ids, category_ids]),
            sources=np.concatenate([kept.sources, np.full(len(product_ids), source, np.int16)]),
        )
        return together._at(np.argsort(together.product_ids))

    def _at(self, rows: NDArray[np.int64]) -> IndexedProducts:
        """The `(n,)` rows alone."""
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in PRODUCTS}
        return replace(self, **columns)


def labels_of(catalog: Catalog) -> IdNames:
    """The texts of a catalogue's category ids."""
    return catalog.ids.among(np.unique(catalog.category_ids))


def _digest(arrays: Mapping[str, NDArray[Any]], made: str) -> str:
    """Of all that the file holds: a flipped bit would let products vanish in silence."""
    digest = hashlib.blake2b(made.encode(), digest_size=16)
    for name in PRODUCTS:
        digest.update(np.ascontiguousarray(arrays[name]).view(np.uint8).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Changes:
    """How a catalogue differs from what an index has of it.

    Attributes:
        new: `(n,)` int64 positions in the catalogue of products that the index has not.
        changed: `(c,)` int64 positions of those whose photos or label are others by now.
        gone: `(g,)` int64 product ids that the index has from this catalogue, which has them no more.
        n_same: products that are as they were.
        signatures: `(N,)` uint64 of all products of the catalogue.
    """

    new: NDArray[np.int64]
    changed: NDArray[np.int64]
    gone: NDArray[np.int64]
    n_same: int
    signatures: NDArray[np.uint64]

    @classmethod
    def of(cls, catalog: Catalog, md5s: NDArray[np.uint8], known: IndexedProducts) -> Changes:
        """Compare by id, photos and label; `md5s`: `(P, 16)` uint8 of the catalogue's photos."""
        signatures = signatures_of(catalog.n_images, md5s)
        place = known.places(catalog.product_ids)
        is_new = place == UNKNOWN
        at = np.flatnonzero(~is_new)
        rows = place[at]
        is_same = (known.signatures[rows] == signatures[at]) & (known.category_ids[rows] == catalog.category_ids[at])
        of_this = known.product_ids[known.source_of(known.product_ids) == known.addresses.index(catalog.address)]
        gone = of_this[~np.isin(of_this, catalog.product_ids)]
        return cls(np.flatnonzero(is_new), at[~is_same], gone, int(is_same.sum()), signatures)
