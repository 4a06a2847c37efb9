"""What is known about the labels of a catalogue: an expert's scores on its products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.metrics.product_scores import ProductScores, score_probabilities
from catalog.probabilities import Probabilities, Silence
from catalog.tree.taxonomy import Taxonomy

AUDITED, UNLABELLED, UNSEEN = "audited", "no label of this tree", "no probabilities"
RELABELLED, RENEWED = "another label since", "other photos since"
"""What becomes of a product, beside the reasons of a silent expert."""
SILENCES = [AUDITED if code is Silence.SPEAKS else code.name.lower().replace("_", " ") for code in Silence]


@dataclass(frozen=True)
class LabelEvidence:
    """An expert's scores on the products whose labels can be audited.

    Attributes:
        expert: who says it, for people.
        scores: of n products; `truth` holds their labels.
        positions: `(n,)` int64 place of each in the catalogue.
        named: `(n,)` bool: the expert can name the label's leaf (else its probability is 0 whatever the photo shows).
        counts: how many products of the catalogue are audited, and why the others are not.
        warnings: what a person should know before believing it.
    """

    expert: str
    scores: ProductScores
    positions: NDArray[np.int64]
    named: NDArray[np.bool_]
    counts: dict[str, int]
    warnings: list[str] = field(default_factory=list)

    def without(self, rows: NDArray[np.bool_], reason: str) -> LabelEvidence:
        """The evidence less some of its rows, `(n,)`, which are counted under a reason."""
        n = int(rows.sum())
        counts = {**self.counts, AUDITED: self.counts[AUDITED] - n, **({reason: n} if n else {})}
        return replace(
            self, scores=self.scores.select(~rows), positions=self.positions[~rows], named=self.named[~rows],
            counts=counts,
        )  # fmt: skip

    @property
    def label(self) -> NDArray[np.int64]:
        """`(n,)` leaf that the catalogue gives each product."""
        return self.scores.truth


def of_probabilities(
    probabilities: Probabilities, expert: str, catalog: Catalog, leaf: NDArray[np.int64], tree: Taxonomy
) -> LabelEvidence:
    """Score saved probabilities against the labels `leaf`, `(N,)` in catalogue order, some rows at a time.

    Raises:
        ValueError: probabilities of another tree, of none of these products, or with a product twice.
    """
    if probabilities.taxonomy != tree.fingerprint:
        raise ValueError(f"{expert}: these probabilities were made with another category tree than the one given")
    place, label = leaf_of(catalog, leaf, probabilities.product_ids)
    _check_ids(probabilities.product_ids, place, expert, catalog)
    rows = np.flatnonzero(probabilities.speaks & (label != UNKNOWN))
    scores = score_probabilities(probabilities, label, tree)
    counts = _counts(catalog, leaf, place, probabilities.silence, SILENCES)
    return LabelEvidence(expert, scores, place[rows], np.isin(scores.truth, probabilities.support), counts)


def of_scores(scores: ProductScores, expert: str, catalog: Catalog, leaf: NDArray[np.int64]) -> LabelEvidence:
    """Evidence from scores against labels that were read when they were made; a label that has changed is left out.

    Raises:
        ValueError: scores of none of these products, or with a product twice.
    """
    place, label = leaf_of(catalog, leaf, scores.product_ids)
    _check_ids(scores.product_ids, place, expert, catalog)
    same = (label != UNKNOWN) & (label == scores.truth)
    counts = _counts(catalog, leaf, place, np.where(same, 0, 1), (AUDITED, RELABELLED))
    return LabelEvidence(expert, scores.select(same), place[same], np.ones(int(same.sum()), bool), counts)


def leaf_of(
    catalog: Catalog, leaf: NDArray[np.int64], product_ids: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`(n,)` place in the catalogue and `(n,)` leaf of each product id, -1 where it has none."""
    place = positions_of(catalog.product_ids, product_ids)
    return place, np.where(place == UNKNOWN, UNKNOWN, leaf[place])


def _check_ids(product_ids: NDArray[np.int64], place: NDArray[np.int64], expert: str, catalog: Catalog) -> None:
    if (place == UNKNOWN).all():
        raise ValueError(f"{expert}: none of its {len(place)} products stands in {catalog}, it is of other products")
    ids, counts = np.unique(product_ids, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"{expert}: product {ids[counts > 1][0]} stands in it twice")


def _counts(
    catalog: Catalog,
    leaf: NDArray[np.int64],
    place: NDArray[np.int64],
    state: NDArray[np.integer],
    states: Sequence[str],
) -> dict[str, int]:
    """What became of every product of the catalogue, audited ones first; `state` is each row's, a place in `states`."""
    labelled = place != UNKNOWN
    labelled[labelled] = leaf[place[labelled]] != UNKNOWN
    counts = dict(zip(states, np.bincount(state[labelled], minlength=len(states)).tolist(), strict=True))
    counts[UNLABELLED] = int((leaf == UNKNOWN).sum())
    counts[UNSEEN] = len(catalog) - counts[UNLABELLED] - int(labelled.sum())
    return {what: n for what, n in counts.items() if n or what == AUDITED}
