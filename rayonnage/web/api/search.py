"""Similar products: `POST /v1/search` by photos, `GET /v1/similar/ID` by a product of the index."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool

from catalog.product import MAX_IMAGES
from rayonnage.web.api.asked import asked_id
from rayonnage.web.api.photo_body import FORM, JSON
from rayonnage.web.api.predict import unless_gone
from rayonnage.web.api.predict_types import MAX_TITLE
from rayonnage.web.api.search_body import asked_search
from rayonnage.web.api.search_refusals import search_refusals
from rayonnage.web.api.search_types import ProductSearched, ProductsFound, SearchWanted
from rayonnage.web.finding.similar_products import SimilarFound
from rayonnage.web.problem import ProblemDetails, RequestRefused
from rayonnage.web.services import Services, services_of

router = APIRouter(prefix="/v1", tags=["search"])
REFUSALS = {
    404: "No index yet, or no such product", 409: "The index cannot be searched; `detail` says why",
    413: "Too large", 415: "Another kind of body", 422: "Not as described; `field` says where",
    429: "Too many requests; `Retry-After`", 503: "Too many searches wait; `Retry-After`",
}  # fmt: skip


def _json_schema() -> dict[str, Any]:
    """Whole in itself: a route that reads its own body registers no component."""
    return ProductSearched.model_json_schema()


def _form_schema() -> dict[str, Any]:
    """The same, but for the photos, which are files."""
    fields: dict[str, Any] = {**SearchWanted.model_json_schema()["properties"]}
    photos = {
        "type": "array", "minItems": 1, "maxItems": MAX_IMAGES, "items": {"type": "string", "format": "binary"},
        "description": "Files, in the seller's order.",
    }  # fmt: skip
    title = {"type": "string", "maxLength": MAX_TITLE}
    return {"type": "object", "required": ["photos"], "properties": {"photos": photos, "title": title, **fields}}


@router.post(
    "/search",
    openapi_extra={"requestBody": {"required": True, "content": {
        FORM: {"schema": _form_schema()}, JSON: {"schema": _json_schema()},
    }}},
    responses={status: {"model": ProblemDetails, "description": words} for status, words in REFUSALS.items()},
)  # fmt: skip
async def search(request: Request, services: Annotated[Services, Depends(services_of)]) -> ProductsFound:
    """Products of the catalogue like one that is given by its photos: a form with up to four files, or JSON.

    They are found in the index that `rayonnage search index` has made. A photo that cannot be read is among the
    `problems`, and the others are compared; where none can be read, the request is refused.
    """
    try:
        with search_refusals():
            asked, wanted = await asked_search(request, services.settings.limits)
            similar = await unless_gone(request, services.similar.by_photos(asked, wanted.wanted()))
        _require_readable(similar, len(asked.photos))
    except RequestRefused as refusal:
        services.model.metrics.refused.labels(str(refusal.problem.status)).inc()
        raise
    return await _named(services, similar, wanted)


@router.get(
    "/similar/{product_id:path}",
    responses={status: {"model": ProblemDetails, "description": REFUSALS[status]} for status in (404, 409)},
)
async def similar_products(
    product_id: str,
    services: Annotated[Services, Depends(services_of)],
    wanted: Annotated[SearchWanted, Query()],
) -> ProductsFound:
    """Products like one of the index, itself left out."""
    with search_refusals():
        similar = await services.similar.by_product(asked_id(product_id), wanted.wanted())
    return await _named(services, similar, wanted)


async def _named(services: Services, similar: SimilarFound, wanted: SearchWanted) -> ProductsFound:
    # the names of another language are looked up once, which takes half a second
    tree = await run_in_threadpool(services.trees.at_hand, wanted.lang)
    return ProductsFound.of(similar, tree)


def _require_readable(similar: SimilarFound, n_photos: int) -> None:
    """Refuse photos none of which can be read."""
    if len(similar.unreadable) == n_photos:
        first = similar.unreadable[0]
        words = f"{first.kind.value}: {first.detail}" if first.detail else first.kind.value
        raise RequestRefused(422, "a photo that cannot be read", words, f"photos[{first.photo or 0}]")
