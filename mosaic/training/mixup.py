"""Mixup and cutmix: a batch blended with itself in another order."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mosaic.config import TrainingConfig


class MixedBatch(NamedTuple):
    """A batch after blending.

    Attributes:
        photos: `(B, N, S, S, 3)` as they came, or blended; partner: `(B,)` int64 row whose label each row has in part;
        share: of the row's own label, in [0, 1]; 1 where nothing was blended.
    """

    photos: Tensor
    partner: Tensor
    share: float


def mixup_or_cutmix(photos: Tensor, training: TrainingConfig, rng: np.random.Generator) -> MixedBatch:
    """Mixup (Zhang et al. 2018) or cutmix (Yun et al. 2019) of `(B, N, S, S, 3)` float photos.

    Cutmix takes the same rectangle from every photo of the partner, so that each place of the mosaic keeps its part.
    """
    # with both on, each batch draws one
    kinds = [kind for kind in ("mixup", "cutmix") if getattr(training, kind) > 0]
    if not kinds or len(photos) == 1:
        return MixedBatch(photos, torch.arange(len(photos), device=photos.device), 1.0)
    kind = kinds[int(rng.integers(len(kinds)))]
    alpha = getattr(training, kind)
    share = float(rng.beta(alpha, alpha))
    partner = torch.from_numpy(rng.permutation(len(photos)))
    if photos.is_cuda:
        # copied from other memory, the GPU would have to finish what it does first
        partner = partner.pin_memory()
    partner = partner.to(photos.device, non_blocking=True)
    if kind == "mixup":
        return MixedBatch(share * photos + (1 - share) * photos[partner], partner, share)
    size = photos.shape[2]
    # the rectangle's area is 1 - share of a photo; whole pixels change it a little, so the share is counted again
    side = round(size * float(np.sqrt(1 - share)))
    top, left = (int(value) for value in rng.integers(0, size - side + 1, size=2))
    window = (slice(None), slice(None), slice(top, top + side), slice(left, left + side))
    photos = photos.clone()
    photos[window] = photos[partner][window]
    return MixedBatch(photos, partner, 1 - side**2 / size**2)
