"""Encoded photos in, transcripts out: asks the cache, has photos decoded, reads each once."""

import logging
import math
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from catalog.files.cores import n_cores
from catalog.files.progress import Progress, in_batches
from catalog.photos.decode import DecodedPhoto, decode_photo
from catalog.photos.formats import UnreadablePhoto
from catalog.photos.limits import max_decoded_bytes
from ocr.cache import TranscriptCache
from ocr.engines.base import Engine
from ocr.transcript import OcrFailure, PhotoReading, Transcript

log = logging.getLogger(__name__)

MAX_BATCH_BYTES = 256 * 2**20
"""Of decoded pictures that wait for the engine: 2300 photos of 180 x 180 pixels, 28 of 2000 x 1600."""
KEPT_WITHOUT_REASON = OcrFailure("unreadable")
"""What caches of before the one decoder hold, also of photos that are read now (HEIC, AVIF, JPEGs without an end)."""

Decoded = dict[bytes, DecodedPhoto | OcrFailure]


class PhotoReader:
    """Reads encoded photos through an engine, with or without a cache; for any number of threads.

    A photo that two threads ask for at the same time may be read twice.

    Args:
        engine: what reads. cache: what was read before; None reads everything.
        batch_size: photos handed to the engine at once, fewer where they are large (`MAX_BATCH_BYTES`); the cache is
            written after each batch, so a kill loses at most one.

    Raises:
        ValueError: `batch_size`, or the size that photos may have (`catalog.photos.limits`), is no positive number.
    """

    def __init__(self, engine: Engine, cache: TranscriptCache | None, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size {batch_size} must be at least 1")
        # a setting that is wrong is the user's mistake, not each photo's
        max_decoded_bytes()
        self.engine = engine
        self.cache = cache
        self.batch_size = batch_size
        self._n_threads = n_cores()

    def read(self, photos: Mapping[bytes, bytes], progress: Progress | None = None) -> dict[bytes, PhotoReading]:
        """Read photos, each MD5 once.

        Args:
            photos: 16-byte MD5 -> encoded photo. progress: called with (done, all) after each batch.

        Returns:
            one result for every key; `OcrFailure` where a photo cannot be decoded or cannot be read.

        Raises:
            EngineMissing: the engine vanished.
        """
        if not photos:
            # neither engine nor cache is asked
            return {}
        settings = self.engine.settings
        kept = {} if self.cache is None else self.cache.get_many(settings, photos)
        results = {md5: result for md5, result in kept.items() if result != KEPT_WITHOUT_REASON}
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

    def close(self) -> None:
        """End the processes that read, if there are any; who reads on later starts them anew."""
        self.engine.close()

    def seconds_per_photo(self) -> float:
        """Mean time that photos took when they were read, NaN without a cache or where it holds no times."""
        return math.nan if self.cache is None else self.cache.seconds_per_photo(self.engine.settings)

    def _batches(self, photos: Mapping[bytes, bytes]) -> Iterator[Decoded]:
        """Batches of decoded photos, and of the failures among them."""
        batch: Decoded = {}
        n_bytes = 0
        for md5, picture in self._decoded(photos):
            size = 0 if isinstance(picture, OcrFailure) else picture.pixels.nbytes
            if batch and (len(batch) == self.batch_size or n_bytes + size > MAX_BATCH_BYTES):
                yield batch
                batch, n_bytes = {}, 0
            batch[md5] = picture
            n_bytes += size
        if batch:
            yield batch

    def _decoded(self, photos: Mapping[bytes, bytes]) -> Iterator[tuple[bytes, DecodedPhoto | OcrFailure]]:
        side = self.engine.max_side
        if len(photos) == 1:
            # a thread takes as long to start as a small photo to be decoded
            yield from ((md5, decoded(photo, side)) for md5, photo in photos.items())
            return
        with ThreadPoolExecutor(self._n_threads) as pool:
            # in threads: a phone's photo takes 12 ms, nearly as long as sixteen cores take to read it; no more at once
            # than there are threads, as all that are decoded are held
            for md5s in in_batches(list(photos), self._n_threads):
                yield from zip(md5s, pool.map(lambda md5: decoded(photos[md5], side), md5s), strict=True)

    def _read_batch(self, batch: Decoded) -> tuple[dict[bytes, PhotoReading], tuple[int, float] | None]:
        """Results; how many photos the engine was given, and its seconds."""
        results: dict[bytes, PhotoReading] = {md5: why for md5, why in batch.items() if isinstance(why, OcrFailure)}
        pictures = {md5: photo for md5, photo in batch.items() if isinstance(photo, DecodedPhoto)}
        if not pictures:
            return results, None
        start = time.perf_counter()
        readings = self.engine.read([photo.pixels for photo in pictures.values()])
        seconds = time.perf_counter() - start
        for (md5, photo), reading in zip(pictures.items(), readings, strict=True):
            results[md5] = reading.enlarged(photo.enlargement) if isinstance(reading, Transcript) else reading
        return results, (len(pictures), seconds)


def decoded(photo: bytes, at_most: int) -> DecodedPhoto | OcrFailure:
    """An encoded photo, its longer side at most that many pixels, or why it cannot be decoded.

    One that can be used though something is wrong with it (a JPEG without its end) is read like any other.
    """
    try:
        return decode_photo(photo, at_most)
    except UnreadablePhoto as error:
        return OcrFailure(str(error), lasting=error.is_lasting)
    except Exception as error:  # whatever a decoder stumbles over is that photo's, want of memory included
        log.info("a photo of %d bytes cannot be decoded", len(photo), exc_info=True)
        return OcrFailure(f"it cannot be decoded: {type(error).__name__} {str(error)[:200]}".rstrip(), lasting=False)
