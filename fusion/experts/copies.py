"""Known copies as an expert of the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from catalog.chunk import Chunk
from catalog.experts import Expert, Opinion, OtherProduct
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_numbers
from catalog.photos.batch import PhotoDecoder
from catalog.probabilities import Probabilities
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.sources.source import NO_CATEGORY
from catalog.tree.label_leaves import label_leaves
from catalog.tree.taxonomy import Taxonomy
from fusion.details import FusionDetails
from fusion.experts.copy_table import NAME, CopyTable
from fusion.experts.kind import ExpertKind

FILE = "copies.safetensors"
RELATION = "same photo as"
MIN_SPEAKING = 20
"""Held-out products on which copies must be known before the copies become an expert."""


@dataclass(frozen=True)
class CopyExpert:
    """Tells where the products with the same photos lie, see `Expert`."""

    table: CopyTable
    tree: Taxonomy
    name: str = NAME
    photo_side: int = 0
    photo_decoder: PhotoDecoder | None = None

    def predict(self, chunk: Chunk, so_far: Sequence[Opinion]) -> Opinion:
        """What is known of the chunk's photos; of those in training each product is left out of its own counts."""
        ids = chunk.product_ids
        own_leaf = _own_leaf(chunk, self.tree) if chunk.in_training else None
        probabilities = self.table.predict(ids, chunk.md5s, own_leaf)
        return Opinion(probabilities, NAME, {
            row: tuple(OtherProduct(RELATION, one) for one in self._known(chunk.md5s[row], int(ids[row])))
            for row in np.flatnonzero(probabilities.speaks).tolist()
        })  # fmt: skip

    def _known(self, md5s: Sequence[bytes], other_than: int) -> Sequence[ShopId | None]:
        """Products with these photos; one that has no name where there are some, but none that can be named."""
        return self.table.examples(md5s, other_than) or [None]

    def close(self) -> None:
        """Nothing was started."""


def _own_leaf(chunk: Chunk, tree: Taxonomy) -> NDArray[np.int64]:
    """`(n,)` leaf of each product's own label, as training has taken it."""
    labels = [NO_CATEGORY if product.category_id is None else product.category_id for product in chunk.products]
    return label_leaves(tree, id_numbers(labels), IdNames.of(labels))


@dataclass(frozen=True)
class CopyExperts(ExpertKind):
    """The table of known photos, see `ExpertKind`.

    Attributes:
        data: the labelled products that the table was made of, None in a fusion run.
    """

    family: ClassVar[str] = NAME
    table: CopyTable
    data: TrainingData | None = None

    @classmethod
    def latest(cls, workspace: Workspace, data: TrainingData, more: Sequence[Run]) -> Self:
        """See `ExpertKind.latest`."""
        return cls(CopyTable.of(data), data)

    @classmethod
    def inside(cls, run: Run, copied: Sequence[Run], tree: Taxonomy) -> Self | None:
        """See `ExpertKind.inside`."""
        if NAME not in run.details_as(FusionDetails).experts:
            return None
        return cls(CopyTable.load(run.folder / FILE, len(tree), tree.fingerprint, run.plan))

    @property
    def absence(self) -> str:
        """See `ExpertKind.absence`."""
        return f"fewer than {MIN_SPEAKING} held-out products share a photo: not an expert here"

    def held_out(self, product_ids: NDArray[np.int64] | None) -> list[Probabilities]:
        """Each of `(N,)` products left out of its own counts.

        Raises:
            ValueError: the labelled products are not at hand, or nobody has chosen some.
        """
        if self.data is None or product_ids is None:
            raise ValueError("copies are held out of a labelled catalogue, product by product")
        known = self.table.held_out(self.data, product_ids)
        # weights of an expert that hardly ever speaks would be fitted on chance
        return [known] if known.speaks.sum() >= MIN_SPEAKING else []

    def keep(self, folder: Path) -> None:
        """Write the table."""
        self.table.save(folder / FILE)

    def experts(self, tree: Taxonomy, workspace: Workspace, before: Sequence[Expert] = ()) -> list[Expert]:
        """See `ExpertKind.experts`."""
        return [CopyExpert(self.table, tree)]

    @classmethod
    def describe(cls, expert: str) -> str | None:
        """See `ExpertKind.describe`."""
        return "photos known from training, by MD5" if expert == NAME else None
