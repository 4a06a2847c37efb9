"""The page that classifies photos."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from catalog.product import MAX_IMAGES
from catalog.tree.taxonomy import Taxonomy
from rayonnage.web.api.model_refusals import model_refusals
from rayonnage.web.api.predict_types import MAX_DESCRIPTION, MAX_TITLE, PlacedProduct, PlacedProducts
from rayonnage.web.classifying.answer_view import view_of
from rayonnage.web.classifying.sample_products import EXAMPLES, SampleProduct, given_at_random, given_example
from rayonnage.web.classifying.session_history import HistoryEntry
from rayonnage.web.classifying.shown_photo import ShownPhoto
from rayonnage.web.errors import without_folder
from rayonnage.web.pages.history import entry_asked, rows_of
from rayonnage.web.pages.similar import similar_place
from rayonnage.web.problem import RequestRefused
from rayonnage.web.services import Services, services_of
from rayonnage.web.serving.asked_product import AskedProduct
from rayonnage.web.serving.loaded_model import LoadedModel
from rayonnage.web.serving.served_model import ServingState
from rayonnage.web.showing.rendering import page, words_of
from rayonnage.web.showing.words import LANGUAGES
from rayonnage.web.visitor import visitor_of

router = APIRouter(include_in_schema=False)

TOP, MOST = 4, 10
"""Candidates that are shown unless asked for otherwise, and at most."""
FOUND_FOR_S = 3600
"""For which a browser keeps an example's photo."""
Served = Annotated[Services, Depends(services_of)]


@router.get("/")
async def classify(request: Request, services: Served) -> HTMLResponse:
    """Photos and a title go in, the category comes out."""
    limits, model = services.settings.limits, services.model
    return page(
        request, "classify.html", rows=rows_of(request, services), examples=EXAMPLES, state=model.state,
        why_not=without_folder(request, model.why_not), top=TOP, most=MOST, photo_bytes=limits.photo_bytes,
        max_photos=MAX_IMAGES,
        has_tokens=services.settings.tokens is not None,
    )  # fmt: skip


@router.get("/model-state")
async def model_state(services: Served) -> ServingState:
    """How far the model is, for the page's script."""
    return services.model.state


@router.post("/classify")
async def answer(
    request: Request, services: Served, photos: Annotated[list[UploadFile], File()] = [],  # noqa: B006 - FastAPI's way
    title: Annotated[str, Form(max_length=MAX_TITLE)] = "",
    description: Annotated[str, Form(max_length=MAX_DESCRIPTION)] = "", top: Annotated[int, Form(ge=1, le=MOST)] = TOP,
) -> HTMLResponse:  # fmt: skip
    """The answer on one product, as the part of the page that shows it; it is kept in the session's history."""
    encoded = await _encoded(photos, services.settings.limits.photo_bytes)
    if not encoded and not title.strip() and not description.strip():
        raise RequestRefused(422, "nothing to go by", "give one to four photos, or a title", "photos")
    asked = AskedProduct(tuple(encoded), title.strip() or None, description.strip() or None)
    with model_refusals(), services.model.lease() as loaded:
        [found] = await services.model.service.answers(loaded, [asked], top, None)
        trees = await run_in_threadpool(_trees, loaded)
    shown = [await run_in_threadpool(ShownPhoto.of, photo) for photo in encoded]
    # browsers write quotation marks of a file's name so (HTML, "multipart form data")
    names = tuple((photo.filename or "").replace("%22", '"')[:200] for photo in photos)
    entry = HistoryEntry(found, trees, tuple(shown), names, title.strip(), description.strip(), top)
    services.histories.add(visitor_of(request).session, entry)
    return await _part(request, services, entry)


@router.get("/answer")
async def reopened(request: Request, services: Served, entry: str) -> HTMLResponse:
    """An answer of the session's history once more."""
    return await _part(request, services, entry_asked(request, services, entry))


@router.get("/answer.json")
async def as_json(request: Request, services: Served, entry: str) -> PlacedProducts:
    """An answer of the session's history as `POST /v1/predict` gives it."""
    found = entry_asked(request, services, entry).served
    return PlacedProducts(answers=[PlacedProduct.of(found.answer, found.tree, found.run, cached=found.is_cached)])


@router.get("/example")
def example(number: int) -> SampleProduct:
    """An example product's photos, for the page's script."""
    if not 0 <= number < len(EXAMPLES):
        raise RequestRefused(404, "no such example", f"there are {len(EXAMPLES)}, numbered from 0", "number")
    return given_example(number)


@router.get("/examples/{number}.jpg")
def example_photo(number: int) -> Response:
    """An example product's first photo."""
    if not 0 <= number < len(EXAMPLES):
        raise RequestRefused(404, "no such example", f"there are {len(EXAMPLES)}, numbered from 0", "number")
    headers = {"Cache-Control": f"private, max-age={FOUND_FOR_S}"}
    return Response(EXAMPLES[number].photo(0), media_type="image/jpeg", headers=headers)


@router.get("/random")
def at_random(services: Served) -> SampleProduct:
    """A product of the catalogue, for the page's script."""
    try:
        return given_at_random(services.predictions, services.workspace)
    except (OSError, ValueError) as error:
        raise RequestRefused(404, "no catalogue to choose from", str(error)) from None


async def _part(request: Request, services: Services, entry: HistoryEntry) -> HTMLResponse:
    """An answer as the part of the page that shows it."""
    view = await run_in_threadpool(view_of, entry, words_of(request), services.training_products)
    has_photo = any(photo.jpeg for photo in entry.photos)
    similar = similar_place(request, services, f"similar?entry={entry.key}") if has_photo else None
    return page(request, "answer.html", view=view, similar=similar)


async def _encoded(photos: list[UploadFile], most_bytes: int) -> list[bytes]:
    if len(photos) > MAX_IMAGES:
        raise RequestRefused(422, "too many photos", f"a product has at most {MAX_IMAGES}", "photos")
    encoded = []
    for position, photo in enumerate(photos):
        if photo.size is not None and photo.size > most_bytes:
            detail = f"a photo may have {most_bytes // 2**20} MiB: save it smaller"
            raise RequestRefused(413, "a photo is too large", detail, f"photos[{position}]")
        encoded.append(await photo.read())
    return [photo for photo in encoded if photo]


def _trees(loaded: LoadedModel) -> dict[str, Taxonomy]:
    return {language: _tree(loaded, language) for language in LANGUAGES}


def _tree(loaded: LoadedModel, language: str) -> Taxonomy:
    try:
        return loaded.tree(language)
    except ValueError:
        # nothing is known in that language: as the tree stands
        return loaded.tree(None)
