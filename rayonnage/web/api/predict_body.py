"""The body of `POST /v1/predict`: a form with files, or JSON. Nothing of it is written to disk."""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Callable, Sequence

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from catalog.product import MAX_IMAGES
from rayonnage.web.api.predict_types import MAX_DESCRIPTION, ProductsGiven
from rayonnage.web.problem import RequestRefused
from rayonnage.web.serving.asked_product import AskedProduct
from rayonnage.web.settings import RequestLimits

FORM, JSON = "multipart/form-data", "application/json"
FIELDS = ("photos", "title", "description", "top", "lang")
BYTES_PER_CHARACTER = 4
MIB = 2**20


class FormInMemory(MultiPartParser):
    """Keeps files in memory, which the bound of the whole body makes possible: no upload lies in a temporary file."""

    spool_max_size = sys.maxsize


async def asked_products(request: Request, limits: RequestLimits) -> tuple[list[AskedProduct], ProductsGiven]:
    """The products with their photos decoded from what carries them, and the request without its photos.

    Raises:
        RequestRefused: it is not as described; names the field.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == FORM:
        products, given = await _of_form(request)
    elif kind == JSON:
        # a large one takes a while, and the others shall not wait for it
        products, given = await run_in_threadpool(_of_json, await request.body(), limits)
    else:
        raise RequestRefused(415, "another kind of body", f"send {FORM}, or {JSON} with photos in base64")
    names = ["" if kind == FORM else f"products[{n}]" for n in range(len(products))]
    for name, product in zip(names, products, strict=True):
        _require_bounds(product, name, limits)
    return products, given


async def _of_form(request: Request) -> tuple[list[AskedProduct], ProductsGiven]:
    longest = BYTES_PER_CHARACTER * MAX_DESCRIPTION
    parser = FormInMemory(
        request.headers, request.stream(), max_files=MAX_IMAGES, max_fields=len(FIELDS), max_part_size=longest
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise RequestRefused(
            422, "the form cannot be read", f"{error.message} A form has one product: up to {MAX_IMAGES} files `photos`"
        ) from None
    try:
        return await _of_fields(form)
    finally:
        await form.close()


async def _of_fields(form: FormData) -> tuple[list[AskedProduct], ProductsGiven]:
    unknown = [name for name in form if name not in FIELDS]
    if unknown:
        raise RequestRefused(422, "an unknown field", f"the form's fields are {', '.join(FIELDS)}", unknown[0][:100])
    photos: list[bytes] = []
    for position, photo in enumerate(form.getlist("photos")):
        if not isinstance(photo, UploadFile):
            raise RequestRefused(422, "no file", "send photos as files (curl: -F photos=@a.jpg)", f"photos[{position}]")
        photos.append(await photo.read())
    texts = {name: value for name in FIELDS[1:] if (value := form.get(name)) not in (None, "")}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise RequestRefused(422, "a file", "it is a text: send it as a field without a file name", name)
    own = {name: texts.pop(name) for name in ("title", "description") if name in texts}
    given = _checked({"products": [own], **texts}, lambda field: field.removeprefix("products[0]."))
    [one] = given.products
    return [AskedProduct(tuple(photos), one.title, one.description)], given


def _of_json(body: bytes, limits: RequestLimits) -> tuple[list[AskedProduct], ProductsGiven]:
    given = _checked(body)
    products = [
        AskedProduct(
            tuple(_photo(text, f"products[{n}].photos[{k}]", limits) for k, text in enumerate(product.photos)),
            product.title, product.description,
        )
        for n, product in enumerate(given.products)
    ]  # fmt: skip
    for product in given.products:
        # what they were decoded to is enough
        product.photos.clear()
    return products, given


def _checked(value: bytes | dict[str, object], shown: Callable[[str], str] = str) -> ProductsGiven:
    try:
        if isinstance(value, bytes):
            return ProductsGiven.model_validate_json(value)
        return ProductsGiven.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise RequestRefused(
            422, "the request is not as described", first["msg"], shown(_place(first["loc"])) or None
        ) from None


def _place(loc: Sequence[int | str]) -> str:
    """`products[0].photos[1]`."""
    place = ""
    for part in loc:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    return place.lstrip(".")[:200]


def _photo(text: str, field: str, limits: RequestLimits) -> bytes:
    if len(text) > limits.photo_bytes * 4 // 3 + 4:
        raise _too_large(field, limits)
    if text.startswith(("http:", "https:", "data:", "file:")):
        raise RequestRefused(
            422, "an address in a photo's place", "nothing is fetched: give the photo's own bytes in base64", field
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RequestRefused(
            422, "a photo that is no base64", "give the photo's bytes in base64, without line breaks", field
        ) from None


def _require_bounds(product: AskedProduct, name: str, limits: RequestLimits) -> None:
    within = f"{name}." if name else ""
    for position, photo in enumerate(product.photos):
        field = f"{within}photos[{position}]"
        if len(photo) > limits.photo_bytes:
            raise _too_large(field, limits)
        if not photo:
            raise RequestRefused(422, "an empty photo", "it has no bytes", field)
    if not product.photos and not any(map(str.strip, filter(None, (product.title, product.description)))):
        raise RequestRefused(422, "nothing to go by", "give a photo, a title, or both", f"{within}photos")


def _too_large(field: str, limits: RequestLimits) -> RequestRefused:
    return RequestRefused(
        413, "a photo that is too large", f"a photo has at most {limits.photo_bytes // MIB} MiB", field
    )
