"""The rows of a category tree's CSV: a leaf each, with its names of the three levels."""

import re
from pathlib import Path

from catalog.files.csv_rows import id_in, read_rows
from catalog.tree.translations import refuse

COLUMNS = ("category_id", "category_level1", "category_level2", "category_level3")
HIGHER = ": of a leaf further up, the name is repeated on the levels below it"
TOO_DEEP = (
    "and trees have three levels here: write the names from the third level on together into category_level3 "
    "(`C / D`), so that none is lost"
)
DEEPER = re.compile(r"category_?level_?([0-9]+)", re.IGNORECASE)


def read_leaves(path: Path) -> list[tuple[int, tuple[str, str, str]]]:
    """`(category_id, (Cat I, Cat II, Cat III))` of each row, names to the letter.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a CSV, an id that is not an integer, a leaf without a parent or below the third level; the
            message names the file and the lines.
    """
    leaves, faults = [], []
    for line, row in read_rows(path, COLUMNS, "give the CSV of the category tree (--tree)"):
        # names are kept to the letter: in a shop's tree two may differ by a trailing blank alone
        cell, cat1, cat2, cat3 = (row[name] for name in COLUMNS)
        leaf, deeper = id_in(cell), _deeper_level(row)
        empty = [name for name in COLUMNS[1:] if not row[name].strip()]
        if deeper:
            raise ValueError(f"{path}, line {line}: {deeper} names a level below Cat III, {TOO_DEEP}")
        if leaf is None:
            faults.append(f"line {line}: category_id {cell!r} is not an integer of 64 bits")
        elif empty:
            faults.append(f"line {line}: leaf {leaf} has no {empty[0]}{'' if empty[0] == COLUMNS[1] else HIGHER}")
        else:
            leaves.append((leaf, (cat1, cat2, cat3)))
    refuse(str(path), faults, "leaves cannot be placed in the tree")
    return leaves


def _deeper_level(row: dict[str, str]) -> str:
    """A column of a fourth or deeper level in which a row has a name; empty where there is none."""
    levels = ((name, DEEPER.fullmatch(name)) for name, cell in row.items() if cell.strip())
    return next((name for name, level in levels if level and int(level[1]) > len(COLUMNS) - 1), "")
