"""`POST /v1/predict`: where products belong."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request

from catalog.product import MAX_IMAGES
from rayonnage.web.api.model_refusals import model_refusals
from rayonnage.web.api.photo_body import FORM, JSON
from rayonnage.web.api.predict_body import asked_products
from rayonnage.web.api.predict_types import (
    LANG,
    MAX_DESCRIPTION,
    MAX_TITLE,
    PlacedProduct,
    PlacedProducts,
    ProductsGiven,
)
from rayonnage.web.problem import ProblemDetails, RequestRefused
from rayonnage.web.services import Services, services_of
from rayonnage.web.serving.answering import MAX_CANDIDATES
from rayonnage.web.serving.prediction_service import ServedAnswer

T = TypeVar("T")
CLIENT_GONE = 499
"""What other servers write into their log of a client that did not wait; nobody reads the answer."""

router = APIRouter(prefix="/v1", tags=["predict"])


def _json_schema() -> dict[str, Any]:
    """Whole in itself: a route that reads its own body registers no component."""
    schema = ProductsGiven.model_json_schema()
    schema["properties"]["products"]["items"] = schema.pop("$defs")["ProductGiven"]
    return schema


FORM_SCHEMA = {
    "type": "object",
    "properties": {
        "photos": {"type": "array", "maxItems": MAX_IMAGES, "items": {"type": "string", "format": "binary"},
                   "description": "Files, in the seller's order."},
        "title": {"type": "string", "maxLength": MAX_TITLE},
        "description": {"type": "string", "maxLength": MAX_DESCRIPTION},
        "top": {"type": "integer", "minimum": 1, "maximum": MAX_CANDIDATES},
        "lang": {"type": "string", "pattern": LANG},
    },
}  # fmt: skip
REFUSALS = {
    413: "Too large", 415: "Another kind of body", 422: "Not as described; `field` says where",
    429: "Too many requests; `Retry-After`", 503: "The model is loading, or busy; `Retry-After`",
}  # fmt: skip


@router.post(
    "/predict",
    openapi_extra={"requestBody": {"required": True, "content": {
        FORM: {"schema": FORM_SCHEMA}, JSON: {"schema": _json_schema()},
    }}},
    responses={status: {"model": ProblemDetails, "description": words} for status, words in REFUSALS.items()},
)  # fmt: skip
async def predict(request: Request, services: Annotated[Services, Depends(services_of)]) -> PlacedProducts:
    """Where products belong: one as a form with up to four files, or up to 64 as JSON with photos in base64.

    A photo that cannot be read is among its product's `problems`, and the others decide; where nothing at all can be
    used, the request is refused. The same photos and texts, asked again, are answered at once (`cached`).
    """
    try:
        return await _predicted(request, services)
    except RequestRefused as refusal:
        services.model.metrics.refused.labels(str(refusal.problem.status)).inc()
        raise


async def _predicted(request: Request, services: Services) -> PlacedProducts:
    limits = services.settings.limits
    try:
        with model_refusals():
            products, given = await asked_products(request, limits)
            served = await unless_gone(request, services.model.served(products, given.top, given.lang))
    except ValueError as error:
        raise RequestRefused(422, "no names in that language", str(error), "lang") from None
    is_form = request.headers["content-type"].lower().startswith(FORM)
    if not any(one.title or one.description for one in given.products):
        _require_usable(served, "" if is_form else "products[0].")
    return PlacedProducts(answers=[
        PlacedProduct.of(one.answer, one.tree, one.run, cached=one.is_cached) for one in served
    ])  # fmt: skip


def _require_usable(served: list[ServedAnswer], within: str) -> None:
    """Refuse a request in which no product has a photo that can be read."""
    if any(one.answer.n_readable for one in served):
        return
    faults = [
        (fault.photo, words)
        for fault, words in zip(served[0].answer.faults, served[0].answer.problems, strict=True)
        if fault.photo is not None
    ]
    if faults:
        photo, words = faults[0]
        raise RequestRefused(422, "a photo that cannot be read", words, f"{within}photos[{photo}]")


async def unless_gone(request: Request, asking: Coroutine[Any, Any, T]) -> T:
    """Its result, unless the client hangs up: then it is cancelled, and leaves the queue."""
    answer, gone = asyncio.create_task(asking), asyncio.create_task(_hang_up(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise RequestRefused(CLIENT_GONE, "nobody waits", "the client hung up")
    finally:
        answer.cancel()
        gone.cancel()


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
