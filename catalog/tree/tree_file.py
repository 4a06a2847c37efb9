"""What the files of a category tree have in common, whatever their form."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from catalog.files.csv_rows import why_not_id
from catalog.files.wording import listed, plural
from catalog.ids.shop_id import ShopId, loosely

log = logging.getLogger(__name__)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
ID = "category_id"
MISSING = "give the CSV of the category tree (--tree)"
MAX_DEPTH = 8
"""Names that a path may have."""
Leaf = tuple[ShopId, tuple[str, ...]]
"""A category_id and its path."""


def no_id(line: int, cell: str, column: str = ID) -> str:
    """What to tell of a cell that holds no id."""
    return f"line {line}: no {column}: {why_not_id(cell)}"


@dataclass(frozen=True)
class TreeFile:
    """What the file of a tree says.

    Attributes:
        leaves: in the file's order.
        small: the level at which each leaf counts that counts as a node above it.
        level_names: of Cat I, Cat II, ...; empty where the file has none.
    """

    leaves: Sequence[Leaf]
    small: Mapping[ShopId, int] = field(default_factory=dict)
    level_names: Sequence[str] = ()


def warn_of_like_ids(path: Path, leaves: Sequence[Leaf]) -> None:
    """Name the ids of a file that differ only in case, blanks or leading zeros."""
    alike: dict[str, list[ShopId]] = {}
    for category_id, _ in leaves:
        alike.setdefault(loosely(category_id), []).append(category_id)
    named = [" and ".join(map(repr, ids)) for ids in alike.values() if len(set(ids)) > 1]
    if named:
        tell_once(
            f"{path}: the ids {listed(named, 3)} differ only in case, blanks or leading zeros, and are taken for "
            "different categories: if they are one, write them alike"
        )


def without_controls(path: Path, leaves: Sequence[Leaf]) -> list[Leaf]:
    """The leaves with a blank for every line break, tab and other control character of a name, said in a warning.

    Spreadsheets have line breaks in cells, and no page, sheet or folder can show them.

    Raises:
        ValueError: a name of nothing else.
    """
    cleaned: list[Leaf] = []
    faulty = []
    for leaf, names in leaves:
        plain = tuple(_CONTROL.sub(" ", name) for name in names)
        if not all(name.strip() for name in plain):
            raise ValueError(f"{path}: leaf {leaf} has a name of control characters alone: write the name")
        if plain != names:
            faulty.append(f"{leaf} ({plain[-1]})")
        cleaned.append((leaf, plain))
    if faulty:
        n = plural(len(faulty), "category", "categories")
        tell_once(
            f"{path}: names of {n} have line breaks or other control characters, which are read as blanks: "
            f"{listed(faulty, 3)}"
        )
    return cleaned


@lru_cache(maxsize=100)
def tell_once(warning: str) -> None:
    """Log a warning about a tree's file: a command may read it several times, for the tree and for class folders."""
    log.warning("%s", warning)


def check_depth(n_names: int, fault: str) -> None:
    """Raise ValueError where a path has more names than a tree has levels; `fault`: where, and what is there."""
    if n_names > MAX_DEPTH:
        raise ValueError(
            f"{fault}, and trees have up to {MAX_DEPTH} levels here: write the names from the last of them on together "
            "into one (`C / D`), so that none is lost"
        )
