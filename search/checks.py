"""What is refused before it is added to an index or looked for in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.contract import Entries

MAX_OFF = 0.02
"""How far a vector's length may be from 1: float16 and a network's rounding take less."""


def present_vectors(vectors: NDArray[np.floating], entries: Entries, width: int, first: int = 0) -> NDArray[np.bool_]:
    """`(n,)` bool: which of `(n, D)` vectors are of length 1, and not zeros, as of photos that cannot be read.

    Args:
        entries: what is known of them, from the row `first` on.

    Raises:
        ValueError: another width, numbers that are not finite, or another length; names the product.
    """
    check_width(vectors, width, "vectors")
    lengths = lengths_of(vectors)
    present = lengths != 0
    if (wrong := np.flatnonzero(present & is_off(lengths))).size:
        row = int(wrong[0])
        product = entries.ids.shown(int(entries.product_ids[first + row]))
        raise ValueError(
            f"the vector of product {product!r}, photo {entries.photos[first + row] + 1}, "
            + ("has length " + f"{lengths[row]:.3g}, expected 1" if np.isfinite(lengths[row]) else "is not finite")
            + ": embed the product anew"
        )
    return present


def lengths_of(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """`(n,)` float32 of `(n, D)` vectors."""
    # squares of float16 would be lost below 1e-4
    return np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float32))


def is_off(lengths: NDArray[np.float32], most: float = MAX_OFF) -> NDArray[np.bool_]:
    """`(n,)` bool: which of `(n,)` lengths differ from 1 by more, or are no number."""
    return ~(np.abs(lengths - 1) <= most)


def checked_queries(queries: NDArray[np.floating], width: int) -> NDArray[np.float32]:
    """`(Q, D)` float32, as faiss takes them.

    Raises:
        ValueError: another width, or numbers that are not finite.
    """
    check_width(queries, width, "queries")
    if not np.isfinite(queries).all():
        raise ValueError(f"query {int(np.flatnonzero(~np.isfinite(queries).all(axis=1))[0]) + 1} is not finite")
    return np.ascontiguousarray(queries, np.float32)


def check_width(vectors: NDArray[np.floating], width: int, what: str) -> None:
    """Raise ValueError where they are no `(n, D)`."""
    if vectors.ndim != 2 or vectors.shape[1] != width:
        raise ValueError(
            f"the {what} have shape {vectors.shape}, the index takes (n, {width}): they come from another network; "
            "embed them with the network that the index was made with, or make it anew"
        )


def check_entries(n_vectors: int, entries: Entries) -> None:
    """Raise ValueError where there is not one entry for each vector."""
    columns = (entries.product_ids, entries.photos, entries.category_ids, entries.n_images)
    if any(column.shape != (n_vectors,) for column in columns):
        shapes = ", ".join(str(column.shape) for column in columns)
        raise ValueError(f"{n_vectors} vectors, but entries of shapes {shapes}: expected one for each vector")
