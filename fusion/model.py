"""The Python API: load a run, predict products as users have them, get typed answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import any_of
from catalog.photos.confined import end_decoders
from catalog.recent_rows import RecentRows
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.inputs.products import InputProducts, Products
from fusion.prediction.answers import Answer, answer_of
from fusion.prediction.embedding import embedder_of
from fusion.prediction.predictor import Predictions, Predictor
from mosaic.inference.embedding import Embedder


class Model:
    """A fusion run that predicts; one may be used in many threads at once.

    >>> from pathlib import Path
    >>> import rayonnage
    >>> model: rayonnage.Model = rayonnage.load("runs")
    >>> photo = Path("front.jpg").read_bytes()
    >>> answers = model.predict([[photo, "back.jpg"], "back.jpg"])
    >>> len(answers)
    2
    >>> answers[0].best.path == model.tree.paths[model.tree.leaf_index(answers[0].best.category_id)]
    True
    >>> cat1, cat2, cat3 = answers[0].probabilities
    >>> cat1 >= cat2 >= cat3
    True
    >>> model.predict_proba({"A-17": "front.jpg"}).shape == (1, len(model.tree))
    True
    >>> titled = {"A-17": {"photos": "front.jpg", "title": "Grand mug bleu"}, "A-18": {"title": "Bol de 40 cl"}}
    >>> [answer.product_id for answer in model.predict(titled)]
    ['A-17', 'A-18']
    >>> model.close()

    Attributes:
        tree: the category tree.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.tree: Taxonomy = predictor.tree
        self._recent = RecentRows()

    @classmethod
    def load(
        cls, folder: str | Path, workspace: str | Path = "runs", precision: float | None = None, lang: str | None = None
    ) -> Self:
        """Load a fusion run folder.

        Args:
            workspace: folder of the transcript cache, made when a photo is first read.
            precision: share of what is given without review that must be right; None: as trained.
            lang: language of the category names in answers, such as `en`; None: as the tree has them.

        Raises:
            FileNotFoundError: no run there.
            ValueError: a damaged one, no names in that language, or a precision that is no share.
        """
        if precision is not None and not 0 < precision < 1:
            raise ValueError(f"precision is {precision}: give the share that must be right, above 0 and below 1")
        return cls(Predictor(Run.load(Path(folder), "fusion"), Workspace(workspace), precision, lang))

    def close(self) -> None:
        """End the processes that decode and read photos; a model that is asked again starts them anew."""
        self.predictor.close()
        end_decoders()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def predict(self, products: Products, text_columns: Sequence[str] | None = None) -> list[Answer]:
        """One answer per product, in order, with the product's own id.

        Photos are read some products at a time: a long list of paths, or a whole catalogue, costs no memory.

        Args:
            products: one of
                a list, each a `Product`, a list of one to four photos, a single photo, or a dict with `photos`, `title`
                and `description`, as far as they are known, and perhaps `product_id`;
                a dict of these by id, which may be anything;
                an Arrow table or DataFrame with the columns of a catalogue's table: `product_id`, `photos` (or `photo`,
                a row each; or `photo1`, `photo2`, ...), `title` and `description`;
                a catalogue.
                A photo is a path, encoded bytes, a PIL image, or a `(H, W, 3)` RGB or `(H, W)` grey uint8 array.
            text_columns: of a table: its column of titles, and perhaps that of descriptions; None: those that are
                called `title` and `description`.

        Raises:
            ValueError: a product with more than four photos, two of one id, a photo that is none, or a file over
                64 MiB, a table without these columns; FileNotFoundError: a path that does not exist. Both name the
                product and the photo. A photo that cannot be decoded, and a title that is too long or no text, is
                named in the answer's `problems`.
            TypeError: no products.
        """
        given, answers = InputProducts.of(products, text_columns), list[Answer]()
        for positions, predictions in self._predicted(given):
            answers += [
                answer_of(predictions, row, self.tree, self.predictor.top_leaves, given.ids[position])
                for row, position in enumerate(positions)
            ]
        return answers

    def predict_proba(
        self, products: Products, level: int | None = None, text_columns: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """`(N, n_leaves)` float32 probabilities in [0, 1] of every leaf, a row per product in order, each of sum 1.

        The columns are the leaves of `tree`, so `tree.paths[column]` is a column's path and `tree.shop_ids[column]` its
        category_id; those of a level are its nodes, and `tree.node_path(level, column)` their paths (`tree.shown`,
        `tree.shown_path` in the language asked for).

        Args:
            products: as in `predict`, which says what is raised.
            level: for `(N, n_nodes)` of that level, 1 for Cat I; None or the last level: leaves.
            text_columns: as in `predict`.

        Raises:
            ValueError: another level.
        """
        if level is not None and level not in self.tree.levels:
            names = any_of([self.tree.level_names[known] for known in self.tree.levels])
            raise ValueError(f"level is {level}: give {any_of(self.tree.levels)} for {names}")
        given = InputProducts.of(products, text_columns)
        rows = np.empty((len(given), self.tree.n_nodes(level or self.tree.depth)), np.float32)
        for positions, predictions in self._predicted(given):
            fused = predictions.fused
            rows[positions.start : positions.stop] = fused if level is None else self.tree.node_mass(fused, level)
        return rows

    def embed(self, products: Products) -> NDArray[np.float32]:
        """`(N, D)` float32 vectors of length 1, a row per product in order; zeros where no photo can be decoded.

        They are the general network's: products that look alike lie near each other.

        Args:
            products: as in `predict`, which says what is raised.

        Raises:
            ValueError: the run has no general network.
        """
        given, embedder = InputProducts.of(products), self._embedder
        rows = np.empty((len(given), embedder.width), np.float32)
        for some in given.chunks():
            chunk = embedder.chunk(some.products, self._recent, self.predictor.photo_decoder)
            rows[some.positions.start : some.positions.stop] = embedder.embed(chunk)
        return rows

    @cached_property
    def _embedder(self) -> Embedder:
        return embedder_of(self.predictor.experts)

    def _predicted(self, given: InputProducts) -> Iterator[tuple[range, Predictions]]:
        # what is known of a training product's own photos is not held against it, as in `fusion predict`
        in_training = given.catalog is not None and self.predictor.trained_on(given.catalog)
        for some in given.chunks():
            predictions = self.predictor.predict(some.products, in_training=in_training, recent=self._recent)
            predictions.problems.extend(some.problems)
            yield some.positions, predictions
