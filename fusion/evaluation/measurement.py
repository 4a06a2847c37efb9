"""Every expert and every head on a labelled catalogue, one pass: scores per product, never probabilities."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.metrics.evaluated_model import EvaluatedModel
from catalog.metrics.product_scores import (
    LIST,
    ProductScores,
    concatenate_scores,
    list_distance,
    score,
    score_probabilities,
)
from catalog.probabilities import Silence, silent_everywhere
from catalog.recent_rows import RecentRows
from catalog.tree.level_names import LEVEL_NAMES
from fusion.details import FUSED
from fusion.evaluation.decision_outcomes import DecisionOutcomes
from fusion.experts.all_experts import describe
from fusion.heads.registry import HEADS
from fusion.prediction.predictor import Predictions, Predictor
from fusion.prediction.ranking import risk_order
from text.title_probabilities import EXPERT as TITLE

CHUNK = 256
MAX_SILENCED = 20_000
"""Products on which the head is asked again without each expert: as many more predictions of the head."""
PLOTTED = 6


@dataclass(frozen=True)
class Measurement:
    """What was found on N labelled products.

    Attributes:
        models: the fused result first, then the other heads, then the experts.
        outcomes: of the decisions.
        risk_distance, risk_hit: `(N,)` float32 mean tree distance of the five leaves of the list ordered by risk,
            bool whether the true leaf is among them.
        level_names: what the levels are called.
        asked: `(M,)` int64 rows on which experts were silenced; without: `(M,)` bool by expert, whether the
            likeliest leaf without it is the true one.
    """

    models: list[EvaluatedModel]
    outcomes: DecisionOutcomes
    risk_distance: NDArray[np.float32]
    risk_hit: NDArray[np.bool_]
    asked: NDArray[np.int64]
    without: dict[str, NDArray[np.bool_]]
    problems: list[str]
    level_names: Mapping[int, str] = field(default_factory=lambda: LEVEL_NAMES)

    @property
    def fused(self) -> ProductScores:
        """Scores of the head that decides."""
        return self.models[0].scores

    @property
    def parent_levels(self) -> tuple[int, ...]:
        """Levels above the leaves', the lowest first."""
        return self.fused.levels[-2::-1]

    @property
    def experts(self) -> list[EvaluatedModel]:
        """Those that speak on a labelled product."""
        return [model for model in self.models if model.kind == "expert"]

    @property
    def has_titles(self) -> bool:
        """Whether titles tell something here."""
        return any(model.name == TITLE for model in self.experts)

    @property
    def other_heads(self) -> list[EvaluatedModel]:
        """Those that do not decide."""
        return [model for model in self.models[1:] if model.kind == "head"]


