"""Products that were learnt from and share a photo with one that is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.ids.shop_id import ShopId, id_number
from catalog.photos.photo_index import photo_md5
from fusion.experts.copies import CopyExpert
from fusion.model import Model
from fusion.prediction.predicted_product import PredictedProduct
from rayonnage.web.browsing.product_links import THUMBNAIL, ZOOMED, photo_link
from rayonnage.web.browsing.training_products import TrainingProducts

TRAINING = "training"
"""What photos of the training catalogue are asked by."""


@dataclass(frozen=True)
class KnownCopy:
    """A product of the training catalogue with one of the photos; photo, small: links to one, empty for none."""

    product_id: ShopId
    photo: str = ""
    small: str = ""


def known_copies(
    product_ids: Sequence[ShopId], known: TrainingProducts, md5s: Sequence[bytes] = ()
) -> tuple[KnownCopy, ...]:
    """Products with their photos, as far as the training catalogue is at hand; `md5s`: of photos to show of them."""
    try:
        products = [known.get(product_id) for product_id in product_ids]
    except (OSError, ValueError):
        # the run knows them by name; the catalogue that it learnt from has changed or is elsewhere
        return tuple(map(KnownCopy, product_ids))
    copies = []
    for product_id, product in zip(product_ids, products, strict=True):
        images = () if product is None else product.images
        shared = next((n for n, image in enumerate(images, start=1) if photo_md5(image) in md5s), 1)
        links = [photo_link(product_id, shared, side, catalog=TRAINING) for side in (ZOOMED, THUMBNAIL)]
        copies.append(KnownCopy(product_id, *links) if images else KnownCopy(product_id))
    return tuple(copies)


def copies_of(product: PredictedProduct, model: Model, known: TrainingProducts) -> tuple[KnownCopy, ...]:
    """Of each photo the first product that a model has learnt it from: the table of predictions does not name them."""
    md5s, number = [bytes.fromhex(one) for one in product.photos_md5], id_number(product.product_id)
    tables = [expert.table for expert in model.predictor.experts if isinstance(expert, CopyExpert)]
    return known_copies([one for table in tables for one in table.examples(md5s, number)], known, md5s)
