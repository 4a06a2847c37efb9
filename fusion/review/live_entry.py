"""What the acts of a live entry come to: its counts, and its answers as rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from catalog.ids.id_columns import id_column
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number
from fusion.review.act import UNJUDGED, ReviewAct
from fusion.review.answers import AUDIT, COPY, ROWS
from fusion.review.entry import Entry


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What an act says of one product; the fields are those of `ReviewAct`."""

    product_id: ShopId
    suggested: ShopId
    decision: str
    kind: str
    right: int
    act: ReviewAct

    @property
    def is_confirmed(self) -> bool:
        """The suggestion was kept."""
        return self.act.category_id is not None and id_number(self.act.category_id) == id_number(self.suggested)


def answers_in(act: ReviewAct) -> Iterable[LiveAnswer]:
    """An act's answers, product by product."""
    columns = zip(act.products, act.suggested, act.decision, act.kind, act.right, strict=True)
    return (LiveAnswer(*cells, act=act) for cells in columns)


def last_answers(acts: Iterable[ReviewAct]) -> dict[int, LiveAnswer]:
    """The answer that counts within an entry, by the product's number: the last one, own ones before copies'."""
    last: dict[int, LiveAnswer] = {}
    for act in acts:
        for answer in answers_in(act):
            number = id_number(answer.product_id)
            if answer.kind != COPY or number not in last or last[number].kind == COPY:
                last[number] = answer
    return last


def counted(entry: Entry, acts: Iterable[ReviewAct]) -> Entry:
    """The entry with the counts of its acts."""
    answers = list(last_answers(acts).values())
    own = [one for one in answers if one.kind != COPY]
    labelled = [one for one in own if one.act.category_id is not None]
    confirmed = sum(one.is_confirmed for one in labelled)
    audited = [one.right for one in own if one.kind == AUDIT and one.right != UNJUDGED]
    return entry.model_copy(
        update={
            "confirmed": confirmed, "corrected": len(labelled) - confirmed,
            "copies": sum(one.kind == COPY and one.act.category_id is not None for one in answers),
            "unlabelled": sum(one.act.category_id is None for one in answers), "audited": len(audited),
            "audit_right": tuple(sum(right >= level for right in audited) for level in range(1, entry.depth + 1)),
        }
    )  # fmt: skip


def rows_of(acts: Iterable[ReviewAct]) -> pa.Table:
    """The labels given, columns `ROWS`, one row per product, ascending by their numbers."""
    answers = [one for _, one in sorted(last_answers(acts).items()) if one.act.category_id is not None]
    given = [one.act.category_id for one in answers if one.act.category_id is not None]
    ids: list[list[ShopId]] = [[one.product_id for one in answers], given, [one.suggested for one in answers]]
    columns = [id_column(np.array(list(map(id_number, column)), np.int64), IdNames.of(column)) for column in ids]
    texts = [
        pa.array([one.decision for one in answers], pa.string()),
        pa.array([one.kind for one in answers], pa.string()),
    ]
    return pa.table([*columns, *texts], names=ROWS)
