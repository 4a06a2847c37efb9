"""Groups of products as somebody gives them: a column of the catalogue, or of a CSV beside it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bson
import numpy as np
from bson.raw_bson import RawBSONDocument
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.csv_rows import read_rows, why_not_id
from catalog.files.file_kinds import PARQUET_ENDINGS
from catalog.files.id_lookup import UNKNOWN, SortedNumbers, positions_of
from catalog.files.progress import Progress, counted
from catalog.files.sheet_ids import id_among
from catalog.files.wording import listed, plural
from catalog.ids.id_names import IdCollector, IdNames
from catalog.ids.shop_id import ShopId
from catalog.sources.folder.folder import PhotoFolder
from catalog.sources.table.id_cells import read_id
from catalog.sources.table.rows import IDS
from catalog.sources.table.table import PhotoTable
from catalog.split.linking import NO_GROUP, group_number
from catalog.split.same_titles import title_numbers

GROUP = "group"
"""Column of a CSV of groups where none is named."""
NAMED = 3
WAY_OUT = "give a CSV with product_id and that column: --groups FILE"
Value = tuple[ShopId, object]
"""A product's id and what its cell holds."""


@dataclass(frozen=True)
class GivenGroups:
    """The group of each product of a catalogue.

    Attributes:
        of: what the groups are of: the column, and the file where it is another than the catalogue.
        group: `(P,)` int64, equal for products of one group; `NO_GROUP` where the cell is empty or there is none.
        unknown: `(U,)` numbers of ids of the file that the catalogue does not hold; ids: what they stand for.
        n_twice: products with rows of different groups, of which the first counts.
    """

    of: str
    group: NDArray[np.int64]
    unknown: NDArray[np.int64]
    n_twice: int
    ids: IdNames = field(default_factory=IdNames.none)

    @classmethod
    def of_file(cls, catalog: Catalog, path: Path, column: str = GROUP) -> GivenGroups:
        """Groups by a column of a CSV with `product_id` (or `_id`), in any order.

        Raises:
            FileNotFoundError, ValueError: no such file or column, a cell that is no id, or not one known product.
        """
        listed_rows = _listed_rows(path, column, SortedNumbers(catalog.product_ids))
        return _looked_up(catalog, listed_rows, f"{column} of {path}")

    @classmethod
    def of_titles(
        cls, catalog: Catalog, among: NDArray[np.bool_], most: int, progress: Progress | None = None
    ) -> GivenGroups | None:
        """Groups of two to `most` products of one title, letter case and blanks aside; None where no title repeats.

        `among`: `(P,)` bool, products that count. A title of more of them says no more than a category does.
        """
        texts = catalog.titles(progress)
        if not texts.any:
            return None
        number = title_numbers(texts)
        number[~among] = NO_GROUP
        _, place, n = np.unique(number, return_inverse=True, return_counts=True)
        number[(n[place] < 2) | (n[place] > most)] = NO_GROUP
        if (number == NO_GROUP).all():
            return None
        return cls("title", number, np.zeros(0, np.int64), 0)

    @classmethod
    def of_column(cls, catalog: Catalog, column: str, progress: Progress | None = None) -> GivenGroups:
        """Groups by a column of a table, or by a field of the documents of a BSON file or of MongoDB.

        Raises:
            ValueError: photos in folders, which have no columns; no product has that column.
        """
        source = catalog.source
        if isinstance(source, PhotoFolder):
            raise ValueError(f"{catalog} is a folder of photos, and has no column {column}: {WAY_OUT}")
        if not isinstance(source, PhotoTable):
            return _looked_up(catalog, _fields(catalog, column, progress), column)
        is_parquet = source.path.suffix.lower() in PARQUET_ENDINGS
        own = _parquet(source.path, column) if is_parquet else (cells for _, *cells in _csv(source.path, column))
        return _looked_up(catalog, _own_rows(own), column)

    def __str__(self) -> str:
        """Sentences for people."""
        has_group = self.group != NO_GROUP
        groups, size = np.unique(self.group[has_group], return_counts=True)
        lines = [
            f"groups by {self.of}: {plural(int(has_group.sum()), 'product')} in {plural(len(groups), 'group')}, the "
            f"largest of {int(size.max(initial=0)):,}; {plural(int((~has_group).sum()), 'product')} without one"
        ]
        if len(self.unknown):
            lines.append(
                f"{plural(len(self.unknown), 'id')} of it not in the catalogue: "
                f"{listed(self.ids.take(self.unknown), NAMED)}"
            )
        if self.n_twice:
            lines.append(f"{plural(self.n_twice, 'product')} with rows of different groups: the first row counts")
        return "\n".join(lines)


