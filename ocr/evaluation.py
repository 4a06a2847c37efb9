"""`ocr evaluate`: how well books and CDs are read, what their words tell, what reading costs."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.metrics.evaluated_model import EvaluatedModel, leaderboard
from catalog.metrics.intervals import accuracy_interval
from catalog.metrics.product_scores import ProductScores, score_probabilities
from catalog.photos.thumbnails import strip
from catalog.probabilities import Probabilities, Silence
from catalog.product import ProblemLog, Product
from catalog.reports.evaluation import Evaluation
from catalog.reports.page import Example, Section, Table
from catalog.runs.training_data import catalog_positions, leaves_of
from catalog.runs.workspace import Workspace
from catalog.sources.address import Address
from catalog.split.labels import true_leaves
from catalog.tree.category_names import category_names
from catalog.tree.taxonomy import SEPARATOR, Taxonomy, path_text
from ocr.commands import CHUNK, predict_catalog
from ocr.details import OcrDetails
from ocr.expert import Reading, read_products
from ocr.loading import config_here, make_reader
from ocr.reader import PhotoReader
from ocr.reading_costs import reading_costs
from ocr.route import category_leaves

N_EXAMPLES = 12
PHOTO_HEIGHT = 96
CONFIDENCE_BANDS = {0.0: "0 to 80 %", 0.8: "80 to 90 %", 0.9: "90 to 95 %", 0.95: "95 to 98 %", 0.98: "98 to 100 %"}
WORD_BANDS = {1: "1 to 2", 3: "3 to 5", 6: "6 to 10", 11: "11 to 20", 21: "21 and more"}
WELL, BADLY = "Read well", "Read badly"


def evaluate(
    workspace: Workspace,
    file: Address | None,
    photo: Probabilities | None,
    labels: Path | None,
    output: Path | None,
    progress: Progress | None = None,
    lang: str | None = None,
) -> tuple[str, Path]:
    """Evaluate on products that truly are of the configured categories: held-out ones, or those of a labelled file."""
    run = workspace.require("ocr")
    tree = run.taxonomy(lang)
    config = config_here(run)
    catalog = workspace.training_catalog() if file is None else workspace.open(file)
    details = run.details_as(OcrDetails)
    if photo is None:
        text, problems = run.held_out(), details.problems
    else:
        problems = ProblemLog()
        text = predict_catalog(catalog, photo, run, workspace, problems, progress)
    truth = leaves_of(catalog, true_leaves(catalog, tree, labels), text.product_ids)
    in_category = np.isin(truth, category_leaves(tree, config.categories))
    scores = score_probabilities(text, np.where(in_category, truth, -1), tree)
    if not len(scores):
        raise ValueError(f"{catalog}: no product of the shelves {', '.join(config.categories)} was read")
    reader = make_reader(config, workspace)
    readings = _Readings(tree, scores)
    readings.collect(catalog, text.select(in_category), reader, progress)
    model = EvaluatedModel("text", "words read on the photos", scores, len(scores) / int(in_category.sum()))
    what = "held-out products" if file is None else "all products"
    tables = [
        _silence_table(text.select(in_category)),
        _table("By mean confidence of the words read", "confidence", readings.confidence, CONFIDENCE_BANDS, scores),
        _table("By number of words read", "words", readings.n_words, WORD_BANDS, scores),
        category_table(scores, tree),
    ]
    seconds = reader.seconds_per_photo()
    evaluation = Evaluation(
        "Text branch",
        f"{what} of {catalog.name} on {', '.join(category_names(tree, config.categories))}",
        [model],
        tree,
        sections=[
            Section("reading", "What was read", parts=tables),
            *reading_costs(details),
        ],
        examples=readings.examples(),
        facts={
            "engine": reader.engine.settings,
            "time per photo": "unknown, all were in the cache" if math.isnan(seconds) else f"{1000 * seconds:.0f} ms",
            "sentence encoders": ", ".join(config.text.encoders) or "none",
            "read from": f"{details.route_threshold:g} of probability on the shelves",
            "photos that could not be read": len(problems),
            "run": run.folder.name,
        },
    )
    return leaderboard([model], tree.level_names), evaluation.write(output or workspace.folder / "reports", "ocr")


class _Readings:
    """What was read on each scored product, in the order of the scores, and the extremes with their photos."""

    def __init__(self, tree: Taxonomy, scores: ProductScores) -> None:
        self.tree, self.scores = tree, scores
        self.confidence = np.full(len(scores), np.nan)
        self.n_words = np.zeros(len(scores), np.int64)
        self._best: list[tuple[float, int, Example]] = []
        self._worst: list[tuple[float, int, Example]] = []

    def collect(
        self, catalog: Catalog, text: Probabilities, reader: PhotoReader, progress: Progress | None = None
    ) -> None:
        """Read again what `text` was made from; the cache knows it."""
        places = catalog_positions(catalog, text.product_ids)
        rows = np.flatnonzero(text.silence != Silence.NOT_ROUTED)
        scored = {int(i): row for row, i in enumerate(self.scores.product_ids)}
        for _, products in catalog.batches(CHUNK, progress, places[rows]):
            for product, reading in zip(products, read_products(reader, products), strict=True):
                self._add(product, reading, scored.get(product.number))

    def examples(self) -> dict[str, list[Example]]:
        """The surest right products, and those whose words are least sure or could not be read at all."""
        # made small only now: nearly all products of a catalogue pass through these lists, a dozen each stay
        return {
            title: [replace(example, photos=[strip(example.photos, PHOTO_HEIGHT)]) for _, _, example in ranked]
            for title, ranked in ((WELL, self._best), (BADLY, self._worst))
        }

    def _add(self, product: Product, reading: Reading, row: int | None) -> None:
        quality = 0.0 if math.isnan(reading.confidence) else reading.confidence
        lines = [f"{product.product_id}: {reading.text[:160] or 'nothing was read'}  ({quality:.0%})"]
        lines += [f"photo {position + 1}: {why}" for position, why in reading.failures.items()]
        example = Example(product.images, lines)
        if row is not None:
            self.confidence[row], self.n_words[row] = reading.confidence, reading.n_words
            put, sure = self.scores.predicted[row, -1], self.scores.confidence[row, -1]
            lines.append(f"put on {path_text(self.tree.shown[put])} ({sure:.0%})")
            if not self.scores.correct[row, -1]:
                lines.append(f"labelled {path_text(self.tree.shown[self.scores.truth[row]])}")
            else:
                self._best = sorted([*self._best, (-float(sure), product.number, example)], key=itemgetter(0, 1))[
                    :N_EXAMPLES
                ]
        # trimmed as they come: an example holds its photos
        self._worst = sorted([*self._worst, (quality, product.number, example)], key=itemgetter(0, 1))[:N_EXAMPLES]


def _table(
    title: str, what: str, values: NDArray[Any], bands: Mapping[float, str] | Mapping[int, str], scores: ProductScores
) -> Table:
    """Leaf accuracy by bands of a value, `(n,)`, of each scored product; `bands`: names by their lower edge.

    NaN, and what lies below the first band, stands in none.
    """
    # NaN is sorted behind every edge
    band = np.where(np.isnan(values), -1, np.searchsorted(list(bands), values, side="right") - 1)
    rows = [_row(name, scores.select(band == n)) for n, name in enumerate(bands.values()) if (band == n).any()]
    return Table(title, [what, *_COLUMNS], rows)


_COLUMNS = ("products", "leaf accuracy", "95 % interval", "mean confidence of the leaf")


def _row(name: str, scores: ProductScores) -> list[object]:
    correct = scores.correct[:, -1]
    low, high = accuracy_interval(correct)
    sure = f"{100 * scores.confidence[:, -1].mean():.1f} %"
    return [name, len(scores), f"{100 * correct.mean():.1f} %", f"{100 * low:.1f} – {100 * high:.1f}", sure]


def category_table(scores: ProductScores, tree: Taxonomy) -> Table:
    """Leaf accuracy by shelf, those with the most products first."""
    # a shelf is what stands above the leaves, no deeper than Cat II
    level = min(2, max(1, tree.depth - 1))
    node_of_product = tree.ancestor(level)[scores.truth]
    nodes, counts = np.unique(node_of_product, return_counts=True)
    rows = [
        _row(SEPARATOR.join(tree.shown_path(level, int(node))), scores.select(node_of_product == node))
        for node in nodes[np.argsort(-counts, kind="stable")]
    ]
    return Table("By shelf", [SEPARATOR.join(map(tree.level_names.__getitem__, tree.levels[:level])), *_COLUMNS], rows)


def _silence_table(text: Probabilities) -> Table:
    names = {
        Silence.SPEAKS: "read, and said something about",
        Silence.NOT_ROUTED: "not read: the photos put them elsewhere",
        Silence.NOTHING_READ: "read, no words found",
        Silence.FAILED: "could not be read",
    }
    counts = Counter(text.silence.tolist())
    rows = [[what, counts[int(code)], f"{100 * counts[int(code)] / len(text):.1f} %"] for code, what in names.items()]
    return Table("Products of the shelves", ["", "products", "share"], rows)
