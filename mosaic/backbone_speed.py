"""What a network costs on this machine; this module loads no network."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class BackboneSpeed:
    """Of one network at `side` pixels; other sizes cost as many times more as they have pixels.

    Attributes:
        train_s: seconds of a training step (augmentation, forward, backward, optimiser) per photo.
        embed_s: seconds per photo through the backbone as it is in training. predict_s: as a graph that predicts, once
            (where photos are mirrored, too, twice that).
        train_bytes: memory that a photo of a training batch takes.
    """

    side: int
    train_s: float
    embed_s: float
    predict_s: float
    train_bytes: int

    def times(self, factor: float) -> BackboneSpeed:
        """Of a network that costs so many times as much in everything."""
        return replace(
            self, train_s=factor * self.train_s, embed_s=factor * self.embed_s, predict_s=factor * self.predict_s,
            train_bytes=round(factor * self.train_bytes),
        )  # fmt: skip
