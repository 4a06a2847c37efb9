"""The rows of a table of photo paths: which columns say what, what their cells mean, put together by product."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catalog.files.csv_rows import integer_in
from catalog.files.progress import Progress, counted
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.product_text import FIELDS, NO_TEXT, ShopText
from catalog.sources.source import NO_CATEGORY, PackedRows
from catalog.sources.table.photo_cells import MARK, CellPhoto
from catalog.tree.leaf_rows import TREE_COLUMNS

CSV_ENDINGS = (".csv", ".tsv")
PARQUET_ENDINGS = (".parquet", ".pq")
IDS = ("product_id", "_id")
CATEGORY = "category_id"
_ENDS = ("s", "", "_paths", "_path", "_bytes")
PHOTOS = tuple(f"{what}{end}" for what in ("photo", "image", "picture", "img") for end in _ENDS)
PHOTOS += ("paths", "path", "files", "file")
NUMBERED = re.compile(r"(?:photo|image|picture|img)(?:_?(?:path|bytes))?_?([0-9]+)")
_ZEROS = re.compile(r"'?-?(0*)[0-9]")
_ENCODED = ("/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR", "SUkq", "TU0A", "Qk", "AAAA", "data:image/")
"""How JPEG, PNG, GIF, WebP, TIFF, BMP, AVIF and HEIC begin in base64, and any of them as a web page has it."""
MAX_PATH = 200
"""Characters; longer than nearly all paths, and shorter than any photo."""
BETWEEN = "|"
"""Between the paths in one cell."""
WHAT = "give a CSV or Parquet table with product_id, photos and perhaps category_id"


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns as they stand there.

    Attributes:
        photos: one column, or the numbered ones in their order.
        texts: of the title, of the description; None where there is none.
    """

    product_id: str
    category_id: str | None
    photos: tuple[str, ...]
    texts: tuple[str | None, str | None] = (None, None)

    @property
    def in_order(self) -> tuple[str | None, ...]:
        """The columns in the order of a row's cells: product_id, category_id, title, description, photos."""
        return (self.product_id, self.category_id, *self.texts, *self.photos)

    @property
    def has_texts(self) -> bool:
        """Whether there is a column of titles or descriptions."""
        return self.texts != (None, None)

    @property
    def adds_up(self) -> bool:
        """Whether a product may have several rows: not where several columns hold its photos."""
        return len(self.photos) <= 1

    @classmethod
    def of(
        cls, path: Path | str, names: Sequence[str], texts: Sequence[str] = (), *, photos_needed: bool = True
    ) -> Columns:
        """Find them, in any order and case; raises ValueError naming what is missing, or there twice.

        Args:
            texts: the columns of titles, and perhaps of descriptions, where somebody has named them.
            photos_needed: refuse a table without photos; else only one without photos and titles.
        """
        known = {name.strip().casefold(): name for name in reversed(names)}
        product_id = next((known[name] for name in IDS if name in known), None)
        numbered = sorted((int(m[1]), name) for name in known if (m := NUMBERED.fullmatch(name)))
        photos = tuple(known[name] for _, name in numbered) or tuple(known[n] for n in PHOTOS if n in known)[:1]
        if product_id is None and not photos and CATEGORY in known and known.keys() & set(TREE_COLUMNS):
            raise ValueError(f"{path} is a category tree, not a catalogue: give it with --tree, beside a catalogue")
        found = _text_columns(path, names, known, texts)
        is_enough = photos or not (photos_needed or found == (None, None))
        if product_id is None or not is_enough:
            raise ValueError(
                f"{path}: expected the columns product_id (or _id), photos (paths separated by {BETWEEN}; or photo1, "
                f"photo2, ...; or photo, one row each) and perhaps category_id, got {', '.join(map(str, names))[:200]}"
            )
        return cls(product_id, known.get(CATEGORY), photos, found)

    def paths(self, cells: Sequence[object]) -> list[str]:
        """The paths in a row's photo cells: text, lists of text as Parquet has them, or photos in the table itself."""
        return [text for photo in self.items(cells) if (text := _path(photo))]

    def items(self, cells: Sequence[object]) -> list[object]:
        """What a row's photo cells hold, photo by photo: the items of lists, and of a text what it separates."""
        items: list[object] = []
        for photos in cells:
            if isinstance(photos, list):
                items += photos
            elif isinstance(photos, str) and self.adds_up:
                items += photos.split(BETWEEN)
            else:
                # of numbered columns each cell is one path, whatever stands in it
                items.append(photos)
        return items


def _text_columns(
    path: Path | str, names: Sequence[str], known: Mapping[str, str], asked: Sequence[str]
) -> tuple[str | None, str | None]:
    """The columns of the title and the description: those asked for, else those that are called so."""
    absent = [name for name in asked if name not in names and name.strip().casefold() not in known]
    if absent:
        raise ValueError(
            f"{path} has no column {', '.join(absent)}, it has {', '.join(map(str, names))[:200]}: name those of the "
            "title and of the description with --text-columns TITLE[,DESCRIPTION], or give --text-columns '' where "
            "they are called title and description"
        )
    found = [name if name in names else known[name.strip().casefold()] for name in asked]
    title, description = (*found, None)[:2] if found else map(known.get, FIELDS)
    twice = [name for name in (title, description) if name is not None and list(names).count(name) > 1]
    if twice:
        raise ValueError(f"{path} has the column {twice[0]} twice: leave one of them")
    return title, description


