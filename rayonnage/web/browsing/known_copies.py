"""Products that were learnt from and share a photo with one that is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.ids.shop_id import ShopId, id_number
from fusion.experts.copies import CopyExpert
from fusion.model import Model
from fusion.prediction.predicted_product import PredictedProduct
from rayonnage.web.browsing.product_links import THUMBNAIL, ZOOMED, photo_link
from rayonnage.web.browsing.training_products import TrainingProducts

TRAINING = "training"
"""What photos of the training catalogue are asked by."""


@dataclass(frozen=True)
class KnownCopy:
    """A product of the training catalogue with one of the photos; photo, small: links to its first, empty for none."""

    product_id: ShopId
    photo: str = ""
    small: str = ""


def known_copies(product_ids: Sequence[ShopId], known: TrainingProducts) -> tuple[KnownCopy, ...]:
    """Products with their photos, as far as the training catalogue is at hand."""
    try:
        is_there = [known.get(product_id) is not None for product_id in product_ids]
    except (OSError, ValueError):
        # the run knows them by name; the catalogue that it learnt from has changed or is elsewhere
        return tuple(map(KnownCopy, product_ids))
    links = ((photo_link(one, 1, side, catalog=TRAINING) for side in (ZOOMED, THUMBNAIL)) for one in product_ids)
    copies = zip(product_ids, is_there, links, strict=True)
    return tuple(KnownCopy(one, *links) if there else KnownCopy(one) for one, there, links in copies)


def copies_of(product: PredictedProduct, model: Model, known: TrainingProducts) -> tuple[KnownCopy, ...]:
    """Of each photo the first product that a model has learnt it from: the table of predictions does not name them."""
    md5s, number = [bytes.fromhex(one) for one in product.photos_md5], id_number(product.product_id)
    tables = [expert.table for expert in model.predictor.experts if isinstance(expert, CopyExpert)]
    return known_copies([one for table in tables for one in table.examples(md5s, number)], known)
