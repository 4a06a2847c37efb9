"""Products shown in a report: chosen by their scores, read again from the catalogue for their photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.metrics.confusions import Confusion
from catalog.metrics.product_scores import ProductScores
from catalog.reports.page import Example
from catalog.runs.training_data import catalog_positions
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.prediction.predictor import Predictions, Predictor
from fusion.prediction.reasons import votes_of
from mosaic.photos import Picture, resize

N_EXAMPLES = 12
PER_CONFUSION = 3
SIDE = 128
"""Pixels of a photo on the page."""
MAX_TEXT = 140
Rows = NDArray[np.int64]


def surest_mistakes(fused: ProductScores) -> Rows:
    """Rows of the products that are wrong with the highest confidence."""
    wrong = np.flatnonzero(~fused.correct[:, 2])
    return _surest(fused, wrong, N_EXAMPLES)


def corrected_by(fused: ProductScores, photos: ProductScores, other: ProductScores) -> Rows:
    """Rows of products that are right although the photos' expert is wrong, where the other expert speaks."""
    wrong = photos.product_ids[~photos.correct[:, 2]]
    rows = fused.correct[:, 2] & np.isin(fused.product_ids, wrong) & np.isin(fused.product_ids, other.product_ids)
    return _surest(fused, np.flatnonzero(rows), N_EXAMPLES)


def confused_rows(fused: ProductScores, confusion: Confusion) -> Rows:
    """Rows of a confusion's surest products."""
    own = (fused.truth == confusion.truth) & (fused.predicted[:, 2] == confusion.predicted)
    return _surest(fused, np.flatnonzero(own), PER_CONFUSION)


def _surest(scores: ProductScores, rows: Rows, n: int) -> Rows:
    return rows[np.argsort(-scores.confidence[rows, 2], kind="stable")[:n]]


def examples_of(
    predictor: Predictor, catalog: Catalog, fused: ProductScores, wanted: Sequence[Rows]
) -> list[list[Example]]:
    """Examples of each group of rows; a product is read and predicted again once, whatever groups it is in."""
    rows = np.unique(np.concatenate([np.zeros(0, np.int64), *wanted]))
    if not len(rows):
        return [[] for _ in wanted]
    products = catalog.take(catalog_positions(catalog, fused.product_ids[rows]))
    found = predictor.predict(products, learnt=predictor.learnt_from(catalog))
    shown = {int(row): _example(found, at, fused, int(row), predictor.tree) for at, row in enumerate(rows)}
    return [[shown[int(row)] for row in group] for group in wanted]


def _example(found: Predictions, at: int, fused: ProductScores, row: int, tree: Taxonomy) -> Example:
    product = found.products[at]
    put, truth = fused.predicted[row, 2], fused.truth[row]
    lines = [f"{product.product_id}: {path_text(tree.shown[put])} ({fused.confidence[row, 2]:.0%})"]
    if put != truth:
        lines.append(f"labelled {path_text(tree.shown[truth])}")
    votes = [f"{vote.expert}: {tree.shown[vote.leaf][2]} ({vote.probability:.0%})" for vote in votes_of(found, at)]
    lines.append(" · ".join(votes))
    if product.product_id in found.readings:
        read = found.readings[product.product_id].text
        lines.append(f"read: {read[:MAX_TEXT]}{'…' if len(read) > MAX_TEXT else ''}" if read else "nothing was read")
    return Example(_thumbnails(found.photos.pictures, found.photos.keys[at]), lines)


def _thumbnails(pictures: Mapping[bytes, Picture], keys: Sequence[bytes]) -> list[bytes]:
    """The readable photos as small JPEGs: a seller's photo may be of any size, a page holds dozens."""
    encoded = []
    for md5 in keys:
        picture = pictures[md5]
        small = picture if picture.shape[0] <= SIDE else resize(picture, SIDE)
        encoded.append(cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return encoded
