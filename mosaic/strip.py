"""Photos side by side in the seller's order: the mosaic that a network looks at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mosaic.config import AugmentationConfig
from mosaic.photos import Picture, resize


def assemble(pictures: Sequence[Picture], size: int) -> NDArray[np.uint8]:
    """Set N square pictures side by side: `(size, N * size, 3)` uint8 RGB."""
    return np.concatenate([resize(picture, size) for picture in pictures], axis=1)


def augment(picture: Picture, config: AugmentationConfig, rng: np.random.Generator) -> Picture:
    """Random crop, mirror and colour of one square picture; `(S, S, 3)` uint8 in and, cropped, out."""
    if config.min_crop < 1:
        side = picture.shape[0]
        crop = max(1, round(side * float(np.sqrt(rng.uniform(config.min_crop, 1)))))
        top, left = rng.integers(0, side - crop + 1, size=2)
        picture = picture[top : top + crop, left : left + crop]
    if config.flip and rng.random() < 0.5:
        picture = picture[:, ::-1]
    if config.colour:
        picture = _shift_colour(picture, 1 + config.colour * rng.uniform(-1, 1, size=3))
    return np.ascontiguousarray(picture)


def _shift_colour(picture: Picture, factors: NDArray[np.float64]) -> Picture:
    """Scale brightness, contrast (about the mean) and saturation (about the grey value)."""
    brightness, contrast, saturation = (float(f) for f in factors)
    image = picture.astype(np.float32)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    image = grey + (image - grey) * saturation
    mean = float(grey.mean())
    image = (mean + (image - mean) * contrast) * brightness
    return np.clip(image, 0, 255).astype(np.uint8)
