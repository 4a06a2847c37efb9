"""How fast this machine does what a fit consists of, measured on the catalogue's own photos in some twenty seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class BackboneSpeed:
    """Of one network at `side` pixels; other sizes cost as many times more as they have pixels.

    Attributes:
        train_s: seconds of a training step (forward, backward, optimiser) per photo.
        embed_s: seconds per photo through the backbone as it is in training. predict_s: as a graph that predicts.
        train_bytes: memory that a photo of a training batch takes.
    """

    side: int
    train_s: float
    embed_s: float
    predict_s: float
    train_bytes: int


@dataclass(frozen=True)
class MachineSpeed:
    """Seconds of this machine, now: other work on it counts.

    Attributes:
        cores: that this process may use. free_bytes: memory that is free. free_disk: in the workspace's file system.
        decode_s: per photo, reading and decoding to the size of training.
        backbones: by timm's name.
        read_s: per photo, by the engine that reads; all of its processes together. 0 where it was not measured.
        words_per_photo: of the photos that were read to measure it.
        start_s: of a command: imports and opening.
        workers: processes that decode photos beside a training where `workers` is auto; 0 where it decodes them itself.
        words_of_shelf: words per photo that was read, by the name of its node of the highest level.
    """

    cores: int
    free_bytes: int
    free_disk: int
    decode_s: float
    backbones: dict[str, BackboneSpeed]
    read_s: float
    words_per_photo: float
    start_s: float
    words_of_shelf: Mapping[str, float] = field(default_factory=dict)
    workers: int = 0
