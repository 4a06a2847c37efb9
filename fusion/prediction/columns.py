"""The columns of the full table, `predictions.parquet`: as many for the path as the tree has levels."""

from collections.abc import Collection

import pyarrow as pa

TITLE = "title"
"""The column of the shop's titles, of a catalogue that has any."""
INTEGER = pa.int64()


def path_columns(depth: int) -> list[str]:
    """The names on the path, Cat I first; a leaf further up has none at the levels below it."""
    return [f"cat{level}" for level in range(1, depth + 1)]


def probability_columns(depth: int) -> list[str]:
    """How probable each node on the path is."""
    return [f"p_{column}" for column in path_columns(depth)]


def schema_of(
    depth: int, product_id: pa.DataType = INTEGER, category_id: pa.DataType = INTEGER, *, titles: bool = False
) -> pa.Schema:
    """The table of a tree with so many levels.

    Args:
        product_id, category_id: types of the ids, see `catalog.ids.id_columns.id_type`.
        titles: the products have titles.
    """
    vote = pa.struct([("expert", pa.string()), ("category_id", category_id), ("probability", pa.float32())])
    return pa.schema([
        ("product_id", product_id), ("category_id", category_id),
        *((column, pa.string()) for column in path_columns(depth)),
        *((column, pa.float32()) for column in probability_columns(depth)),
        ("decision", pa.string()), ("given", pa.string()), ("reason", pa.string()), ("votes", pa.list_(vote)),
        ("expected_distance", pa.float32()), ("n_images", pa.int8()), ("n_readable", pa.int8()),
        ("top_category_ids", pa.list_(category_id)), ("top_probabilities", pa.list_(pa.float32())),
        ("text_read", pa.string()), *([(TITLE, pa.string())] if titles else []),
        ("photos_md5", pa.list_(pa.string())),
    ])  # fmt: skip


def depth_of(columns: Collection[str]) -> int:
    """Levels of the tree that a table was written for, from the names of its columns."""
    return sum(column.startswith("p_cat") for column in columns)
