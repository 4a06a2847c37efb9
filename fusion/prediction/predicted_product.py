"""One product as `fusion predict` left it in the full table."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.ids.shop_id import ShopId
from fusion.decide import Decision
from fusion.prediction.reasons import ExpertChoice


@dataclass(frozen=True)
class PredictedProduct:
    """One row of the full table.

    Attributes:
        position: its row; leaf: the likeliest, an index of the tree's leaves; probabilities: along its path.
        given_level: level at which a category is given without review, 0 for none.
        candidates: likely leaves and their probabilities, the likeliest first, then by rising expected distance.
        photos_md5: of all its photos, hexadecimal, in the seller's order.
        needed: probability from which each node of the path is given, None for never; empty: not known any more.
    """

    position: int
    product_id: ShopId
    leaf: int
    probabilities: tuple[float, ...]
    decision: Decision
    given_level: int
    candidates: tuple[tuple[int, float], ...]
    votes: tuple[ExpertChoice, ...]
    expected_distance: float
    n_images: int
    n_readable: int
    reason: str
    text_read: str
    title: str
    photos_md5: tuple[str, ...]
    needed: tuple[float | None, ...] = ()
