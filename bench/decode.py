"""Photos per second of `decode_photo`, bare OpenCV, Pillow and torchvision, in one run and one thread each.

    python bench/decode.py PRODUCTS.bson [--repeats 9] [--sizes 180 800 4000]

Those of 180 pixels are the file's own JPEGs, encoded anew for the other formats. Larger ones are these enlarged, with a
sensor's noise, so that they are as large in bytes as a camera's. The repeats of all ways are interleaved; rates are
medians. Below, a 3000 x 4000 JPEG is made small as `decode_photo` does it and as it was done before.

    decode_photo   catalog.photos.decode, with all checks
    OpenCV         cv2.imdecode(..., IMREAD_COLOR_RGB), nothing checked
    Pillow         Image.open(...).convert("RGB"), loaded
    torchvision    torchvision.io.decode_image(..., mode="RGB")
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.io import ImageReadMode, decode_image

from catalog.catalog import Catalog
from catalog.photos.decode import decode_photo

Way = Callable[[bytes], object]
FORMATS = {"JPEG": {"quality": 90}, "PNG": {"compress_level": 6}, "WEBP": {"quality": 85, "method": 2}}
SIZES = {180: (180, 180), 800: (800, 800), 4000: (3000, 4000)}
"""Longer side -> (width, height)."""
PHOTOS = {180: 200, 800: 24, 4000: 3}
"""How many of each size are decoded in one repeat."""
NOISE = 6.0
"""Standard deviation in grey levels: a sensor in weak light."""
NOISES = (0.0, 2.0, 4.0, NOISE)
SMALL = 160
GOAL_BARE, GOAL_SMALL = 0.90, 4.0


def bare(photo: bytes) -> object:
    return cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR_RGB)


def pillow(photo: bytes) -> object:
    with Image.open(io.BytesIO(photo)) as picture:
        return picture.convert("RGB")


def torchvision(photo: bytes) -> object:
    return decode_image(torch.frombuffer(bytearray(photo), dtype=torch.uint8), ImageReadMode.RGB)


def whole_then_shrunk(photo: bytes) -> object:
    """As networks got their photos before: every pixel decoded, on a white square, averaged."""
    picture = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR_RGB)
    height, width = picture.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = cv2.copyMakeBorder(
        picture, top, side - height - top, left, side - width - left, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    )
    return cv2.resize(square, (SMALL, SMALL), interpolation=cv2.INTER_AREA)


def pillow_drafted(photo: bytes) -> object:
    """As pages and near copies got theirs."""
    with Image.open(io.BytesIO(photo)) as picture:
        picture.draft("RGB", (SMALL, SMALL))
        picture.thumbnail((SMALL, SMALL))
        return picture.convert("RGB")


WAYS: dict[str, Way] = {
    "decode_photo": decode_photo,
    "OpenCV": bare,
    "Pillow": pillow,
    "torchvision": torchvision,
}
TO_SMALL: dict[str, Way] = {
    "decode_photo": partial(decode_photo, at_most=SMALL),
    "whole, then shrunk": whole_then_shrunk,
    "Pillow, drafted": pillow_drafted,
}


def enlarged(photo: bytes, size: tuple[int, int], seed: int, noise_level: float = NOISE) -> NDArray[np.uint8]:
    """`(H, W, 3)` uint8 RGB of `size` (width, height), with noise."""
    picture = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR_RGB)
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(seed).normal(0, noise_level, large.shape).astype(np.float32)
    return np.clip(large + noise, 0, 255).astype(np.uint8)


def encoded(pixels: NDArray[np.uint8], kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **FORMATS[kind])
    return out.getvalue()


def photos_of(originals: Sequence[bytes], side: int, kind: str) -> list[bytes]:
    """Encoded photos of one size and format."""
    chosen = originals[: PHOTOS[side]]
    if side > 180:
        return [encoded(enlarged(photo, SIZES[side], seed), kind) for seed, photo in enumerate(chosen)]
    if kind == "JPEG":
        return list(chosen)
    return [encoded(np.asarray(pillow(photo)), kind) for photo in chosen]


def seconds(way: Way, photos: Sequence[bytes]) -> float:
    start = time.perf_counter()
    for photo in photos:
        way(photo)
    return time.perf_counter() - start


def rates(ways: dict[str, Way], photos: Sequence[bytes], repeats: int) -> dict[str, float]:
    """Photos per second of each way, median; each decodes everything once before."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        # turns in both directions: whoever comes after a slow one finds other things in the caches
        for name in list(ways) if repeat % 2 else reversed(ways):
            taken[name].append(seconds(ways[name], photos))
    return {name: len(photos) / statistics.median(times[1:]) for name, times in taken.items()}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--sizes", nargs="+", type=int, choices=list(SIZES), default=list(SIZES))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    originals = [photo for product in Catalog(options.file) for photo in product.images][: max(PHOTOS.values())]
    print(f"photos of {options.file.name}, one thread, {options.repeats} interleaved repeats, medians")
    print(f"{'photos/s':<22}{'kB each':>9}" + "".join(f"{name:>14}" for name in WAYS) + "   decode_photo / OpenCV")
    for side in options.sizes:
        for kind in FORMATS:
            photos = photos_of(originals, side, kind)
            row = rates(WAYS, photos, options.repeats)
            cells = "".join(f"{rate:>14.{0 if rate > 100 else 1}f}" for rate in row.values())
            goal = f" (goal {GOAL_BARE:.2f})" if (side, kind) == (180, "JPEG") else ""
            kilobytes = statistics.mean(map(len, photos)) / 1000
            width, height = SIZES[side]
            ratio = row["decode_photo"] / row["OpenCV"]
            print(f"{f'{width} x {height} {kind}':<22}{kilobytes:>9.0f}{cells}   {ratio:.2f}{goal}", flush=True)
    print(f"\n3000 x 4000 JPEG to {SMALL} px, ms each; what is coded is unpacked at any size, so the bytes decide")
    print(
        f"{'kB each':<10}"
        + "".join(f"{name:>20}" for name in TO_SMALL)
        + f"   as fast as whole (goal {GOAL_SMALL:.0f})"
    )
    for noise in NOISES:
        pictures = [enlarged(photo, SIZES[4000], seed, noise) for seed, photo in enumerate(originals[: PHOTOS[4000]])]
        photos = [encoded(picture, "JPEG") for picture in pictures]
        row = rates(TO_SMALL, photos, options.repeats)
        cells = "".join(f"{1000 / rate:>20.1f}" for rate in row.values())
        times = row["decode_photo"] / row["whole, then shrunk"]
        print(f"{statistics.mean(map(len, photos)) / 1000:<10.0f}{cells}   {times:.1f} times", flush=True)


if __name__ == "__main__":
    main()
