"""Predictions as rows of the full table."""

import numpy as np
import pyarrow as pa

from catalog.tree.taxonomy import LEVELS, Taxonomy, path_text
from fusion.decide import decision_of
from fusion.prediction.predictor import Predictions
from fusion.prediction.ranking import risk_order
from fusion.prediction.reasons import reason_of, votes_of

VOTE = pa.struct([("expert", pa.string()), ("category_id", pa.int64()), ("probability", pa.float32())])
SCHEMA = pa.schema([
    ("product_id", pa.int64()), ("category_id", pa.int64()),
    ("cat1", pa.string()), ("cat2", pa.string()), ("cat3", pa.string()),
    ("p_cat1", pa.float32()), ("p_cat2", pa.float32()), ("p_cat3", pa.float32()),
    ("decision", pa.string()), ("given", pa.string()), ("reason", pa.string()), ("votes", pa.list_(VOTE)),
    ("expected_distance", pa.float32()), ("n_images", pa.int8()), ("n_readable", pa.int8()),
    ("top_category_ids", pa.list_(pa.int64())), ("top_probabilities", pa.list_(pa.float32())),
    ("text_read", pa.string()), ("photos_md5", pa.list_(pa.string())),
])  # fmt: skip


def to_table(predictions: Predictions, tree: Taxonomy, top_leaves: int) -> pa.Table:
    """One row per product, in order, of schema `SCHEMA`.

    The path and its probabilities belong to the likeliest leaf, the further leaves are ranked by `risk_order`; `given`
    is the path of the decision: the leaf when accepted, a parent after back-off, empty for a review.
    """
    rows, given = range(len(predictions.chunk.products)), predictions.given.tolist()
    ranked = risk_order(predictions.fused, tree, top_leaves)
    best, along_path = predictions.paths.leaves, predictions.paths.probabilities.T
    columns = {
        "product_id": [p.product_id for p in predictions.chunk.products],
        "category_id": tree.leaf_ids[best],
        **{f"cat{level}": [tree.shown[leaf][level - 1] for leaf in best] for level in LEVELS},
        **{f"p_cat{level}": p for level, p in zip(LEVELS, along_path, strict=True)},
        "decision": [decision_of(level).value for level, _ in given],
        "given": [path_text(tree.shown_path(level, node)) if level else "" for level, node in given],
        "reason": [reason_of(predictions, row, tree) for row in rows],
        "votes": [_votes(predictions, row, tree) for row in rows],
        "expected_distance": 3.0 - np.sum(along_path, axis=0),
        "n_images": [len(p.images) for p in predictions.chunk.products],
        "n_readable": predictions.chunk.n_readable,
        "top_category_ids": list(tree.leaf_ids[ranked]),
        "top_probabilities": list(np.take_along_axis(predictions.fused, ranked, axis=1)),
        "text_read": [predictions.text_read(row) for row in rows],
        "photos_md5": [[md5.hex() for md5 in md5s] for md5s in predictions.chunk.md5s],
    }
    return pa.table(columns, schema=SCHEMA)


def _votes(predictions: Predictions, row: int, tree: Taxonomy) -> list[dict[str, object]]:
    return [
        {"expert": vote.expert, "category_id": int(tree.leaf_ids[vote.leaf]), "probability": vote.probability}
        for vote in votes_of(predictions, row)
    ]
