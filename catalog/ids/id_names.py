"""The one table that gives numbers their texts back: of every id that is no integer."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catalog.ids.shop_id import ShopId, id_number, refuse_one_number

_HEAD = 8
"""Bytes of the number of texts, before all else."""


class IdNames:
    """The texts of M ids by their numbers, which may be memory-mapped: seven million UUIDs take 370 MB.

    An id that is not in it is its number: of a shop with integers the table is empty.

    Attributes:
        numbers: `(M,)` int64, ascending, each once.
    """

    def __init__(self, numbers: NDArray[np.int64], start: NDArray[np.int64], text: NDArray[np.uint8]) -> None:
        """`start`: `(M + 1,)` int64 where each text begins and ends in `text`, `(B,)` uint8 of UTF-8."""
        self.numbers, self._start, self._text = numbers, start, text

    @classmethod
    def none(cls) -> Self:
        """That of a shop whose ids are all integers."""
        return cls(np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0, np.uint8))

    @classmethod
    def of(cls, ids: Iterable[ShopId]) -> IdNames:
        """Those of the ids that are texts; raises as `IdCollector.names` does."""
        collector = IdCollector()
        return collector.names(np.array([collector.number(one) for one in ids], np.int64))

    @classmethod
    def from_bytes(cls, data: NDArray[np.uint8]) -> Self:
        """What `to_bytes` gave, `(B,)` uint8, nothing copied; raises ValueError where it is damaged."""
        n = int.from_bytes(data[:_HEAD].tobytes(), "little")
        at = _HEAD + 8 * (2 * n + 1)
        if len(data) < _HEAD or n < 0 or at > len(data):
            raise ValueError("no table of ids")
        numbers, start = data[_HEAD : _HEAD + 8 * n].view("<i8"), data[_HEAD + 8 * n : at].view("<i8")
        if start[0] != 0 or start[-1] != len(data) - at or (np.diff(start) < 0).any() or (np.diff(numbers) <= 0).any():
            raise ValueError("damaged table of ids")
        return cls(numbers, start, data[at:])

    def to_bytes(self) -> NDArray[np.uint8]:
        """`(B,)` uint8, little-endian."""
        head = np.frombuffer(len(self).to_bytes(_HEAD, "little"), np.uint8)
        numbers = (self.numbers.astype("<i8").view(np.uint8), self._start.astype("<i8").view(np.uint8))
        return np.concatenate([head, *numbers, self._text])

    def __len__(self) -> int:
        return len(self.numbers)

    def name_any(self, numbers: NDArray[np.int64]) -> bool:
        """Whether there is a text among the ids that `(n,)` numbers stand for."""
        return bool(self._places(numbers)[1].any())

    def among(self, numbers: NDArray[np.int64]) -> IdNames:
        """The texts of these `(n,)` numbers alone."""
        kept = np.flatnonzero(np.isin(self.numbers, numbers))
        return _chosen(self.numbers[kept], kept, self._start, self._text.data)

    def joined(self, other: IdNames) -> IdNames:
        """The texts of both; of one id in two forms (an accent's, in Unicode) this table's.

        Quick where the other has few texts that are new: this one is copied in as many pieces, not text by text.

        Raises:
            ValueError: two ids have the same number, by a chance of one in millions of millions.
        """
        is_shared = np.isin(other.numbers, self.numbers)
        shared, new = other.numbers[is_shared], other.numbers[~is_shared]
        for one, another in zip(self.take(shared), other.take(shared), strict=True):
            refuse_one_number(one, another)
        if not len(new):
            return self
        if not len(self):
            return other
        place = np.searchsorted(self.numbers, new)
        texts = [_text_at(other._text.data, other._start, row) for row in np.flatnonzero(~is_shared).tolist()]
        encoded = [np.frombuffer(text.encode("utf-8", "surrogateescape"), np.uint8) for text in texts]
        first, *later = np.split(self._text, self._start[place])
        pieces = [first, *(piece for pair in zip(encoded, later, strict=True) for piece in pair)]
        lengths = np.insert(np.diff(self._start), place, [len(text) for text in encoded])
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return IdNames(np.insert(self.numbers, place, new), starts, np.concatenate(pieces))

    def shown(self, number: int) -> ShopId:
        """The id that a number stands for."""
        return self.take(np.array([number], np.int64))[0]

    def take(self, numbers: Sequence[int] | NDArray[np.integer]) -> list[ShopId]:
        """The ids that `(n,)` numbers stand for, in their order."""
        wanted = np.asarray(numbers, np.int64)
        shown: list[ShopId] = wanted.tolist()
        place, is_text = self._places(wanted)
        for row in np.flatnonzero(is_text).tolist():
            shown[row] = _text_at(self._text.data, self._start, int(place[row]))
        return shown

    def _places(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Where each of `(n,)` numbers would stand, and whether it stands there."""
        if not len(self):
            return np.zeros(len(numbers), np.intp), np.zeros(len(numbers), bool)
        place = np.searchsorted(self.numbers, numbers).clip(max=len(self) - 1)
        return place, self.numbers[place] == numbers


class IdCollector:
    """Gives numbers to ids as they come, and keeps the texts among them in 17 bytes more than each has."""

    def __init__(self) -> None:
        self._numbers, self._start, self._text = array("q"), array("q", [0]), bytearray()

    def number(self, product_or_category: ShopId) -> int:
        """The `id_number` of an id, whose text is kept where it has one."""
        number = id_number(product_or_category)
        if isinstance(product_or_category, str):
            self._numbers.append(number)
            self._text += product_or_category.encode("utf-8", "surrogateescape")
            self._start.append(len(self._text))
        return number

    def merge(self, later: IdCollector) -> None:
        """Add what another one was given, as if it were given here."""
        starts = np.frombuffer(later._start, np.int64)[1:] + len(self._text)
        self._numbers.extend(later._numbers)
        self._start.frombytes(starts.tobytes())
        self._text += later._text

    def names(self, numbers: NDArray[np.int64]) -> IdNames:
        """The table of all that was given; of one id in two forms (an accent's, in Unicode) the first.

        `numbers`: `(N,)` all that were asked for and are used, integers as well.

        Raises:
            ValueError: two ids have the same number, by a chance of one in millions of millions.
        """
        if not self._numbers:
            return IdNames.none()
        given, start = np.frombuffer(self._numbers, np.int64), np.frombuffer(self._start, np.int64)
        kept, first, place = np.unique(given, return_index=True, return_inverse=True)
        for row in np.flatnonzero(first[place] != np.arange(len(given))).tolist():
            refuse_one_number(*(_text_at(self._text, start, one) for one in (int(first[place[row]]), row)))
        used, n_used = np.unique(numbers, return_counts=True)
        n_given = np.bincount(place, minlength=len(kept))
        both = np.flatnonzero(np.isin(kept, used))
        taken = both[n_used[np.searchsorted(used, kept[both])] > n_given[both]]
        if len(taken):
            refuse_one_number(_text_at(self._text, start, int(first[taken[0]])), int(kept[taken[0]]))
        with memoryview(self._text) as view:
            return _chosen(kept, first, start, view)


def _text_at(text: bytearray | memoryview, start: NDArray[np.int64], place: int) -> str:
    return bytes(text[start[place] : start[place + 1]]).decode("utf-8", "surrogateescape")


def _chosen(kept: NDArray[np.int64], first: NDArray[np.intp], start: NDArray[np.int64], text: memoryview) -> IdNames:
    """The texts at the places `first`, `(M,)`, in that order."""
    lengths = np.diff(start)[first]
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    chosen = bytearray()
    for place in first.tolist():
        chosen += text[start[place] : start[place + 1]]
    return IdNames(kept, ends, np.frombuffer(bytes(chosen), np.uint8))
