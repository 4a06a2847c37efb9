"""What photos look like in 64 bits, kept beside the catalogue: each distinct photo is decoded once."""

from __future__ import annotations

import time
import warnings
from contextlib import closing
from enum import IntEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress, in_batches
from catalog.files.sidecar import keep_sidecar, read_sidecar
from catalog.files.workers import in_order, n_cores
from catalog.photos.thumbnails import UndecodablePhoto, decoded
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.split.copies import photo_numbers, photo_owners

HASH = np.dtype([("bits", "<u8"), ("blue", "<u1"), ("red", "<u1"), ("state", "<u1")])
METHOD = "imagehash.phash 8x8 of a JPEG decoded at 64 px or more, mean Cb and Cr"
DRAFT = 64
"""Side in pixels below which a JPEG is not reduced while it is decoded; the hash looks at 32."""
PLAIN_RANGE = 16
"""A photo whose darkest and lightest pixel are closer than this (of 255) shows nothing that a hash could hold."""
CHUNK = 512
SAVE_AFTER_S = 60.0


class State(IntEnum):
    """What is known of a photo's hash."""

    HASHED, PLAIN, UNREADABLE, PENDING = range(4)


def photo_hash(photo: bytes) -> tuple[int, int, int, State]:
    """What a photo looks like: one row of dtype `HASH`.

    64 bits of the perceptual hash (a DCT's low frequencies of the brightness against their median), the means of the
    chroma channels Cb and Cr, to which that is blind, and whether all this means anything.
    """
    import imagehash

    try:
        # of a JPEG, fine detail is not even unpacked
        image = decoded(photo, (DRAFT, DRAFT)).convert("YCbCr")
    except UndecodablePhoto:
        return 0, 0, 0, State.UNREADABLE
    pixels = np.asarray(image)
    if np.ptp(pixels[..., 0]) < PLAIN_RANGE:
        return 0, 0, 0, State.PLAIN
    blue, red = (round(float(pixels[..., channel].mean())) for channel in (1, 2))
    return int(str(imagehash.phash(image.getchannel(0))), 16), blue, red, State.HASHED


def photo_hashes(catalog: Catalog, progress: Progress | None = None, n_workers: int | None = None) -> NDArray[np.void]:
    """`(distinct photos,)` of dtype `HASH`, in the order of `photo_numbers`; kept in the sidecar `.phash`.

    Interrupted, what is done is kept, and the next call goes on from there.
    """
    place, stamp = catalog.source.sidecar(".phash"), {**catalog.stamp, "method": METHOD}
    number = photo_numbers(catalog.md5s(n_workers=n_workers or n_cores()))
    n_photos = int(number.max()) + 1 if len(number) else 0
    found = read_sidecar(place, stamp, HASH)
    if found is not None and len(found[1]) == n_photos:
        hashes = np.array(found[1])
    else:
        hashes = np.zeros(n_photos, HASH)
        hashes["state"] = State.PENDING
    # the first place of each photo, in the order of the catalogue: it is read once, forwards
    first = np.full(n_photos, len(number), np.int64)
    np.minimum.at(first, number, np.arange(len(number)))
    slots = np.sort(first[hashes["state"] == State.PENDING])
    if not len(slots):
        return hashes
    owner = photo_owners(catalog)[slots]
    rank = slots - (np.cumsum(catalog.n_images, dtype=np.int64) - catalog.n_images)[owner]
    tasks = zip(in_batches(owner, CHUNK), in_batches(rank, CHUNK), strict=True)
    processes = (n_workers or n_cores()) if len(slots) > CHUNK and catalog.is_kept else 1
    saved, header = time.monotonic(), {"stamp": stamp, "n_rows": n_photos}
    try:
        with closing(in_order(partial(_hash_chunk, catalog), tasks, processes)) as chunks:
            for batch, chunk in zip(in_batches(slots, CHUNK, progress), chunks, strict=True):
                hashes[number[batch]] = chunk
                if time.monotonic() - saved > SAVE_AFTER_S:
                    keep_sidecar(place, header, hashes)
                    saved = time.monotonic()
    finally:
        keep_sidecar(place, header, hashes)
    return hashes


def _hash_chunk(catalog: Catalog, task: tuple[NDArray[np.int64], NDArray[np.int64]]) -> NDArray[np.void]:
    positions, ranks = task
    own, place = np.unique(positions, return_inverse=True)
    products = catalog.take(own)
    with warnings.catch_warnings():
        # Pillow warns of odd files; what cannot be decoded is counted
        warnings.simplefilter("ignore")
        hashed = [photo_hash(products[i].images[rank]) for i, rank in zip(place.tolist(), ranks.tolist(), strict=True)]
    return np.array(hashed, HASH)


def unreadable(catalog: Catalog, number: NDArray[np.int64], hashes: NDArray[np.void]) -> ProblemLog:
    """Every photo that could not be hashed, by product; `number`: `(P,)` of `photo_numbers`."""
    log = ProblemLog()
    owner = photo_owners(catalog)
    first = np.cumsum(catalog.n_images, dtype=np.int64) - catalog.n_images
    for slot in np.flatnonzero(hashes["state"][number] == State.UNREADABLE).tolist():
        product = int(owner[slot])
        where = catalog.where(product, int(slot - first[product]) + 1)
        log.add(Problem(ProblemKind.UNREADABLE_PHOTO, where, int(catalog.product_ids[product])))
    return log
