"""Encoded photos in, transcripts out: asks the cache, decodes with bounds, reads each photo once."""

import io
import math
import time
from collections.abc import Iterator, Mapping

import cv2
import numpy as np
from PIL import Image

from catalog.files.progress import Progress
from catalog.photos.header import NoPicture, announced_size
from ocr.cache import TranscriptCache
from ocr.engines.base import Engine, Photo
from ocr.transcript import OcrFailure, PhotoReading

MAX_PIXELS = 50_000_000
# A decoded batch holds at most this many times `max_pixels`, however many photos that is.
PIXELS_PER_BATCH = 2
UNREADABLE = OcrFailure("unreadable")


class PhotoReader:
    """Reads encoded photos through an engine, with or without a cache.

    Args:
        engine: what reads. cache: what was read before; None reads everything.
        batch_size: photos handed to the engine at once; the cache is written after each batch, so a kill loses
            at most one. max_pixels: a photo with more pixels is not decoded (decompression bombs).
    """

    def __init__(
        self, engine: Engine, cache: TranscriptCache | None, batch_size: int, max_pixels: int = MAX_PIXELS
    ) -> None:
        if batch_size < 1 or max_pixels < 1:
            raise ValueError(f"batch_size {batch_size} and max_pixels {max_pixels} must be at least 1")
        self.engine = engine
        self.cache = cache
        self.batch_size = batch_size
        self.max_pixels = max_pixels

    def read(self, photos: Mapping[bytes, bytes], progress: Progress | None = None) -> dict[bytes, PhotoReading]:
        """Read photos, each MD5 once.

        Args:
            photos: 16-byte MD5 -> encoded photo. progress: called with (done, all) after each batch.

        Returns:
            one result for every key; `OcrFailure` where a photo cannot be decoded, is too large or cannot be read.

        Raises:
            EngineMissing: the engine vanished.
        """
        settings = self.engine.settings
        results = {} if self.cache is None else self.cache.get_many(settings, photos)
        if progress is not None and results:
            progress(len(results), len(photos))
        for batch in self._batches({md5: photo for md5, photo in photos.items() if md5 not in results}):
            batch_results, reading = self._read_batch(batch)
            if self.cache is not None:
                self.cache.put_many(settings, batch_results, reading)
            results |= batch_results
            if progress is not None:
                progress(len(results), len(photos))
        return results

    def seconds_per_photo(self) -> float:
        """Mean time that photos took when they were read, NaN without a cache or where it holds no times."""
        return math.nan if self.cache is None else self.cache.seconds_per_photo(self.engine.settings)

    def _batches(self, photos: Mapping[bytes, bytes]) -> Iterator[dict[bytes, bytes | OcrFailure]]:
        """Batches of encoded photos that may be decoded, and of the refusals among them."""
        batch: dict[bytes, bytes | OcrFailure] = {}
        pixels = 0
        for md5, photo in photos.items():
            size = n_pixels(photo)
            refusal = _refusal(size, self.max_pixels)
            if batch and (len(batch) == self.batch_size or pixels + size > PIXELS_PER_BATCH * self.max_pixels):
                yield batch
                batch, pixels = {}, 0
            batch[md5] = photo if refusal is None else refusal
            pixels += size if refusal is None else 0
        if batch:
            yield batch

    def _read_batch(
        self, batch: Mapping[bytes, bytes | OcrFailure]
    ) -> tuple[dict[bytes, PhotoReading], tuple[int, float] | None]:
        """Results; how many photos the engine was given, and its seconds."""
        results: dict[bytes, PhotoReading] = {}
        decoded: dict[bytes, Photo] = {}
        for md5, photo in batch.items():
            picture = photo if isinstance(photo, OcrFailure) else decode(photo)
            if isinstance(picture, OcrFailure):
                results[md5] = picture
            else:
                decoded[md5] = picture
        if not decoded:
            return results, None
        start = time.perf_counter()
        results.update(zip(decoded, self.engine.read(list(decoded.values())), strict=True))
        return results, (len(decoded), time.perf_counter() - start)


def n_pixels(photo: bytes) -> int:
    """Height times width as the header says, without decoding; 0 where it is no picture."""
    try:
        width, height = announced_size(photo)
    except NoPicture:
        return 0
    return width * height


def decode(photo: bytes) -> Photo | OcrFailure:
    """`(H, W, 3)` uint8 BGR, turned as its EXIF orientation says and set on white where it is transparent, or the
    failure "unreadable"."""
    try:
        if photo.startswith(b"\x89PNG") or photo[8:12] == b"WEBP":
            # OpenCV shows the colour that lies hidden below transparent pixels: black text on black
            with Image.open(io.BytesIO(photo)) as file:
                if file.has_transparency_data:
                    layers = file.convert("RGBA")
                    return np.asarray(Image.alpha_composite(Image.new("RGBA", file.size, "white"), layers))[..., 2::-1]
    except Exception:  # Pillow's parsers raise anything on damaged bytes
        return UNREADABLE
    try:
        picture = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return UNREADABLE
    return UNREADABLE if picture is None else np.asarray(picture, np.uint8)


def _refusal(size: int, max_pixels: int) -> OcrFailure | None:
    if size == 0:
        return UNREADABLE
    if size > max_pixels:
        # not lasting: another max_pixels reads it
        return OcrFailure(f"{size} pixels or more, over the {max_pixels} that are accepted", lasting=False)
    return None
