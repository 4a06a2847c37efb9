"""Changes of an index: new files are written beside those in use, then one step makes them the index."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.files.atomic import remove_all_leftovers
from catalog.files.file_lock import exclusive
from catalog.files.full_disk import names_full_disk
from search.checks import check_entries, present_vectors
from search.contract import Entries
from search.index.codec import Codec
from search.index.coded_file import write_codes
from search.index.segment import (
    CODES,
    VECTORS,
    Segment,
    joined_entries,
    write_entries,
)
from search.index.snapshot import Snapshot, read_removed
from search.index.state_file import STATE, IndexState, SegmentRecord, SmallFile
from search.index.vector_file import VectorFile, whole_file, write_vectors

LOCK = "writer.lock"
MERGED_BELOW = 50_000
"""Vectors: segments smaller than this are written anew together with later ones, so that they stay few."""
_OURS = re.compile(r"(segment|removed|codec)-(?P<number>[0-9]{6,})(\.[a-z]+)?")


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Keep other writers waiting; what a killed one left is removed, and what this one leaves when it fails.

    Raises:
        OSError: the disk is full, or knows no locks.
    """
    with exclusive(folder / LOCK):
        remove_unused(folder)
        try:
            with names_full_disk(folder / STATE):
                yield
        finally:
            remove_unused(folder)


def remove_unused(folder: Path) -> None:
    """Remove files that the state does not name: of a change that was not made, or before one that was."""
    remove_all_leftovers(folder)
    try:
        used = IndexState.read(folder).names
    except FileNotFoundError:
        used = set()
    except ValueError:
        # damaged: what it names is not known, and people may want to look
        return
    for path in numbered_files(folder):
        if path.name in used:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def numbered_files(folder: Path) -> dict[Path, int]:
    """Files and folders of the index with their numbers, used or not."""
    names = ((path, _OURS.fullmatch(path.name)) for path in folder.iterdir())
    return {path: int(parts["number"]) for path, parts in names if parts}


def with_added(folder: Path, snapshot: Snapshot, vectors: NDArray[np.float32], entries: Entries) -> IndexState:
    """The state after `VectorIndex.add` of `(N, D)` vectors, whose files are written."""
    check_entries(len(vectors), entries)
    present = present_vectors(vectors, entries, snapshot.state.identity.width)
    state = without_rows(folder, snapshot, snapshot.rows_of(entries.product_ids))
    added = entries.take(present)
    if not len(added):
        return state
    merged = _to_merge(snapshot, len(added))
    kept = snapshot.segments[: len(snapshot.segments) - len(merged)]
    blocks = chain(*(segment.blocks() for segment in merged), [vectors[present]])
    known = joined_entries([*(segment.entries for segment in merged), added])
    state, record = new_segment(folder, state, blocks, known, snapshot.codec)
    return replace(
        state,
        segments=(*(segment.record for segment in kept), record),
        n_products=state.n_products + len(np.unique(added.product_ids)),
    )


def without_rows(folder: Path, snapshot: Snapshot, rows: NDArray[np.int64]) -> IndexState:
    """The state in which `(n,)` rows, which are not forgotten yet, are; whose files are written."""
    state = snapshot.state
    if not len(rows):
        return state
    removed = read_removed(folder, state.removed, state.n_rows)
    removed[rows - state.first_row] = True
    n_products = len(np.unique(snapshot.entry("product_ids", rows)))
    state, name = state.numbered("removed", ".bin")
    with whole_file(folder / name) as file:
        file.write(np.packbits(removed, bitorder="little").data)
    return replace(
        state,
        removed=SmallFile.of(folder, name),
        n_removed=state.n_removed + len(rows),
        n_products=state.n_products - n_products,
    )


def new_segment(
    folder: Path, state: IndexState, blocks: Iterable[NDArray[np.floating]], entries: Entries, codec: Codec | None
) -> tuple[IndexState, SegmentRecord]:
    """Write `(n, D)` vectors, some at a time, with what is known of them."""
    state, name = state.numbered("segment")
    (folder / name).mkdir()
    n, digest, codes = len(entries), write_vectors(folder / name / VECTORS, blocks), ""
    if codec is not None:
        codes = write_codes(folder / name / CODES, codec, VectorFile(folder / name / VECTORS, n, codec.width))
    return state, SegmentRecord(name, n, write_entries(folder, name, entries), digest, codes)


def _to_merge(snapshot: Snapshot, n_added: int) -> tuple[Segment, ...]:
    """The last segments, as far as they are not much larger than what comes after them."""
    size, first = n_added, len(snapshot.segments)
    while first and len(snapshot.segments[first - 1]) <= min(2 * size, MERGED_BELOW):
        first -= 1
        size += len(snapshot.segments[first])
    return snapshot.segments[first:]
