"""Which columns of a table say what, and what their cells mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from catalog.files.csv_rows import id_in
from catalog.tree.taxonomy import COLUMNS as TREE_COLUMNS

IDS = ("product_id", "_id")
CATEGORY = "category_id"
PHOTOS = tuple(f"{what}{end}" for what in ("photo", "image", "picture") for end in ("s", "", "_paths", "_path"))
PHOTOS += ("paths", "path", "files", "file")
NUMBERED = re.compile(r"(?:photo|image|picture)(?:_?path)?_?([0-9]+)")
BETWEEN = "|"
"""Between the paths in one cell."""


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns as they stand there.

    Attributes:
        photos: one column, or the numbered ones in their order.
    """

    product_id: str
    category_id: str | None
    photos: tuple[str, ...]

    @property
    def adds_up(self) -> bool:
        """Whether a product may have several rows: only where one column holds its photos."""
        return len(self.photos) == 1

    @classmethod
    def of(cls, path: Path, names: Sequence[str]) -> Columns:
        """Find them, in any order and case; raises ValueError naming what is missing."""
        known = {name.strip().casefold(): name for name in reversed(names)}
        product_id = next((known[name] for name in IDS if name in known), None)
        numbered = sorted((int(m[1]), name) for name in known if (m := NUMBERED.fullmatch(name)))
        photos = tuple(known[name] for _, name in numbered) or tuple(known[n] for n in PHOTOS if n in known)[:1]
        if product_id is None and not photos and set(TREE_COLUMNS) <= known.keys():
            raise ValueError(f"{path} is a category tree, not a catalogue: give it with --tree, beside a catalogue")
        if product_id is None or not photos:
            raise ValueError(
                f"{path}: expected the columns product_id (or _id), photos (paths separated by {BETWEEN}; or photo1, "
                f"photo2, ...; or photo, one row each) and perhaps category_id, got {', '.join(map(str, names))[:200]}"
            )
        return cls(product_id, known.get(CATEGORY), photos)

    def paths(self, cells: Sequence[object]) -> list[str]:
        """The paths in a row's photo cells: text, or lists of text as Parquet has them."""
        if len(cells) > 1:
            return [text for cell in cells if (text := _text(cell))]
        listed = cells[0] if isinstance(cells[0], list) else _text(cells[0]).split(BETWEEN)
        return [text for cell in listed if (text := _text(cell))]


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
    value = id_in(text)
    if value is None:
        raise ValueError(f"{text[:40]!r} is not an integer of 64 bits")
    return value


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
