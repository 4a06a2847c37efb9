"""Products of one title, by a number of it: seven million titles would be gigabytes."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from catalog.product_text import parted
from catalog.split.linking import NO_GROUP
from catalog.texts import Texts

NO_TITLE = NO_GROUP
"""Stands for a product without a title."""


def title_numbers(texts: Texts) -> NDArray[np.int64]:
    """`(N,)` int64, equal for titles that are equal but for letter case and blanks; `NO_TITLE` where there is none."""
    if not texts.n_titles:
        return np.full(len(texts), NO_TITLE)
    return np.fromiter((_number(parted(text)[0]) for text in texts), np.int64, len(texts))


def _number(title: str) -> int:
    """The first 63 bits of a digest of the title."""
    folded = " ".join(title.casefold().split())
    return int.from_bytes(hashlib.blake2b(folded.encode(), digest_size=8).digest()) >> 1 if folded else NO_TITLE
