"""Photos in the seller's order, set side by side: the mosaic that a network looks at."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Layout = Literal["strip", "grid"]
WHITE = 255


def n_columns(n_photos: int, layout: Layout) -> int:
    """Photos in a row: all of them, in a grid two from the third photo on."""
    return n_photos if layout == "strip" or n_photos < 3 else 2


def arrange(photos: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """Set the photos of each product into one picture.

    Args:
        photos: `(B, N, S, S, 3)` uint8 RGB.
        layout: `strip`: one row of N; `grid`: rows of two from the third photo on, an empty place is white.

    Returns:
        `(B, S, N * S, 3)`, for a grid of three or four `(B, 2 * S, 2 * S, 3)`.
    """
    n_products, n_photos, size = photos.shape[:3]
    columns = n_columns(n_photos, layout)
    if n_photos % columns:
        # white, as what a photo that is not square is set on
        photos = np.concatenate([photos, np.full_like(photos[:, :1], WHITE)], axis=1)
    rows = photos.reshape(n_products, -1, columns, size, size, 3).transpose(0, 1, 3, 2, 4, 5)
    return rows.reshape(n_products, -1, columns * size, 3)


def mirrored(photos: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`(B, N, S, S, 3)` photos, each mirrored in its own place."""
    # not the mosaic: the seller's order of the photos carries information
    return photos[:, :, :, ::-1]
