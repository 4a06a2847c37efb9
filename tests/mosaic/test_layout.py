"""Photos side by side: every photo in its own square, whatever the layout."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mosaic.layout import arrange, mirrored
from mosaic.training.layout import arrange as arrange_tensor


def numbered(batch: int, n: int, size: int) -> np.ndarray:
    """Photos of noise, no two alike."""
    return np.random.default_rng(n).integers(0, 256, (batch, n, size, size, 3), np.uint8)


def place(layout: str, n: int, photo: int) -> tuple[int, int]:
    """Row and column of a photo, written down the slow way."""
    if layout == "strip" or n < 3:
        return 0, photo
    return [(0, 0), (0, 1), (1, 0), (1, 1)][photo]


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 20), st.sampled_from(["strip", "grid"]))
def test_every_photo_stands_in_its_own_square(batch, n, size, layout):
    photos = numbered(batch, n, size)
    mosaics = arrange(photos, layout)
    rows, columns = (2, 2) if layout == "grid" and n > 2 else (1, n)
    assert mosaics.shape == (batch, rows * size, columns * size, 3)
    assert mosaics.dtype == np.uint8
    left = np.ones(mosaics.shape[1:3], bool)
    for photo in range(n):
        row, column = place(layout, n, photo)
        window = (slice(row * size, (row + 1) * size), slice(column * size, (column + 1) * size))
        assert (mosaics[:, *window] == photos[:, photo]).all()
        left[window] = False
    assert (mosaics[:, left] == 255).all()
    assert bool(left.any()) == (layout == "grid" and n == 3)
    # in training, on the device
    tensor = arrange_tensor(torch.from_numpy(photos).float(), layout)
    assert tensor.dtype == torch.float32
    np.testing.assert_array_equal(tensor.numpy(), mosaics)


@pytest.mark.parametrize("layout", ["strip", "grid"])
def test_a_mirrored_photo_keeps_its_place(layout):
    photos = numbered(2, 3, 5)
    whole = arrange(mirrored(photos), layout)
    for photo in range(3):
        row, column = place(layout, 3, photo)
        square = whole[:, row * 5 : row * 5 + 5, column * 5 : column * 5 + 5]
        assert (square[:, :, ::-1] == photos[:, photo]).all()
