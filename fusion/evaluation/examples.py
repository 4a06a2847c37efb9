"""Products shown in a report: chosen by their scores, read again from the catalogue for their photos."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.metrics.confusions import Confusion
from catalog.metrics.product_scores import ProductScores
from catalog.photos.thumbnails import strip
from catalog.reports.page import Example
from catalog.runs.training_data import catalog_positions
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.prediction.predictor import Predictions, Predictor
from fusion.prediction.reasons import votes_of

N_EXAMPLES = 12
PER_CONFUSION = 3
PHOTO_HEIGHT = 96
"""Pixels of the page."""
MAX_TEXT = 140
Rows = NDArray[np.int64]


def surest_mistakes(fused: ProductScores) -> Rows:
    """Rows of the products that are wrong with the highest confidence."""
    wrong = np.flatnonzero(~fused.correct[:, -1])
    return _surest(fused, wrong, N_EXAMPLES)


def corrected_by(fused: ProductScores, photos: ProductScores, other: ProductScores) -> Rows:
    """Rows of products that are right although the photos' expert is wrong, where the other expert speaks."""
    wrong = photos.product_ids[~photos.correct[:, -1]]
    rows = fused.correct[:, -1] & np.isin(fused.product_ids, wrong) & np.isin(fused.product_ids, other.product_ids)
    return _surest(fused, np.flatnonzero(rows), N_EXAMPLES)


def confused_rows(fused: ProductScores, confusion: Confusion) -> Rows:
    """Rows of a confusion's surest products."""
    confused = (fused.truth == confusion.truth) & (fused.predicted[:, -1] == confusion.predicted)
    return _surest(fused, np.flatnonzero(confused), PER_CONFUSION)


def _surest(scores: ProductScores, rows: Rows, n: int) -> Rows:
    return rows[np.argsort(-scores.confidence[rows, -1], kind="stable")[:n]]


def examples_of(
    predictor: Predictor, catalog: Catalog, fused: ProductScores, wanted: Sequence[Rows]
) -> list[list[Example]]:
    """Examples of each group of rows; a product is read and predicted again once, whatever groups it is in."""
    rows = np.unique(np.concatenate([np.zeros(0, np.int64), *wanted]))
    if not len(rows):
        return [[] for _ in wanted]
    products = catalog.take(catalog_positions(catalog, fused.product_ids[rows]))
    predictions = predictor.predict(products, in_training=predictor.trained_on(catalog))
    shown = {int(row): _example(predictions, at, fused, int(row), predictor.tree) for at, row in enumerate(rows)}
    return [[shown[int(row)] for row in group] for group in wanted]


def _example(predictions: Predictions, at: int, fused: ProductScores, row: int, tree: Taxonomy) -> Example:
    product, quote = predictions.chunk.products[at], predictions.quote(at)
    put, truth = fused.predicted[row, -1], fused.truth[row]
    lines = [f"{product.product_id}: {path_text(tree.shown[put])} ({fused.confidence[row, -1]:.0%})"]
    if product.title:
        lines.append(f"title: {_short(product.title)}")
    if put != truth:
        lines.append(f"labelled {path_text(tree.shown[truth])}")
    votes = votes_of(predictions, at)
    lines.append(" · ".join(f"{vote.expert}: {tree.shown[vote.leaf][-1]} ({vote.probability:.0%})" for vote in votes))
    if quote is not None:
        lines.append(f"read: {_short(quote.text)}" if quote.text else "nothing was read")
    return Example([strip(product.images, PHOTO_HEIGHT)], lines)


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
