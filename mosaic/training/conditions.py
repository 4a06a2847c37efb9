"""Under which conditions a training runs, in one line: what it would be slow, or end elsewhere, for."""

import torch

from mosaic.config import MosaicConfig, TrainingConfig
from mosaic.networks.device import best_device, data_workers, described
from mosaic.training import distributed
from mosaic.training.effective_batch import EffectiveBatch

GIB = 2**30


def conditions(config: MosaicConfig, training: TrainingConfig) -> str:
    """Device, numbers, photos of a step, input and how steps are computed."""
    n_devices, n_workers = distributed.world_size(), data_workers(config)
    photos = f"photos of {config.train_photo_size} px, prepared by "
    each = " each" if n_devices > 1 else ""
    return "; ".join(
        [
            f"{n_devices} x {_device()}" if n_devices > 1 else _device(),
            str(EffectiveBatch.of(config, training, n_devices)),
            photos + (f"{n_workers} processes{each}" if n_workers else "the same process"),
            "compiled" if config.compile else "not compiled",
            "deterministic" if config.deterministic else "not deterministic",
        ]
    )


def _device() -> str:
    device = best_device()
    if device.type == "cpu":
        return described(device)
    return f"{described(device)}, {torch.cuda.get_device_properties(device).total_memory / GIB:.0f} GiB"
