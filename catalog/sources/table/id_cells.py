"""Ids in the cells of a table: what a cell stands for, and how an id is written so that the same one is read."""

import math
import uuid
from decimal import Decimal

from catalog.files.csv_rows import id_in, why_not_id
from catalog.ids.shop_id import LARGEST_EXACT, UUID_BYTES, ShopId, shop_id, why_no_id

NOTHING = "nan"
"""What data frames write for an empty cell when they make text of a column."""
_MOST_DIGITS = 40
"""Of decimals that are whole; Arrow's have 76, no shop numbers so many products."""


def read_id(cell: object) -> ShopId | None:
    """The id in a cell: an integer, a text to the letter, a whole double or decimal, 16 bytes that are a UUID.

    A text is read as spreadsheets write numbers, see `id_in`: `12.0` is 12. After an apostrophe it is left as it is,
    where it would be read otherwise. None for an empty cell.

    Raises:
        ValueError: anything else, also doubles of more than 2**53, which are rounded; says what.
    """
    if isinstance(cell, str):
        return _id_of_text(cell.strip())
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, bytes) and len(cell) == UUID_BYTES:
        return str(uuid.UUID(bytes=cell))
    if isinstance(cell, uuid.UUID):
        return str(cell)
    if _is_whole(cell):
        return shop_id(str(int(cell)))  # type: ignore[call-overload]
    raise ValueError(f"{str(cell)[:40]!r} is neither an integer nor a text")


def written_id(product_or_category: ShopId) -> ShopId:
    """What `read_id` reads as that id: the id itself, where need be with an apostrophe before it."""
    if isinstance(product_or_category, str) and _read(product_or_category) != product_or_category:
        return f"'{product_or_category}"
    return product_or_category


def _read(text: str) -> ShopId | None:
    """The id that a text without blanks around it stands for; None where it stands for none."""
    core = text.lstrip("'")
    if text != core and (_is_read_otherwise(core) or id_in(f"'{core}") != f"'{core}"):
        return _to_the_letter(text[1:])
    return None if text == NOTHING else id_in(text)


def _is_read_otherwise(text: str) -> bool:
    """Whether a text that does not begin with an apostrophe is read as something else than it says."""
    return text == NOTHING or id_in(text) != _to_the_letter(text)


def _to_the_letter(text: str) -> ShopId | None:
    return None if why_no_id(text) else shop_id(text)


def _id_of_text(text: str) -> ShopId | None:
    found = _read(text)
    if found is None and text not in ("", NOTHING):
        raise ValueError(why_not_id(text))
    return found


def _is_whole(cell: object) -> bool:
    if isinstance(cell, float):
        return cell.is_integer() and abs(cell) <= LARGEST_EXACT
    if isinstance(cell, Decimal):
        return cell.is_finite() and cell.adjusted() < _MOST_DIGITS and cell == cell.to_integral_value()
    return isinstance(cell, int) and not isinstance(cell, bool)
