"""Products of one title, by a number of it: seven million titles would be gigabytes."""

import numpy as np
from numpy.typing import NDArray

from catalog.product_text import parted
from catalog.split.linking import NO_GROUP, group_number
from catalog.texts import Texts

NO_TITLE = NO_GROUP
"""Stands for a product without a title."""


def title_numbers(texts: Texts) -> NDArray[np.int64]:
    """`(N,)` int64, equal for titles that are equal but for letter case and blanks; `NO_TITLE` where there is none."""
    if not texts.n_titles:
        return np.full(len(texts), NO_TITLE)
    return np.fromiter((_number(parted(text)[0]) for text in texts), np.int64, len(texts))


def _number(title: str) -> int:
    return group_number(" ".join(title.casefold().split()))
