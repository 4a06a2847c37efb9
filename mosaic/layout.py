"""Photos in the seller's order, set side by side: the mosaic that a network looks at."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Layout = Literal["strip", "grid"]
WHITE = 255


def arrange(photos: Tensor, layout: Layout) -> Tensor:
    """Set the photos of each product into one picture.

    Args:
        photos: `(B, N, S, S, 3)`, any dtype, 0..255.
        layout: `strip`: one row of N; `grid`: rows of two from the third photo on, an empty place is white.

    Returns:
        `(B, S, N * S, 3)`, for a grid of three or four `(B, 2 * S, 2 * S, 3)`, of the same dtype.
    """
    batch, n, size = photos.shape[:3]
    columns = n if layout == "strip" or n < 3 else 2
    rows = -(-n // columns)
    if n < rows * columns:
        blank = photos.new_full((batch, rows * columns - n, size, size, 3), WHITE)
        photos = torch.cat([photos, blank], dim=1)
    # (B, rows, columns, S, S, 3) -> (B, rows, S, columns, S, 3)
    tiles = photos.view(batch, rows, columns, size, size, 3).transpose(2, 3)
    return tiles.reshape(batch, rows * size, columns * size, 3)


def mirrored(photos: Tensor) -> Tensor:
    """Each photo mirrored in its own place: the order of ranks carries information. `(B, N, S, S, 3)` both ways."""
    return photos.flip(3)
