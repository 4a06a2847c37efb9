"""The index of a MongoDB collection: the server tells all that it takes, and keeps the photos."""

import hashlib
import struct
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np
from bson import Binary
from numpy.typing import NDArray

from catalog.files.progress import Progress
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import UUID_BYTES
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.product_text import FIELDS
from catalog.sources.bson.document import MAX_TEXT, document_of
from catalog.sources.bson.document_ids import EXPECTED, ReadIds
from catalog.sources.mongo.connection import Connection, Fields
from catalog.sources.mongo.id_forms import LEAST, NO_ID, form_of, id_of, offset_of
from catalog.sources.source import NO_CATEGORY, Document, Index, PackedRows, first_of_each_id

TEXT = -1
"""Stands for the size of a picture that is text, as base64 is."""
STAND_INS = ({"picture": b""}, {"picture": " " * (MAX_TEXT + 1)})
"""Stand in for a photo, and for such a text."""
HAS_TEXTS = "has_texts"
"""Field of an outline, there where the document has a title or a description: their text stays on the server."""
MAX_SHOWN = 60
"""Characters of an `_id` in a message."""
BATCH = 2000
"""Index rows that the server sends at a time: it reads that many whole documents for it, within the time limit."""


def build_index(connection: Connection, progress: Progress | None = None) -> Index:
    """Ask the server for everything but the photos; raises ValueError when there is not one usable product.

    The fingerprint is made of every product's `_id`, category and sizes of photos: a photo replaced by another of
    exactly its size is not seen in it, nor are other fields.
    """
    collection = connection.collection
    total = connection.answer(collection.estimated_document_count)
    problems, rows, digest = ProblemLog(), PackedRows(), hashlib.blake2b(digest_size=16)
    # of an id in two forms of Unicode the one that stays is told first
    ids, without_photo = ReadIds(), ReadIds()
    n_rows, with_texts = 0, False
    for n_documents, fields in enumerate(outlines(connection)):
        with_texts = fields.pop(HAS_TEXTS, False) or with_texts
        sizes = fields.get("imgs")
        try:
            document = _document(fields)
        except ValueError as error:
            problems.add(Problem(ProblemKind.BAD_DOCUMENT, _place(fields["_id"]), detail=str(error)))
            continue
        document.log_problems(problems, f"row {n_rows}")
        row = document.row(offset_of(n_rows, form_of(fields["_id"])), int(fields["length"]))
        rows.append(row)
        category_id = NO_CATEGORY if document.category_id is None else document.category_id
        (ids if document.pictures else without_photo).numbers(document.product_id, category_id)
        of_photos = [size for size in sizes if size is not None and size != TEXT] if isinstance(sizes, list) else []
        digest.update(struct.pack(f"<{2 + len(of_photos)}q", *row[2:4], *of_photos))
        n_rows += 1
        if progress is not None and n_documents % BATCH == 0:
            progress(n_documents, max(total, n_documents))
    _name_others(connection, problems)
    whole = rows.whole()
    if not len(whole):
        raise ValueError(_nothing_usable(connection, problems))
    if problems.counts[ProblemKind.TEXT_PHOTO] and not whole["n_images"].any():
        raise ValueError(f"{connection.address} has no picture that is bytes.\n{problems.summary()}")
    ids.merge(without_photo)
    names = ids.names(whole)
    whole = first_of_each_id(whole, problems, partial(_repeated, names))
    if progress is not None:
        progress(len(whole), len(whole))
    return Index(whole, problems, digest.hexdigest(), has_texts=with_texts, ids=names)


def _document(fields: Fields) -> Document:
    """What the outline of a document says; raises ValueError where its `_id` is none."""
    sizes = fields.get("imgs")
    if isinstance(sizes, list):
        # stands in for the photos: the same rules decide as of documents that have them
        fields["imgs"] = [None if size is None else STAND_INS[size == TEXT] for size in sizes]
    return document_of(fields)


