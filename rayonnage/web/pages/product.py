"""The page of one predicted product: its photos, what was decided and why, and the label corrected."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from catalog.tree.taxonomy import Taxonomy
from fusion.prediction.predicted_product import PredictedProduct
from fusion.prediction.predicted_products import PredictedProducts
from rayonnage.web.api.asked import asked_id, opened, position_of
from rayonnage.web.api.web_id import id_for_web
from rayonnage.web.browsing.explanations import DrawingBusy
from rayonnage.web.browsing.known_copies import KnownCopy, copies_of
from rayonnage.web.browsing.product_filter import ProductFilter
from rayonnage.web.browsing.product_links import SHOWN, ZOOMED, explanation_link, photo_link, similar_link
from rayonnage.web.pages.asked_filter import address_of
from rayonnage.web.pages.similar import similar_place
from rayonnage.web.problem import RequestRefused
from rayonnage.web.reviewing.answer_words import said_of
from rayonnage.web.services import Services, services_of
from rayonnage.web.serving.served_model import NotReady
from rayonnage.web.showing.plain_words import share_text, source_of, told_of_row
from rayonnage.web.showing.rendering import page, words_of
from rayonnage.web.showing.words import PageWords

router = APIRouter(include_in_schema=False)
SHOWN_CANDIDATES = 6
MAX_TEXT_READ = 2000


@dataclass(frozen=True)
class ShownAnswer:
    """An answer that stands: whose, when (UTC), and what."""

    who: str
    when: str
    said: str


@dataclass(frozen=True)
class ShownVote:
    """What one source of evidence says; which: of those of one kind, empty where there is one."""

    source: str
    which: str
    path: tuple[str, ...]
    sure: str
    agrees: bool


@router.get("/browse/products/{product_id:path}")
def product(
    request: Request,
    product_id: str,
    services: Annotated[Services, Depends(services_of)],
    predictions: Annotated[str | None, Query(max_length=500)] = None,
) -> HTMLResponse:
    """What is known of a product."""
    products = opened(request, services, predictions)
    position = position_of(products, asked_id(product_id))
    row = products[position]
    words = words_of(request)
    tree = services.trees.turned(products.tree, words.language)
    crumbs = []
    for level, name in enumerate(tree.shown[row.leaf], start=1):
        place = ProductFilter(level, int(tree.ancestor(level)[row.leaf]))
        crumbs.append((name, address_of(place, products.tree, predictions=predictions)))
    photos = [
        (photo_link(row.product_id, n, SHOWN, predictions), photo_link(row.product_id, n, ZOOMED, predictions))
        for n in range(1, len(row.photos_md5) + 1)
    ]
    return page(
        request, "product.html", here="browse", row=row, told=told_of_row(row, tree, words), crumbs=crumbs,
        photos=photos, without_photos=products.without_photos,
        candidates=[
            (id_for_web(tree.shop_ids[leaf]), tree.shown[leaf], p, share_text(p, words))
            for leaf, p in row.candidates[:SHOWN_CANDIDATES]
        ],
        votes=_votes(row, tree, words),
        text_read=row.text_read[:MAX_TEXT_READ], product_id=id_for_web(row.product_id),
        suggested=id_for_web(tree.shop_ids[row.leaf]), predictions=predictions,
        explanation=explanation_link(row.product_id, predictions),
        standing=_standing(services, products, position, tree, words), copies=_copies(services, row),
        similar=similar_place(request, services, similar_link(row.product_id, predictions)) if photos else None,
        everywhere=address_of(ProductFilter(), products.tree, predictions=predictions),
    )  # fmt: skip


def _standing(
    services: Services, products: PredictedProducts, position: int, tree: Taxonomy, words: PageWords
) -> ShownAnswer | None:
    """What a reviewer said of the product; None also while the queue is being made."""
    try:
        desk = services.desks.of(products).desk
        with desk.lock:
            desk.state.refresh()
            standing = desk.state.standing(position)
    except (OSError, ValueError, RequestRefused):
        return None
    if standing is None:
        return None
    said = said_of(standing.verdict, tree, words)
    return ShownAnswer(standing.who, standing.when.replace("T", " ")[:16], said)


def _votes(row: PredictedProduct, tree: Taxonomy, words: PageWords) -> list[ShownVote]:
    sources = [source_of(one.expert, row.n_readable, words) for one in row.votes]
    n_of = Counter(source for source, _ in sources)
    return [
        # a network that speaks alone needs not be told from others
        ShownVote(source, which if n_of[source] > 1 else "", tree.shown[one.leaf], share_text(one.probability, words),
                  one.leaf == row.leaf)
        for one, (source, which) in zip(row.votes, sources, strict=True)
    ]  # fmt: skip


def _copies(services: Services, row: PredictedProduct) -> tuple[KnownCopy, ...]:
    """Known products with its photos, once a model is there to tell."""
    loaded = services.model.loaded
    return () if loaded is None else copies_of(row, loaded.model, services.training_products)


@router.get("/browse/explanations/{product_id:path}")
def explanation(
    request: Request,
    product_id: str,
    services: Annotated[Services, Depends(services_of)],
    predictions: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """The picture of why, of the model that serves, as a PNG."""
    products = opened(request, services, predictions)
    position = position_of(products, asked_id(product_id))
    try:
        model = services.model.current.model
        picture = services.explanations.picture(model, products, position)
    except NotReady as error:
        raise RequestRefused(503, "no model answers yet", str(error), retry_after=2) from None
    except DrawingBusy:
        raise RequestRefused(503, "others are being drawn", "ask again in a moment", retry_after=10) from None
    except ValueError as error:
        raise RequestRefused(409, "this product cannot be explained", str(error)) from None
    return Response(picture, media_type="image/png", headers={"Cache-Control": "private, max-age=300"})
