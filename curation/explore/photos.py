"""Size, format and bytes of every photo from its header, and whether photos can be decoded."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import READ_AHEAD, Catalog
from catalog.files.progress import Progress, in_batches
from catalog.files.sidecar import keep_sidecar, read_sidecar
from catalog.photos.header import NoPicture, announced
from catalog.photos.photo_index import PhotoIndex
from catalog.photos.thumbnails import UndecodablePhoto, decoded

Decode = Literal["sample", "all", "none"]
N_SAMPLED = 2000
"""Distinct photos that are decoded to see whether they can be, unless more are asked for."""
FORMATS = ("", "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "other")
"""What `HEADER["format"]` counts; the first is no picture."""
HEADER = np.dtype([("bytes", "<u4"), ("width", "<u4"), ("height", "<u4"), ("format", "u1")])
SUFFIX = ".headers"
"""Of the sidecar; `.photos` is the folder beside a table that `catalog convert` wrote."""
Headers = NDArray[np.void]


def read_headers(catalog: Catalog, progress: Progress | None = None) -> Headers:
    """`(P,)` array of dtype `HEADER`, every photo of the catalogue in its order; nothing is decoded.

    Kept in a sidecar file: the first call reads all photos once.
    """
    place, stamp = catalog.source.sidecar(SUFFIX), catalog.stamp
    kept = read_sidecar(place, stamp, HEADER)
    if kept is not None:
        return kept[1]
    headers = np.zeros(int(catalog.n_images.sum(dtype=np.int64)), HEADER)
    first = 0
    for _, products in catalog.batches(READ_AHEAD, progress):
        rows = [_header(photo) for product in products for photo in product.images]
        headers[first : first + len(rows)] = np.array(rows, HEADER)
        first += len(rows)
    keep_sidecar(place, {"stamp": stamp, "n_rows": len(headers)}, headers)
    return headers


def _header(photo: bytes) -> tuple[int, int, int, int]:
    try:
        width, height, kind = announced(photo)
    except NoPicture:
        return len(photo), 0, 0, 0
    # a JPEG with a preview inside is called MPO
    kind = "JPEG" if kind == "MPO" else kind
    return len(photo), width, height, FORMATS.index(kind if kind in FORMATS[1:] else FORMATS[-1])


@dataclass(frozen=True)
class Decoding:
    """What decoding showed.

    Attributes:
        checked: `(C,)` int64 photos that were decoded, one of each MD5.
        broken: those of them that cannot be, with the reason.
        all_of_them: every distinct photo with a header was decoded.
    """

    checked: NDArray[np.int64]
    broken: dict[int, str]
    all_of_them: bool


def check_decoding(
    catalog: Catalog, photos: PhotoIndex, headers: Headers, how: Decode, seed: int = 0, progress: Progress | None = None
) -> Decoding:
    """Decode every distinct photo that has a header, or a random sample of them, on all cores; `headers`: `(P,)`."""
    candidates = np.sort(photos.first[headers["format"][photos.first] > 0])
    n = {"all": len(candidates), "sample": N_SAMPLED, "none": 0}[how]
    chosen = candidates
    if n < len(candidates):
        chosen = np.sort(np.random.default_rng(seed).choice(candidates, n, replace=False))
    broken: dict[int, str] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool, warnings.catch_warnings():
        # Pillow warns of odd files that it can decode
        warnings.simplefilter("ignore")
        for batch in in_batches(chosen, READ_AHEAD, progress):
            reasons = pool.map(_fault, catalog.take_photos(photos.owner[batch], photos.position[batch]))
            broken |= {photo: reason for photo, reason in zip(batch.tolist(), reasons, strict=True) if reason}
    return Decoding(chosen, broken, len(chosen) == len(candidates))


def _fault(photo: bytes) -> str:
    try:
        decoded(photo)
    except UndecodablePhoto as error:
        return str(error)
    return ""
