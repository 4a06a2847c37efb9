"""Trees that name each category's parent: `category_id,parent_id,name`."""

from dataclasses import dataclass
from pathlib import Path

from catalog.files.csv_rows import id_in, read_rows
from catalog.ids.shop_id import ShopId
from catalog.tree.translations import refuse
from catalog.tree.tree_file import ID, MISSING, NO_ID, Leaf, check_depth

PARENT, NAME = "parent_id", "name"
NO_PARENT = 0
"""What databases write as the parent of a category that has none, where no category has this id."""


@dataclass(frozen=True, slots=True)
class _Category:
    line: int
    parent: ShopId | None
    name: str


def read_parent_rows(path: Path) -> list[Leaf]:
    """`(category_id, path)` of each row, whether others lie below it or not; names are kept to the letter.

    A category without a parent, or with the parent 0 where no category is 0, is of Cat I.

    Raises:
        ValueError: as `read_leaves` does; also where parents are unknown, or each other's.
    """
    categories: dict[ShopId, _Category] = {}
    faults = []
    for line, row in read_rows(path, (ID, PARENT, NAME), MISSING):
        category, has_parent = id_in(row[ID]), bool(row[PARENT].strip())
        parent = id_in(row[PARENT])
        if category is None:
            faults.append(NO_ID.format(line=line, cell=row[ID]))
        elif has_parent and parent is None:
            faults.append(f"line {line}: {PARENT} {row[PARENT]!r} is no id")
        elif not row[NAME].strip():
            faults.append(f"line {line}: category {category} has no {NAME}")
        elif category in categories:
            faults.append(f"lines {categories[category].line} and {line}: category {category} stands twice")
        else:
            categories[category] = _Category(line, parent, row[NAME])
    # who misses the parent that a fault above took away need not be told
    if not faults:
        faults = _unknown_parents(categories) + _loops(categories)
    refuse(str(path), faults, "categories cannot be placed in the tree")
    paths: dict[ShopId, tuple[str, ...]] = {}
    for category in categories:
        names = paths[category] = _path(category, categories, paths)
        check_depth(len(names), f"{path}, line {categories[category].line}: category {category} has {len(names)} names")
    return list(paths.items())


def _parent(category: ShopId, categories: dict[ShopId, _Category]) -> ShopId | None:
    parent = categories[category].parent
    return None if parent == NO_PARENT and NO_PARENT not in categories else parent


def _unknown_parents(categories: dict[ShopId, _Category]) -> list[str]:
    parents = {category: _parent(category, categories) for category in categories}
    return [
        f"line {categories[category].line}: {PARENT} {parent} of category {category} is no category of this file"
        for category, parent in parents.items()
        if parent is not None and parent not in categories
    ]


def _loops(categories: dict[ShopId, _Category]) -> list[str]:
    """Each loop of parents once."""
    faults: list[str] = []
    settled: set[ShopId] = set()
    for start in categories:
        way: dict[ShopId, None] = {}
        at: ShopId | None = start
        while at in categories and at not in settled and at not in way:
            way[at] = None
            at = _parent(at, categories)
        if at in way:
            loop = list(way)[list(way).index(at) :]
            lines = ", ".join(str(categories[category].line) for category in loop)
            faults.append(
                f"line {lines}: category {at} is its own parent"
                if len(loop) == 1
                else f"lines {lines}: the categories {', '.join(map(str, loop))} are each other's parents"
            )
        settled |= way.keys()
    return faults


def _path(
    category: ShopId, categories: dict[ShopId, _Category], paths: dict[ShopId, tuple[str, ...]]
) -> tuple[str, ...]:
    """Names from Cat I down to a category, by way of those whose path is known already."""
    names: list[str] = []
    at: ShopId | None = category
    while at is not None and at not in paths:
        names.append(categories[at].name)
        at = _parent(at, categories)
    return (*(paths[at] if at is not None else ()), *reversed(names))
