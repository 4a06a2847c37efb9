"""What the files of a category tree have in common, whatever their form."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catalog.files.csv_rows import why_not_id
from catalog.files.wording import listed, plural
from catalog.ids.shop_id import ShopId

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
    """Name the ids of a file that differ only in case or blanks."""
    alike: dict[str, list[ShopId]] = {}
    for category_id, _ in leaves:
        alike.setdefault("".join(str(category_id).casefold().split()), []).append(category_id)
    named = [" and ".join(map(repr, ids)) for ids in alike.values() if len(set(ids)) > 1]
    if named:
        log.warning(
            "%s: the ids %s differ only in case or blanks, and are taken for different categories: if they are one, "
            "write them alike",
            path, listed(named, 3),
        )  # fmt: skip


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
        log.warning(
            "%s: names of %s have line breaks or other control characters, which are read as blanks: %s",
            path, plural(len(faulty), "category", "categories"), listed(faulty, 3),
        )  # fmt: skip
    return cleaned


def check_depth(n_names: int, fault: str) -> None:
    """Raise ValueError where a path has more names than a tree has levels; `fault`: where, and what is there."""
    if n_names > MAX_DEPTH:
        raise ValueError(
            f"{fault}, and trees have up to {MAX_DEPTH} levels here: write the names from the last of them on together "
            "into one (`C / D`), so that none is lost"
        )
