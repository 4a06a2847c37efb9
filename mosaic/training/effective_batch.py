"""How many photos one step learns from, over all batches and processes that share in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mosaic.config import MosaicConfig, TrainingConfig


@dataclass(frozen=True)
class EffectiveBatch:
    """The photos of one optimizer step.

    A configuration's learning rates are for `photos_per_batch` x `accumulate` photos. Processes that train together
    each add a batch to every step, so that each accumulates its share of the batches only.

    Attributes:
        photos_per_batch: of each process; accumulate: batches that each process adds up; n_devices: processes;
        wanted: photos of a step of one process alone, as the configuration has it.
    """

    photos_per_batch: int
    accumulate: int
    n_devices: int
    wanted: int

    @classmethod
    def of(cls, config: MosaicConfig, training: TrainingConfig, n_devices: int) -> EffectiveBatch:
        """What a step of this training is with so many processes; at least the photos that are wanted."""
        photos = config.photos_per_batch
        # rounded up: a step of too few photos would be too long for its noise
        share = -(-training.accumulate // n_devices)
        return cls(photos, share, n_devices, photos * training.accumulate)

    @property
    def photos(self) -> int:
        """Photos of a step."""
        return self.photos_per_batch * self.accumulate * self.n_devices

    def __str__(self) -> str:
        factors = [f"{self.photos_per_batch} a batch"]
        if self.accumulate > 1:
            factors.append(f"{self.accumulate} batches")
        if self.n_devices > 1:
            factors.append(f"{self.n_devices} processes")
        return f"{self.photos} photos a step" + (f" ({' x '.join(factors)})" if len(factors) > 1 else "")

    def deviation(self, config: MosaicConfig) -> str:
        """What to know where a step has more photos than the learning rates are for; empty where it has as many."""
        if self.photos == self.wanted:
            return ""
        fitting = max(1, self.wanted // (self.accumulate * self.n_devices))
        # photos_per_batch alone would make a configuration for smaller steps, which would deviate again
        options = smaller_batches(config, fitting, self.n_devices, lambda batch: batch.wanted)
        return (
            f"{self}, where the configuration has {self.wanted}, and its learning rates are for those: "
            f"{options} keeps to them, else set lr and head_lr anew"
        )


def smaller_batches(
    config: MosaicConfig, photos_per_batch: int, n_devices: int, photos_of_step: Callable[[EffectiveBatch], int]
) -> str:
    """Options by which steps of both kinds of fit take batches of so many photos, and as near as can be as many photos.

    `photos_of_step`: how many that is to be, of a step as it is now.
    """
    options = [f"--set photos_per_batch={photos_per_batch}"]
    for kind, training in (("training", config.training), ("specialist", config.specialist)):
        photos = photos_of_step(EffectiveBatch.of(config, training, n_devices))
        share = max(1, round(photos / (photos_per_batch * n_devices)))
        options.append(f"--set {kind}.accumulate={share * n_devices}")
    return " ".join(options)
