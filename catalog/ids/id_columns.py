"""Ids as columns of Arrow tables: integers as ever, text where a shop has any id that is no integer."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import id_number, shop_id


def id_type(names: IdNames) -> pa.DataType:
    """int64, or string where there is a text among the ids: the integers among them are written out then."""
    return pa.string() if len(names) else pa.int64()


def id_column(numbers: NDArray[np.int64], names: IdNames) -> pa.Array:
    """The ids of `(n,)` numbers, as `id_type` says."""
    if not len(names):
        return pa.array(numbers, pa.int64())
    return pa.array([str(one) for one in names.take(numbers)], pa.string())


def numbers_in(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """`(n,)` int64 numbers of a column that `id_column` made; raises ValueError where one is missing or no id."""
    if pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy(), np.int64)
    return np.array([id_number(shop_id(text or "")) for text in column.to_pylist()], np.int64)
