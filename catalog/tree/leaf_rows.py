"""The rows of a category tree's CSV: a leaf each, with its names from Cat I down."""

import re
from pathlib import Path

from catalog.files.csv_rows import id_in, read_rows
from catalog.tree.translations import refuse

ID, FIRST = "category_id", "category_level1"
MAX_DEPTH = 8
"""Names that a path may have."""
TOO_DEEP = (
    f"and trees have up to {MAX_DEPTH} levels here: write the names from the last of them on together into one cell "
    "(`C / D`), so that none is lost"
)
LEVEL_COLUMN = re.compile(r"category_?level_?([0-9]+)", re.IGNORECASE)
COLUMN = "category_level{}"


def columns_of(depth: int) -> tuple[str, ...]:
    """The columns of the CSV of a tree with so many levels."""
    return (ID, *(COLUMN.format(level) for level in range(1, depth + 1)))


def read_leaves(path: Path) -> list[tuple[int, tuple[str, ...]]]:
    """`(category_id, (Cat I, Cat II, ...))` of each row, names to the letter; a leaf further up leaves cells empty.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a CSV, an id that is not an integer, a leaf without a parent or below the eighth level; the
            message names the file and the lines.
    """
    leaves, faults = [], []
    for line, row in read_rows(path, (ID, FIRST), "give the CSV of the category tree (--tree)"):
        leaf, names = id_in(row[ID]), _names(row)
        if len(names) > MAX_DEPTH:
            raise ValueError(f"{path}, line {line}: {COLUMN.format(len(names))} names a level too many, {TOO_DEEP}")
        if leaf is None:
            faults.append(f"line {line}: category_id {row[ID]!r} is not an integer of 64 bits")
        elif not names:
            faults.append(f"line {line}: leaf {leaf} has no {FIRST}")
        elif "" in names:
            faults.append(f"line {line}: leaf {leaf} has no {COLUMN.format(names.index('') + 1)}, but a level below it")
        else:
            leaves.append((leaf, names))
    refuse(str(path), faults, "leaves cannot be placed in the tree")
    return leaves


def _names(row: dict[str, str]) -> tuple[str, ...]:
    """The names of a row by level, an empty one where a level above another is empty."""
    # names are kept to the letter: in a shop's tree two may differ by a trailing blank alone
    by_level = {int(level[1]): cell for name, cell in row.items() if (level := LEVEL_COLUMN.fullmatch(name))}
    given = {level: cell for level, cell in by_level.items() if cell.strip() and level > 0}
    return tuple(given.get(level, "") for level in range(1, max(given, default=0) + 1))
