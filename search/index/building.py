"""An index is made of embeddings, or anew of what is left of another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.embeddings import Embeddings
from catalog.files.progress import Progress
from search.checks import check_entries, check_width, present_vectors
from search.contract import Entries, IndexIdentity
from search.index.segment import BLOCK_BYTES, VECTORS, chosen_entries, write_entries, write_vectors
from search.index.state_file import IndexState, SegmentRecord
from search.index.writer import numbered_files

EXACT_BELOW = 200_000
"""Vectors: so many are searched one by one in some 30 ms."""


def build(
    folder: Path,
    identity: IndexIdentity,
    embeddings: Embeddings,
    entries: Entries,
    kind: str,
    progress: Progress | None,
) -> IndexState:
    """The state of an index of embeddings, whose files are written; see `LocalIndex.create`."""
    check_entries(len(embeddings.vectors), entries)
    check_width(embeddings.vectors, identity.width, "embeddings")
    state, name = _fresh(folder, identity, kind).numbered("segment")
    (folder / name).mkdir()
    present = np.zeros(len(entries), bool)
    n = write_vectors(folder / name / VECTORS, _present_blocks(embeddings.vectors, entries, present, progress))
    kept = chosen_entries(entries, present)
    record = SegmentRecord(name, n, write_entries(folder, name, kept))
    return replace(state, segments=(record,), n_products=len(np.unique(kept.product_ids)))


def _fresh(folder: Path, identity: IndexIdentity, kind: str) -> IndexState:
    """An empty index, whose files and rows have other numbers than those of one that it replaces."""
    try:
        before = IndexState.read(folder)
        first_row = before.first_row + before.n_rows
    except (FileNotFoundError, ValueError):
        first_row = 0
    number = 1 + max(numbered_files(folder).values(), default=0)
    return IndexState(identity, kind, "exact", first_row=first_row, next_number=number)


def _present_blocks(
    vectors: NDArray[np.float16], entries: Entries, present: NDArray[np.bool_], progress: Progress | None
) -> Iterator[NDArray[np.float16]]:
    """Those of `(N, D)` that are not zeros, some at a time; `present`, `(N,)`, learns which."""
    size = max(1, BLOCK_BYTES // (4 * max(1, vectors.shape[1])))
    for start in range(0, len(vectors), size):
        block = np.asarray(vectors[start : start + size])
        here = present_vectors(block, entries, vectors.shape[1], start)
        present[start : start + len(here)] = here
        yield block[here]
        if progress is not None:
            progress(min(start + size, len(vectors)), len(vectors))
