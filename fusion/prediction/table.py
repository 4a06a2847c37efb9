"""Predictions as rows of the full table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from catalog.tree.taxonomy import LEVELS, Taxonomy, path_text
from fusion.decide import decision_of
from fusion.prediction.predictor import Predictions
from fusion.prediction.ranking import risk_order
from fusion.prediction.reasons import reason_of, votes_of

VOTE = pa.struct([("expert", pa.string()), ("category_id", pa.int64()), ("probability", pa.float32())])
SCHEMA = pa.schema(
    [
        ("product_id", pa.int64()),
        ("category_id", pa.int64()),
        ("cat1", pa.string()),
        ("cat2", pa.string()),
        ("cat3", pa.string()),
        ("p_cat1", pa.float32()),
        ("p_cat2", pa.float32()),
        ("p_cat3", pa.float32()),
        ("decision", pa.string()),
        ("given", pa.string()),
        ("reason", pa.string()),
        ("votes", pa.list_(VOTE)),
        ("expected_distance", pa.float32()),
        ("n_images", pa.int8()),
        ("n_readable", pa.int8()),
        ("top_category_ids", pa.list_(pa.int64())),
        ("top_probabilities", pa.list_(pa.float32())),
        ("text_read", pa.string()),
        ("photos_md5", pa.list_(pa.string())),
    ]
)


def to_table(found: Predictions, tree: Taxonomy, top_leaves: int) -> pa.Table:
    """One row per product, in order, of schema `SCHEMA`.

    The path and its probabilities belong to the likeliest leaf, the further leaves are ranked by
    `fusion.ranking.risk_order`; `given` is the path of the decision: the leaf when accepted, a parent after back-off,
    empty for a review.
    """
    n = len(found.products)
    ranked = risk_order(found.fused, tree, top_leaves)
    best = ranked[:, 0]
    own = [tree.node_mass(found.fused, level)[np.arange(n), tree.ancestor(level)[best]] for level in LEVELS]
    texts = [found.readings[p.product_id].text if p.product_id in found.readings else "" for p in found.products]
    columns = {
        "product_id": [p.product_id for p in found.products],
        "category_id": tree.leaf_ids[best],
        "cat1": [tree.shown[leaf][0] for leaf in best],
        "cat2": [tree.shown[leaf][1] for leaf in best],
        "cat3": [tree.shown[leaf][2] for leaf in best],
        "p_cat1": own[0],
        "p_cat2": own[1],
        "p_cat3": own[2],
        "decision": [decision_of(int(level)).value for level in found.given[:, 0]],
        "given": [path_text(tree.shown_path(level, node)) if level else "" for level, node in found.given.tolist()],
        "reason": [reason_of(found, row, tree) for row in range(n)],
        "votes": [_votes(found, row, tree) for row in range(n)],
        "expected_distance": 3.0 - np.sum(own, axis=0),
        "n_images": [len(p.images) for p in found.products],
        "n_readable": found.photos.n_readable,
        "top_category_ids": list(tree.leaf_ids[ranked]),
        "top_probabilities": list(np.take_along_axis(found.fused, ranked, axis=1)),
        "text_read": texts,
        "photos_md5": [[md5.hex() for md5 in own] for own in found.photos.md5s],
    }
    return pa.table(columns, schema=SCHEMA)


def _votes(found: Predictions, row: int, tree: Taxonomy) -> list[dict[str, object]]:
    return [
        {"expert": v.expert, "category_id": int(tree.leaf_ids[v.leaf]), "probability": v.probability}
        for v in votes_of(found, row)
    ]
