"""Similar products as a part of a page, which is filled after the page is shown: no answer waits for a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from catalog.ids.shop_id import ShopId
from rayonnage.web.api.asked import asked_id, opened, position_of
from rayonnage.web.api.model_refusals import model_refusals
from rayonnage.web.errors import without_folder
from rayonnage.web.finding.similar_products import NothingToCompare, SimilarFound, UnknownProduct, WantedProducts
from rayonnage.web.finding.similar_view import ON_A_PAGE, SimilarCard, similar_cards
from rayonnage.web.finding.workspace_index import NoIndex, UnusableIndex
from rayonnage.web.pages.history import entry_asked
from rayonnage.web.services import Services, services_of
from rayonnage.web.serving.asked_product import AskedProduct
from rayonnage.web.showing.rendering import page, words_of
from rayonnage.web.showing.words import PageWords

router = APIRouter(include_in_schema=False)
Served = Annotated[Services, Depends(services_of)]


@dataclass(frozen=True)
class SimilarPlace:
    """Where similar products will stand: the link that fills it, or else what is to be run first."""

    link: str = ""
    remedy: str = ""


def similar_place(request: Request, services: Services, link: str) -> SimilarPlace | None:
    """None where nothing can be searched, and who looks is not the one to mend it."""
    index = services.similar.index
    if index.can_be_asked:
        return SimilarPlace(link=link)
    if services.settings.tokens is not None:
        return None
    return SimilarPlace(remedy=without_folder(request, index.remedy))


@router.get("/similar")
async def similar_to_entry(request: Request, services: Served, entry: str) -> HTMLResponse:
    """Products like one of the session's history, by its photos as they are shown."""
    classified = entry_asked(request, services, entry)
    asked = AskedProduct(tuple(photo.jpeg for photo in classified.photos if photo.jpeg), classified.title)
    try:
        with model_refusals():
            similar = await services.similar.by_photos(asked, WantedProducts(ON_A_PAGE))
    except (NoIndex, UnusableIndex) as error:
        return _part(request, services, why=str(error))
    return await _shown(request, services, similar)


@router.get("/browse/similar/{product_id:path}")
async def similar_to_product(
    request: Request, product_id: str, services: Served,
    predictions: Annotated[str | None, Query(max_length=500)] = None,
) -> HTMLResponse:  # fmt: skip
    """Products like one that was predicted: as the index has it, else by its photos."""
    wanted = asked_id(product_id)
    try:
        with model_refusals():
            similar = await _like(request, services, wanted, predictions)
    except (NoIndex, UnusableIndex) as error:
        return _part(request, services, why=str(error))
    except NothingToCompare:
        return _part(request, services)
    return await _shown(request, services, similar)


async def _like(request: Request, services: Services, product_id: ShopId, predictions: str | None) -> SimilarFound:
    try:
        return await services.similar.by_product(product_id, WantedProducts(ON_A_PAGE))
    except UnknownProduct:
        photos = await run_in_threadpool(_photos, request, services, product_id, predictions)
        return await services.similar.by_photos(AskedProduct(photos), WantedProducts(ON_A_PAGE, without=(product_id,)))


def _photos(request: Request, services: Services, product_id: ShopId, predictions: str | None) -> tuple[bytes, ...]:
    products = opened(request, services, predictions)
    position = position_of(products, product_id)
    try:
        return tuple(products.photos(position))
    except (OSError, ValueError):
        # the page says already that they cannot be shown, and why
        raise NothingToCompare from None


async def _shown(request: Request, services: Services, similar: SimilarFound) -> HTMLResponse:
    cards = await run_in_threadpool(_cards, services, similar, words_of(request))
    return _part(request, services, cards)


def _cards(services: Services, similar: SimilarFound, words: PageWords) -> tuple[SimilarCard, ...]:
    return similar_cards(similar, services.trees.at_hand(words.language), words, services.training_products)


def _part(
    request: Request, services: Services, cards: tuple[SimilarCard, ...] = (), why: str | None = None
) -> HTMLResponse:
    """The part; `why` nothing can be searched is told in full to people on this machine alone, who may mend it."""
    detail = without_folder(request, why) if why and services.settings.tokens is None else ""
    return page(request, "similar.html", cards=cards, is_searched=why is None, detail=detail)
