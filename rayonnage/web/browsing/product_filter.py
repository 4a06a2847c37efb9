"""Which of the predicted products are looked at: a place in the tree, and what else they have in common."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from catalog.product import MAX_IMAGES
from fusion.decide import Decision
from fusion.experts.all_experts import KINDS
from fusion.prediction.columns import TITLE
from fusion.prediction.predicted_products import DECISIONS, PredictedProducts
from rayonnage.web.browsing.text_pattern import text_pattern

TEXTS = ("product_id", TITLE, "text_read")
"""Columns in which a text is looked for."""
FAMILIES = tuple(dict.fromkeys(kind.family for kind in KINDS))
"""Kinds of evidence that may disagree."""


class ProductOrder(StrEnum):
    """In which order products are listed."""

    TABLE = "table"
    LEAST_SURE = "least_sure"
    SUREST = "surest"


@dataclass(frozen=True)
class ProductFilter:
    """What the products listed have in common; None, or an empty text, leaves it open.

    Attributes:
        level, node: in the tree; level 0: anywhere.
        at_least, at_most: of the likeliest leaf's probability, in [0, 1].
        dissent: family of experts, one of which would have said another leaf.
        images: photos of the product.
        text: somewhere in the id, the title or the text read, whatever the case and the accents.
    """

    level: int = 0
    node: int = 0
    decision: Decision | None = None
    at_least: float = 0.0
    at_most: float = 1.0
    dissent: str = ""
    images: int | None = None
    text: str = ""
    order: ProductOrder = ProductOrder.TABLE


def experts_of(products: PredictedProducts, family: str) -> NDArray[np.uint64]:
    """The bits of `PredictedProducts.dissenting` of a family's experts, `()` uint64."""
    kinds = [kind for kind in KINDS if kind.family == family]
    bits = (
        1 << place for place, name in enumerate(products.experts)
        if any(kind.describe(name) is not None for kind in kinds)
    )  # fmt: skip
    return np.array(sum(bits), np.uint64)


def matching(products: PredictedProducts, wanted: ProductFilter) -> NDArray[np.int64]:
    """`(n,)` int64 rows of the products that pass, in the order wanted; whole columns are compared, no row is read."""
    passes = np.ones(len(products), bool)
    if wanted.level:
        passes &= products.tree.ancestor(wanted.level)[products.leaves] == wanted.node
    if wanted.decision is not None:
        passes &= products.decisions == DECISIONS.index(wanted.decision)
    if wanted.at_least > 0:
        passes &= products.confidences >= np.float32(wanted.at_least)
    if wanted.at_most < 1:
        passes &= products.confidences <= np.float32(wanted.at_most)
    if wanted.dissent:
        passes &= (products.dissenting & experts_of(products, wanted.dissent)) != 0
    if wanted.images is not None:
        n_images = products.n_images
        passes &= n_images >= MAX_IMAGES if wanted.images == MAX_IMAGES else n_images == wanted.images
    rows = np.flatnonzero(passes)
    if wanted.text:
        rows = rows[_with_text(products, rows, wanted.text)]
    if wanted.order is not ProductOrder.TABLE:
        sure = products.confidences[rows]
        rows = rows[np.argsort(-sure if wanted.order is ProductOrder.SUREST else sure, kind="stable")]
    return rows


def _with_text(products: PredictedProducts, rows: NDArray[np.int64], text: str) -> NDArray[np.bool_]:
    """`(n,)` bool: the text stands in one of the texts of these rising rows; memory holds one row group's texts."""
    found, first, pattern = np.zeros(len(rows), bool), 0, text_pattern(text)
    with pq.ParquetFile(products.folder.table) as file:
        columns = [name for name in TEXTS if name in file.schema_arrow.names]
        for group in range(file.num_row_groups):
            n = file.metadata.row_group(group).num_rows
            low, high = np.searchsorted(rows, [first, first + n]).tolist()
            # a group without any candidate is not read
            if high > low:
                table = file.read_row_group(group, columns)
                found[low:high] = _any_holds(table, pattern)[rows[low:high] - first]
            first += n
    return found


def _any_holds(table: pa.Table, pattern: str) -> NDArray[np.bool_]:
    holds = np.zeros(len(table), bool)
    for column in table.columns:
        texts = column if pa.types.is_string(column.type) else column.cast(pa.string())
        each = pc.match_substring_regex(texts, pattern, ignore_case=True)
        holds |= each.combine_chunks().fill_null(False).to_numpy(zero_copy_only=False)
    return holds
