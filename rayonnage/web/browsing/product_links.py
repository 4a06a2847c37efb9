"""Links to a product and its photos, from the root: ids may be any text."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from catalog.ids.shop_id import ShopId

THUMBNAIL, SHOWN, ZOOMED = 160, 480, 1600
"""Longer sides, in pixels, in which photos are served: of a list, of a page, of a photo looked at closely."""
SIDES = (THUMBNAIL, SHOWN, ZOOMED)


def product_segment(product_id: ShopId) -> str:
    """The id as one part of a path; `shop_id` reads it back."""
    text = quote(str(product_id), safe="")
    # a browser takes these for folders, however they are encoded; blanks around an id are none of it
    return f"%20{text}" if text in {".", ".."} else text


def product_link(product_id: ShopId, predictions: str | None = None) -> str:
    """The page of a product."""
    return f"browse/products/{product_segment(product_id)}{_query(predictions=predictions)}"


def explanation_link(product_id: ShopId, predictions: str | None = None) -> str:
    """The picture of why a product was put where it was."""
    return f"browse/explanations/{product_segment(product_id)}{_query(predictions=predictions)}"


def similar_link(product_id: ShopId, predictions: str | None = None) -> str:
    """The part of its page that shows products like it."""
    return f"browse/similar/{product_segment(product_id)}{_query(predictions=predictions)}"


def photo_link(
    product_id: ShopId, photo: int, side: int = SHOWN, predictions: str | None = None, catalog: str | None = None
) -> str:
    """A photo of a product, from 1; `catalog`: `training` for one of the training catalogue."""
    query = _query(side=str(side), predictions=predictions, catalog=catalog)
    return f"photos/{product_segment(product_id)}/{photo}{query}"


def photo_links(product_id: ShopId, n_photos: int, side: int = SHOWN, predictions: str | None = None) -> list[str]:
    """All photos of a product, in the seller's order."""
    return [photo_link(product_id, photo, side, predictions) for photo in range(1, n_photos + 1)]


def _query(**values: str | None) -> str:
    given = {name: value for name, value in values.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""
