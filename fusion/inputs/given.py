"""One product as users have it, whatever form it has: its photos, and what is written of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from catalog.files.wording import any_of
from catalog.ids.shop_id import ShopId
from catalog.product import Product
from catalog.product_text import FIELDS, NO_TEXT, ShopText
from fusion.inputs.photos import PHOTO, Photo, is_photo_given

ID, PHOTOS = "product_id", "photos"
KEYS = (ID, PHOTOS, *FIELDS)
"""Of a product that is given as a dict."""
ONE_PRODUCT = (
    f"a Product, its one to four photos in a list, a single photo ({PHOTO}), or a dict with {any_of(KEYS[1:])}"
)

OneProduct: TypeAlias = Product | Photo | Sequence[Photo] | Mapping[str, Any]


@dataclass(frozen=True)
class GivenProduct:
    """Photos in the seller's order, as they were given; what is written; the leaf of a labelled one."""

    photos: Sequence[object]
    text: ShopText = NO_TEXT
    category_id: ShopId | None = None

    @classmethod
    def of(cls, given: object, own_id: Hashable) -> GivenProduct:
        """What was given for one product.

        Raises:
            TypeError: it is no product; ValueError: a dict with another key. Both name the product.
        """
        if isinstance(given, GivenProduct):
            return given
        if isinstance(given, Product):
            return cls(given.images, ShopText.of(given.title, given.description), given.category_id)
        text = NO_TEXT
        photos = given
        if isinstance(given, Mapping):
            unknown = [key for key in given if key not in KEYS]
            if unknown:
                raise ValueError(f"product {own_id} is a dict with the key {unknown[0]}: its keys are {any_of(KEYS)}")
            text = ShopText.of(*(given.get(field) for field in FIELDS))
            photos = () if given.get(PHOTOS) is None else given[PHOTOS]
        photos = [photos] if is_photo_given(photos) else photos
        if not isinstance(photos, Sequence):
            of_what = f"the photos of product {own_id} are" if isinstance(given, Mapping) else f"product {own_id} is"
            raise TypeError(f"{of_what} given as {type(photos).__name__}: give {ONE_PRODUCT}")
        return cls(photos, text)


def is_record(value: object) -> bool:
    """Whether it is one product given as a dict, where products by their ids are expected."""
    return isinstance(value, Mapping) and bool(value) and all(key in KEYS for key in value)
