"""The rows of a table of photo paths: which columns say what, and what the cells of photos mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from catalog.product_text import FIELDS
from catalog.sources.table.category_columns import CATEGORY, CategoryColumns
from catalog.sources.table.photo_cells import MARK, CellPhoto
from catalog.tree.leaf_rows import TREE_COLUMNS

CSV_ENDINGS = (".csv", ".tsv")
IDS = ("product_id", "_id")
_ENDS = ("s", "", "_paths", "_path", "_bytes")
PHOTOS = tuple(f"{what}{end}" for what in ("photo", "image", "picture", "img") for end in _ENDS)
PHOTOS += ("paths", "path", "files", "file")
NUMBERED = re.compile(r"(?:photo|image|picture|img)(?:_?(?:path|bytes))?_?([0-9]+)")
_ENCODED = ("/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR", "SUkq", "TU0A", "Qk", "AAAA", "data:image/")
"""How JPEG, PNG, GIF, WebP, TIFF, BMP, AVIF and HEIC begin in base64, and any of them as a web page has it."""
MAX_PATH = 200
"""Characters; longer than nearly all paths, and shorter than any photo."""
BETWEEN = "|"
"""Between the paths in one cell."""
WHAT = "give a CSV or Parquet table with product_id, photos and perhaps category_id or category_path"


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns as they stand there.

    Attributes:
        photos: one column, or the numbered ones in their order.
        texts: of the title, of the description; None where there is none.
        category: those that say the category.
        left_alone: all others, of which nothing is taken.
    """

    product_id: str
    photos: tuple[str, ...]
    texts: tuple[str | None, str | None] = (None, None)
    category: CategoryColumns = field(default_factory=CategoryColumns)
    left_alone: tuple[str, ...] = ()

    @property
    def in_order(self) -> tuple[str | None, ...]:
        """The columns in the order of a row's cells, see `parts`."""
        return (self.product_id, *self.texts, *self.category.in_order, *self.photos)

    def parts(self, cells: Sequence[object]) -> tuple[object, Sequence[object], Sequence[object], Sequence[object]]:
        """A row's cells: of the product_id; of title and description; of the category; of the photos."""
        n = 3 + len(self.category.in_order)
        return cells[0], cells[1:3], cells[3:n], cells[n:]

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
                "photo2, ...; or photo, one row each) and perhaps category_id or category_path, got "
                + ", ".join(map(str, names))[:200]
            )
        category = CategoryColumns.of(path, known)
        columns = cls(product_id, photos, found, category)
        twice = [name for name in columns.in_order if name is not None and list(names).count(name) > 1]
        if twice:
            raise ValueError(f"{path} has the column {twice[0]} twice: leave one of them")
        if texts:
            columns._check_texts(path)
        return replace(columns, left_alone=tuple(name for name in names if name not in columns.in_order))

    def _check_texts(self, path: Path | str) -> None:
        """Raise ValueError where a column that somebody has named as one of texts says something else."""
        others = {self.product_id: "ids", **dict.fromkeys(self.photos, "photos")}
        others |= {name: "categories" for name in self.category.in_order if name is not None}
        for name in self.texts:
            if name in others:
                raise ValueError(
                    f"{path}: the column {name} is that of the {others[name]}, and no title or description: name "
                    "another one with --text-columns"
                )

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
    return title, description


def _path(photo: object) -> str:
    if isinstance(photo, CellPhoto):
        return photo.as_path()
    return "" if photo is None else str(photo).strip().replace("\0", "").lstrip(MARK)


def is_encoded(path: str) -> bool:
    """Whether what stands where a path should is a photo in base64, which has no dot as files' endings have."""
    return len(path) > MAX_PATH and path.startswith(_ENCODED) and "." not in path
