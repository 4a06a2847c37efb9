"""Many photos at once: by threads, or by whatever else decodes them to the same pictures."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from catalog.files.cores import n_cores
from catalog.photos.decode import DecodedPhoto, decode_photo
from catalog.photos.formats import UnreadablePhoto


class PhotoDecoder(Protocol):
    """Decodes many photos; safe in threads."""

    def __call__(self, photos: Sequence[bytes], at_most: int) -> list[DecodedPhoto | UnreadablePhoto]:
        """Each photo's picture, its longer side at most `at_most` pixels, or what `decode_photo` raises; in order."""


def decode_in_threads(photos: Sequence[bytes], at_most: int) -> list[DecodedPhoto | UnreadablePhoto]:
    """See `PhotoDecoder`: by `decode_photo`, a thread for each core, as OpenCV lets go of the interpreter lock."""
    if len(photos) < 2:
        # a thread takes as long to start as a small photo to be decoded
        return [picture_or_error(photo, at_most) for photo in photos]
    with ThreadPoolExecutor(n_cores()) as pool:
        return list(pool.map(partial(picture_or_error, at_most=at_most), photos))


def picture_or_error(photo: bytes, at_most: int) -> DecodedPhoto | UnreadablePhoto:
    """One photo's picture, or why it has none."""
    try:
        return decode_photo(photo, at_most)
    except UnreadablePhoto as error:
        return error
