"""Which photos a fit keeps shrunken, within the room that there is: settled before it, so that no worker need ask."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.lease import is_abandoned
from catalog.photos.photo_index import PhotoIndex
from catalog.product import MAX_IMAGES
from mosaic.training.batches import WHOLE, Examples
from mosaic.training.shrunken_photos import (
    NONE_KEPT,
    ShrunkenPhotos,
    entry_bytes,
    half_written_by,
    photo_numbers,
    size_folder,
    whole_blocks,
)

log = logging.getLogger(__name__)
GIB = 2**30
MD5_DIGITS = 32


def open_photo_cache(
    workspace: Path, gib: float, catalog: Catalog, shown: Sequence[tuple[Examples, int]], *, makes_room: bool
) -> ShrunkenPhotos:
    """The cache of one fit; `NONE_KEPT` where `gib` is 0, or its folder cannot be used, which is logged.

    Of the photos that the fit shows, those with the smallest MD5s may be kept, as many as there is room for: whatever
    the workers keep then fits, though none knows of the others. What lies there besides (of other sizes, of other
    photos) goes, the oldest first, as far as its room is needed.

    Args:
        workspace: its folder.
        gib: most that may lie there, whichever fit wrote it; less where the disk is nearly full, half of whose free
            space is left to others.
        shown: examples with the side in pixels at which their photos are shown.
        makes_room: whether this process removes what must go; of those that train together, one does.
    """
    folder = workspace / "cache" / "photos"
    try:
        files = list(_files(folder))
        held = sum(file.n_bytes for file in files)
        room = min(int(gib * GIB), held + shutil.disk_usage(workspace).free // 2)
        wanted = _wanted(catalog, shown, room) if room else []
        if makes_room:
            _make_room(files, wanted, room)
    except OSError as error:
        log.warning("%s cannot be used, large photos are decoded anew in every epoch: %s", folder, error)
        return NONE_KEPT
    if not any(len(photos.numbers) for photos in wanted):
        return NONE_KEPT
    numbers, first = np.unique(np.concatenate([photos.numbers for photos in wanted]), return_index=True)
    return ShrunkenPhotos(folder, numbers, np.concatenate([photos.md5s for photos in wanted])[first])


@dataclass(frozen=True)
class _WantedPhotos:
    """Photos that may be kept at one size: `(A,)` int64 numbers, `(A, 16)` uint8 MD5s, `(A,)` their first halves."""

    size: int
    numbers: NDArray[np.int64]
    md5s: NDArray[np.uint8]
    halves: NDArray[np.uint64]

    @property
    def n_bytes(self) -> int:
        """What the entries take when all are there; copies of a photo share one."""
        return len(np.unique(self.halves)) * entry_bytes(self.size)


def _wanted(catalog: Catalog, shown: Sequence[tuple[Examples, int]], room: int) -> list[_WantedPhotos]:
    """The photos that are shown at each size, as many as there is room for, by the first halves of their MD5s."""
    index = catalog.photo_index()
    photos = [_photos_of(examples) for examples, _ in shown]
    rows = [index.start[positions] + places for positions, places in photos]
    halves = [_halves(index, of_size) for of_size in rows]
    distinct = [np.unique(of_size) for of_size in halves]
    sizes = [size for _, size in shown]
    everything = np.concatenate(distinct)
    order = np.argsort(everything)
    taken = np.cumsum(np.repeat([entry_bytes(size) for size in sizes], [len(half) for half in distinct])[order])
    n_fitting = int(np.searchsorted(taken, room, side="right"))
    if n_fitting == 0:
        return []
    all_fit = n_fitting == len(everything)
    last = np.uint64(2**64 - 1) if all_fit else everything[order[n_fitting]] - np.uint64(1)
    return [
        _WantedPhotos(size, photo_numbers(*of_size)[fits], np.asarray(index.md5s[row[fits]]), half[fits])
        for size, of_size, row, half in zip(sizes, photos, rows, halves, strict=True)
        for fits in [half <= last]
    ]


def _photos_of(examples: Examples) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`(P,)` products and `(P,)` places of all photos that examples show."""
    whole = examples.photos == WHOLE
    n_all = np.where(whole, examples.n_images, 0)
    rows, places = np.nonzero(np.arange(MAX_IMAGES) < n_all[:, None])
    positions = np.concatenate([examples.positions[rows], examples.positions[~whole]])
    return positions, np.concatenate([places, examples.photos[~whole].astype(np.int64)])


def _halves(index: PhotoIndex, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """`(P,)` uint64 first half of each photo's MD5."""
    return np.ascontiguousarray(index.md5s[rows, :8]).view(">u8")[:, 0].astype(np.uint64)


class _CachedFile(NamedTuple):
    """A file of the cache; `size_folder` is empty and `half` 0 for what is no entry."""

    path: str
    size_folder: str
    half: int
    n_bytes: int
    written: float


def _files(folder: Path) -> Iterator[_CachedFile]:
    """What lies in the cache's folder, but for what some process of whichever host is writing."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = f"{where}/{name}"
            # another training may just have removed or renamed it
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(path)
                try:
                    half = int(name[:16], 16) if len(name) == MD5_DIGITS else None
                except ValueError:
                    half = None
                of_size = "" if half is None else Path(where).parent.name
                writer = half_written_by(name)
                if writer is None or is_abandoned(Path(path), writer):
                    yield _CachedFile(path, of_size, half or 0, whole_blocks(status.st_size), status.st_mtime)


def _make_room(files: Sequence[_CachedFile], wanted: Sequence[_WantedPhotos], room: int) -> None:
    """Remove the oldest of what is not wanted until all that is wanted would fit, and what killed processes left."""
    halves = np.array([file.half for file in files], np.uint64)
    is_wanted = np.zeros(len(files), bool)
    for photos in wanted:
        of_size = np.array([file.size_folder == size_folder(photos.size) for file in files], bool)
        is_wanted |= of_size & np.isin(halves, photos.halves)
    others = [file for file, stays in zip(files, is_wanted.tolist(), strict=True) if not stays]
    excess = sum(file.n_bytes for file in others) + sum(photos.n_bytes for photos in wanted) - room
    for file in sorted(others, key=lambda file: file.written):
        if excess <= 0 and file.size_folder:
            continue
        Path(file.path).unlink(missing_ok=True)
        excess -= file.n_bytes
