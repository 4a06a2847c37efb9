"""The labelled products that look most like one, as an expert of the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from catalog.chunk import Chunk
from catalog.experts import Opinion, OtherProduct
from catalog.photos.batch import PhotoDecoder
from catalog.probabilities import Probabilities, Silence
from fusion.experts.labelled_products import LabelledProducts
from fusion.experts.neighbour_shares import NearestLabelled, NeighbourShares

NAME = "neighbours"
RELATION = "looks like"
SHOWN = 3
"""Of the nearest products."""


class ProductEmbedder(Protocol):
    """What tells how products look, see `mosaic.inference.embedding.Embedder`."""

    @property
    def photo_size(self) -> int:
        """Pixels of the longer side of the photos that it wants."""

    def embed(self, chunk: Chunk) -> NDArray[np.float32]:
        """`(N, D)` of length 1; zeros where a product has no readable photo."""


@dataclass(frozen=True)
class NeighbourExpert:
    """Tells the category from the labelled products that look alike, see `Expert`."""

    embedder: ProductEmbedder
    labelled: LabelledProducts
    shares: NeighbourShares
    plan: str
    photo_decoder: PhotoDecoder | None = None
    name: str = NAME

    @property
    def photo_side(self) -> int:
        """As the network wants it."""
        return self.embedder.photo_size

    def predict(self, chunk: Chunk, so_far: Sequence[Opinion]) -> Opinion:
        """What the nearest labelled products say; the first of them are shown."""
        own = chunk.product_ids if chunk.in_training else None
        nearest = self.labelled.nearest(self.embedder.embed(chunk), chunk.md5s, own)
        probabilities = probabilities_of(
            nearest, self.shares, chunk.product_ids, chunk.n_readable,
            frequency=self.labelled.frequency, taxonomy=self.labelled.tree.fingerprint, plan=self.plan,
        )  # fmt: skip
        return Opinion(probabilities, NAME, {
            row: tuple(OtherProduct(RELATION, one) for one in self._shown(nearest, row))
            for row in np.flatnonzero(probabilities.speaks).tolist()
        })  # fmt: skip

    def _shown(self, nearest: NearestLabelled, row: int) -> list[str | int]:
        there = np.isfinite(nearest.scores[row, :SHOWN])
        return self.labelled.index.ids.take(nearest.product_ids[row, :SHOWN][there])

    def close(self) -> None:
        """Nothing was started."""


def probabilities_of(
    nearest: NearestLabelled, shares: NeighbourShares, product_ids: NDArray[np.int64], n_readable: NDArray[np.int8], *,
    frequency: NDArray[np.float64], taxonomy: str, plan: str,
) -> Probabilities:  # fmt: skip
    """What the nearest labelled products of N products say; `n_readable`, `(N,)`: photos that each is known by.

    It can name every leaf, by its `(n_leaves,)` `frequency`: a label may be of a leaf that no network has learnt.
    """
    leaves, values, rest = shares.shares(nearest)
    silence = np.where(values[:, 0] > 0, Silence.SPEAKS, Silence.NO_NEIGHBOUR)
    silence = np.where(n_readable > 0, silence, Silence.UNREADABLE).astype(np.uint8)
    silent = silence != Silence.SPEAKS
    leaves[silent], values[silent], rest[silent] = 0, np.nan, np.nan
    support = np.arange(len(frequency), dtype=np.int32)
    return Probabilities(
        NAME, product_ids, n_readable, leaves, values, rest, silence, support, frequency, taxonomy, plan
    )
