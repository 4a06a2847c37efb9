"""Photos of products, small: what the pages show of a catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response

from catalog.ids.shop_id import ShopId
from catalog.photos.photo_index import photo_md5
from catalog.photos.thumbnails import thumbnail
from catalog.product import MAX_IMAGES
from rayonnage.web.api.asked import asked_id, opened, position_of
from rayonnage.web.browsing.product_links import SHOWN, SIDES
from rayonnage.web.problem import RequestRefused
from rayonnage.web.services import Services, services_of

router = APIRouter(include_in_schema=False)
KEPT = "private, max-age=3600"
"""The products may be predicted anew: after an hour the browser asks whether it is still the same photo."""
SOON_AGAIN = "private, max-age=30"


class PhotoSource(StrEnum):
    """Whose photos are meant: those of products that were predicted, or of those that were learnt from."""

    PREDICTED = "predicted"
    TRAINING = "training"


@dataclass(frozen=True)
class StoredPhoto:
    """A photo by its MD5; `read` gives it as it is stored, None where it cannot be had any more."""

    md5: str
    read: Callable[[], bytes | None]


@router.get("/photos/{product_id:path}/{n}")
def photo(
    request: Request,
    product_id: str,
    n: Annotated[int, Path(ge=1, le=MAX_IMAGES)],
    services: Annotated[Services, Depends(services_of)],
    side: int = SHOWN,
    predictions: str | None = None,
    catalog: PhotoSource = PhotoSource.PREDICTED,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A product's photo (from 1) as a JPEG; a drawing stands for one that cannot be shown."""
    if side not in SIDES:
        raise RequestRefused(422, "no such size", f"give one of {', '.join(map(str, SIDES))}", "side")
    wanted = asked_id(product_id)
    stored = (
        _training_photo(services, wanted, n) if catalog is PhotoSource.TRAINING
        else _predicted_photo(request, services, predictions, wanted, n)
    )  # fmt: skip
    headers = {"ETag": f'"{stored.md5}-{side}"', "Cache-Control": KEPT}
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    picture = services.thumbnails.get((stored.md5, side))
    if picture is None:
        try:
            encoded = stored.read()
            picture = None if encoded is None else thumbnail(encoded, side)
        except (OSError, ValueError):
            picture = None
        if picture is None:
            return Response(_drawing(), media_type="image/svg+xml", headers={"Cache-Control": SOON_AGAIN})
        services.thumbnails.keep((stored.md5, side), picture)
    return Response(picture, media_type="image/jpeg", headers=headers)


def _predicted_photo(
    request: Request, services: Services, predictions: str | None, wanted: ShopId, n: int
) -> StoredPhoto:
    products = opened(request, services, predictions)
    position = position_of(products, wanted)
    known = products[position].photos_md5
    if n > len(known):
        raise _no_photo(wanted, len(known))
    return StoredPhoto(known[n - 1], lambda: next(iter(products.photos(position)[n - 1 :]), None))


def _training_photo(services: Services, wanted: ShopId, n: int) -> StoredPhoto:
    try:
        product = services.training_products.get(wanted)
    except (OSError, ValueError) as error:
        raise RequestRefused(404, "the training catalogue cannot be opened", str(error), "catalog") from None
    if product is None:
        detail = f"the training catalogue holds no product {wanted}"
        raise RequestRefused(404, "no such product", detail, "product_id")
    if n > len(product.images):
        raise _no_photo(wanted, len(product.images))
    encoded = product.images[n - 1]
    return StoredPhoto(photo_md5(encoded).hex(), lambda: encoded)


def _no_photo(wanted: ShopId, n_photos: int) -> RequestRefused:
    return RequestRefused(404, "no such photo", f"product {wanted} has {n_photos} photos, counted from 1", "n")


@cache
def _drawing() -> bytes:
    return files("rayonnage.web").joinpath("static", "no-photo.svg").read_bytes()
