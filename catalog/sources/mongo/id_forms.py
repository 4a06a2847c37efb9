"""The forms that an id may have as `_id` of a document: a collection's 12 and "12" are two, the shop's 12 is one."""

import math
import re
import unicodedata
from enum import IntEnum
from typing import Any
from uuid import UUID

from bson import Binary, ObjectId

from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number
from catalog.sources.bson.document_ids import product_id_in
from catalog.sources.mongo.connection import Connection


class IdForm(IntEnum):
    """What kind of value an `_id` is. To the server a whole double is the integer."""

    NUMBER = 0
    TEXT = 1
    OBJECT_ID = 2
    UUID = 3
    OLD_UUID = 4


LEAST: tuple[Any, ...] = (-math.inf, "", Binary(b""), ObjectId(bytes(12)))
"""The first of each kind that an id may be, in the server's order. MongoDB compares with values of the same kind alone,
which its index of `_id` answers without reading a document; NaN is greater than nothing."""
NO_ID = {"$nor": [{"_id": {"$gte": least}} for least in LEAST]}
"""What the other documents match."""
_OBJECT_ID = re.compile("[0-9a-f]{24}")
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BINARY_FORMS = {4: IdForm.UUID, 3: IdForm.OLD_UUID}
"""By the subtype of the binary value."""


def form_of(value: object) -> IdForm:
    """The form of an `_id` that `product_id_in` takes."""
    if isinstance(value, ObjectId):
        return IdForm.OBJECT_ID
    if isinstance(value, Binary):
        return _BINARY_FORMS[value.subtype]
    return IdForm.TEXT if isinstance(value, str) else IdForm.NUMBER


def written(shop_id: ShopId, form: IdForm) -> Any:
    """The `_id` that an id is in a form that it may have."""
    match form:
        case IdForm.NUMBER:
            return shop_id
        case IdForm.TEXT:
            return str(shop_id)
        case IdForm.OBJECT_ID:
            return ObjectId(str(shop_id))
        case IdForm.UUID:
            return Binary(UUID(str(shop_id)).bytes, 4)
        case IdForm.OLD_UUID:
            return Binary(UUID(str(shop_id)).bytes, 3)


def forms_of(shop_id: ShopId) -> list[Any]:
    """Every `_id` that an id may be; a text in both forms that Unicode has for accents."""
    if isinstance(shop_id, int):
        return [shop_id, str(shop_id)]
    forms: list[Any] = [shop_id]
    if not shop_id.isascii():
        forms = list(dict.fromkeys([shop_id, *(unicodedata.normalize(form, shop_id) for form in ("NFC", "NFD"))]))
    if _OBJECT_ID.fullmatch(shop_id):
        forms.append(ObjectId(shop_id))
    if _UUID.fullmatch(shop_id):
        forms += [written(shop_id, form) for form in (IdForm.UUID, IdForm.OLD_UUID)]
    return forms


def ids_there(connection: Connection, shop_ids: list[ShopId]) -> dict[int, Any]:
    """The `_id` of each of these products that a collection holds, by the number of the product's id.

    Of a product that is there in several forms it is the one that a catalogue of the collection has: the first one with
    a photo.
    """
    wanted = [form for shop_id in shop_ids for form in forms_of(shop_id)]
    found = _asked(connection, {"_id": {"$in": wanted}})
    there = {number: values[0] for number, values in found.items()}
    several = [value for values in found.values() if len(values) > 1 for value in values]
    if several:
        has_photo = {"_id": {"$in": several}, "imgs.picture": {"$type": "binData"}}
        there |= {number: values[0] for number, values in _asked(connection, has_photo).items()}
    return there


def _asked(connection: Connection, query: dict[str, Any]) -> dict[int, list[Any]]:
    """The `_id`s of the documents that match, in the server's order, by the number of the id."""
    collection = connection.collection
    documents = connection.answer(lambda: list(collection.find(query, {"_id": 1}, sort=[("_id", 1)])))
    found = dict[int, list[Any]]()
    for document in documents:
        found.setdefault(id_number(product_id_in(document["_id"])), []).append(document["_id"])
    return found


FORM_AT = 48
"""Bit of a row's `offset` from which on its form stands; below is the product's number in the order of `_id`."""


def offset_of(place: int, form: IdForm) -> int:
    """What stands as `offset` in the row of a product."""
    return place | form << FORM_AT


def id_of(offset: int, number: int, ids: IdNames) -> Any:
    """The `_id` of the product whose row holds this `offset` and number."""
    return written(ids.shown(number), IdForm(offset >> FORM_AT))
