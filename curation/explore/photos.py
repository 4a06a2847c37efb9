"""Size, format and bytes of every photo from its header, and whether photos can be decoded."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import READ_AHEAD, Catalog
from catalog.files.cores import n_cores
from catalog.files.progress import Progress, in_batches
from catalog.files.sidecar import keep_sidecar, read_sidecar
from catalog.photos.decode import decode_photo
from catalog.photos.formats import PhotoFormat, UnreadablePhoto, format_of
from catalog.photos.headers.read import read_header, readable_formats
from catalog.photos.photo_index import PhotoIndex

Decode = Literal["sample", "all", "none"]
N_SAMPLED = 2000
"""Distinct photos that are decoded to see whether they can be, unless more are asked for."""
FORMATS = ("", *PhotoFormat)
"""What `HEADER["format"]` counts; the first is no photo."""
METHOD = "upright size and format of read_header"
HEADER = np.dtype([("bytes", "<u4"), ("width", "<u4"), ("height", "<u4"), ("format", "u1")])
SUFFIX = ".headers"
"""Of the sidecar; `.photos` is the folder beside a table that `catalog convert` wrote."""
Headers = NDArray[np.void]


def read_headers(catalog: Catalog, progress: Progress | None = None) -> Headers:
    """`(P,)` array of dtype `HEADER`, every photo of the catalogue in its order; nothing is decoded.

    Width and height are those of the upright photo, and 0 where its header cannot be read, also where its format is
    known. Kept in a sidecar file: the first call reads all photos once.
    """
    method = [METHOD, *readable_formats()]
    place, stamp = catalog.source.sidecar(SUFFIX), {**catalog.photo_stamp, "method": method}
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
        header = read_header(photo)
    except UnreadablePhoto:
        kind = format_of(photo)
        return len(photo), 0, 0, 0 if kind is None else FORMATS.index(kind)
    return len(photo), *header.upright_size, FORMATS.index(header.format)


LOOKED_AT = 256
"""Longer side in pixels at which a photo is decoded to see whether it can be: all of its bytes are gone through."""


@dataclass(frozen=True)
class Decoding:
    """What decoding showed.

    Attributes:
        checked: `(C,)` int64 photos that were decoded, one of each MD5.
        broken: those of them that cannot be, with the reason.
        damaged: those that can be used although something is wrong with them, with what that is.
        all_of_them: every distinct photo whose header can be read was decoded.
    """

    checked: NDArray[np.int64]
    broken: dict[int, str]
    damaged: dict[int, str]
    all_of_them: bool


def check_decoding(
    catalog: Catalog, photos: PhotoIndex, headers: Headers, how: Decode, seed: int = 0, progress: Progress | None = None
) -> Decoding:
    """Decode every distinct photo whose header can be read, or a random sample, on all cores; `headers`: `(P,)`."""
    candidates = np.sort(photos.first[headers["width"][photos.first] > 0])
    n = {"all": len(candidates), "sample": N_SAMPLED, "none": 0}[how]
    chosen = candidates
    if n < len(candidates):
        chosen = np.sort(np.random.default_rng(seed).choice(candidates, n, replace=False))
    found = Decoding(chosen, {}, {}, len(chosen) == len(candidates))
    with ThreadPoolExecutor(n_cores()) as pool:
        for batch in in_batches(chosen, READ_AHEAD, progress):
            verdicts = pool.map(_verdict, catalog.take_photos(photos.owner[batch], photos.position[batch]))
            for photo, (is_usable, what) in zip(batch.tolist(), verdicts, strict=True):
                if what:
                    (found.damaged if is_usable else found.broken)[photo] = what
    return found


def _verdict(photo: bytes) -> tuple[bool, str]:
    """Whether a photo can be used, and what is wrong with it, empty for nothing."""
    try:
        return True, decode_photo(photo, LOOKED_AT).remark
    except UnreadablePhoto as error:
        return False, str(error)
