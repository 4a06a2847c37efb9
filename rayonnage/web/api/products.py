"""One predicted product over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from fusion.decide import Decision
from rayonnage.web.api.asked import asked_id, opened, position_of
from rayonnage.web.api.review_types import ShownCategory
from rayonnage.web.api.web_id import WebId, id_for_web
from rayonnage.web.browsing.product_links import photo_links
from rayonnage.web.problem import ProblemDetails
from rayonnage.web.services import Services, services_of
from rayonnage.web.showing.rendering import words_of

router = APIRouter(prefix="/v1/products", tags=["products"])


class PredictedVote(BaseModel):
    """The likeliest category of one source of evidence."""

    expert: str = Field(examples=["mosaic"])
    category: ShownCategory


class PredictedAnswer(BaseModel):
    """What was predicted of a product.

    `probabilities`: of each node along the likeliest category's path, the highest first; `given`: the path that is
    given without review, empty for none; `photos`: links from the root of the server.
    """

    product_id: WebId
    title: str
    decision: Decision
    given: list[str]
    best: ShownCategory
    probabilities: list[float]
    candidates: list[ShownCategory]
    votes: list[PredictedVote]
    expected_distance: float
    n_images: int
    n_readable: int
    reason: str
    text_read: str
    photos: list[str]
    photos_md5: list[str]


@router.get("/{product_id:path}", responses={404: {"model": ProblemDetails}, 409: {"model": ProblemDetails}})
def predicted_product(
    request: Request,
    product_id: str,
    services: Annotated[Services, Depends(services_of)],
    predictions: Annotated[str | None, Query(description="Default: the newest.", max_length=500)] = None,
    lang: Annotated[str | None, Query(description="Language of the names; default: the browser's.")] = None,
) -> PredictedAnswer:
    """A product of the predictions: decision, path, candidates, votes, photos."""
    products = opened(request, services, predictions)
    row = products[position_of(products, asked_id(product_id))]
    shown = services.trees.shown(products.tree, lang or words_of(request).language)

    def category(leaf: int, probability: float) -> ShownCategory:
        ident = id_for_web(products.tree.shop_ids[leaf])
        return ShownCategory(category_id=ident, path=list(shown[leaf]), probability=probability)

    return PredictedAnswer(
        product_id=id_for_web(row.product_id), title=row.title, decision=row.decision,
        given=list(shown[row.leaf][: row.given_level]), best=category(row.leaf, row.probabilities[-1]),
        probabilities=list(row.probabilities), candidates=[category(*one) for one in row.candidates],
        votes=[PredictedVote(expert=one.expert, category=category(one.leaf, one.probability)) for one in row.votes],
        expected_distance=row.expected_distance, n_images=row.n_images, n_readable=row.n_readable,
        reason=row.reason, text_read=row.text_read,
        photos=photo_links(row.product_id, len(row.photos_md5), predictions=predictions),
        photos_md5=list(row.photos_md5),
    )  # fmt: skip
