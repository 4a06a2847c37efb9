"""What one BSON document says of a product: decoded, or where it has the usual form, read as it lies."""

import struct
from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from catalog.files.csv_rows import id_in
from catalog.product import MAX_IMAGES, ProblemKind
from catalog.product_text import FIELDS, ShopText
from catalog.sources.source import NO_CATEGORY, Document

AS_IT_IS: CodecOptions[dict[str, Any]] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
"""A date beyond the year 9999 in some other field is no reason not to read a product."""

LARGEST_EXACT = 2.0**53
"""Doubles up to here hold every integer; beyond it neighbours fall together."""

MAX_TEXT = 200
"""Bytes of text in a picture's place that may be anything; no photo is so short in base64."""

Spans = list[tuple[int, int]]
Walked = tuple[int, int, int, Spans, tuple[str, str]]
"""Length, product_id, category_id (or `NO_CATEGORY`), first and last + 1 byte of each picture, title and description as
they are written there."""

# a field is its type (BSON: 16 is int32, 4 an array, 5 bytes), its name, a zero byte, its value
_ID, _CATEGORY, _IMGS, _PICTURE = b"\x10_id\0", b"\x10category_id\0", b"\x04imgs\0", b"\x05picture\0"
_TEXTS = tuple(f"\x02{name}\0".encode() for name in FIELDS)
_LABELLED = struct.Struct(f"<i{len(_ID)}si{len(_CATEGORY)}si{len(_IMGS)}si")
_UNLABELLED = struct.Struct(f"<i{len(_ID)}si{len(_IMGS)}si")
_ENTRY = struct.Struct(f"<3si{len(_PICTURE)}siB")
_AROUND = _ENTRY.size - 3 + 1
"""Bytes of an entry's document beside its picture."""
_NAME_AT_MOST = 16
"""Bytes of the longest of them, or more."""
_INT = struct.Struct("<i")
_NO_TEXTS = ("", "")
_RANKS = tuple(f"\x03{rank}\0".encode() for rank in range(MAX_IMAGES))


def parse_document(raw: bytes) -> Document:
    """Decode one document and say what `document_of` says of it.

    Raises:
        ValueError: not BSON, or without an integer `_id`; the message says what was found.
    """
    return document_of(_fields_of(raw))


def texts_in(data: memoryview, at: int, length: int) -> ShopText:
    """The texts of the document of `length` bytes at byte `at` of `data`; ValueError where it is none."""
    walked = walk(data, at)
    if walked is not None:
        return ShopText.of(*walked[-1])
    return texts_of(_fields_of(bytes(data[at : at + length])))


def _fields_of(raw: bytes) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = bson.decode(raw, AS_IT_IS)
    except (BSONError, UnicodeDecodeError) as error:
        raise ValueError(f"not BSON: {error}") from None
    return fields


def document_of(fields: dict[str, Any]) -> Document:
    """What `{_id, category_id?, title?, description?, imgs: [{picture}]}` says, and what is wrong but for the `_id`.

    What is wrong with its texts is told by `texts_of`.

    Raises:
        ValueError: without an integer `_id`; the message says what was found.
    """
    product_id = _integer(whole_number(fields.get("_id")), "_id")
    if product_id is None:
        raise ValueError("_id is missing")
    problems: list[tuple[ProblemKind, str]] = []
    try:
        category_id = _integer(_category_number(fields.get("category_id")), "category_id")
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
        elif isinstance(picture, str) and len(picture.encode()) > MAX_TEXT:
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


def whole_number(value: object) -> object:
    """The integer that a double stands for: MongoDB's shell and many exporters write every number as a double."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_EXACT:
        return int(value)
    return value


def _category_number(value: object) -> object:
    """`whole_number`, or the integer that a text of digits writes out; an empty text is no category."""
    if isinstance(value, str):
        number = id_in(value)
        return number if number is not None else value.strip() or None
    return whole_number(value)


def _integer(value: object, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {type(value).__name__} {str(value)[:40]!r}, expected an integer")
    return int(value)


def walk(data: memoryview, at: int) -> Walked | None:
    """The document at byte `at` of `data`, or None when it is not of the usual form or does not end in `data`.

    The usual form is `{_id: int32, category_id: int32, imgs: [{picture: bytes} x 1-4]}`, perhaps without category; and
    with title and description, in any order after the `_id`. What is returned is what `parse_document` says of the same
    bytes, without a problem; the texts as they are written.
    """
    return _walk_photos(data, at) or _walk_fields(data, at)


def _walk_photos(data: memoryview, at: int) -> Walked | None:
    """`walk` of a document without texts, as catalogues of photos have: nothing but the photos is looked for."""
    try:
        length, first, product_id, second, category_id, third, n_array = _LABELLED.unpack_from(data, at)
        here = at + _LABELLED.size
        if second != _CATEGORY:
            length, first, product_id, third, n_array = _UNLABELLED.unpack_from(data, at)
            category_id, here = NO_CATEGORY, at + _UNLABELLED.size
        last = here - 4 + n_array - 1
        # nothing follows the photos: the array's and the document's final zeros end both
        if first != _ID or third != _IMGS or last + 2 != at + length or data[last] or data[last + 1]:
            return None
        spans = _spans(data, here, last)
    except (struct.error, IndexError):
        return None
    return None if spans is None else (length, product_id, category_id, spans, _NO_TEXTS)


def _walk_fields(data: memoryview, at: int) -> Walked | None:
    """`walk` field by field; of a field that is there twice the last one counts, as for whoever decodes it."""
    try:
        (length,) = _INT.unpack_from(data, at)
        here, end = at + 4 + len(_ID), at + length - 1
        if data[at + 4 : here] != _ID or data[end]:
            return None
        (product_id,) = _INT.unpack_from(data, here)
        here += 4
        category_id, spans, texts = NO_CATEGORY, None, dict[bytes, str]()
        while here < end:
            # compared as bytes: each comparison of a view takes a microsecond
            field = bytes(data[here : here + _NAME_AT_MOST])
            if field.startswith(_CATEGORY):
                here += len(_CATEGORY) + 4
                (category_id,) = _INT.unpack_from(data, here - 4)
            elif spans is None and field.startswith(_IMGS):
                start = here + len(_IMGS)
                here = start + _INT.unpack_from(data, start)[0]
                spans = None if here > end or data[here - 1] else _spans(data, start + 4, here - 1)
                if spans is None:
                    return None
            else:
                name = next(text for text in _TEXTS if field.startswith(text))
                start = here + len(name) + 4
                here = start + _INT.unpack_from(data, start - 4)[0]
                if not start < here <= end or data[here - 1]:
                    return None
                texts[name] = str(data[start : here - 1], "utf-8")
    except (struct.error, IndexError, UnicodeDecodeError, StopIteration):
        return None
    if here != end or not spans:
        return None
    return length, product_id, category_id, spans, (texts.get(_TEXTS[0], ""), texts.get(_TEXTS[1], ""))


def _spans(data: memoryview, here: int, last: int) -> Spans | None:
    """Where the pictures of an array lie whose entries begin at byte `here` and whose final zero is byte `last`."""
    spans: Spans = []
    for rank in _RANKS:
        key, n_entry, name, n, subtype = _ENTRY.unpack_from(data, here)
        start = here + _ENTRY.size
        here = start + n + 1
        if key != rank or name != _PICTURE or subtype or n < 0 or n_entry != n + _AROUND or here > last:
            return None
        if data[here - 1]:
            return None
        spans.append((start, here - 1))
        if here == last:
            return spans
    return None
