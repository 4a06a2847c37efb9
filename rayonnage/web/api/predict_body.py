"""The body of `POST /v1/predict`: one product as a form, or several as JSON."""

from __future__ import annotations

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from rayonnage.web.api.photo_body import (
    FORM,
    GivenForm,
    checked,
    decoded_photo,
    given_form,
    kind_of,
    require_photos_within,
)
from rayonnage.web.api.predict_types import MAX_DESCRIPTION, ProductsGiven
from rayonnage.web.problem import RequestRefused
from rayonnage.web.serving.asked_product import AskedProduct
from rayonnage.web.settings import RequestLimits

FIELDS = ("title", "description", "top", "lang")
BYTES_PER_CHARACTER = 4


async def asked_products(request: Request, limits: RequestLimits) -> tuple[list[AskedProduct], ProductsGiven]:
    """The products with their photos decoded from what carries them, and the request without its photos.

    Raises:
        RequestRefused: it is not as described; names the field.
    """
    kind = kind_of(request)
    if kind == FORM:
        form = await given_form(request, FIELDS, len(FIELDS) + 1, BYTES_PER_CHARACTER * MAX_DESCRIPTION)
        products, given = _of_form(form)
    else:
        # a large one takes a while, and the others shall not wait for it
        products, given = await run_in_threadpool(_of_json, await request.body(), limits)
    names = ["" if kind == FORM else f"products[{n}]" for n in range(len(products))]
    for name, product in zip(names, products, strict=True):
        _require_bounds(product, name, limits)
    return products, given


def _of_form(form: GivenForm) -> tuple[list[AskedProduct], ProductsGiven]:
    texts: dict[str, object] = dict(form.fields)
    own = {name: texts.pop(name) for name in ("title", "description") if name in texts}
    given = checked(ProductsGiven, {"products": [own], **texts}, lambda field: field.removeprefix("products[0]."))
    [one] = given.products
    return [AskedProduct(form.photos, one.title, one.description)], given


def _of_json(body: bytes, limits: RequestLimits) -> tuple[list[AskedProduct], ProductsGiven]:
    given = checked(ProductsGiven, body)
    products = [
        AskedProduct(
            tuple(decoded_photo(text, f"products[{n}].photos[{k}]", limits) for k, text in enumerate(product.photos)),
            product.title, product.description,
        )
        for n, product in enumerate(given.products)
    ]  # fmt: skip
    for product in given.products:
        # what they were decoded to is enough
        product.photos.clear()
    return products, given


def _require_bounds(product: AskedProduct, name: str, limits: RequestLimits) -> None:
    within = f"{name}." if name else ""
    require_photos_within(product.photos, within, limits)
    if not product.photos and not any(map(str.strip, filter(None, (product.title, product.description)))):
        raise RequestRefused(422, "nothing to go by", "give a photo, a title, or both", f"{within}photos")