def _looked_up(catalog: Catalog, values: Iterable[Value], of: str) -> GivenGroups:
    # 16 bytes a product, whatever the text: a catalogue's titles would be gigabytes
    ids, names, texts = array("q"), array("q"), IdCollector()
    for product_id, value in values:
        ids.append(texts.number(product_id))
        names.append(_number(value))
    every, number = np.array(ids, np.int64), np.array(names, np.int64)
    unique, first, place = np.unique(every, return_index=True, return_inverse=True)
    # an empty cell contradicts none
    contradicts = (number != number[first][place]) & (number != NO_GROUP) & (number[first][place] != NO_GROUP)
    rows = positions_of(unique, catalog.product_ids)
    group = np.full(len(catalog), NO_GROUP)
    known = rows != UNKNOWN
    group[known] = number[first][rows[known]]
    if (group == NO_GROUP).all():
        raise ValueError(f"{catalog}: no product has a group by {of}: name another column (--group), or {WAY_OUT}")
    unknown = np.setdiff1d(unique, catalog.product_ids)
    return GivenGroups(of, group, unknown, len(np.unique(place[contradicts])), texts.names(every))


def _number(value: object) -> int:
    return group_number("" if value is None else str(value).strip())


def _listed_rows(path: Path, column: str, known: SortedNumbers) -> Iterator[Value]:
    """Those of a list of products; raises ValueError for a cell that is no id."""
    for line, cell, value in _csv(path, column):
        product_id = id_among(cell, known)
        if product_id is None:
            raise ValueError(f"{path}, line {line}: no product id: {why_not_id(cell)}")
        yield product_id, value


def _own_rows(cells: Iterable[Sequence[object]]) -> Iterator[Value]:
    """Those of a catalogue's own table, read as its index reads them, which has told of bad ones."""
    for cell, value in cells:
        try:
            product_id = read_id(cell)
        except ValueError:
            continue
        if product_id is not None:
            yield product_id, value


def _csv(path: Path, column: str) -> Iterator[tuple[int, str, str]]:
    """Line, id and group of each row, as they stand there."""
    for line, row in read_rows(path, (column,), WAY_OUT):
        cell = next((row[name] for name in row if name.casefold() in IDS), None)
        if cell is None:
            raise ValueError(f"{path}: expected the columns product_id and {column}, got {', '.join(row)}")
        yield line, cell, row[column]


def _parquet(path: Path, column: str) -> Iterator[tuple[object, object]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        if column not in names:
            raise ValueError(f"{path} lacks the column {column}; it has {', '.join(names)[:200]}")
        key = next(name for name in names if name.strip().casefold() in IDS)
        for batch in file.iter_batches(columns=[key, column], use_threads=False):
            yield from zip(batch.column(key).to_pylist(), batch.column(column).to_pylist(), strict=True)


def _fields(catalog: Catalog, column: str, progress: Progress | None) -> Iterator[Value]:
    documents = zip(catalog.shop_ids(), catalog.raw(np.arange(len(catalog))), strict=True)
    names: list[str] = []
    found = False
    for product_id, raw in counted(documents, len(catalog), progress):
        # the photos are passed over, not copied
        document = RawBSONDocument(raw)
        try:
            value = document.get(column)
        except bson.errors.InvalidBSON:
            continue
        found = found or value is not None
        names = names or list(document)
        yield product_id, value
    if not found:
        raise ValueError(f"{catalog}: no document has the field {column}; the first has {', '.join(names)[:200]}")
