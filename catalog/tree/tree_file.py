"""What the files of a category tree have in common, whatever their form."""

from catalog.ids.shop_id import ShopId

ID = "category_id"
MISSING = "give the CSV of the category tree (--tree)"
NO_ID = "line {line}: category_id {cell!r} is no id: it is empty, too long or has control characters"
MAX_DEPTH = 8
"""Names that a path may have."""
Leaf = tuple[ShopId, tuple[str, ...]]
"""A category_id and its path."""


def check_depth(n_names: int, fault: str) -> None:
    """Raise ValueError where a path has more names than a tree has levels; `fault`: where, and what is there."""
    if n_names > MAX_DEPTH:
        raise ValueError(
            f"{fault}, and trees have up to {MAX_DEPTH} levels here: write the names from the last of them on together "
            "into one (`C / D`), so that none is lost"
        )
