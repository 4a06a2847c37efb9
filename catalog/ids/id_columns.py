"""Ids as columns of Arrow tables: integers as ever, text where a shop has any id that is no integer."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number, shop_id


def id_type(names: IdNames, numbers: NDArray[np.int64] | None = None) -> pa.DataType:
    """int64, or string where there is a text among the ids: the integers among them are written out then.

    `numbers`: `(n,)` those that stand in the column; None: any that `names` knows.
    """
    has_text = len(names) > 0 if numbers is None else names.name_any(numbers)
    return pa.string() if has_text else pa.int64()


def id_column(numbers: NDArray[np.int64], names: IdNames) -> pa.Array:
    """The ids of `(n,)` numbers, as `id_type` says."""
    if not len(names):
        return pa.array(numbers, pa.int64())
    return pa.array(ids_as(names.take(numbers), pa.string()), pa.string())


def ids_as(ids: Sequence[ShopId], of_type: pa.DataType) -> Sequence[ShopId]:
    """Ids as a column of a type that `id_type` gave takes them: where it is text, the integers among them as text."""
    return [str(one) for one in ids] if of_type == pa.string() else ids


def ids_in(column: pa.Array | pa.ChunkedArray) -> list[ShopId]:
    """The ids of such a column, to the letter; raises ValueError where one is missing or no id."""
    if pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy(), np.int64).tolist()
    return [shop_id(text or "") for text in column.to_pylist()]


def numbers_in(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """`(n,)` int64 numbers of a column that `id_column` made; raises ValueError where one is missing or no id."""
    if pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy(), np.int64)
    return np.array([id_number(one) for one in ids_in(column)], np.int64)


def id_in_cell(cell: int | str) -> ShopId:
    """The id that a cell of such a column holds, where a text may stand for an integer."""
    return shop_id(cell) if isinstance(cell, str) else cell
