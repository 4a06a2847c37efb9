"""The body of `POST /v1/search`: one product, as a form or as JSON."""

from __future__ import annotations

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from rayonnage.web.api.photo_body import (
    FORM,
    checked,
    decoded_photo,
    given_form,
    kind_of,
    require_photos_within,
)
from rayonnage.web.api.predict_types import MAX_TITLE
from rayonnage.web.api.search_types import MOST_WITHOUT, ProductSearched, SearchWanted
from rayonnage.web.problem import RequestRefused
from rayonnage.web.serving.asked_product import AskedProduct
from rayonnage.web.settings import RequestLimits

FIELDS = ("title", *SearchWanted.model_fields)
BYTES_PER_CHARACTER = 4


async def asked_search(request: Request, limits: RequestLimits) -> tuple[AskedProduct, SearchWanted]:
    """The product with its photos decoded from what carries them, and what is looked for.

    Raises:
        RequestRefused: it is not as described; names the field.
    """
    if kind_of(request) == FORM:
        return await _of_form(request, limits)
    # a large one takes a while, and the others shall not wait for it
    return await run_in_threadpool(_of_json, await request.body(), limits)


async def _of_form(request: Request, limits: RequestLimits) -> tuple[AskedProduct, SearchWanted]:
    form = await given_form(request, FIELDS, len(FIELDS) + MOST_WITHOUT, BYTES_PER_CHARACTER * MAX_TITLE)
    given: dict[str, object] = dict(form.fields)
    if without := [value for name, value in form.fields if name == "without"]:
        given["without"] = without
    if not form.photos:
        raise RequestRefused(422, "nothing to search by", "give one to four photos", "photos")
    # the photos of a form are no text: what is checked is everything else
    searched = checked(ProductSearched, {**given, "photos": [""] * len(form.photos)})
    require_photos_within(form.photos, "", limits)
    return AskedProduct(form.photos, searched.title), searched


def _of_json(body: bytes, limits: RequestLimits) -> tuple[AskedProduct, SearchWanted]:
    searched = checked(ProductSearched, body)
    photos = tuple(decoded_photo(text, f"photos[{n}]", limits) for n, text in enumerate(searched.photos))
    # what they were decoded to is enough
    searched.photos.clear()
    require_photos_within(photos, "", limits)
    return AskedProduct(photos, searched.title), searched
