"""Products given as a table in memory: Arrow's, or a DataFrame that hands itself over as one."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from catalog.product_text import NO_TEXT, ShopText
from catalog.sources.table.photo_cells import BYTES_FIELDS, PATH_FIELD, check_types
from catalog.sources.table.rows import Columns
from fusion.inputs.given import GivenProduct

if TYPE_CHECKING:
    import pyarrow as pa

TITLE = "the table"


class TableInMemory(Protocol):
    """What hands itself over through the Arrow C stream interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A capsule that holds the stream."""


def is_table(value: object) -> TypeGuard[TableInMemory]:
    """Whether it hands itself over as Arrow data, as tables of pyarrow, pandas, polars and duckdb do."""
    # pandas before 2.2 knows only the second, and Arrow knows pandas
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "__dataframe__")


class TableOfProducts:
    """The rows of a table by product, its columns as a catalogue's have them; nothing is copied.

    Attributes:
        ids: of the products in the order of their first rows, as the table has them.
    """

    def __init__(self, table: TableInMemory, texts: Sequence[str] = ()) -> None:
        """`texts`: the columns of titles, and perhaps of descriptions, where somebody has named them.

        Raises ValueError: columns that say nothing, a row without id, rows that do not belong together.
        """
        self._table = _arrow_table(table)
        names = self._table.column_names
        if len(set(names)) < len(names):
            raise ValueError(f"{TITLE} has two columns of one name ({', '.join(names)}): each needs its own")
        self._columns = Columns.of(TITLE, names, texts, photos_needed=False)
        check_types(TITLE, self._table.schema, self._columns.photos, ())
        rows_of: dict[Hashable, list[int]] = {}
        for row, own_id in enumerate(_ids(self._table.column(self._columns.product_id))):
            if own_id is None:
                raise ValueError(f"row {row + 1} of the table has no {self._columns.product_id}: every row needs one")
            rows_of.setdefault(own_id, []).append(row)
        if not self._columns.adds_up:
            twice = next((own_id for own_id, rows in rows_of.items() if len(rows) > 1), None)
            if twice is not None:
                raise ValueError(
                    f"product {twice} has several rows: with the columns {', '.join(self._columns.photos)} it has one"
                )
        self.ids: Sequence[Hashable] = list(rows_of)
        self._rows = list(rows_of.values())

    def product(self, position: int) -> GivenProduct:
        """Paths and encoded photos of the product at a position, in the order of its rows and columns; its texts."""
        rows = self._rows[position]
        photos: list[object] = []
        for row in rows:
            cells = self._columns.items(self._cells(self._columns.photos, row))
            photos += [photo for cell in cells if (photo := _photo(cell))]
        texts = (ShopText.of(*self._cells(self._columns.texts, row)) for row in rows)
        # of several rows the first with a text, as in a catalogue's table
        return GivenProduct(photos, next((text for text in texts if text != NO_TEXT), NO_TEXT))

    def _cells(self, names: Sequence[str | None], row: int) -> list[Any]:
        return [None if name is None else self._table.column(name)[row].as_py() for name in names]


def _arrow_table(table: Any) -> pa.Table:
    import pyarrow as pa

    try:
        return table if isinstance(table, pa.Table) else pa.table(table)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ValueError(
            f"{type(table).__name__} cannot be read as a table ({error}): give columns of paths or of encoded photos"
        ) from None


def _ids(column: pa.ChunkedArray) -> list[Any]:
    """Of each row; doubles, which is what pandas makes of integers with gaps, as the integers they are."""
    import pyarrow.types as of_type

    if of_type.is_nested(column.type):
        raise ValueError(f"the ids of {TITLE} are {column.type}: expected integers, text or another single value")
    cells: list[Any] = column.to_pylist()
    if of_type.is_floating(column.type):
        cells = [None if cell is None or math.isnan(cell) else cell for cell in cells]
        return [int(cell) if cell is not None and cell.is_integer() else cell for cell in cells]
    return cells


def _photo(cell: object) -> object:
    """What a cell, or an item of its list, gives for a photo: bytes or a path; empty for none."""
    if isinstance(cell, dict):
        cell = next((cell[field] for field in (*BYTES_FIELDS, PATH_FIELD) if cell.get(field)), None)
    return cell.strip() if isinstance(cell, str) else cell
