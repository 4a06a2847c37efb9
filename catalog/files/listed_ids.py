"""A CSV that lists products by their ids, as people give one."""

from collections.abc import Container, Iterator
from pathlib import Path

from catalog.files.csv_rows import read_rows
from catalog.files.sheet_ids import id_among
from catalog.ids.shop_id import ShopId

ID_COLUMNS = ("product_id", "_id")


def listed_ids(path: Path, known: Container[int], option: str) -> Iterator[ShopId]:
    """Ids of the column `product_id` or `_id`, in the order of the rows.

    Args:
        known: numbers of ids, see `catalog.files.sheet_ids.id_among`.
        option: which the file is given with.

    Raises:
        FileNotFoundError, ValueError: as `read_rows` raises them; also no such column, or a cell that is no id.
    """
    for line, row in read_rows(path, (), f"give a CSV with the column product_id ({option})"):
        cell = next((row[name] for name in ID_COLUMNS if name in row), None)
        if cell is None:
            raise ValueError(f"{path}: expected a column product_id or _id, got {', '.join(row)}")
        product_id = id_among(cell, known)
        if product_id is None:
            raise ValueError(f"{path}, line {line}: expected a product_id, got {cell!r}")
        yield product_id
