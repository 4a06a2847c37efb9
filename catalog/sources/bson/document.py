"""What one BSON document says of a product."""

from __future__ import annotations

from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from catalog.product import MAX_IMAGES, ProblemKind
from catalog.sources.source import Document

AS_IT_IS: CodecOptions[dict[str, Any]] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
"""A date beyond the year 9999 in some other field is no reason not to read a product."""

LARGEST_EXACT = 2.0**53
"""Doubles up to here hold every integer; beyond it neighbours fall together."""


def parse_document(raw: bytes) -> Document:
    """Decode one document and say what `document_of` says of it.

    Raises:
        ValueError: not BSON, or without an integer `_id`; the message says what was found.
    """
    try:
        fields: dict[str, Any] = bson.decode(raw, AS_IT_IS)
    except (BSONError, UnicodeDecodeError) as error:
        raise ValueError(f"not BSON: {error}") from None
    return document_of(fields)


def document_of(fields: dict[str, Any]) -> Document:
    """What `{_id, category_id?, imgs: [{picture}]}` says; what is wrong but for the `_id` is listed.

    Raises:
        ValueError: without an integer `_id`; the message says what was found.
    """
    product_id = _integer(fields.get("_id"), "_id")
    if product_id is None:
        raise ValueError("_id is missing")
    problems: list[tuple[ProblemKind, str]] = []
    try:
        category_id = _integer(whole_number(fields.get("category_id")), "category_id")
    except ValueError as error:
        category_id = None
        problems.append((ProblemKind.BAD_CATEGORY, str(error)))
    entries = fields.get("imgs") or []
    if not isinstance(entries, list):
        problems.append((ProblemKind.BAD_PHOTO_ENTRY, f"imgs is {type(entries).__name__}, expected a list"))
        entries = []
    pictures = []
    for rank, entry in enumerate(entries, start=1):
        picture = entry.get("picture") if isinstance(entry, dict) else None
        if isinstance(picture, bytes):
            pictures.append(picture)
        else:
            problems.append((ProblemKind.BAD_PHOTO_ENTRY, f"photo {rank}"))
    if not pictures:
        problems.append((ProblemKind.NO_PHOTO, ""))
    elif len(pictures) > MAX_IMAGES:
        problems.append((ProblemKind.TOO_MANY_PHOTOS, f"{len(pictures)} photos"))
    return Document(product_id, category_id, tuple(pictures[:MAX_IMAGES]), tuple(problems))


def whole_number(value: object) -> object:
    """The integer that a double stands for: MongoDB's shell and many exporters write every number as a double."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_EXACT:
        return int(value)
    return value


def _integer(value: object, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {type(value).__name__} {str(value)[:40]!r}, expected an integer")
    return int(value)
