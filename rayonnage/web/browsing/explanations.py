"""The picture of `fusion explain` for a page: made when it is looked at, and kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import Lock

from catalog.product import Product
from catalog.recently_used import RecentlyUsed
from fusion.model import Model
from fusion.prediction.explanation import explain
from fusion.prediction.predicted_products import PredictedProducts

KEPT = 64
"""Pictures in memory, of some 100 kB each."""
WAIT_S = 30
"""Each wait holds one of the server's forty threads."""


class DrawingBusy(Exception):
    """Others are being drawn, and took longer than somebody waits."""


class Explanations:
    """Pictures by run and product; one is drawn at a time, as matplotlib is not safe in threads."""

    def __init__(self) -> None:
        self._pictures = RecentlyUsed[tuple[str, str, int], bytes](KEPT)
        self._drawing = Lock()

    def picture(self, model: Model, products: PredictedProducts, position: int) -> bytes:
        """A PNG.

        Raises:
            ValueError: the product has no photo that can be decoded.
            DrawingBusy: ask again.
        """
        key = model.predictor.digest, str(products.folder.path), int(products.numbers[position])
        if (kept := self._pictures.get(key)) is not None:
            return kept
        if not self._drawing.acquire(timeout=WAIT_S):
            raise DrawingBusy
        try:
            # somebody else may have asked for the same one meanwhile
            picture = self._pictures.get(key) or self._drawn(model, products, position)
        finally:
            self._drawing.release()
        self._pictures.keep(key, picture)
        return picture

    def _drawn(self, model: Model, products: PredictedProducts, position: int) -> bytes:
        row = products[position]
        product = Product(row.product_id, tuple(products.photos(position)), title=row.title)
        in_training = products.catalog is not None and model.predictor.trained_on(products.catalog)
        explanation = explain(model.predictor, product, in_training=in_training)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "explanation.png"
            explanation.draw(path)
            return path.read_bytes()
