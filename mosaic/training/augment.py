"""Random changes of photos, drawn per photo from its identity and applied to a whole batch on the device.

The numbers behind a change are a pure function of seed, epoch, product and photo: they are the same whatever the
number of workers or devices, and in a run that was killed and resumed.
"""

import math
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mosaic.config import AugmentationConfig

N_NUMBERS = 20
"""Uniform numbers that the changes of one photo take."""
_AREA, _TOP, _LEFT, _FLIP, _TURN = range(5)
_COLOUR, _TINT = slice(5, 8), slice(8, 11)
_ERASE, _ERASED_AREA, _ASPECT, _ERASED_TOP, _ERASED_LEFT = range(11, 16)
_FILL = slice(16, 19)
_DETAIL = 19
ERASED = (0.02, 0.2)
"""Smallest and largest share of a photo that is erased."""
MAX_ASPECT = 3.0
"""Of an erased rectangle's sides, either way."""
_LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey, ITU-R BT.601 as in JPEG."""
_BINOMIAL = (0.25, 0.5, 0.25)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def uniforms(n_numbers: int, seed: int, *keys: NDArray[np.integer] | int) -> NDArray[np.float64]:
    """`(*shape, n_numbers)` float64 in [0, 1): a hash of the keys, which broadcast to `shape`.

    SplitMix64 (Steele, Lea, Flood 2014): counter-based, so that no state has to be kept or shared.
    """
    with np.errstate(over="ignore"):
        state = _mixed(np.asarray(seed).astype(np.uint64))
        for key in keys:
            state = _mixed(state ^ _mixed(np.asarray(key).astype(np.uint64)))
        counters = (np.arange(n_numbers, dtype=np.uint64) + np.uint64(1)) * _GOLDEN
        bits = _mixed(state[..., None] + counters)
    # the upper 53 bits: as many as a float64 holds
    numbers: NDArray[np.float64] = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: each bit of the input changes each of the output about every second time."""
    x = x + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@torch.no_grad()
def augment(photos: Tensor, numbers: Tensor, config: AugmentationConfig, size: int) -> Tensor:
    """Crop, mirror, turn, sharpen or blur, colour and erase.

    Args:
        photos: `(M, S, S, 3)` uint8 RGB.
        numbers: `(M, N_NUMBERS)` float32 in [0, 1), from `uniforms`.
        config: what is done, and how strongly.
        size: side of the result.

    Returns:
        `(M, size, size, 3)` float32 in [0, 255].
    """
    # in bfloat16, where a trainer switches it on, places would be off by half a pixel
    with torch.autocast(photos.device.type, enabled=False):
        pixels = _window(photos.permute(0, 3, 1, 2).float(), numbers, config, size)
        if config.sharpness:
            pixels = _sharpened(pixels, config.sharpness * (3 * numbers[:, _DETAIL] - 1))
        if config.colour:
            pixels = _recoloured(pixels, 1 + config.colour * (2 * numbers[:, _COLOUR] - 1))
        if config.tint:
            pixels = pixels * (1 + config.tint * (2 * numbers[:, _TINT] - 1))[:, :, None, None]
        if config.sharpness or config.colour or config.tint:
            pixels = pixels.clamp(0, 255)
        if config.erasing:
            pixels = _erased(pixels, numbers, config.erasing)
    return pixels.permute(0, 2, 3, 1)


def _window(pixels: Tensor, numbers: Tensor, config: AugmentationConfig, size: int) -> Tensor:
    """Crop, mirror and turn in one bilinear resampling; what a turn brings in from outside is the mirrored edge."""
    side = pixels.shape[-1]
    flip = numbers[:, _FLIP] < 0.5 if config.flip else torch.zeros_like(numbers[:, _FLIP], dtype=torch.bool)
    if config.min_crop == 1 and config.rotation == 0 and side == size:
        return torch.where(flip[:, None, None, None], pixels.flip(3), pixels)
    # of the side: the area is drawn evenly
    share = (config.min_crop + (1 - config.min_crop) * numbers[:, _AREA]).sqrt()
    angle = math.radians(config.rotation) * (2 * numbers[:, _TURN] - 1)
    sign = 1 - 2 * flip.float()
    cos, sin = share * angle.cos(), share * angle.sin()
    across = torch.stack([sign * cos, -sin, (1 - share) * (2 * numbers[:, _LEFT] - 1)], dim=1)
    down = torch.stack([sign * sin, cos, (1 - share) * (2 * numbers[:, _TOP] - 1)], dim=1)
    to_source = torch.stack([across, down], dim=1)
    grid = F.affine_grid(to_source, [len(pixels), 3, size, size], align_corners=False)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


@cache
def _on_device(values: tuple[float, ...], device: torch.device) -> Tensor:
    """`(3,)` float32, sent there once: a GPU would have to finish what it does before each of them."""
    return torch.tensor(values, dtype=torch.float32, device=device)


def _sharpened(pixels: Tensor, gain: Tensor) -> Tensor:
    """Unsharp masking: `(M,)` gain times the difference to a binomial 3 x 3 blur is added; -1 leaves the blur."""
    binomial = _on_device(_BINOMIAL, pixels.device)
    kernel = torch.outer(binomial, binomial).expand(3, 1, 3, 3)
    blurred = F.conv2d(F.pad(pixels, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
    return pixels + gain[:, None, None, None] * (pixels - blurred)


def _recoloured(pixels: Tensor, factors: Tensor) -> Tensor:
    """Scale brightness, contrast (about the mean) and saturation (about the grey value), `(M, 3)` factors."""
    brightness, contrast, saturation = factors[:, :, None, None, None].unbind(1)
    grey = (pixels * _on_device(_LUMA, pixels.device)[:, None, None]).sum(1, keepdim=True)
    mean = grey.mean((1, 2, 3), keepdim=True)
    return (mean + (grey + (pixels - grey) * saturation - mean) * contrast) * brightness


def _erased(pixels: Tensor, numbers: Tensor, chance: float) -> Tensor:
    """Random erasing (Zhong et al. 2020) with one colour per rectangle."""
    size = pixels.shape[-1]
    area = size**2 * (ERASED[0] + (ERASED[1] - ERASED[0]) * numbers[:, _ERASED_AREA])
    # as often tall as wide
    aspect = MAX_ASPECT ** (2 * numbers[:, _ASPECT] - 1)
    height, width = (area * aspect).sqrt().clamp(max=size), (area / aspect).sqrt().clamp(max=size)
    top, left = (size - height) * numbers[:, _ERASED_TOP], (size - width) * numbers[:, _ERASED_LEFT]
    place = torch.arange(size, device=pixels.device) + 0.5
    rows = (place >= top[:, None]) & (place < (top + height)[:, None])
    columns = (place >= left[:, None]) & (place < (left + width)[:, None])
    inside = rows[:, :, None] & columns[:, None, :] & (numbers[:, _ERASE] < chance)[:, None, None]
    return torch.where(inside[:, None], 255 * numbers[:, _FILL][:, :, None, None], pixels)
