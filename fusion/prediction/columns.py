"""The columns of the full table, `predictions.parquet`: as many for the path as the tree has levels."""

from collections.abc import Collection

import pyarrow as pa

VOTE = pa.struct([("expert", pa.string()), ("category_id", pa.int64()), ("probability", pa.float32())])


def path_columns(depth: int) -> list[str]:
    """The names on the path, Cat I first; a leaf further up has none at the levels below it."""
    return [f"cat{level}" for level in range(1, depth + 1)]


def probability_columns(depth: int) -> list[str]:
    """How probable each node on the path is."""
    return [f"p_{column}" for column in path_columns(depth)]


def schema_of(depth: int) -> pa.Schema:
    """The table of a tree with so many levels."""
    return pa.schema([
        ("product_id", pa.int64()), ("category_id", pa.int64()),
        *((column, pa.string()) for column in path_columns(depth)),
        *((column, pa.float32()) for column in probability_columns(depth)),
        ("decision", pa.string()), ("given", pa.string()), ("reason", pa.string()), ("votes", pa.list_(VOTE)),
        ("expected_distance", pa.float32()), ("n_images", pa.int8()), ("n_readable", pa.int8()),
        ("top_category_ids", pa.list_(pa.int64())), ("top_probabilities", pa.list_(pa.float32())),
        ("text_read", pa.string()), ("photos_md5", pa.list_(pa.string())),
    ])  # fmt: skip


def depth_of(columns: Collection[str]) -> int:
    """Levels of the tree that a table was written for, from the names of its columns."""
    return sum(column.startswith("p_cat") for column in columns)
