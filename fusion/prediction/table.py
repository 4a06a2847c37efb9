"""Predictions as rows of the full table."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from catalog.ids.id_columns import ids_as
from catalog.ids.shop_id import ShopId
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.decide import decision_of
from fusion.prediction.columns import TITLE, path_columns, probability_columns
from fusion.prediction.predictor import Predictions
from fusion.prediction.ranking import risk_order
from fusion.prediction.reasons import reason_of, votes_of


def to_table(predictions: Predictions, tree: Taxonomy, top_leaves: int, schema: pa.Schema) -> pa.Table:
    """One row per product, in order, of a schema that `schema_of` gave.

    The path and its probabilities belong to the likeliest leaf, the further leaves are ranked by `risk_order`; `given`
    is the path of the decision: the leaf when accepted, a parent after back-off, empty for a review. A path that ends
    further up has neither names nor probabilities below that.
    """
    products, rows, given = (
        predictions.chunk.products,
        range(len(predictions.chunk.products)),
        predictions.given.tolist(),
    )
    ranked = risk_order(predictions.fused, tree, top_leaves)
    best, along_path = predictions.paths.leaves, predictions.paths.probabilities.T
    paths, is_below = [tree.shown[leaf] for leaf in best], tree.path_lengths[best] < np.array(tree.levels)[:, None]
    leaf_ids = ids_as(tree.shop_ids, schema.field("category_id").type)
    columns = {
        "product_id": ids_as([p.product_id for p in products], schema.field("product_id").type),
        "category_id": [leaf_ids[leaf] for leaf in best.tolist()],
        **{
            name: [path[level] if level < len(path) else None for path in paths]
            for level, name in enumerate(path_columns(tree.depth))
        },
        **{
            name: pa.array(p, mask=missing)
            for name, p, missing in zip(probability_columns(tree.depth), along_path, is_below, strict=True)
        },
        "decision": [decision_of(level, tree.depth).value for level, _ in given],
        "given": [path_text(tree.shown_path(level, node)) if level else "" for level, node in given],
        "reason": [reason_of(predictions, row, tree) for row in rows],
        "votes": [_votes(predictions, row, leaf_ids) for row in rows],
        "expected_distance": float(tree.depth) - np.sum(along_path, axis=0),
        "n_images": [len(p.images) for p in products],
        "n_readable": predictions.chunk.n_readable,
        "top_category_ids": [[leaf_ids[leaf] for leaf in leaves] for leaves in ranked.tolist()],
        "top_probabilities": list(np.take_along_axis(predictions.fused, ranked, axis=1)),
        "text_read": [predictions.text_read(row) for row in rows],
        **({TITLE: [p.title for p in products]} if TITLE in schema.names else {}),
        "photos_md5": [[md5.hex() for md5 in md5s] for md5s in predictions.chunk.md5s],
    }
    return pa.table(columns, schema=schema)


def _votes(predictions: Predictions, row: int, leaf_ids: Sequence[ShopId]) -> list[dict[str, object]]:
    return [
        {"expert": vote.expert, "category_id": leaf_ids[vote.leaf], "probability": vote.probability}
        for vote in votes_of(predictions, row)
    ]
