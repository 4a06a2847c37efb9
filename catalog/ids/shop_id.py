"""An id as a shop writes it, and the number of 64 bits that stands for it inside."""

import hashlib
import re
import unicodedata

import numpy as np
from numpy.typing import ArrayLike, NDArray

ShopId = int | str
"""A product's or category's id: an integer of 64 bits, or any other text (`MH01-gray`, a UUID, `00123`)."""
MAX_LENGTH = 1000
"""Characters of an id: the path of a category, which may stand for its id, has room."""
LARGEST_EXACT = 2**53
"""Floating-point numbers up to here hold every integer; beyond it neighbours fall together: other products' ids."""
UUID_BYTES = 16
_INTEGER = re.compile("0|-?[1-9][0-9]{0,18}")
"""How an integer is written that is an id itself: with leading zeros it is a text, so that they are kept."""


def shop_id(text: str) -> ShopId:
    """The id that a text writes out; blanks around it are none of it.

    Raises:
        ValueError: an empty text, control characters, or more than `MAX_LENGTH` characters; says which.
    """
    text = text.strip()
    if fault := why_no_id(text):
        raise ValueError(fault)
    # the pattern has room for a few integers more than 64 bits
    if _INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    return text


def why_no_id(text: str) -> str:
    """Why a text, without blanks around it, is no id; "" where it is one."""
    if not text:
        return "it is empty"
    if len(text) > MAX_LENGTH:
        return f"{text[:40]!r}... is longer than the {MAX_LENGTH} characters that an id may have"
    # seven million ids are looked at: of plain letters Python tells it without a look at each
    if text.isascii() and text.isprintable():
        return ""
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        return f"{text[:40]!r} has control characters, which no id may have"
    return ""


def id_number(product_or_category: ShopId) -> int:
    """The number of 64 bits that stands for an id: an integer is itself.

    Of a text it is one of 63 bits that is the same everywhere: the BLAKE2b digest (8 bytes, big-endian, first bit
    cleared) of the text in Unicode form NFC, encoded as UTF-8. Of seven million texts two have the same number with a
    probability of 3 in a million; `IdNames` refuses it.
    """
    if isinstance(product_or_category, int):
        return product_or_category
    text = unicodedata.normalize("NFC", product_or_category).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") & (2**63 - 1)


def loosely(one: ShopId) -> str:
    """Equal for ids that differ in letter case, blanks or leading zeros alone; of an integer, itself."""
    return "".join(str(one).casefold().split()).lstrip("0") or "0"


def is_same_id(one: ShopId, other: ShopId) -> bool:
    """Whether two ids of one number are one id, perhaps in two Unicode forms, and no two that met by chance."""
    return one == other or len({unicodedata.normalize("NFC", str(each)) for each in (one, other)}) == 1


def refuse_one_number(one: ShopId, other: ShopId) -> None:
    """Raise ValueError where two ids of one number are not one id: a chance of one in millions of millions."""
    if not is_same_id(one, other):
        raise ValueError(f"the ids {one!r} and {other!r} have the same number here: change one of them")


def id_numbers(ids: ArrayLike) -> NDArray[np.int64]:
    """The numbers of ids, `(...)` int64 of the same shape; integers are such numbers already."""
    if isinstance(ids, np.ndarray) and ids.dtype.kind in "iu":
        return ids.astype(np.int64, copy=False)
    given = np.asarray(ids, object)
    numbers = [id_number(str(one) if isinstance(one, str) else int(one)) for one in given.reshape(-1).tolist()]
    return np.array(numbers, np.int64).reshape(given.shape)
