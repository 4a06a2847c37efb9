"""What an index is, in sentences for people."""

from __future__ import annotations

import numpy as np

from catalog.files.wording import aligned, plural
from search.indexing.backend import QdrantPlace, kind_of, n_removed
from search.indexing.opening import OpenIndex
from search.indexing.place import IndexPlace


def info(place: IndexPlace) -> str:
    """What an index is, in sentences; raises as `OpenIndex.at` does."""
    with OpenIndex.at(place) as opened:
        index, known = opened.index, opened.known
        identity, server = index.identity, QdrantPlace.load(place.server)
        n_of_source = np.bincount(known.sources, minlength=len(known.addresses)).tolist()
        rows = [
            ("folder", str(place.folder)),
            ("products", f"{index.n_products:,} can be found, of {len(known):,}"),
            ("photos", f"{len(index):,} vectors of {identity.width} numbers"),
            ("network", identity.network + ("" if known.is_trained else ", before any training")),
            ("whitened", "yes" if place.whitening.is_file() else "no"),
            ("texts", "compared" if place.text_weights.is_file() else "not compared"),
            ("read", place.reading.read_text(encoding="utf-8").strip() if place.reads else "no"),
            ("search", kind_of(index) if server is None else f"by {server}"),
            ("removed", f"{n_removed(index):,} vectors that take room until `rayonnage search compact`"),
            ("size", f"{n_bytes(place) / 1e6:,.1f} MB"),
            *(("catalogue", f"{address}: {plural(n, 'product')}")
              for address, n in zip(known.addresses, n_of_source, strict=True)),
        ]  # fmt: skip
        return aligned(rows, "<<")


def n_bytes(place: IndexPlace) -> int:
    """That its files take."""
    return sum(path.stat().st_size for path in place.folder.rglob("*") if path.is_file())
