"""How fast this machine does what a fit consists of, measured on the catalogue's own photos in some twenty seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mosaic.backbone_speed import BackboneSpeed

__all__ = ["KNOWN", "BackboneSpeed", "MachineSpeed", "is_reckoned", "times_known"]

KNOWN = "tf_efficientnet_lite0"
_TIMES = {"tf_efficientnet_lite0": 1.0, "tf_efficientnet_lite1": 1.3, "tf_efficientnet_lite2": 1.45}
"""At the same size of photos (CPU time of steps by turns: 1.28 and 1.43 in training, 1.32 and 1.45 in prediction)."""
_TIMES_RESNET = 8.0
"""Any other is taken for a ResNet-50."""


@dataclass(frozen=True)
class MachineSpeed:
    """Seconds of this machine, now: other work on it counts.

    Attributes:
        cores: that this process may use. free_bytes: memory that is free. free_disk: in the workspace's file system.
        decode_s: per photo, reading and decoding to the size of training.
        backbones: by timm's name.
        read_s: per photo, by the engine that reads; all of its processes together. 0 where it was not measured.
        read_s_of_shelf: the same by the name of a node of the highest level, where photos of it were timed: what has
            more words takes longer.
        words_per_photo: of the photos that were read to measure it.
        start_s: of a command: imports and opening.
        workers: processes that decode photos beside a training where `workers` is auto; 0 where it decodes them itself.
        slowness: how many times as long work that is no network's takes as where the seconds that are not measured were
            taken, see `rayonnage.fitting.measuring.ordinary_work`; 0 where it was not measured.
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
    read_s_of_shelf: Mapping[str, float] = field(default_factory=dict)
    workers: int = 0
    slowness: float = 0.0


def is_reckoned(backbone: str) -> bool:
    """Whether it is known how long this one takes beside others that are."""
    return backbone in _TIMES


def times_known(backbone: str) -> float:
    """How many times as long a backbone takes as `KNOWN` at the same size of photos."""
    return _TIMES.get(backbone, _TIMES_RESNET)
