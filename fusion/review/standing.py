"""What all answers of a journal come to, product by product: the later one stands."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.ids.id_columns import ids_in
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number
from fusion.review.act import ReviewAct
from fusion.review.answers import COPY
from fusion.review.live_entry import answers_in


@dataclass(frozen=True)
class GivenLabels:
    """What reviewers say of N products.

    Attributes:
        product_ids: `(N,)` int64 numbers of the products, ascending; category_ids: `(N,)` int64 of what they are given.
        ids: what these numbers stand for.
    """

    product_ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    ids: IdNames

    def __len__(self) -> int:
        return len(self.product_ids)


@dataclass(frozen=True, slots=True)
class WithoutLabel:
    """A product that a reviewer gave no category.

    Attributes:
        parent: the path that was given alone; why: `wrong_photos`, `no_such_category` or `no_product`. One is empty.
        when: UTC; review: number of the journal's entry.
    """

    product_id: ShopId
    suggested: ShopId
    parent: tuple[str, ...]
    why: str
    who: str
    when: str
    review: int


class StandingAnswers:
    """Answers as they are added, of which one stands for each product.

    Later answers win; one that a product got from a copy yields to an answer on the product itself. Later is what was
    confirmed later, also in the entry of another reviewer that was begun before.
    """

    def __init__(self) -> None:
        self._products: list[ShopId] = []
        self._categories: list[ShopId | None] = []
        self._of_copy = bytearray()
        # what was said after a sheet was applied wins over it, whatever the clocks say
        self._after, self._at = array("q"), array("d")
        self._unlabelled: dict[int, WithoutLabel] = {}

    def add_sheet(self, number: int, rows: pa.Table) -> None:
        """Take in an entry's rows, see `fusion.review.answers.ROWS`."""
        self._products += ids_in(rows["product_id"])
        self._categories += ids_in(rows["category_id"])
        self._of_copy += bytes(kind == COPY for kind in rows["kind"].to_pylist())
        self._after.extend([number] * len(rows))
        self._at.extend([-1.0] * len(rows))

    def add_acts(self, acts: Iterable[ReviewAct]) -> None:
        """Take in what was answered in the browser."""
        for act in acts:
            at = _microseconds(act.at)
            for one in answers_in(act):
                if act.category_id is None:
                    self._unlabelled[len(self._products)] = WithoutLabel(
                        one.product_id, one.suggested, act.parent, act.why, act.who, act.at, act.entry
                    )
                self._products.append(one.product_id)
                self._categories.append(act.category_id)
                self._of_copy.append(one.kind == COPY)
                self._after.append(act.after)
                self._at.append(at)

    def labels(self) -> GivenLabels:
        """The categories that stand."""
        winners = [place for place in self._winners() if self._categories[place] is not None]
        products = [self._products[place] for place in winners]
        given = [category for place in winners if (category := self._categories[place]) is not None]
        return GivenLabels(_numbers(products), _numbers(given), IdNames.of([*products, *given]))

    def without_label(self) -> list[WithoutLabel]:
        """The products of which it stands that they have no category, ascending by their numbers."""
        return [self._unlabelled[place] for place in self._winners() if place in self._unlabelled]

    def _winners(self) -> list[int]:
        """Places of the answers that stand, ascending by the products' numbers."""
        of_copy = np.frombuffer(self._of_copy, np.uint8)
        order = np.lexsort((-np.frombuffer(self._at), -np.frombuffer(self._after, np.int64), of_copy))
        # of each product numpy keeps the first row, which by this order is the answer that wins
        _, winner = np.unique(_numbers(self._products)[order], return_index=True)
        places: list[int] = order[winner].tolist()
        return places


def _numbers(ids: Sequence[ShopId]) -> NDArray[np.int64]:
    return np.array(list(map(id_number, ids)), np.int64)


def _microseconds(at: str) -> float:
    # whole numbers of this size are exact
    return round(datetime.fromisoformat(at).timestamp() * 1e6)
