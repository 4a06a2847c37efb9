"""The columns of a table that say a product's category: its id, or the path to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.files.wording import joined
from catalog.ids.shop_id import ShopId
from catalog.sources.table.id_cells import read_id
from catalog.tree.leaf_rows import LEVEL_COLUMN, said_again
from catalog.tree.path_rows import PATH, SEPARATORS, paths_in
from catalog.tree.taxonomy import SEPARATOR, path_text

CATEGORY = "category_id"
PATHS = (PATH, "category")
"""What a column is called that has a path, or a name, in each cell."""


@dataclass(frozen=True)
class CategoryColumns:
    """Names of the columns as they stand in the table.

    A path is a category's id as it stands: what it means in a tree is another's question.

    Attributes:
        category_id: that of the ids, None where there is none.
        path: one that has whole paths, or those of the levels, Cat I first; the category where no id stands.
        not_read: beside ids, columns of which each may be the path.
    """

    category_id: str | None = None
    path: tuple[str, ...] = ()
    not_read: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: Path | str, known: Mapping[str, str]) -> CategoryColumns:
        """Find them among columns by their names in lower case.

        Raises:
            ValueError: nothing says the id, and two columns may be the path.
        """
        category_id = known.get(CATEGORY)
        levels = {name: int(match[1]) for name in known if (match := LEVEL_COLUMN.fullmatch(name)) and int(match[1])}
        named = [(known[name],) for name in PATHS if name in known]
        in_order = tuple(known[name] for name in sorted(levels, key=levels.__getitem__))
        found = [*named, *([in_order] if in_order else [])]
        again = said_again(list(in_order))
        if len(found) == 1 and not again:
            return cls(category_id, found[0])
        # beside ids nobody needs a path: what says two things says none
        if category_id is None and again:
            raise ValueError(f"{path} has the columns {again[0]} and {again[1]} for one level: leave one of them")
        if category_id is None and found:
            raise ValueError(
                f"{path} has the columns {found[0][0]} and {found[1][0]}, and either may be the path of a category: "
                "leave out one, or call it otherwise"
            )
        return cls(category_id, not_read=tuple(name for columns in found for name in columns))

    @property
    def in_order(self) -> tuple[str | None, ...]:
        """The columns in the order of the cells that `read` takes."""
        return (self.category_id, *self.path)

    @property
    def choice(self) -> str:
        """Which of two columns counts, for people; empty where one alone says the category."""
        if self.category_id is not None and self.not_read:
            return f"{self.category_id} counts; {joined(self.not_read)} contradict each other and are not read"
        if self.category_id is None or not self.path:
            return ""
        path = self.path[0] + (" ..." if len(self.path) > 1 else "")
        return f"{self.category_id} counts; {path} only where that is empty"

    @property
    def level_names(self) -> tuple[str, ...]:
        """What the columns call the levels (`category_level1: Department`); empty where one calls it nothing."""
        columns = [LEVEL_COLUMN.fullmatch(name.strip()) for name in self.path]
        named = tuple((column[2] or "").strip() if column else "" for column in columns)
        return named if all(named) else ()

    def parted_name(self, cells: Sequence[object]) -> str:
        """The first name in a level's cell that has in it what stands between names; "" where there is none."""
        names = cells[1:] if len(self.path) > 1 and read_id(cells[0]) is None else ()
        return next((str(name).strip() for name in names if name is not None and SEPARATOR in str(name).strip()), "")

    def read(self, cells: Sequence[object]) -> tuple[ShopId | None, list[str]]:
        """The category that a row's cells name, None where they are empty, and others that they name as well.

        Raises:
            ValueError: they name none; says why.
        """
        category_id = read_id(cells[0])
        if category_id is not None or not self.path:
            return category_id, []
        if len(self.path) == 1:
            return _in_cell(cells[1])
        names = ["" if name is None else str(name).strip() for name in cells[1:]]
        depth = max((level for level, name in enumerate(names, start=1) if name), default=0)
        if "" in names[:depth]:
            raise ValueError(f"{self.path[names.index('')]} is empty, but a level below it is not")
        return read_id(path_text(names[:depth])), []


def _in_cell(cell: object) -> tuple[ShopId | None, list[str]]:
    """The first of the paths in a cell, and the others: a text may be a list written out, as in `["A >> B >> C"]`."""
    listed = paths_in(cell) if isinstance(cell, str) else cell
    if listed is None and cell is not None:
        raise ValueError(f"{str(cell)[:40]!r} begins as a list and cannot be read as one")
    if not isinstance(listed, list):
        return read_id(listed), []
    paths = [text for one in listed if (text := "" if one is None else str(one).strip())]
    if len(paths) > 1 and not any(place.search(text) for text in paths for place in SEPARATORS.values()):
        raise ValueError(
            f"{', '.join(paths)[:80]!r} may be the names of one path, or several categories: write one path"
        )
    return read_id(paths[0] if paths else None), paths[1:]
