"""The texts of ids that come with what a server finds: it may hold more of them than a machine keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number

MOST = 200_000
"""Texts that are kept, those asked for last."""


class FoundNames(IdNames):
    """A table of ids that grows with what is found, and forgets what was found long ago. Safe in threads."""

    def __init__(self, most: int = MOST) -> None:
        """`most`: texts that are kept."""
        self._texts: dict[int, str] = {}
        self._most, self._changing = most, threading.Lock()

    def learn(self, texts: Iterable[str]) -> None:
        """Take in the texts of some ids."""
        with self._changing:
            for text in texts:
                number = id_number(text)
                self._texts.pop(number, None)
                self._texts[number] = text
            while len(self._texts) > self._most:
                del self._texts[next(iter(self._texts))]

    @property
    def numbers(self) -> NDArray[np.int64]:  # type: ignore[override]
        """`(M,)` int64, ascending, each once."""
        return self._table().numbers

    def __len__(self) -> int:
        return len(self._texts)

    def name_any(self, numbers: NDArray[np.int64]) -> bool:
        """Whether there is a text among the ids that `(n,)` numbers stand for."""
        return any(number in self._texts for number in numbers.tolist())

    def take(self, numbers: Sequence[int] | NDArray[np.integer]) -> list[ShopId]:
        """The ids that `(n,)` numbers stand for, in their order."""
        return [self._texts.get(number, number) for number in np.asarray(numbers, np.int64).tolist()]

    def among(self, numbers: NDArray[np.int64]) -> IdNames:
        """The texts of these `(n,)` numbers alone."""
        return self._table().among(numbers)

    def to_bytes(self) -> NDArray[np.uint8]:
        """`(B,)` uint8, see `IdNames.to_bytes`."""
        return self._table().to_bytes()

    def _table(self) -> IdNames:
        with self._changing:
            return IdNames.of(list(self._texts.values()))
