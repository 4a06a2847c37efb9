"""Text as a second channel: the visual score and what texts say become one score, learnt on held-out pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from catalog.files.arrays import ArraySpec, load_arrays, load_metadata, save_arrays
from search.ranking.products import RankedProducts
from search.ranking.search_text import SearchText
from search.ranking.text_evidence import FEATURES, TextEvidence
from search.ranking.text_store import TextStore

FORMAT = "rayonnage text channel 1"
MIN_MATCHES = 10
"""Pairs of one product and pairs of two that a fit needs, each, where both sides have text."""
REMEDY = "fit it anew"


class ScoredProducts(Protocol):
    """Products with their visual scores, `RankedProducts` for one."""

    @property
    def product_ids(self) -> NDArray[np.int64]:
        """`(P,)` int64, each once."""

    @property
    def scores(self) -> NDArray[np.float32]:
        """`(P,)` float32."""


@dataclass(frozen=True)
class TextPairs:
    """M pairs of a query and a candidate that the visual score put near it.

    Attributes:
        visual: `(M,)` float64, the score that `visual_score` names. evidence: of the M pairs.
        is_match: `(M,)` bool, both are one product.
    """

    visual: NDArray[np.float64]
    evidence: TextEvidence
    is_match: NDArray[np.bool_]
    visual_score: str

    @classmethod
    def of(
        cls, store: TextStore, rankings: Sequence[ScoredProducts], queries: Sequence[SearchText],
        matches: Sequence[NDArray[np.int64]], visual_score: str,
    ) -> TextPairs:  # fmt: skip
        """Every candidate of Q held-out rankings with its query: near misses are the negatives that count.

        Args:
            rankings: by the visual score, as far down as the channel will look, the query's own listing left out where
                its text would be its own.
            queries: what is written of each. matches: `(n,)` products that are the same as each query.
            visual_score: `RankingOptions.visual_score` of the options that made the rankings.
        """
        found = [(ranked.product_ids, ranked.scores) for ranked in rankings]
        evidence = [TextEvidence.of(store, query, ids) for query, (ids, _) in zip(queries, found, strict=True)]
        return cls(
            np.concatenate([np.zeros(0), *(scores for _, scores in found)]),
            TextEvidence(
                np.concatenate([np.zeros((0, len(FEATURES))), *(each.features for each in evidence)]),
                np.concatenate([np.zeros(0, bool), *(each.speaks for each in evidence)]),
            ),
            np.concatenate(
                [np.zeros(0, bool), *(np.isin(ids, same) for (ids, _), same in zip(found, matches, strict=True))]
            ),
            visual_score,
        )

    def take(self, places: NDArray[Any]) -> TextPairs:
        """The pairs at `(m,)` places, or those of `(M,)` that are flagged."""
        evidence = TextEvidence(self.evidence.features[places], self.evidence.speaks[places])
        return TextPairs(self.visual[places], evidence, self.is_match[places], self.visual_score)


@dataclass(frozen=True, eq=False)
class TextWeights:
    """Log-odds of "these are one product", by logistic regression.

    A candidate without text is scored by the visual score alone; one with text by the same log-odds and what its text
    adds: the log of how many times more often matches have such a text than near misses do (texts taken as independent
    of photos beside that, as in naive Bayes). So both are log-odds of one event, and can be compared: silence is a
    text that is as frequent among matches as among near misses. Text that agrees lifts a candidate above its silent
    twin, text that does not puts it below, and nobody loses for being silent. A regression of its own for those with
    text, with another weight of the visual score, breaks that: where photos say little, text that does not agree then
    beats no text (gallery, half of the titles hidden: 7 points of MAR@10 lost instead of 7 gained).

    Attributes:
        silent: `(2,)` float64 intercept and weight of the visual score.
        speaking: `(5,)` float64 intercept, the same weight of the visual score, weights of `FEATURES`; none below 0.
        visual_score: what the visual score is, see `RankingOptions.visual_score`.
    """

    silent: NDArray[np.float64]
    speaking: NDArray[np.float64]
    visual_score: str

    def log_odds(self, visual: NDArray[np.floating], evidence: TextEvidence) -> NDArray[np.float64]:
        """`(P,)` float64 of P candidates with `(P,)` visual scores."""
        silent = self.silent[0] + self.silent[1] * visual
        speaking = self.speaking[0] + self.speaking[1] * visual + evidence.features @ self.speaking[2:]
        return np.where(evidence.speaks, speaking, silent)

    def save(self, path: Path) -> None:
        """Write it as one safetensors file, atomically."""
        metadata = {"format": FORMAT, "visual_score": self.visual_score}
        save_arrays(path, {"silent": self.silent, "speaking": self.speaking}, metadata)

    @classmethod
    def load(cls, path: Path) -> TextWeights:
        """Inverse of `save`; raises ValueError where the file is missing, damaged or something else."""
        expected = {
            "silent": ArraySpec(np.float64, (2,), finite=True),
            "speaking": ArraySpec(np.float64, (2 + len(FEATURES),), finite=True),
        }
        arrays = load_arrays(path, expected, what="text channel", remedy=REMEDY)
        metadata = load_metadata(path)
        if metadata.get("format") != FORMAT or "visual_score" not in metadata:
            raise ValueError(f"{path} is {metadata.get('format', 'of no format')!r}, expected {FORMAT!r}: {REMEDY}")
        return cls(arrays["silent"], arrays["speaking"], metadata["visual_score"])


@dataclass(frozen=True, eq=False)
class TextChannel:
    """Texts of products, and what they weigh beside the visual score."""

    store: TextStore
    weights: TextWeights

    def scores(self, query: SearchText, ranked: RankedProducts) -> NDArray[np.float64] | None:
        """`(P,)` float64 log-odds of the P products; None where no text speaks: the visual score decides alone."""
        evidence = TextEvidence.of(self.store, query, ranked.product_ids)
        return self.weights.log_odds(ranked.scores, evidence) if evidence.speaks.any() else None


def fit_channel(pairs: TextPairs) -> TextWeights:
    """Learn the weights; of the visual score from all pairs, of texts from those where both sides have one.

    Raises:
        ValueError: fewer than `MIN_MATCHES` pairs of one product, or of two, have text on both sides.
    """
    speaks = pairs.evidence.speaks
    n_matches, n_pairs = int(pairs.is_match[speaks].sum()), int(speaks.sum())
    if min(n_matches, n_pairs - n_matches) < MIN_MATCHES:
        raise ValueError(
            f"{n_matches} pairs of one product and {n_pairs - n_matches} of two have text on both sides: weights are "
            f"learnt from {MIN_MATCHES} of each"
        )
    silent = _log_odds_weights(pairs.visual[:, None], pairs.is_match, np.zeros(len(pairs.is_match)))
    by_photo = silent[0] + silent[1] * pairs.visual
    text = _log_odds_weights(pairs.evidence.features[speaks], pairs.is_match[speaks], by_photo[speaks])
    return TextWeights(silent, np.array([silent[0] + text[0], silent[1], *text[1:]]), pairs.visual_score)


def _log_odds_weights(
    features: NDArray[np.float64], is_match: NDArray[np.bool_], known: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`(1 + F,)` intercept and weights of `(M, F)` features, beside `(M,)` log-odds that are known; none below 0.

    A weight below 0 would turn evidence round, which only noise or a feature that says the same can ask for.
    """
    # cosines of near candidates differ by hundredths: on one scale the penalty treats all features alike
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scaled = np.column_stack([np.ones(len(features)), (features - mean) / np.where(spread > 0, spread, 1)])
    sign = np.where(is_match, 1.0, -1.0)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Log loss of `(1 + F,)` weights, the usual penalty of 1 / 2 on all but the intercept, and its gradient."""
        margin = sign * (known + scaled @ weights)
        slope = scaled.T @ (-sign * expit(-margin))
        penalised = np.append(0.0, weights[1:])
        return float(np.logaddexp(0, -margin).sum() + penalised @ penalised / 2), slope + penalised

    bounds = [(None, None)] + [(0.0, None)] * features.shape[1]
    fitted = minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = np.where(spread > 0, fitted[1:] / np.where(spread > 0, spread, 1), 0)
    return np.array([fitted[0] - weights @ mean, *weights])
