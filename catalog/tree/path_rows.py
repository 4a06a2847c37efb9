"""Trees with a path in each cell: `category_id,category_path`, as `Food > Drinks > Tea`."""

import ast
import json
import re
from collections.abc import Sequence
from pathlib import Path

from catalog.files.csv_rows import id_in, read_rows
from catalog.files.wording import plural
from catalog.ids.shop_id import ShopId
from catalog.tree.translations import refuse
from catalog.tree.tree_file import ID, MISSING, Leaf, check_depth, no_id, tell_once

PATH = "category_path"
SEPARATORS = {">>": re.compile(">>"), ">": re.compile("(?<!>)>(?!>)"), "/": re.compile("/"), "|": re.compile(r"\|")}
"""What stands between two names, and where it does: `>>` is no `>`."""
IN_NAMES = ("/", "|")
"""Of these, the ones that names have as well: in few cells of a file they separate nothing."""
LIST = re.compile(r"""\[\s*["'\]]""")
WAY_OUT = "write the names into columns category_level1, category_level2, ... instead, a name in each"


def read_path_rows(path: Path) -> list[Leaf]:
    """`(category_id, path)` of each row; names without the blanks around them.

    The separator is the one of `>>`, `>`, `/` and `|` that most cells have: the others are letters of names, as `/` and
    `|` are wherever most cells have an arrow. A cell
    may be a list of paths in JSON's or Python's form (`["A >> B"]`): its first is the category's, others are left out
    with a warning.

    Raises:
        ValueError: as `read_tree` does; also where two separators are in most cells.
    """
    cells: list[tuple[int, ShopId, str]] = []
    faults, n_several = [], 0
    for line, row in read_rows(path, (ID, PATH), MISSING):
        leaf, listed = id_in(row[ID]), paths_in(row[PATH])
        if leaf is None:
            faults.append(no_id(line, row[ID]))
        elif listed is None:
            faults.append(f"line {line}: {PATH} begins as a list and cannot be read as one: write the path alone")
        elif not listed or not listed[0].strip():
            faults.append(f"line {line}: leaf {leaf} has no {PATH}")
        else:
            cells.append((line, leaf, listed[0]))
            n_several += len(listed) > 1
    separator = separator_of(path, [text for *_, text in cells])
    if n_several and separator is None:
        raise ValueError(
            f"{path}: {plural(n_several, 'cell')} of {PATH} list several texts, none with a separator "
            f"({', '.join(SEPARATORS)}): these may be the names of one path, or several paths: {WAY_OUT}"
        )
    leaves = []
    for line, leaf, text in cells:
        names = names_of_path(text, separator)
        check_depth(len(names), f"{path}, line {line}: {PATH} has {len(names)} names")
        if all(names) and names:
            leaves.append((leaf, tuple(names)))
        else:
            faults.append(f"line {line}: leaf {leaf} has no name between two {separator!r} in {text[:80]!r}")
    refuse(str(path), faults, "leaf cannot be placed in the tree", "leaves cannot be placed in the tree")
    if n_several:
        tell_once(
            f"{path}: {plural(n_several, 'cell')} of {PATH} list several paths: the first of each is taken for its "
            "category's, the others are left out"
        )
    return leaves


def names_of_path(text: str, separator: str | None) -> list[str]:
    """The names of a path that one of `SEPARATORS` separates (None: it is one name), without the blanks around them."""
    names = [name.strip() for name in ([text] if separator is None else SEPARATORS[separator].split(text))]
    # `/Food/Drinks/` has no name outside its ends
    return names[int(not names[0]) : len(names) - int(not names[-1])]


def paths_in(cell: str) -> list[str] | None:
    """The paths of a cell, which may be a list in JSON's or Python's form; None where it begins as one and is none."""
    text = cell.strip()
    if not LIST.match(text):
        return [cell]
    for read in (json.loads, ast.literal_eval):
        try:
            listed = read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
            return listed
    return None


def separator_of(source: object, texts: Sequence[str]) -> str | None:
    """What separates the names of the paths that a file or a catalogue has; None where they are single names.

    Raises:
        ValueError: two are in most cells that have any, or one that names have as well is in less than half of all.
    """
    found = [[sign for sign, place in SEPARATORS.items() if place.search(text)] for text in texts]
    n_any = sum(map(bool, found))
    n_cells = {sign: sum(sign in signs for signs in found) for sign in SEPARATORS}
    if not n_any:
        return None
    # `Home / Garden > Chairs`: names have no arrows
    arrows = [sign for sign in SEPARATORS if sign not in IN_NAMES]
    candidates = arrows if 2 * max(n_cells[sign] for sign in arrows) > n_any else list(SEPARATORS)
    first, second = sorted(candidates, key=lambda sign: -n_cells[sign])[:2]
    if 2 * n_cells[second] > n_any or n_cells[second] == n_cells[first]:
        raise ValueError(
            f"{source}: both {first!r} (in {n_cells[first]:,} of {plural(len(texts), 'cell')}) and {second!r} (in "
            f"{n_cells[second]:,}) may separate the names of {PATH}: {WAY_OUT}"
        )
    if first in IN_NAMES and 2 * n_cells[first] < len(texts):
        raise ValueError(
            f"{source}: {first!r} is in {n_cells[first]:,} of {plural(len(texts), 'cell')} of {PATH}, too few to tell "
            f"whether it separates names or stands in them: {WAY_OUT}"
        )
    return first
