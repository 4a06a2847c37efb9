"""What one BSON document says of a product."""

from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from catalog.product import MAX_IMAGES, ProblemKind
from catalog.product_text import FIELDS, ShopText
from catalog.sources.bson.document_ids import category_id_in, product_id_in
from catalog.sources.source import Document

BROKEN_TEXT = "surrogateescape"
"""How text that is no UTF-8 is decoded: to what no text has, so that it is known (`ShopText` names it)."""
AS_IT_IS: CodecOptions[dict[str, Any]] = CodecOptions(
    unicode_decode_error_handler=BROKEN_TEXT, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""Broken text or a date beyond the year 9999 in some other field is no reason not to read a product."""

MAX_TEXT = 200
"""Bytes of text in a picture's place that may be anything; no photo is so short in base64."""


def parse_document(raw: bytes) -> Document:
    """Decode one document and say what `document_of` says of it.

    Raises:
        ValueError: not BSON, or without an `_id` that can be an id; the message says what was found.
    """
    return document_of(fields_of(raw))


def fields_of(raw: bytes) -> dict[str, Any]:
    """The fields of one document; raises ValueError where it is no BSON."""
    try:
        fields: dict[str, Any] = bson.decode(raw, AS_IT_IS)
    except (BSONError, UnicodeDecodeError) as error:
        raise ValueError(f"not BSON: {error}") from None
    return fields


def document_of(fields: dict[str, Any]) -> Document:
    """What `{_id, category_id?, title?, description?, imgs: [{picture}]}` says, and what is wrong but for the `_id`.

    What is wrong with its texts is told by `texts_of`.

    Raises:
        ValueError: without an `_id` that can be an id; the message says what was found.
    """
    product_id = product_id_in(fields.get("_id"))
    problems: list[tuple[ProblemKind, str]] = []
    try:
        category_id = category_id_in(fields.get("category_id"))
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
        elif isinstance(picture, str) and len(picture.encode("utf-8", BROKEN_TEXT)) > MAX_TEXT:
            problems.append((ProblemKind.TEXT_PHOTO, f"photo {rank}"))
        else:
            problems.append((ProblemKind.BAD_PHOTO_ENTRY, f"photo {rank}"))
    if not pictures:
        problems.append((ProblemKind.NO_PHOTO, ""))
    elif len(pictures) > MAX_IMAGES:
        problems.append((ProblemKind.TOO_MANY_PHOTOS, f"{len(pictures)} photos"))
    texts = texts_of(fields)
    return Document(
        product_id, category_id, tuple(pictures[:MAX_IMAGES]), tuple(problems), texts.title, texts.description
    )


def has_texts(fields: dict[str, Any]) -> bool:
    """Whether a document has a title or a description, be it one that cannot be used."""
    return any(fields.get(name) is not None for name in FIELDS)


def texts_of(fields: dict[str, Any]) -> ShopText:
    """The title and description of a document."""
    return ShopText.of(*map(fields.get, FIELDS))
