"""Google's list of product categories: `3237 - Animals & Pet Supplies > Live Animals` on each line.

Ids may be other texts without blanks, as shops have that write their own tree so.
"""

import re
from pathlib import Path

from catalog.files.csv_rows import id_in, not_utf8
from catalog.tree.translations import refuse
from catalog.tree.tree_file import Leaf, check_depth

START = b"# Google_Product_Taxonomy"
LINE = re.compile(r"\s*(\S+)\s+-\s+(\S.*)")
BETWEEN = re.compile(r"\s+>\s+")


def is_google_list(path: Path) -> bool:
    """Whether a file begins as the list does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(64).removeprefix(b"\xef\xbb\xbf").startswith(START)


def read_google_list(path: Path) -> list[Leaf]:
    """`(category_id, path)` of each line, also of those that have others below them: products lie on all.

    Raises:
        ValueError: not UTF-8, or lines without an id and a path; file and lines are named.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise not_utf8(path, "WINDOWS-1252") from None
    leaves, faults = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        leaf = id_in(match[1]) if match else None
        if match is None or leaf is None:
            faults.append(
                f"line {number}: {line[:80]!r} is not `ID - Category > Category below it`: of Google's two lists, give "
                "the one with ids (taxonomy-with-ids.en-US.txt)"
            )
            continue
        names = tuple(BETWEEN.split(match[2].strip()))
        check_depth(len(names), f"{path}, line {number}: category {leaf} has {len(names)} names")
        leaves.append((leaf, names))
    refuse(str(path), faults, "line is no category", "lines are no categories")
    return leaves
