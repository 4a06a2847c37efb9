"""Ids as documents hold them: numbers, texts, and what databases make up themselves, ObjectIds and UUIDs."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from uuid import UUID

import numpy as np
from bson import Binary, ObjectId
from numpy.typing import NDArray

from catalog.files.csv_rows import id_in, why_not_id
from catalog.ids.id_names import IdCollector, IdNames
from catalog.ids.shop_id import LARGEST_EXACT, UUID_BYTES, ShopId, id_number, shop_id

UUID_SUBTYPES = (4, 3)
"""Of binary values: UUIDs, and as drivers wrote them once."""
EXPECTED = "expected an integer, a text, an ObjectId or a UUID"


def product_id_in(value: object) -> ShopId:
    """The id that an `_id` is: of an ObjectId its 24 hex digits, of a UUID its usual 36 characters.

    A text with blanks around it is none: an id is without them, and no document could be asked for by it.

    Raises:
        ValueError: it is none; the message says what was found.
    """
    if value is None:
        raise ValueError("_id is missing")
    plain = _plain(value, "_id")
    return plain if isinstance(plain, int) else text_id(plain)


def category_id_in(value: object) -> ShopId | None:
    """The category that a `category_id` is, a text being read as a tree file's cell; None: absent, or an empty text.

    Raises:
        ValueError: it is none; the message says what was found.
    """
    plain = None if value is None else _plain(value, "category_id")
    return _category_called(plain) if isinstance(plain, str) else plain


@lru_cache(maxsize=10_000)
def _category_called(text: str) -> ShopId | None:
    """Looked at once: a catalogue has thousands of categories, and millions of products."""
    category_id = id_in(text)
    if category_id is None and text.strip():
        raise ValueError(f"category_id: {why_not_id(text)}")
    return category_id


def whole_number(value: object) -> object:
    """The integer that a double stands for: MongoDB's shell and many exporters write every number as a double."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_EXACT:
        return int(value)
    return value


def _plain(value: object, name: str) -> int | str:
    value = whole_number(value)
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, Binary) and value.subtype in UUID_SUBTYPES and len(value) == UUID_BYTES:
        return str(UUID(bytes=bytes(value)))
    # code in JavaScript is a kind of text to Python, and a truth value a kind of integer
    if type(value) is str:
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {type(value).__name__} {str(value)[:40]!r}, {EXPECTED}")
    return int(value)


def text_id(text: str) -> ShopId:
    """The id that a text as `_id` is; raises ValueError as `product_id_in` does."""
    try:
        product_id = shop_id(text)
    except ValueError as error:
        raise ValueError(f"_id: {error}") from None
    if text != text.strip():
        raise ValueError(f"_id: {text[:40]!r} has blanks around it")
    return product_id


class ReadIds:
    """Gives the numbers of ids of documents, and keeps the texts among them: of a category once, there are few."""

    def __init__(self) -> None:
        self._products = IdCollector()
        self._categories = Counter[str]()

    def numbers(self, product_id: ShopId, category_id: ShopId) -> tuple[int, int]:
        """The numbers of a document's two ids."""
        if isinstance(product_id, int) and isinstance(category_id, int):
            return product_id, category_id
        if isinstance(category_id, str):
            self._categories[category_id] += 1
        return self._products.number(product_id), id_number(category_id)

    def merge(self, later: ReadIds) -> None:
        """Add those of documents that follow."""
        self._products.merge(later._products)
        self._categories.update(later._categories)

    def names(self, rows: NDArray[np.void]) -> IdNames:
        """The texts of the ids of `(N,)` rows of dtype `ROW`, all that numbers were given for: asked once, at the end.

        Raises:
            ValueError: two ids have the same number, see `IdCollector.names`.
        """
        used, n_used = np.unique(rows["category_id"], return_counts=True)
        for text, count in self._categories.items():
            # told once, it counts once
            n_used[np.searchsorted(used, self._products.number(text))] -= count - 1
        return self._products.names(np.concatenate([rows["product_id"], np.repeat(used, n_used)]))
