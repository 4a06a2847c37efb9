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
    places = list(photos.unbind(1))
    columns = len(places) if layout == "strip" or len(places) < 3 else 2
    if len(places) % columns:
        places.append(torch.full_like(places[0], WHITE))
    rows = [torch.cat(places[start : start + columns], dim=2) for start in range(0, len(places), columns)]
    return torch.cat(rows, dim=1)


def mirrored(photos: Tensor) -> Tensor:
    """Each photo mirrored in its own place: the order of ranks carries information. `(B, N, S, S, 3)` both ways."""
    return photos.flip(3)