def _path(photo: object) -> str:
    return photo.as_path() if isinstance(photo, CellPhoto) else _text(photo).replace("\0", "").lstrip(MARK)


def whole_cell(cell: object) -> int | None:
    """The id in a cell: 12, " 12 ", 12.0 or "1000010653.0"; None for an empty one.

    Raises:
        ValueError: anything else, also doubles of 2**53 and more, which are rounded.
    """
    text = _text(cell)
    if not text or text.casefold() == "nan":
        return None
    if isinstance(cell, Decimal) and cell.is_finite() and cell == cell.to_integral_value():
        text = str(int(cell))
    value = integer_in(text)
    if value is None:
        raise ValueError(f"{text[:40]!r} is not an integer of 64 bits")
    return value


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()


def is_encoded(path: str) -> bool:
    """Whether what stands where a path should is a photo in base64, which has no dot as files' endings have."""
    return len(path) > MAX_PATH and path.startswith(_ENCODED) and "." not in path


def leading_zeros(cell: object) -> int:
    """How many zeros stand before the number in a cell of text: two texts of one number are two products' ids."""
    match = _ZEROS.match(_text(cell)) if isinstance(cell, str) else None
    return len(match[1]) if match else 0


class WrittenRow(NamedTuple):
    """What a row says beside its ids; `number` is its place in the table."""

    number: int
    paths: list[str]
    leading_zeros: int
    text: ShopText = NO_TEXT


@dataclass(slots=True)
class ProductRows:
    """What the rows of one product say together; `first` is the number of the first one."""

    product_id: int
    category_id: int
    first: int
    paths: list[str]
    text: ShopText = NO_TEXT

    def add(self, row: WrittenRow, category_id: int, problems: ProblemLog) -> None:
        """Take a row's photos, and its category and texts where no row before has any."""
        self.paths += row.paths
        if self.text == NO_TEXT:
            self.text = row.text
        if NO_CATEGORY not in (category_id, self.category_id) and category_id != self.category_id:
            detail = f"{category_id}, not {self.category_id} as row {self.first}"
            problems.add(Problem(ProblemKind.TWO_CATEGORIES, f"row {row.number}", self.product_id, detail))
        if self.category_id == NO_CATEGORY:
            self.category_id = category_id


class Spool:
    """Rows of a table on disk, so that those of one product are found wherever they stand."""

    def __init__(self, file: BinaryIO, columns: Columns) -> None:
        self.file, self.columns = file, columns
        self.packed = PackedRows()

    def fill(self, rows: Iterable[tuple[int, Sequence[object]]], problems: ProblemLog) -> None:
        """Write every usable row: its number, and its cells as `Columns.in_order` has them."""
        at = 0
        for number, cells in rows:
            where = f"row {number}"
            try:
                product_id = whole_cell(cells[0])
            except ValueError as error:
                problems.add(Problem(ProblemKind.BAD_ROW, where, detail=str(error)))
                continue
            if product_id is None:
                problems.add(Problem(ProblemKind.BAD_ROW, where, detail="it is empty"))
                continue
            try:
                category_id = whole_cell(cells[1])
            except ValueError as error:
                category_id = None
                problems.add(Problem(ProblemKind.BAD_CATEGORY, where, product_id, str(error)))
            text = ShopText.of(*cells[2:4]) if self.columns.has_texts else NO_TEXT
            paths = self.columns.paths(cells[4:])
            if any(map(is_encoded, paths)):
                problems.add(Problem(ProblemKind.TEXT_PHOTO, where, product_id))
                paths = [path for path in paths if not is_encoded(path)]
            written = WrittenRow(number, paths, leading_zeros(cells[0]), text)
            length = self.file.write(json.dumps(written).encode())
            self.packed.append((at, length, product_id, NO_CATEGORY if category_id is None else category_id, 0))
            at += length

    def products(self, problems: ProblemLog, progress: Progress | None = None) -> Iterator[ProductRows]:
        """The products in the order of their first rows."""
        rows = self.packed.whole()
        order = np.argsort(rows["product_id"], kind="stable")
        _, start, count = np.unique(rows["product_id"][order], return_index=True, return_counts=True)
        for group in counted(np.argsort(order[start]), len(start), progress):
            yield self._joined(rows[order[start[group] : start[group] + count[group]]], problems)

    def _joined(self, rows: NDArray[np.void], problems: ProblemLog) -> ProductRows:
        """One product of the rows of one number; where not all can be used, of the first that has photos."""
        written = [self._written(row) for row in rows]
        kept = next((row for row in written if row.paths), written[0])
        product = ProductRows(int(rows[0]["product_id"]), NO_CATEGORY, kept.number, [])
        for row, category_id in zip(written, rows["category_id"].tolist(), strict=True):
            where = f"row {row.number}"
            if row.leading_zeros != kept.leading_zeros:
                detail = f"its id has {row.leading_zeros} leading zeros, that of row {kept.number} {kept.leading_zeros}"
                problems.add(Problem(ProblemKind.SAME_NUMBER, where, product.product_id, detail))
            elif row.number != kept.number and not self.columns.adds_up:
                problems.add(Problem(ProblemKind.REPEATED_ID, where, product.product_id))
            else:
                product.add(row, category_id, problems)
        return product

    def _written(self, row: np.void) -> WrittenRow:
        self.file.seek(int(row["offset"]))
        number, paths, zeros, text = json.loads(self.file.read(int(row["length"])))
        return WrittenRow(number, paths, zeros, ShopText(*text[:2], *map(tuple, text[2:])))
