"""The leaves of a category tree's file, in whichever of the forms that shops have their trees in."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from catalog.files.csv_rows import id_in, integer_in, read_raw_rows, read_rows, write_rows
from catalog.ids.shop_id import ShopId, shop_id
from catalog.tree.google_list import is_google_list, read_google_list
from catalog.tree.parent_rows import NAME, PARENT, read_parent_rows
from catalog.tree.path_rows import PATH, read_path_rows
from catalog.tree.translations import refuse
from catalog.tree.tree_file import ID, MISSING, Leaf, TreeFile, check_depth, no_id, warn_of_like_ids, without_controls

FIRST = "category_level1"
LEVEL_COLUMN = re.compile(r"category_?level_?([0-9]+)(?:\s*:\s*(\S.*))?", re.IGNORECASE)
"""A level's column, perhaps with what the level is called: `category_level1: Department`."""
COUNTS = "counts_at_level"
"""Column of the level at which a leaf counts that has too few products; empty for others."""
COLUMN = "category_level{}"
PRODUCT = "product_id"
"""Column of a catalogue, which no tree has."""
TREE_COLUMNS = (FIRST, PATH, PARENT)
"""Of which a CSV that has one beside `category_id` is a tree."""


def columns_of(depth: int) -> tuple[str, ...]:
    """The columns of the CSV of a tree with so many levels."""
    return (ID, *(COLUMN.format(level) for level in range(1, depth + 1)))


def read_tree(path: Path) -> TreeFile:
    """`(category_id, (Cat I, Cat II, ...))` of each leaf, from a CSV of level columns, of paths or of parents.

    Google's list of product categories is read too. A CSV may have both levels and parents: the levels count. Line
    breaks in names are blanks; these, and ids that are alike, are told in a warning.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, a catalogue, a path both in one column and in several, an id that is none, a
            category that has no place in a tree of up to eight levels; the message names the file and the lines.
    """
    file = _read(path)
    warn_of_like_ids(path, file.leaves)
    return replace(file, leaves=without_controls(path, file.leaves))


def _read(path: Path) -> TreeFile:
    """What the file says, to the letter."""
    if is_google_list(path):
        return TreeFile(read_google_list(path))
    columns = _columns(path)
    if PRODUCT in columns:
        raise ValueError(
            f"{path} is a catalogue, not a category tree: it has the column {PRODUCT}. Leave --tree away: without it "
            "the labels of a catalogue are its tree"
        )
    levels = [name for name in columns if LEVEL_COLUMN.fullmatch(name)]
    if again := said_again(columns):
        raise ValueError(f"{path} has the columns {again[0]} and {again[1]} for one level: leave one of them")
    if PATH in columns and levels:
        raise ValueError(
            f"{path} has the columns {PATH} and {levels[0]}, and either may be the path of a category: leave out one "
            f"(all of {COLUMN.format('...')} are one)"
        )
    if PATH in columns:
        return TreeFile(read_path_rows(path))
    if not levels and PARENT in columns:
        return TreeFile(read_parent_rows(path))
    if not levels and ID in columns:
        raise ValueError(
            f"{path} lacks the column {FIRST} (or {PATH}, or {PARENT} and {NAME}); it has {', '.join(columns)[:200]}"
        )
    return _read_level_rows(path, id_in)


def read_saved_tree(path: Path) -> TreeFile:
    """A tree that `write_tree` wrote, whose ids no spreadsheet has changed: `'7` is no 7.

    Raises:
        FileNotFoundError, ValueError: as `read_tree` does.
    """
    return _read_level_rows(path, _to_the_letter)


def _to_the_letter(cell: str) -> ShopId | None:
    try:
        return shop_id(cell)
    except ValueError:
        return None


def said_again(columns: Sequence[str]) -> tuple[str, str] | None:
    """Two columns of one level, as `category_level1` and `category_level_1` are."""
    column_of: dict[int, str] = {}
    for column in columns:
        if level := LEVEL_COLUMN.fullmatch(column):
            if int(level[1]) in column_of:
                return column_of[int(level[1])], column
            column_of[int(level[1])] = column
    return None


def write_tree(path: Path, tree: TreeFile) -> None:
    """Write a tree, which `read_saved_tree` and `read_tree` read."""
    depth = max(len(names) for _, names in tree.leaves)
    columns = list(columns_of(depth))
    for level, name in enumerate(tree.level_names, start=1):
        columns[level] += f": {name}"
    counts = [COUNTS] if tree.small else []
    rows = (
        [leaf, *names, *[""] * (depth - len(names)), *([tree.small.get(leaf, "")] if tree.small else [])]
        for leaf, names in tree.leaves
    )
    write_rows(path, [*columns, *counts], rows)


def _read_level_rows(path: Path, read_id: Callable[[str], ShopId | None]) -> TreeFile:
    """A name in a cell, kept to the letter; a leaf further up leaves cells empty."""
    leaves: list[Leaf] = []
    faults: list[str] = []
    small: dict[ShopId, int] = {}
    first = next(
        (name for name in _columns(path) if (level := LEVEL_COLUMN.fullmatch(name)) and level[1] == "1"), FIRST
    )
    for line, row in read_rows(path, (ID, first), MISSING):
        leaf, by_level = read_id(row[ID]), _by_level(row)
        lowest = max(by_level, default=0)
        # before a name is made for each: a column may be called by any number
        check_depth(lowest, f"{path}, line {line}: {COLUMN.format(lowest)} names a level too many")
        names = tuple(by_level.get(level, "") for level in range(1, lowest + 1))
        if leaf is None:
            faults.append(no_id(line, row[ID]))
        elif not names:
            faults.append(f"line {line}: leaf {leaf} has no {FIRST}")
        elif "" in names:
            faults.append(f"line {line}: leaf {leaf} has no {COLUMN.format(names.index('') + 1)}, but a level below it")
        else:
            leaves.append((leaf, names))
            if counts := row.get(COUNTS, "").strip():
                small[leaf] = integer_in(counts) or 0
    refuse(str(path), faults, "leaf cannot be placed in the tree", "leaves cannot be placed in the tree")
    return TreeFile(leaves, small, _level_names(path, max((len(names) for _, names in leaves), default=0)))


def _columns(path: Path) -> list[str]:
    return [name.strip() for _, cells in islice(read_raw_rows(path, MISSING), 1) for name in cells]


def _level_names(path: Path, depth: int) -> list[str]:
    """Those in the names of the columns down to a depth; none where a level has none."""
    columns = filter(None, map(LEVEL_COLUMN.fullmatch, _columns(path)))
    names = {int(column[1]): (column[2] or "").strip() for column in columns}
    named = [names.get(level, "") for level in range(1, depth + 1)]
    return named if all(named) else []


def _by_level(row: dict[str, str]) -> dict[int, str]:
    """The names that a row has, by level."""
    # names are kept to the letter: in a shop's tree two may differ by a trailing blank alone
    by_level = {int(level[1]): cell for name, cell in row.items() if (level := LEVEL_COLUMN.fullmatch(name))}
    return {level: cell for level, cell in by_level.items() if cell.strip() and level > 0}
