"""Ids that hardly anybody tells apart: `MH01` and `mh01`, `7` and `007` are products of their own, and are named."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import listed
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, loosely
from catalog.product import Problem, ProblemKind
from catalog.sources.source import Index

BATCH = 65_536
"""Ids looked at together."""
FIELDS = ("product_id", "category_id")
NAMED = 5
_NONE = -1
_DIGITS = 18
"""All integers of so many digits have 64 bits."""


def alike_ids(index: Index) -> Iterator[Problem]:
    """A notice for each group of a catalogue's product ids, and of its categories, that are so much alike."""
    for field in FIELDS:
        for group in groups_of_alike(index.rows[field], index.ids):
            yield Problem(ProblemKind.ALIKE_IDS, field, detail=listed([repr(one) for one in group], NAMED))


def groups_of_alike(numbers: NDArray[np.int64], names: IdNames) -> Iterator[list[ShopId]]:
    """Those of the ids of `(n,)` numbers that differ in letter case, blanks or leading zeros alone, two or more each.

    Nothing is looked at where all are integers; of texts, 16 bytes each are held.
    """
    texts = names.numbers[np.isin(names.numbers, numbers)]
    keys, integers = np.zeros(len(texts), np.int64), np.full(len(texts), _NONE)
    for start in range(0, len(texts), BATCH):
        for place, one in enumerate(names.take(texts[start : start + BATCH]), start):
            loose = loosely(one)
            keys[place] = hash(loose)
            if loose.isdecimal() and loose.isascii() and len(loose) <= _DIGITS:
                integers[place] = int(loose)
    has_integer = (integers != _NONE) & np.isin(integers, numbers)
    _, run, length = np.unique(keys, return_inverse=True, return_counts=True)
    found = np.flatnonzero((length[run] > 1) | has_integer)
    if not len(found):
        return
    found = found[np.argsort(run[found], kind="stable")]
    runs = np.split(found, np.flatnonzero(np.diff(run[found])) + 1)
    # keys differ from process to process: what is told does not
    for places in sorted(runs, key=lambda places: int(places[0])):
        alike: dict[str, list[ShopId]] = {}
        for place, one in zip(places.tolist(), names.take(texts[places]), strict=True):
            integer: list[ShopId] = [int(integers[place])] if has_integer[place] else []
            alike.setdefault(loosely(one), integer).append(one)
        yield from (sorted(group, key=str) for group in alike.values() if len(group) > 1)
