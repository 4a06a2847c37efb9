"""A head on frozen features: multinomial logistic regression, as regularised as cross-validation finds best."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import geometric_mean

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from catalog.files.progress import Progress
from mosaic.inference.outputs import softmax
from mosaic.linear_limits import MAX_JUDGED
from mosaic.merging import MIN_PROBABILITY, Mean

CS = tuple(10.0**power for power in range(-4, 2))
"""Inverse strengths of the regularisation that are tried, from the strongest, until one is worse than the one before;
half steps about the best follow."""
HALF_STEP = 10**0.5
N_STEPS = len(CS) + 3
"""Of a fit, at most: each C, two half steps, the head itself."""
USUAL_C = 10.0**-1
"""Where no leaf has two groups, and nothing can be judged."""
MANY = 1000
"""Products from which on 3 inner parts are enough, 5 below."""
MIN_FOR_TEMPERATURE = 20
MAX_AXES = 384
"""Directions in which features differ most, and in which the regression is found; the others are left out."""
LEAST_SPREAD = 1e-6
"""Variance of a direction, as a share of the largest, below which it is rounding."""
MAX_ITERATIONS = 200
TOLERANCE = 1e-5


@dataclass(frozen=True)
class LinearHead:
    """`weight`: `(S, D)` float32, `bias`: `(S,)` float32: logits of features that are neither centred nor scaled."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """`(..., D)` features -> `(..., S)` float32."""
        return vectors @ self.weight.T + self.bias

    def colder(self, temperature: float) -> LinearHead:
        """The head whose logits are divided by the temperature."""
        return LinearHead(self.weight / np.float32(temperature), self.bias / np.float32(temperature))


@dataclass(frozen=True)
class ShownMosaics:
    """What is shown of n products: passes of which each belongs to one of them.

    Attributes:
        vectors: `(Q, W, D)` float32 features of each pass in W ways; owner: `(Q,)` int64 rising, which product.
        labels: `(n,)` int64 leaf of each product, as index in the support; groups: `(n,)` int64 what stays together.
    """

    vectors: NDArray[np.float32]
    owner: NDArray[np.int64]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]

    def select(self, chosen: NDArray[np.bool_]) -> ShownMosaics:
        """The products that `(n,)` bool chooses."""
        passes = chosen[self.owner]
        number = np.cumsum(chosen) - 1
        return ShownMosaics(self.vectors[passes], number[self.owner[passes]], self.labels[chosen], self.groups[chosen])


@dataclass(frozen=True)
class Trial:
    """One C in cross-validation: mean log loss in nats, and accuracy in [0, 1], of the products that were judged."""

    c: float
    log_loss: float
    accuracy: float


@dataclass(frozen=True)
class Strength:
    """How strongly a head speaks: `c`, the inverse strength of its regularisation, and the temperature that its logits
    are divided by."""

    c: float = USUAL_C
    temperature: float = 1.0

    @classmethod
    def between(cls, others: Sequence[Strength]) -> Strength:
        """The geometric mean of one or more: both are factors."""
        return cls(geometric_mean(other.c for other in others), geometric_mean(other.temperature for other in others))


@dataclass(frozen=True)
class FittedHead:
    """A head, and how it was chosen.

    Attributes:
        n: products that were learnt from; trials: each C that was tried; none where nothing could be judged, or
            nothing was to be chosen.
    """

    head: LinearHead
    strength: Strength
    n: int
    trials: tuple[Trial, ...]


def fit_head(
    shown: ShownMosaics, n_leaves: int, seed: int, progress: Progress | None = None, strength: Strength | None = None
) -> FittedHead:
    """The head of products' features over a support of `n_leaves`.

    `strength`: None to choose it. Then C is the one of the lowest log loss in cross-validation among these products,
    groups kept together; the temperature is fitted on the same judgements. A leaf of which nothing is shown is held for
    rarer than all others.
    """
    trials: list[Trial] = []
    if strength is None:
        strength, trials = _chosen(shown, n_leaves, seed, progress)
    head = _Regression.of(shown, n_leaves).head(strength.c).colder(strength.temperature)
    if progress is not None:
        progress(N_STEPS, N_STEPS)
    return FittedHead(head, strength, len(shown.labels), tuple(trials))


def probabilities(
    logits: NDArray[np.float32], owner: NDArray[np.int64], n: int, how: Mean = "arithmetic"
) -> NDArray[np.float32]:
    """`(Q, W, S)` logits of passes -> `(n, S)` float32: the mean over the ways of each pass, then over a product's
    passes, as in prediction.

    A product without a pass has zeros.
    """
    n_passes, ways, n_leaves = logits.shape
    of_passes = softmax(logits.reshape(-1, n_leaves)).reshape(n_passes, ways, n_leaves).mean(axis=1)
    count = np.bincount(owner, minlength=n)
    if how == "geometric":
        of_passes = np.where(count[owner, None] > 1, np.log(np.maximum(of_passes, MIN_PROBABILITY)), of_passes)
    mean = np.zeros((n, n_leaves), np.float32)
    np.add.at(mean, owner, of_passes)
    mean /= np.maximum(count, 1)[:, None].astype(np.float32)
    if how == "geometric":
        several = count > 1
        mean[several] = softmax(mean[several])
    return mean


def _chosen(shown: ShownMosaics, n_leaves: int, seed: int, progress: Progress | None) -> tuple[Strength, list[Trial]]:
    """The strength, and what was tried."""
    rng = np.random.default_rng(seed)
    judged = shown.select(_drawn(shown.groups, MAX_JUDGED, rng))
    fold = dealt(judged.groups, judged.labels, 3 if len(judged.labels) >= MANY else 5, rng)
    rows, regressions = [], []
    for number in range(int(fold.max()) + 1):
        learnt, asked = judged.select(fold != number), judged.select(fold == number)
        # of a leaf with a single group nothing is known while that is asked about
        asked = asked.select(np.isin(asked.labels, learnt.labels))
        if len(asked.owner):
            rows.append(asked)
            regressions.append(_Regression.of(learnt, n_leaves))
    if not rows:
        return Strength(), []
    labels = np.concatenate([asked.labels for asked in rows])
    trials: dict[float, Trial] = {}
    best: list[NDArray[np.float32]] = []

    def is_best(c: float) -> bool:
        """Try a C; whether none before was as good."""
        nonlocal best
        logits = [regression.head(c).logits(asked.vectors) for asked, regression in zip(rows, regressions, strict=True)]
        predicted = _predicted(logits, rows)
        loss = _log_loss(predicted, labels)
        leads = all(loss < trial.log_loss for trial in trials.values())
        trials[c] = Trial(c, loss, float((predicted.argmax(axis=1) == labels).mean()))
        if leads:
            best = logits
        if progress is not None:
            progress(len(trials), N_STEPS)
        return leads

    for c in CS:
        if not is_best(c):
            break
    middle = _lowest(trials)
    for c in (middle / HALF_STEP, middle * HALF_STEP):
        is_best(c)
    temperature = _temperature(best, rows, labels) if len(labels) >= MIN_FOR_TEMPERATURE else 1.0
    return Strength(_lowest(trials), temperature), [trials[c] for c in sorted(trials)]


def _lowest(trials: Mapping[float, Trial]) -> float:
    """The C of the lowest log loss, of equals the strongest."""
    return min(sorted(trials), key=lambda c: trials[c].log_loss)


def _predicted(logits: Sequence[NDArray[np.float32]], rows: Sequence[ShownMosaics]) -> NDArray[np.float32]:
    of_parts = [probabilities(z, asked.owner, len(asked.labels)) for z, asked in zip(logits, rows, strict=True)]
    return np.concatenate(of_parts)


def _log_loss(predicted: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    of_label = predicted[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(of_label, MIN_PROBABILITY), dtype=np.float64).mean())


def _temperature(
    logits: Sequence[NDArray[np.float32]], rows: Sequence[ShownMosaics], labels: NDArray[np.int64]
) -> float:
    """By which the logits are divided for the lowest log loss."""

    def loss(log_temperature: float) -> float:
        divisor = np.float32(np.exp(log_temperature))
        return _log_loss(_predicted([z / divisor for z in logits], rows), labels)

    found = minimize_scalar(loss, bounds=(-1.4, 1.4), method="bounded", options={"xatol": 0.02})
    return float(np.exp(found.x))


def _drawn(groups: NDArray[np.int64], at_most: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """`(n,)` bool: products of groups in random order, until there are enough."""
    _, group = np.unique(groups, return_inverse=True)
    size = np.bincount(group)
    order = rng.permutation(len(size))
    kept = np.zeros(len(size), bool)
    kept[order] = np.cumsum(size[order]) <= max(at_most, size.max(initial=0))
    return kept[group]


def dealt(
    groups: NDArray[np.int64], labels: NDArray[np.int64], n_folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """`(n,)` int64 inner part of each product: the groups of a leaf in turn, so that each part has some of it.

    `groups`: `(n,)` what stays together; `labels`: `(n,)` leaf of each.
    """
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    order = np.lexsort((rng.random(len(first)), labels[first]))
    fold = np.empty(len(first), np.int64)
    fold[order] = np.arange(len(first)) % n_folds
    return fold[group]


@dataclass
class _Regression:
    """Heads of the same products for several Cs, each found from the one before; every product weighs the same.

    Attributes:
        axes: `(n, A)` float32 rows in the directions in which they differ most; labels: `(n,)` of each; share: `(n,)`
            its weight.
        mean: `(D,)`; basis: `(D, A)`: of features as they are less the mean, to axes.
    """

    axes: NDArray[np.float32]
    labels: NDArray[np.int64]
    share: NDArray[np.float64]
    mean: NDArray[np.float32]
    basis: NDArray[np.float32]
    n_leaves: int
    model: LogisticRegression = field(
        default_factory=lambda: LogisticRegression(max_iter=MAX_ITERATIONS, tol=TOLERANCE, warm_start=True)
    )

    @classmethod
    def of(cls, shown: ShownMosaics, n_leaves: int) -> _Regression:
        # the mean over the ways: as rows of their own they took twice the time for the same
        x = shown.vectors.mean(axis=1)
        mean, std = x.mean(axis=0), x.std(axis=0)
        # a feature that hardly ever speaks is not to shout where it does: 0.46 nats in place of 0.47 on 423 clothes
        scale = 1 / np.maximum(std, std.mean() + np.finfo(np.float32).tiny)
        z = (x - mean) * scale
        directions = _directions(z)
        share = 1 / np.bincount(shown.owner, minlength=len(shown.labels))[shown.owner]
        return cls(
            z @ directions, shown.labels[shown.owner], share, mean, scale[:, None] * directions, n_leaves
        )  # fmt: skip

    def head(self, c: float) -> LinearHead:
        """The head of one inverse strength."""
        known = np.unique(self.labels)
        coefficients, intercepts = np.zeros((1, self.axes.shape[1])), np.zeros(1)
        if len(known) > 1:
            with warnings.catch_warnings():
                # what the last steps would change is less than what the next product would
                warnings.simplefilter("ignore", ConvergenceWarning)
                # leaves of one or two products are what small catalogues have
                warnings.filterwarnings("ignore", message="The number of unique classes", category=UserWarning)
                self.model.set_params(C=c).fit(self.axes, self.labels, sample_weight=self.share)
            coefficients, intercepts = self.model.coef_, self.model.intercept_
        if len(known) == 2:
            # scikit-learn's form for two: the logit of the second one, where the first's is 0
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            intercepts = np.concatenate([-intercepts, intercepts]) / 2
        weight = np.zeros((self.n_leaves, len(self.mean)), np.float32)
        # the intercepts are the logits at the mean of what was seen: nothing seen is rarer than what was seen least
        bias = np.full(self.n_leaves, intercepts.min() - 1, np.float32)
        weight[known] = coefficients @ self.basis.T
        bias[known] = intercepts - weight[known] @ self.mean
        return LinearHead(weight, bias)


def _directions(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(D, A)` orthonormal directions in which `(n, D)` centred rows differ most, at most `MAX_AXES`.

    In the coordinates of all of them the penalised regression is the same one; there are fewer numbers to find.
    """
    n, width = z.shape
    few = n < width
    values, vectors = np.linalg.eigh((z @ z.T if few else z.T @ z).astype(np.float64))
    kept = np.flatnonzero(values > max(LEAST_SPREAD * values[-1], np.finfo(np.float32).tiny))[-MAX_AXES:]
    if not len(kept):
        # all rows are the same
        return np.zeros((width, 1), np.float32)
    directions = vectors[:, kept]
    if few:
        directions = z.T @ directions / np.sqrt(values[kept])
    return np.ascontiguousarray(directions, np.float32)
