"""JPEGs decoded on the network's device: on a GPU by its own decoder (nvJPEG, through torchvision)."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg

from catalog.chunk import Picture
from catalog.files.cores import n_cores
from catalog.photos.batch import picture_or_error
from catalog.photos.decode import DecodedPhoto, decode_photo, decoded_on_device, header_for_device
from catalog.photos.formats import UnreadablePhoto
from catalog.photos.headers.header import Header
from catalog.photos.opencv import shrunk

log = logging.getLogger(__name__)
MAX_PHOTOS = 256
MAX_PIXELS = 2**24
"""That are decoded in one call: 48 MiB on the device. A larger photo goes alone."""
COARSE_SIDE = 16
MOST_APART = 3.0
"""Grey levels, on average, by which the device's picture may differ from the ordinary decoder's when both are shrunk to
`COARSE_SIDE`: colours that are repeated where libjpeg interpolates them make 0.9 at most on 949 photos of shops, where
another photo of the same shop is 33 away or more, half of the time."""
MOST_FAILURES = 3
"""Calls after which a device whose pictures are wrong, or that gives none, is not asked again."""


class JpegDecoder:
    """Decodes the JPEGs that qualify (`header_for_device`) on one device, all others by `decode_photo`. Threadsafe.

    What the device refuses is `decode_photo`'s too, so that the same is told of it. A GPU's decoder can leave a picture
    out and report success: one photo of each call is decoded both ways, and where they differ the call's are not used.
    """

    def __init__(self, device: torch.device) -> None:
        """`device`: a GPU; or the CPU, where libjpeg decodes, for tests.

        Raises:
            ValueError: it decodes no JPEG.
        """
        # with its number, which `cuda` alone leaves open
        self.device = torch.empty(0, device=device).device
        # The decoder writes in a stream of its own, and does not wait for what is still to read the memory that it is
        # given (pytorch/vision#9606). Here that comes from a stream where nothing is left to do.
        self._stream = torch.cuda.Stream(self.device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self._lock = threading.Lock()
        self._n_calls = self._n_failures = 0
        try:
            _decode([_sample()], self.device)
        except (RuntimeError, OSError) as error:
            raise ValueError(f"decode is gpu, but JPEGs are not decoded here ({error}): set decode=cpu") from None

    def __call__(self, photos: Sequence[bytes], at_most: int) -> list[DecodedPhoto | UnreadablePhoto]:
        """See `catalog.photos.batch.PhotoDecoder`."""
        headers = [header_for_device(photo, at_most) for photo in photos]
        pixels: dict[int, Picture] = {}
        for chosen, flat in self._decoded(photos, headers):
            # in one piece: each copy from a device waits for it
            pixels.update(_pictures(chosen, flat.cpu().numpy(), headers))

        def finished(k: int) -> DecodedPhoto | UnreadablePhoto:
            header = headers[k]
            if header is None or k not in pixels:
                return picture_or_error(photos[k], at_most)
            return decoded_on_device(pixels[k], header, at_most)

        with ThreadPoolExecutor(n_cores()) as pool:
            return list(pool.map(finished, range(len(photos))))

    def fill(
        self, pictures: Tensor, places: Sequence[int], photos: Sequence[bytes], otherwise: Callable[[bytes], Picture]
    ) -> None:
        """Decode photos into `(n, S, S, 3)` uint8 pictures on the device, `photos[k]` at `places[k]`.

        Args:
            photos: JPEGs of S x S pixels that qualify, and need not be turned.
            otherwise: gives the `(S, S, 3)` uint8 picture of one that the device does not decode.
        """
        size = pictures.shape[1]
        rest = set(range(len(photos)))
        for chosen, flat in self._decoded(photos, [header_for_device(photo, size) for photo in photos]):
            # one by one: places that are sent to the device would wait for all that the network has yet to compute
            for k, picture in zip(chosen, flat.reshape(-1, size, size, 3), strict=True):
                pictures[places[k]].copy_(picture)
            rest.difference_update(chosen)
        with ThreadPoolExecutor(n_cores()) as pool:
            for k, picture in zip(sorted(rest), pool.map(otherwise, [photos[k] for k in sorted(rest)]), strict=True):
                pictures[places[k]] = torch.from_numpy(picture).to(pictures.device)

    def _decoded(self, photos: Sequence[bytes], headers: Sequence[Header | None]) -> Iterator[tuple[list[int], Tensor]]:
        """Which photos are decoded, and their `(H, W, 3)` uint8 pixels one after the other, flat, on the device."""
        for batch in _batches(headers):
            if self._n_failures >= MOST_FAILURES:
                return
            with self._lock, torch.cuda.stream(self._stream):
                if self._stream is not None:
                    self._stream.synchronize()
                decoded = self._tensors([photos[k] for k, _ in batch])
                good = [
                    (k, header, picture.permute(1, 2, 0))
                    for (k, header), picture in zip(batch, decoded, strict=True)
                    if picture is not None and picture.shape == (3, header.height, header.width)
                ]
                if not good:
                    self._n_failures += 1
                    continue
                flat = torch.cat([picture.flatten() for _, _, picture in good])
                k, header, picture = good[self._n_calls % len(good)]
                self._n_calls += 1
                # also in that stream: in the usual one a copy would wait for all that the network has yet to compute
                tried = picture.cpu().numpy()
            if self._stream is not None:
                using = torch.cuda.current_stream(self.device)
                using.wait_stream(self._stream)
                flat.record_stream(using)
            if self._is_right(photos[k], header, tried):
                yield [k for k, _, _ in good], flat

    def _tensors(self, photos: Sequence[bytes]) -> list[Tensor | None]:
        """`(3, H, W)` uint8 of each, None of one that is refused: it is looked for, since it takes all with it."""
        try:
            return [*_decode(photos, self.device)]
        except RuntimeError as error:
            if len(photos) == 1:
                log.debug("a JPEG of %d bytes is not decoded by %s: %s", len(photos[0]), self.device, error)
                return [None]
            middle = len(photos) // 2
            return self._tensors(photos[:middle]) + self._tensors(photos[middle:])

    def _is_right(self, photo: bytes, header: Header, pixels: Picture) -> bool:
        try:
            expected = shrunk(decode_photo(photo).pixels, COARSE_SIDE)
        except UnreadablePhoto:
            return False
        coarse = decoded_on_device(pixels, header, COARSE_SIDE).pixels
        apart = float(np.abs(coarse.astype(np.int64) - expected).mean())
        if apart <= MOST_APART:
            return True
        self._n_failures += 1
        log.warning(
            "%s decodes a JPEG to another picture (%.0f grey levels apart): it and those decoded with it are decoded "
            "again on the CPU%s", self.device, apart,
            ", and so are all that follow" if self._n_failures == MOST_FAILURES else "",
        )  # fmt: skip
        return False


def _batches(headers: Sequence[Header | None]) -> Iterator[list[tuple[int, Header]]]:
    """The photos that qualify, by number, as many together as are decoded in one call."""
    batch: list[tuple[int, Header]] = []
    n_pixels = 0
    for k, header in enumerate(headers):
        if header is None:
            continue
        n_pixels += header.width * header.height
        if batch and (n_pixels > MAX_PIXELS or len(batch) == MAX_PHOTOS):
            yield batch
            batch, n_pixels = [], header.width * header.height
        batch.append((k, header))
    if batch:
        yield batch


def _pictures(chosen: Sequence[int], flat: Picture, headers: Sequence[Header | None]) -> Iterator[tuple[int, Picture]]:
    """`(H, W, 3)` of each photo, cut from all of them."""
    start = 0
    for k in chosen:
        header = headers[k]
        assert header is not None
        end = start + 3 * header.width * header.height
        yield k, flat[start:end].reshape(header.height, header.width, 3)
        start = end


def _decode(photos: Sequence[bytes], device: torch.device) -> list[Tensor]:
    """`(3, H, W)` uint8 RGB of each; RuntimeError where one is refused."""
    encoded = [torch.frombuffer(bytearray(photo), dtype=torch.uint8) for photo in photos]
    decoded: list[Tensor] = decode_jpeg(encoded, ImageReadMode.RGB, device)
    return decoded


def _sample() -> bytes:
    """A small white JPEG."""
    return cv2.imencode(".jpg", np.full((16, 16, 3), 255, np.uint8))[1].tobytes()
