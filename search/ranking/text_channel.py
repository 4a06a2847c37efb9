"""Text as a second channel: the visual score and what texts say become one score, learnt on held-out pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, load_metadata, save_arrays
from search.ranking.products import RankedProducts
from search.ranking.search_text import SearchText
from search.ranking.text_evidence import FEATURES, TextEvidence
from search.ranking.text_store import TextStore

FORMAT = "rayonnage text channel 1"
MIN_MATCHES = 10
"""Pairs of one product and pairs of two that a fit needs, each, where both sides have text."""
REMEDY = "fit it anew"


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
        cls, store: TextStore, rankings: Sequence[RankedProducts], queries: Sequence[SearchText],
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


@dataclass(frozen=True, eq=False)
class TextWeights:
    """Two logistic regressions of "these are one product", in log-odds.

    A candidate without text is scored by the first, one with text by the second. Both are probabilities of the same
    event on the same pairs, one given the visual score alone, one given the texts as well; so their log-odds can be
    compared: the first is what the second is on average over the texts that candidates of such a visual score have. A
    silent candidate stands between those whose text agrees and those whose text does not, and loses nothing for
    being silent.

    Attributes:
        silent: `(2,)` float64 intercept and weight of the visual score.
        speaking: `(5,)` float64 intercept, weight of the visual score, weights of `FEATURES`; no weight is below 0.
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
    """Learn the weights; the silent regression from all pairs, the other one from those where both sides have text.

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
    visual = pairs.visual[:, None]
    silent = _log_odds_weights(visual, pairs.is_match)
    features = np.concatenate([visual[speaks], pairs.evidence.features[speaks]], axis=1)
    return TextWeights(silent, _log_odds_weights(features, pairs.is_match[speaks]), pairs.visual_score)


def _log_odds_weights(features: NDArray[np.float64], is_match: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`(1 + F,)` intercept and weights of `(M, F)` features; none below 0.

    A weight below 0 would turn evidence round, which only noise or a feature that says the same can ask for: the most
    negative one goes, and the others are fitted again (Lawson and Hanson's active set, from its other end).
    """
    from sklearn.linear_model import LogisticRegression

    mean, spread = features.mean(axis=0), features.std(axis=0)
    # cosines of near candidates differ by hundredths: on one scale the penalty treats all features alike
    scaled = (features - mean) / np.where(spread > 0, spread, 1)
    kept = np.flatnonzero(spread > 0)
    weights = np.zeros(features.shape[1])
    intercept = float(np.log(is_match.sum() / (~is_match).sum()))
    while len(kept):
        model = LogisticRegression(max_iter=1000).fit(scaled[:, kept], is_match)
        if model.coef_[0].min() >= 0:
            weights[kept] = model.coef_[0] / spread[kept]
            intercept = float(model.intercept_[0])
            break
        kept = np.delete(kept, model.coef_[0].argmin())
    return np.array([intercept - weights @ mean, *weights])
