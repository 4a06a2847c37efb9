"""What photos look like in 64 bits, kept beside the catalogue: each distinct photo is decoded once."""

import time
from contextlib import closing
from enum import IntEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catalog.catalog import Catalog
from catalog.files.cores import n_cores
from catalog.files.progress import Progress, in_batches
from catalog.files.sidecar import keep_sidecar, read_sidecar
from catalog.files.workers import in_order
from catalog.photos.decode import decode_photo, why_unreadable
from catalog.photos.formats import UnreadablePhoto
from catalog.photos.photo_index import PhotoIndex
from catalog.product import Problem, ProblemKind, ProblemLog

HASH = np.dtype([("bits", "<u8"), ("blue", "<u1"), ("red", "<u1"), ("state", "<u1")])
METHOD = "imagehash.phash 8x8 of the upright photo on white, 45 px at most, mean Cb and Cr"
SIDE = 45
"""Longer side in pixels at which a photo is looked at; the hash looks at 32. A JPEG of a shop's usual 180 is decoded to
half, which takes 0.43 ms with its hash; at 64 it is decoded in full, which takes 0.76 and finds next to no more."""
PLAIN_RANGE = 16
"""A photo whose darkest and lightest pixel are closer than this (of 255) shows nothing that a hash could hold."""
REASONS_TOLD = 5
"""As many as a summary of problems shows."""
CHUNK = 512
SAVE_AFTER_S = 60.0


class State(IntEnum):
    """What is known of a photo's hash."""

    HASHED, PLAIN, UNREADABLE, PENDING = range(4)
    REFUSED = 4
    """Unreadable as things are (a limit, a missing package, no memory), so it is tried again the next time."""


def photo_hash(photo: bytes) -> tuple[int, int, int, State]:
    """What a photo looks like: one row of dtype `HASH`.

    64 bits of the perceptual hash (a DCT's low frequencies of the brightness against their median), the means of the
    chroma channels Cb and Cr, to which that is blind, and whether all this means anything.
    """
    import imagehash

    try:
        image = Image.fromarray(decode_photo(photo, SIDE).pixels).convert("YCbCr")
    except UnreadablePhoto as error:
        return 0, 0, 0, State.UNREADABLE if error.is_lasting else State.REFUSED
    pixels = np.asarray(image)
    if np.ptp(pixels[..., 0]) < PLAIN_RANGE:
        return 0, 0, 0, State.PLAIN
    blue, red = (round(float(pixels[..., channel].mean())) for channel in (1, 2))
    return int(str(imagehash.phash(image.getchannel(0))), 16), blue, red, State.HASHED


def photo_hashes(
    catalog: Catalog, photos: PhotoIndex, progress: Progress | None = None, n_workers: int | None = None
) -> NDArray[np.void]:
    """`(D,)` of dtype `HASH`, each distinct photo of the catalogue's `photos`; kept in the sidecar `.phash`.

    Interrupted, what is done is kept, and the next call goes on from there.
    """
    place, stamp = catalog.source.sidecar(".phash"), {**catalog.photo_stamp, "method": METHOD}
    kept = read_sidecar(place, stamp, HASH)
    if kept is not None and len(kept[1]) == photos.n_distinct:
        hashes = np.array(kept[1])
    else:
        hashes = np.zeros(photos.n_distinct, HASH)
        hashes["state"] = State.PENDING
    # each photo where it stands first, in the order of the catalogue: it is read once, forwards
    missing = np.sort(photos.first[hashes["state"] >= State.PENDING])
    if not len(missing):
        return hashes
    tasks = ((photos.owner[batch], photos.position[batch]) for batch in in_batches(missing, CHUNK))
    processes = (n_workers or n_cores()) if len(missing) > CHUNK and catalog.is_kept else 1
    saved, header = time.monotonic(), {"stamp": stamp, "n_rows": len(hashes)}
    try:
        with closing(in_order(partial(_hash_chunk, catalog), tasks, processes)) as chunks:
            for batch, chunk in zip(in_batches(missing, CHUNK, progress), chunks, strict=True):
                hashes[photos.number[batch]] = chunk
                if time.monotonic() - saved > SAVE_AFTER_S:
                    keep_sidecar(place, header, hashes)
                    saved = time.monotonic()
    finally:
        keep_sidecar(place, header, hashes)
    return hashes


def _hash_chunk(catalog: Catalog, task: tuple[NDArray[np.int64], NDArray[np.int8]]) -> NDArray[np.void]:
    return np.array([photo_hash(photo) for photo in catalog.take_photos(*task)], HASH)


def unreadable(catalog: Catalog, photos: PhotoIndex, hashes: NDArray[np.void]) -> ProblemLog:
    """Every photo that could not be hashed, by product; `hashes`: `(D,)` of dtype `HASH`.

    The first few come with the reason, which is not kept: they are decoded once more.
    """
    log = ProblemLog()
    is_unreadable = np.isin(hashes["state"], (State.UNREADABLE, State.REFUSED))
    for n, photo in enumerate(np.flatnonzero(is_unreadable[photos.number])[: log.max_named].tolist()):
        product, position = int(photos.owner[photo]), int(photos.position[photo])
        why = why_unreadable(catalog[product].images[position], SIDE) if n < REASONS_TOLD else ""
        where = catalog.where(product, position + 1)
        log.add(Problem(ProblemKind.UNREADABLE_PHOTO, where, catalog.shop_ids([product])[0], why, position))
    if len(log):
        log.counts[ProblemKind.UNREADABLE_PHOTO] = int(is_unreadable[photos.number].sum())
    return log
