"""A request's body with photos: a form with files, or JSON with base64. Nothing of it is written to disk."""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from catalog.product import MAX_IMAGES
from rayonnage.web.problem import RequestRefused
from rayonnage.web.settings import RequestLimits

FORM, JSON = "multipart/form-data", "application/json"
PHOTOS = "photos"
MIB = 2**20
Body = TypeVar("Body", bound=BaseModel)


class FormInMemory(MultiPartParser):
    """Keeps files in memory, which the bound of the whole body makes possible: no upload lies in a temporary file."""

    spool_max_size = sys.maxsize


@dataclass(frozen=True)
class GivenForm:
    """A form of one product: its encoded photos, and its other fields that are not empty, in their order."""

    photos: tuple[bytes, ...]
    fields: tuple[tuple[str, str], ...]


def kind_of(request: Request) -> str:
    """`FORM` or `JSON`; raises RequestRefused (415) for any other kind of body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (FORM, JSON):
        raise RequestRefused(415, "another kind of body", f"send {FORM}, or {JSON} with photos in base64")
    return kind


async def given_form(request: Request, names: Sequence[str], most_fields: int, longest: int) -> GivenForm:
    """The fields of a form, and the files in its field `photos`.

    Args:
        names: of the fields beside `photos`. most_fields: of them all, the same one more than once included.
        longest: bytes of a field.

    Raises:
        RequestRefused: it is not as described; names the field.
    """
    parser = FormInMemory(
        request.headers, request.stream(), max_files=MAX_IMAGES, max_fields=most_fields, max_part_size=longest
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise RequestRefused(
            422, "the form cannot be read", f"{error.message} A form has one product: up to {MAX_IMAGES} files `photos`"
        ) from None
    try:
        return await _given(form, names)
    finally:
        await form.close()


async def _given(form: FormData, names: Sequence[str]) -> GivenForm:
    unknown = [name for name in form if name not in (PHOTOS, *names)]
    if unknown:
        known = ", ".join((PHOTOS, *names))
        raise RequestRefused(422, "an unknown field", f"the form's fields are {known}", unknown[0][:100])
    photos: list[bytes] = []
    for position, photo in enumerate(form.getlist(PHOTOS)):
        if not isinstance(photo, UploadFile):
            raise RequestRefused(422, "no file", "send photos as files (curl: -F photos=@a.jpg)", f"photos[{position}]")
        photos.append(await photo.read())
    fields = []
    for name, value in form.multi_items():
        if name == PHOTOS or value == "":
            continue
        if not isinstance(value, str):
            raise RequestRefused(422, "a file", "it is a text: send it as a field without a file name", name)
        fields.append((name, value))
    return GivenForm(tuple(photos), tuple(fields))


def checked(kind: type[Body], value: bytes | dict[str, object], shown: Callable[[str], str] = str) -> Body:
    """JSON, or what a form gives, as a body is described; `shown`: the field's name for the client.

    Raises:
        RequestRefused: it is not as described; names the field.
    """
    try:
        return kind.model_validate_json(value) if isinstance(value, bytes) else kind.model_validate(value)
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


def decoded_photo(text: str, field: str, limits: RequestLimits) -> bytes:
    """The bytes that base64 stands for; raises RequestRefused where it is none, or too long."""
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


def require_photos_within(photos: Sequence[bytes], within: str, limits: RequestLimits) -> None:
    """Refuse a photo that is too large, or empty; `within`: what stands before `photos` in the field's name."""
    for position, photo in enumerate(photos):
        field = f"{within}photos[{position}]"
        if len(photo) > limits.photo_bytes:
            raise _too_large(field, limits)
        if not photo:
            raise RequestRefused(422, "an empty photo", "it has no bytes", field)


def _too_large(field: str, limits: RequestLimits) -> RequestRefused:
    return RequestRefused(
        413, "a photo that is too large", f"a photo has at most {limits.photo_bytes // MIB} MiB", field
    )
