"""The predictions, and the product among them, that a request names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request

from catalog.ids.shop_id import ShopId, shop_id
from fusion.prediction.predicted_products import PredictedProducts
from rayonnage.web.places import job_of
from rayonnage.web.problem import RequestRefused
from rayonnage.web.services import Services
from rayonnage.web.visitor import visitor_of


def opened(request: Request, services: Services, name: str | None) -> PredictedProducts:
    """The predictions of a name, the newest where none is given; raises RequestRefused (404, 409).

    Those of a job are its owner's alone: for anybody else there are none.
    """
    try:
        if name and (job_id := job_of(name)):
            services.jobs.store.get(job_id, visitor_of(request).name)
        return services.predictions.open(name or None)
    except FileNotFoundError as error:
        raise RequestRefused(404, "no such predictions", str(error), "predictions") from None
    except (OSError, ValueError) as error:
        raise RequestRefused(409, "the predictions cannot be read", str(error), "predictions") from None


@contextmanager
def predictions_at_hand() -> Iterator[None]:
    """A table that was replaced or damaged since it was opened is told to the client: it is no fault of the program."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise RequestRefused(409, "the predictions cannot be read", str(error), "predictions") from None


def asked_id(text: str) -> ShopId:
    """The id that a path or query writes out; raises RequestRefused (422)."""
    try:
        return shop_id(text)
    except ValueError as error:
        raise RequestRefused(422, "not the id of a product", str(error), "product_id") from None


def position_of(products: PredictedProducts, product_id: ShopId) -> int:
    """The row of a product; raises RequestRefused (404) where it was not predicted there."""
    position = products.position(product_id)
    if position is None:
        raise RequestRefused(
            404, "no such product", f"{products.folder.path.name} holds no product {product_id}", "product_id"
        )
    return position