def measure(
    predictor: Predictor, catalog: Catalog, truth: NDArray[np.int64], progress: Progress | None = None
) -> Measurement:
    """Predict a catalogue with `(N,)` true leaves, -1 where unknown; only scores are kept of each product."""
    gathered = _Gathered(predictor, every=-(-len(catalog) // MAX_SILENCED))
    for predictions, leaves in predicted_chunks(predictor, catalog, truth, progress):
        gathered.add(predictions, leaves)
    return gathered.measurement()


def predicted_chunks(
    predictor: Predictor, catalog: Catalog, truth: NDArray[np.int64], progress: Progress | None = None
) -> Iterator[tuple[Predictions, NDArray[np.int64]]]:
    """Predictions of successive chunks of a catalogue, with their part of `(N,)` true leaves."""
    in_training, recent = predictor.trained_on(catalog), RecentRows()
    for positions, products in catalog.batches(CHUNK, progress):
        yield predictor.predict(products, in_training=in_training, recent=recent), truth[positions]


class _Gathered:
    """Scores of successive chunks."""

    def __init__(self, predictor: Predictor, every: int) -> None:
        """`every`: experts are silenced in one chunk of so many."""
        self.predictor, self.tree, self.every = predictor, predictor.tree, every
        self.scores: defaultdict[str, list[ProductScores]] = defaultdict(list)
        self.outcomes: list[DecisionOutcomes] = []
        self.risk: list[tuple[NDArray[np.float32], NDArray[np.bool_]]] = []
        self.asked: list[NDArray[np.int64]] = []
        self.without: defaultdict[str, list[NDArray[np.bool_]]] = defaultdict(list)
        self.problems: list[str] = []
        self.n_chunks = self.n_products = 0

    def add(self, predictions: Predictions, truth: NDArray[np.int64]) -> None:
        """Score one chunk; `truth`: `(n,)` leaf, -1 where unknown."""
        rows = np.flatnonzero(truth >= 0)
        ids, n_images, true = predictions.experts[0].product_ids[rows], predictions.chunk.n_readable[rows], truth[rows]
        fused = score(predictions.fused[rows], true, ids, n_images, self.tree)
        self.scores[FUSED].append(fused)
        for name, head in self.predictor.heads.items():
            if name != self.predictor.head_name:
                dense = head.predict_proba(predictions.experts, predictions.chunk.n_readable)
                self.scores[name].append(score(dense[rows], true, ids, n_images, self.tree))
        for expert in predictions.experts:
            scores = score_probabilities(expert, truth, self.tree, predictions.chunk.n_readable)
            self.scores[expert.expert].append(scores)
        self.outcomes.append(
            DecisionOutcomes.of(predictions.given[rows], true, fused.correct[:, -1], n_images, self.tree)
        )
        listed = risk_order(predictions.fused[rows], self.tree, LIST)
        self.risk.append((list_distance(listed, true, self.tree), (listed == true[:, None]).any(axis=1)))
        # chunks at regular distances: a file may be sorted by category, and then its beginning is no sample
        if self.n_chunks % self.every == 0 and len(predictions.experts) > 1:
            self._silence_each(predictions, rows, true)
        self.problems += [str(problem) for problem in predictions.problems.named[: 5 - len(self.problems)]]
        self.n_chunks += 1
        self.n_products += len(rows)

    def _silence_each(self, predictions: Predictions, rows: NDArray[np.int64], true: NDArray[np.int64]) -> None:
        """What the head says when one expert is silent; it is not fitted again."""
        self.asked.append(self.n_products + np.arange(len(rows)))
        for i, expert in enumerate(predictions.experts):
            silent = silent_everywhere(expert, expert.product_ids, Silence.NOT_ROUTED)
            others = [*predictions.experts[:i], silent, *predictions.experts[i + 1 :]]
            dense = self.predictor.head.predict_proba(others, predictions.chunk.n_readable)
            self.without[expert.expert].append(dense[rows].argmax(axis=1) == true)

    def measurement(self) -> Measurement:
        """All chunks together."""
        # one model's parts are let go before the next is joined: at millions of products they are gigabytes
        scores = {name: concatenate_scores(self.scores.pop(name)) for name in list(self.scores)}
        return Measurement(
            models=self._models(scores),
            outcomes=DecisionOutcomes.joined(self.outcomes),
            risk_distance=np.concatenate([distance for distance, _ in self.risk]),
            risk_hit=np.concatenate([hit for _, hit in self.risk]),
            asked=np.concatenate([np.zeros(0, np.int64), *self.asked]),
            without={name: np.concatenate(parts) for name, parts in self.without.items()},
            problems=self.problems,
            level_names=self.tree.level_names,
        )

    def _models(self, scores: dict[str, ProductScores]) -> list[EvaluatedModel]:
        """Every head and every expert that speaks; few of them are drawn: the fused result and the best experts."""
        models = [self._model(name, own, len(scores[FUSED])) for name, own in scores.items() if len(own)]
        experts = [model for model in models if model.kind == "expert"]
        experts.sort(key=lambda expert: -expert.scores.correct[:, -1].sum())
        drawn = [models[0], *experts][:PLOTTED]
        for model in models:
            model.plotted = model in drawn
        return models

    def _model(self, name: str, scores: ProductScores, n_products: int) -> EvaluatedModel:
        chosen, counts = self.predictor.head_name, self.predictor.training_counts
        if name != FUSED and name not in self.predictor.heads:
            coverage = len(scores) / n_products
            return EvaluatedModel(name, describe(name), scores, coverage, training_counts=counts)
        what = f"{chosen}: {HEADS[chosen].what}" if name == FUSED else HEADS[name].what
        return EvaluatedModel(name, what, scores, 1.0, "head", counts)
