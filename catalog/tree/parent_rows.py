"""Trees that name each category's parent: `category_id,parent_id,name`."""

from dataclasses import dataclass
from pathlib import Path

from catalog.files.csv_rows import id_in, read_rows
from catalog.ids.shop_id import ShopId, id_number
from catalog.tree.translations import refuse
from catalog.tree.tree_file import ID, MISSING, Leaf, check_depth, no_id

PARENT, NAME = "parent_id", "name"
NO_PARENT = 0
"""What databases write as the parent of a category that has none, where no category has this id."""


@dataclass(frozen=True, slots=True)
class _Category:
    """One row; `parent`: the number of its id, which one id has in all Unicode forms."""

    line: int
    shop_id: ShopId
    parent: int | None
    parent_id: ShopId | None
    name: str


def read_parent_rows(path: Path) -> list[Leaf]:
    """`(category_id, path)` of each row, whether others lie below it or not; names are kept to the letter.

    A category without a parent, or with the parent 0 where no category is 0, is of Cat I.

    Raises:
        ValueError: as `read_tree` does; also where parents are unknown, or each other's.
    """
    categories: dict[int, _Category] = {}
    faults = []
    for line, row in read_rows(path, (ID, PARENT, NAME), MISSING):
        category, has_parent = id_in(row[ID]), bool(row[PARENT].strip())
        parent = id_in(row[PARENT])
        number = None if category is None else id_number(category)
        if category is None or number is None:
            faults.append(no_id(line, row[ID]))
        elif has_parent and parent is None:
            faults.append(no_id(line, row[PARENT], PARENT))
        elif not row[NAME].strip():
            faults.append(f"line {line}: category {category} has no {NAME}")
        elif number in categories:
            faults.append(f"lines {categories[number].line} and {line}: category {category} stands twice")
        else:
            above = None if parent is None else id_number(parent)
            categories[number] = _Category(line, category, above, parent, row[NAME])
    # who misses the parent that a fault above took away need not be told
    if not faults:
        faults = _unknown_parents(categories) + _loops(categories)
    refuse(str(path), faults, "category cannot be placed in the tree", "categories cannot be placed in the tree")
    paths: dict[int, tuple[str, ...]] = {}
    leaves = []
    for number, placed in categories.items():
        names = paths[number] = _path(number, categories, paths)
        check_depth(len(names), f"{path}, line {placed.line}: category {placed.shop_id} has {len(names)} names")
        leaves.append((placed.shop_id, names))
    return leaves


def _parent(number: int, categories: dict[int, _Category]) -> int | None:
    parent = categories[number].parent
    return None if parent == NO_PARENT and NO_PARENT not in categories else parent


def _unknown_parents(categories: dict[int, _Category]) -> list[str]:
    parents = {number: _parent(number, categories) for number in categories}
    return [
        f"line {categories[number].line}: {PARENT} {categories[number].parent_id} of category "
        f"{categories[number].shop_id} is no category of this file"
        for number, parent in parents.items()
        if parent is not None and parent not in categories
    ]


def _loops(categories: dict[int, _Category]) -> list[str]:
    """Each loop of parents once."""
    faults: list[str] = []
    settled: set[int] = set()
    for start in categories:
        way: dict[int, None] = {}
        at: int | None = start
        while at in categories and at not in settled and at not in way:
            way[at] = None
            at = _parent(at, categories)
        if at in way:
            loop = [categories[number] for number in list(way)[list(way).index(at) :]]
            lines = ", ".join(str(category.line) for category in loop)
            faults.append(
                f"line {lines}: category {loop[0].shop_id} is its own parent"
                if len(loop) == 1
                else f"lines {lines}: the categories {', '.join(str(category.shop_id) for category in loop)} are each "
                "other's parents"
            )
        settled |= way.keys()
    return faults


def _path(number: int, categories: dict[int, _Category], paths: dict[int, tuple[str, ...]]) -> tuple[str, ...]:
    """Names from Cat I down to a category, by way of those whose path is known already."""
    names: list[str] = []
    at: int | None = number
    while at is not None and at not in paths:
        names.append(categories[at].name)
        at = _parent(at, categories)
    return (*(paths[at] if at is not None else ()), *reversed(names))
