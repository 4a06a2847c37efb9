"""Photos that are broken, and those that are damaged but used, by name and with what is wrong with them."""

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import READ_AHEAD, Catalog
from catalog.files.progress import in_batches
from catalog.photos.formats import UnreadablePhoto
from catalog.photos.headers.read import read_header
from catalog.photos.photo_index import PhotoIndex
from catalog.product import Problem, ProblemKind, ProblemLog
from curation.explore.photos import Decoding, Headers


def photo_problems(catalog: Catalog, photos: PhotoIndex, headers: Headers, decoding: Decoding) -> ProblemLog:
    """All photos of `(P,)` headers that are known to be broken or damaged: with one, all of its copies are."""
    log = ProblemLog()
    broken = {int(photos.number[photo]): why for photo, why in decoding.broken.items()}
    damaged = {int(photos.number[photo]): what for photo, what in decoding.damaged.items()}
    is_broken = (headers["width"] == 0) | np.isin(photos.number, list(broken))
    named = np.flatnonzero(is_broken)[: log.max_named]
    broken |= _reasons_of_headers(catalog, photos, named[headers["width"][named] == 0])
    _add(log, ProblemKind.UNREADABLE_PHOTO, is_broken, broken, catalog, photos)
    is_damaged = np.isin(photos.number, list(damaged))
    _add(log, ProblemKind.DAMAGED_PHOTO, is_damaged, damaged, catalog, photos)
    return log


def _reasons_of_headers(catalog: Catalog, photos: PhotoIndex, some: NDArray[np.int64]) -> dict[int, str]:
    """By number of the distinct photo, why its header cannot be read: they are read once more, to name them.

    Reasons are not kept beside the catalogue: of most catalogues there is none.
    """
    reasons = {}
    firsts = np.sort(photos.first[np.unique(photos.number[some])])
    for batch in in_batches(firsts, READ_AHEAD):
        encoded = catalog.take_photos(photos.owner[batch], photos.position[batch])
        for number, photo in zip(photos.number[batch].tolist(), encoded, strict=True):
            try:
                read_header(photo)
            except UnreadablePhoto as error:
                reasons[number] = str(error)
    return reasons


def _add(
    log: ProblemLog, kind: ProblemKind, is_one: NDArray[np.bool_], whats: dict[int, str],
    catalog: Catalog, photos: PhotoIndex,
) -> None:  # fmt: skip
    """Count the photos that `(P,)` `is_one` marks, and name the first of them; `whats`: by distinct photo."""
    n = int(is_one.sum())
    if not n:
        return
    for photo in np.flatnonzero(is_one)[: log.max_named].tolist():
        owner, position = int(photos.owner[photo]), int(photos.position[photo])
        where, what = catalog.where(owner, position + 1), whats.get(int(photos.number[photo]), "")
        log.add(Problem(kind, where, catalog.shop_ids([owner])[0], what, position))
    log.counts[kind] = n
