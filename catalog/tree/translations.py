"""Names of a tree's nodes in other languages: read from a CSV, shipped for the trees that are known here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from catalog.files.csv_rows import id_in, read_rows, why_not_id, write_rows
from catalog.files.wording import plural
from catalog.ids.shop_id import ShopId

COLUMNS = ("category_id", "lang", "name")
LEVEL = "level"
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
MAX_FAULTS = 5
LEVEL_CELL = re.compile(r"[1-8]?")
SHIPPED_DEPTH = 3
"""Levels of the trees whose names are shipped."""
SHIPPED: Mapping[str, str] = {"cdiscount.csv": "fr"}
"""Files of `names/` and the language of the tree that each belongs to."""


@dataclass(frozen=True, slots=True)
class Name:
    """One row: in `lang`, the node at `level` above the leaf `category_id`, or the leaf itself (0), is called `text`.

    Nodes above the leaves have no id of their own: any leaf below them names them. `line` is that of the file.
    """

    category_id: ShopId
    level: int
    lang: str
    text: str
    line: int = 0


@dataclass(frozen=True)
class Names:
    """Names in any number of languages, in the order of their file `source`; of no tree before one takes them."""

    rows: tuple[Name, ...] = ()
    source: str = ""

    @classmethod
    def from_csv(cls, path: str | Path) -> Names:
        """Read `category_id,lang,name`, perhaps with `level` (1 to 8; the leaf where it is empty or not there).

        An empty name says nothing: a sheet that is being translated can be used.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not such a CSV, or cells that are no id, language or level; file and lines are named.
        """
        path = Path(path)
        rows, faults = [], []
        for line, row in read_rows(path, COLUMNS, "give a CSV with category_id,lang,name and perhaps level (--names)"):
            leaf, lang, level = id_in(row["category_id"]), row["lang"].strip().lower(), row.get(LEVEL, "").strip()
            if leaf is None:
                faults.append(f"line {line}: no category_id: {why_not_id(row['category_id'])}")
            elif not LANGUAGE.fullmatch(lang):
                faults.append(f"line {line}: lang {lang!r} is no language code such as en, fr or pt-br")
            elif not LEVEL_CELL.fullmatch(level):
                faults.append(f"line {line}: level {level!r} is not 1 to 8, nor empty for the category itself")
            elif text := row["name"].strip():
                rows.append(Name(leaf, int(level or 0), lang, text, line))
        refuse(str(path), faults, "name cannot be read", "names cannot be read")
        return cls(tuple(rows), str(path))

    def to_csv(self, path: Path) -> None:
        """Write the rows in the format that `from_csv` reads."""
        rows = ((row.category_id, row.level or "", row.lang, row.text) for row in self.rows)
        write_rows(path, ("category_id", LEVEL, "lang", "name"), rows)

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes in alphabetical order."""
        return tuple(sorted({row.lang for row in self.rows}))

    def __bool__(self) -> bool:
        return bool(self.rows)


def refuse(source: str, faults: list[str], one: str, several: str) -> None:
    """Raise ValueError when there are faults: the first are shown, all are counted; `one`, `several`: what they are."""
    if faults:
        first = "\n".join(faults[:MAX_FAULTS])
        raise ValueError(f"{source}: {plural(len(faults), one, several)}\n{first}")


@dataclass(frozen=True)
class Translation:
    """Names that come with the program; `own`: the language of the names in the tree that they were made for."""

    own: str
    names: Names


@cache
def shipped() -> tuple[Translation, ...]:
    """All of them."""
    folder = resources.files("catalog.tree") / "names"
    translations = []
    for name, lang in SHIPPED.items():
        with resources.as_file(folder / name) as path:
            translations.append(Translation(lang, Names.from_csv(path)))
    return tuple(translations)