def _repeated(names: IdNames, row: NDArray[np.void], kept: NDArray[np.void]) -> Problem:
    number = int(row["product_id"])
    place = _place(id_of(int(row["offset"]), number, names))
    return Problem(ProblemKind.REPEATED_ID, place, names.shown(number))


def _place(value: object) -> str:
    """An `_id` for people, which tells a text from a number, an ObjectId or a UUID."""
    if isinstance(value, Binary) and len(value) == UUID_BYTES:
        value = UUID(bytes=bytes(value))
    return f"_id {repr(value)[:MAX_SHOWN]}"


def outlines(connection: Connection) -> Iterator[Fields]:
    """All documents whose `_id` may be an id, in its order; in `imgs` each picture's size, `TEXT`, or None for none."""
    for least in LEAST:
        yield from _outlines_from(connection, {"$gte": least})


def _outlines_from(connection: Connection, start: dict[str, Any]) -> Iterator[Fields]:
    """Those whose `_id` is of one kind."""
    wanted = start

    def ask() -> Iterator[Fields]:
        # after a dropped connection it goes on behind the last document
        return connection.collection.aggregate(outline_pipeline(wanted), batchSize=BATCH)

    for fields in connection.stream(ask):
        wanted = {"$gt": fields["_id"]}
        yield fields


def outlines_digest(connection: Connection) -> str:
    """Digest of every document but its photos: ids, categories, sizes."""
    digest = hashlib.blake2b(digest_size=16)
    for fields in outlines(connection):
        # as earlier versions asked for it
        fields.pop(HAS_TEXTS, None)
        digest.update(repr(sorted(fields.items())).encode())
    return digest.hexdigest()


def _name_others(connection: Connection, problems: ProblemLog) -> None:
    """Count the documents whose `_id` is of another kind, and name the first; their other fields stay there."""
    collection = connection.collection
    count = connection.answer(lambda: collection.count_documents(NO_ID))
    if not count:
        return
    first = connection.answer(
        lambda: list(collection.find(NO_ID, {"_id": 1}, limit=problems.max_named, sort=[("_id", 1)]))
    )
    for fields in first:
        what = f"_id is {type(fields['_id']).__name__}, {EXPECTED}"
        problems.add(Problem(ProblemKind.BAD_DOCUMENT, _place(fields["_id"]), detail=what))
    problems.counts[ProblemKind.BAD_DOCUMENT] += max(0, count - len(first))


def _nothing_usable(connection: Connection, problems: ProblemLog) -> str:
    if not len(problems):
        return f"{connection.address} is empty: expected documents {{_id, category_id, imgs: [{{picture}}]}}"
    return f"{connection.address} holds no usable product.\n{problems.summary()}"


def outline_pipeline(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """What the server is asked for an index of the documents whose `_id` is `wanted`."""
    kind = {"$type": "$$this.picture"}
    is_long = {"$gt": [{"$strLenBytes": "$$this.picture"}, MAX_TEXT]}
    text_or_none = {"$cond": [{"$eq": [kind, "string"]}, {"$cond": [is_long, TEXT, None]}, None]}
    size = {"$cond": [{"$eq": [kind, "binData"]}, {"$binarySize": "$$this.picture"}, text_or_none]}
    sizes = {"$map": {"input": "$imgs", "in": size}}
    # a field that is missing comes before one that is null, and both before all others
    is_there = {"$or": [{"$gt": [f"${name}", None]} for name in FIELDS]}
    fields = {
        "category_id": 1,
        HAS_TEXTS: {"$cond": [is_there, True, "$$REMOVE"]},
        "length": {"$bsonSize": "$$ROOT"},
        "imgs": {"$cond": [{"$isArray": "$imgs"}, sizes, "$imgs"]},
    }
    return [{"$match": {"_id": wanted}}, {"$sort": {"_id": 1}}, {"$project": fields}]
