"""Photos side by side, and what augmentation may do to one of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.config import load_config
from mosaic.config import AugmentationConfig, MosaicConfig
from mosaic.strip import assemble, augment

OFF = load_config(MosaicConfig, "mosaic").augmentation.model_copy(update={"flip": False, "min_crop": 1, "colour": 0})


def picture(seed: int, side: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 32))
def test_every_photo_stands_in_its_own_square(sides, size):
    pictures = [np.full((side, side, 3), 60 * rank, np.uint8) for rank, side in enumerate(sides)]
    strip = assemble(pictures, size)
    assert strip.shape == (size, size * len(sides), 3)
    assert strip.dtype == np.uint8
    for rank in range(len(sides)):
        assert (strip[:, rank * size : (rank + 1) * size] == 60 * rank).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 50), st.booleans(), st.floats(0.05, 1), st.floats(0, 1), st.integers(0, 10**6))
def test_augmentation_gives_a_square_of_the_promised_size(side, flip, min_crop, colour, seed):
    config = AugmentationConfig(flip=flip, min_crop=min_crop, colour=colour)
    source = picture(seed, side)
    before = source.copy()
    out = augment(source, config, np.random.default_rng(seed))
    assert out.dtype == np.uint8
    assert out.shape[0] == out.shape[1] <= side
    assert out.shape[0] >= max(1, np.floor(side * np.sqrt(min_crop) - 0.5))
    assert out.flags.c_contiguous
    np.testing.assert_array_equal(source, before)


def test_a_crop_is_a_window_and_a_mirror_a_mirror():
    source = picture(0, 30)
    crop = augment(source, OFF.model_copy(update={"min_crop": 0.3}), np.random.default_rng(1))
    side = len(crop)
    windows = [(t, x) for t in range(31 - side) for x in range(31 - side)]
    assert any((source[t : t + side, x : x + side] == crop).all() for t, x in windows)
    seen = set()
    for seed in range(20):
        out = augment(source, OFF.model_copy(update={"flip": True}), np.random.default_rng(seed))
        mirrored = (out == source[:, ::-1]).all()
        assert mirrored or (out == source).all()
        seen.add(bool(mirrored))
    assert seen == {True, False}


@pytest.mark.parametrize("value", [0, 128, 255])
def test_colour_moves_a_plain_picture_in_brightness_alone(value):
    plain = np.full((9, 9, 3), value, np.uint8)
    shown = {
        tuple(np.unique(augment(plain, OFF.model_copy(update={"colour": 0.2}), np.random.default_rng(s))).tolist())
        for s in range(20)
    }
    assert all(len(values) == 1 for values in shown)
    assert all(0.79 * value - 1 <= values[0] <= 1.21 * value + 1 for values in shown)
    assert len(shown) > 1 or value == 0
