"""Random numbers that depend on identity alone, and what they do to a photo."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from catalog.runs.config import load_config
from mosaic.config import AugmentationConfig, MosaicConfig
from mosaic.training.augment import N_NUMBERS, augment, uniforms

OFF = load_config(MosaicConfig, "mosaic").augmentation.model_copy(
    update={"flip": False, "min_crop": 1.0, "rotation": 0, "colour": 0.0, "tint": 0.0, "sharpness": 0.0, "erasing": 0.0}
)


def pictures(n: int, side: int) -> torch.Tensor:
    return torch.randint(0, 256, (n, side, side, 3), generator=torch.manual_seed(side)).to(torch.uint8)


def numbers(n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(uniforms(N_NUMBERS, seed, np.arange(n)).astype(np.float32))


def switched(**on: object) -> AugmentationConfig:
    return OFF.model_copy(update=on)


def test_uniforms_are_uniform_and_independent():
    drawn = uniforms(4, 7, np.arange(20_000))
    for column in drawn.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-4
    assert np.abs(np.corrcoef(drawn.T) - np.eye(4)).max() < 0.03
    neighbours = np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]
    assert abs(neighbours) < 0.03


@settings(max_examples=50)
@given(st.integers(0, 2**31), st.integers(0, 1000), st.lists(st.integers(0, 10**7), min_size=1, max_size=5))
def test_uniforms_depend_on_the_keys_alone(seed, epoch, products):
    together = uniforms(3, seed, epoch, np.array(products)[:, None], np.arange(2))
    assert together.shape == (len(products), 2, 3)
    assert ((together >= 0) & (together < 1)).all()
    for row, product in enumerate(products):
        np.testing.assert_array_equal(together[row, 1], uniforms(3, seed, epoch, product, 1))
    assert (uniforms(3, seed, epoch + 1, products[0], 0) != together[0, 0]).any()


def test_nothing_switched_on_changes_nothing():
    photos = pictures(3, 20)
    torch.testing.assert_close(augment(photos, numbers(3), OFF, 20), photos.float())


def test_a_photo_is_changed_the_same_alone_and_in_a_batch():
    config = AugmentationConfig(flip=True, min_crop=0.4, rotation=20, colour=0.3, tint=0.2, sharpness=0.5, erasing=0.5)
    photos, drawn = pictures(6, 24), numbers(6)
    together = augment(photos, drawn, config, 16)
    assert together.shape == (6, 16, 16, 3)
    assert together.min() >= 0
    assert together.max() <= 255
    for i in range(6):
        torch.testing.assert_close(augment(photos[i : i + 1], drawn[i : i + 1], config, 16)[0], together[i])


def test_a_trainers_bfloat16_does_not_reach_the_photos():
    config = AugmentationConfig(flip=True, min_crop=0.4, rotation=20, colour=0.3, tint=0.2, sharpness=0.5, erasing=0.5)
    photos, drawn = pictures(6, 180), numbers(6)
    with torch.autocast("cpu", torch.bfloat16):
        augmented = augment(photos, drawn, config, 160)
    assert augmented.dtype == torch.float32
    torch.testing.assert_close(augmented, augment(photos, drawn, config, 160))


@pytest.mark.parametrize("size", [20, 14])
def test_a_mirror_is_a_mirror(size):
    photos = pictures(20, 20)
    plain, seen = augment(photos, numbers(20), OFF, size), set()
    for before, after in zip(plain, augment(photos, numbers(20), switched(flip=True), size), strict=True):
        was_mirrored = torch.allclose(after, before.flip(1), atol=1e-2)
        assert was_mirrored or torch.allclose(after, before, atol=1e-2)
        seen.add(was_mirrored)
    assert seen == {True, False}


def test_a_crop_shows_a_window_of_the_photo():
    """On a photo whose colour tells the place, the corners of the crop tell its window."""
    side = 64
    ramp = torch.arange(side, dtype=torch.float32) * 255 / (side - 1)
    photo = torch.stack([ramp.expand(side, side), ramp[:, None].expand(side, side), torch.zeros(side, side)], dim=2)
    photos = photo.round().to(torch.uint8).expand(50, -1, -1, -1)
    out = augment(photos, numbers(50), switched(min_crop=0.25), 32) * (side - 1) / 255
    left, right, top, bottom = out[:, 0, 0, 0], out[:, 0, -1, 0], out[:, 0, 0, 1], out[:, -1, 0, 1]
    width, height = (right - left) * 32 / 31, (bottom - top) * 32 / 31
    torch.testing.assert_close(width, height, atol=2, rtol=0)
    share = (width / side) ** 2
    assert 0.22 < share.min() < 0.45
    assert 0.8 < share.max() < 1.05
    assert min(left.min(), top.min()) > -1
    assert max(right.max(), bottom.max()) < side
    assert left.std() > 3


def test_a_turn_stays_within_its_limit():
    """A bright point right of the centre moves on a circle."""
    photos = torch.zeros(60, 65, 65, 3, dtype=torch.uint8)
    photos[:, 31:34, 55:58] = 255
    out = augment(photos, numbers(60), switched(rotation=30), 65).mean(3)
    angles = []
    for picture in out:
        row, column = divmod(int(picture.argmax()), 65)
        assert abs(np.hypot(row - 32, column - 32) - 24) < 2.5
        angles.append(np.degrees(np.arctan2(row - 32, column - 32)))
    assert max(np.abs(angles)) < 34
    assert max(angles) > 15
    assert min(angles) < -15


@pytest.mark.parametrize("value", [0, 128, 255])
def test_colour_moves_a_grey_picture_in_brightness_alone_and_tint_does_not(value):
    plain = torch.full((20, 9, 9, 3), value, dtype=torch.uint8)
    for picture in augment(plain, numbers(20), switched(colour=0.2), 9):
        assert picture.max() - picture.min() < 1e-2
        assert 0.79 * value - 0.1 <= picture.mean() <= min(255, 1.21 * value) + 0.1
    tinted = augment(plain, numbers(20), switched(tint=0.2), 9)
    assert float(tinted.std(3).max()) > 5 or value == 0


def test_sharpness_changes_fine_detail_alone_both_ways():
    """On stripes of one pixel the blur is flat; on a plain photo there is nothing to change."""
    stripes = torch.full((200, 12, 12, 3), 100, dtype=torch.uint8)
    stripes[:, :, ::2] = 120
    inner = augment(stripes, numbers(200), switched(sharpness=1.0), 12)[:, 2:-2, 2:-2]
    contrast = inner[:, :, 0, 0] - inner[:, :, 1, 0]
    torch.testing.assert_close(inner.mean((1, 2, 3)), torch.full((200,), 110.0))
    # the factor runs from 0 to 3
    assert contrast.min() < 2
    assert 56 < contrast.max() <= 60.01
    assert contrast.mean() == pytest.approx(30, abs=4)
    plain = torch.full((9, 12, 12, 3), 100, dtype=torch.uint8)
    torch.testing.assert_close(augment(plain, numbers(9), switched(sharpness=1.0), 12), plain.float())


def test_erasing_fills_one_rectangle_with_one_colour_as_often_as_asked():
    photos = torch.full((400, 40, 40, 3), 77, dtype=torch.uint8)
    erased = 0
    for picture in augment(photos, numbers(400), switched(erasing=0.3), 40):
        changed = (picture - 77).abs().amax(2) > 1e-3
        if not changed.any():
            continue
        erased += 1
        rows, columns = changed.any(1).nonzero()[:, 0], changed.any(0).nonzero()[:, 0]
        box = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert len(box) * box.shape[1] == int(changed.sum())
        assert float((box - box[0, 0]).abs().max()) < 1e-3
        assert 0.01 < len(box) * box.shape[1] / 1600 < 0.25
    assert 80 < erased < 160
