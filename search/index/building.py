"""An index is made of embeddings, or anew of what is left of another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.embeddings import Embeddings
from catalog.files.progress import Progress, part_of
from search.checks import check_entries, check_width, present_vectors
from search.contract import Entries, IndexIdentity
from search.index.codec import Codec
from search.index.coded_file import write_codes
from search.index.segment import CODES, VECTORS, joined_entries, write_entries
from search.index.snapshot import Snapshot
from search.index.state_file import IndexState, Kind, SegmentRecord, SmallFile
from search.index.vector_file import BLOCK_BYTES, VectorFile, float32_of, write_vectors
from search.index.writer import numbered_files

EXACT_BELOW = 200_000
"""Vectors: so many are searched one by one in some 30 ms."""
LEARNT_AGAIN = 2
"""Where an index has so many times the vectors that its codec was learnt for, or the part, a compaction learns anew."""


def built(
    folder: Path,
    identity: IndexIdentity,
    embeddings: Embeddings,
    entries: Entries,
    chosen: str,
    progress: Progress | None,
) -> IndexState:
    """The state of an index of embeddings, whose files are written; see `LocalIndex.create`."""
    check_entries(len(embeddings.vectors), entries)
    check_width(embeddings.vectors, identity.width, "embeddings")
    present = np.zeros(len(entries), bool)
    for start, block in _blocks(embeddings.vectors):
        here = slice(start, start + len(block))
        present[here] = present_vectors(float32_of(block), entries, identity.width, start)
    state = _empty(folder, identity, chosen)
    blocks = (block[present[start : start + len(block)]] for start, block in _blocks(embeddings.vectors))
    return _filled(folder, state, blocks, entries.take(present), None, progress)


def compacted(folder: Path, snapshot: Snapshot, progress: Progress | None) -> IndexState:
    """The state without the forgotten rows, all others in one segment; whose files are written.

    Where their number says so, they are searched in another way from now on.

    Raises:
        ValueError: a file is damaged, which it names.
    """
    before = snapshot.state
    if len(before.segments) == 1 and not before.n_removed and before.kind == _kind(before.chosen, len(snapshot)):
        return before
    for segment in snapshot.segments:
        segment.check()
    parts = list(zip(snapshot.segments, snapshot.alive, strict=True))
    blocks = (block for segment, alive in parts for block in segment.blocks(alive))
    known = joined_entries(one.entries if alive is None else one.entries.take(alive) for one, alive in parts)
    state = replace(before, first_row=before.first_row + before.n_rows, removed=None, n_removed=0)
    return _filled(folder, state, blocks, known, snapshot.codec, progress)


def _filled(
    folder: Path,
    state: IndexState,
    blocks: Iterable[NDArray[np.floating]],
    entries: Entries,
    codec: Codec | None,
    progress: Progress | None,
) -> IndexState:
    """The state whose only segment are N vectors, `(n, D)` at a time. `codec`: that of the state, if any."""
    n, kind = len(entries), _kind(state.chosen, len(entries))
    steps = 1 if kind == "exact" else 3
    state, name = state.numbered("segment")
    (folder / name).mkdir()
    digest, codes = write_vectors(folder / name / VECTORS, blocks, part_of(progress, 0, steps * n)), ""
    file = VectorFile(folder / name / VECTORS, n, state.identity.width)
    if kind == "exact":
        state = replace(state, codec=None)
    else:
        if codec is None or not n / LEARNT_AGAIN < codec.n_learnt_from < n * LEARNT_AGAIN:
            codec = Codec.learn(file, part_of(progress, n, steps * n))
            state, codec_name = state.numbered("codec", ".safetensors")
            codec.save(folder / codec_name)
            state = replace(state, codec=SmallFile.of(folder, codec_name))
        codes = write_codes(folder / name / CODES, codec, file, part_of(progress, 2 * n, steps * n))
    record = SegmentRecord(name, n, write_entries(folder, name, entries), digest, codes)
    return replace(state, kind=kind, segments=(record,), n_products=len(np.unique(entries.product_ids)))


def _kind(chosen: str, n: int) -> Kind:
    """How N vectors are searched; nothing can be learnt of none."""
    return "compressed" if n and (chosen == "compressed" or (chosen == "auto" and n >= EXACT_BELOW)) else "exact"


def _empty(folder: Path, identity: IndexIdentity, chosen: str) -> IndexState:
    """An index without a vector, whose files and rows have other numbers than those of one that it replaces."""
    try:
        before = IndexState.read(folder)
        first_row = before.first_row + before.n_rows
    except (FileNotFoundError, ValueError):
        first_row = 0
    number = 1 + max(numbered_files(folder).values(), default=0)
    return IndexState(identity, chosen, "exact", first_row=first_row, next_number=number)


def _blocks(vectors: NDArray[np.float16]) -> Iterator[tuple[int, NDArray[np.float16]]]:
    """`(N, D)` some at a time, and the row of the first."""
    size = max(1, BLOCK_BYTES // (4 * vectors.shape[1]))
    for start in range(0, len(vectors), size):
        yield start, np.asarray(vectors[start : start + size])
