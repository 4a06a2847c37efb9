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
SILENCES = [AUDITED if code is Silence.SPEAKS else code.words for code in Silence]


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
        said: what the scores were made of, None where they alone are kept.
        titles: what titles say beside it, where they do.
    """

    expert: str
    scores: ProductScores
    positions: NDArray[np.int64]
    named: NDArray[np.bool_]
    counts: dict[str, int]
    warnings: list[str] = field(default_factory=list)
    said: Probabilities | None = None
    titles: Probabilities | None = None

    def without(self, rows: NDArray[np.bool_], reason: str) -> LabelEvidence:
        """The evidence less some of its rows, `(n,)`, which are counted under a reason."""
        n = int(rows.sum())
        counts = {**self.counts, AUDITED: self.counts[AUDITED] - n, **({reason: n} if n else {})}
        scores, positions = self.scores.select(~rows), self.positions[~rows]
        return replace(self, scores=scores, positions=positions, named=self.named[~rows], counts=counts)

    @property
    def label(self) -> NDArray[np.int64]:
        """`(n,)` leaf that the catalogue gives each product."""
        return self.scores.truth


@dataclass(frozen=True)
class CatalogLabels:
    """The labels of a catalogue as leaves of a tree.

    Attributes:
        leaf: `(N,)` int64 leaf of each product's label, -1 where it has none of this tree.
    """

    catalog: Catalog
    tree: Taxonomy
    leaf: NDArray[np.int64]

    @classmethod
    def of(cls, catalog: Catalog, tree: Taxonomy) -> CatalogLabels:
        """Raises ValueError where not one product has a category of the tree."""
        leaf = catalog.leaves(tree)
        if (leaf == UNKNOWN).all():
            raise ValueError(f"{catalog}: no product has a category of this tree, there is no label to audit (--tree)")
        return cls(catalog, tree, leaf)

    def of_products(self, product_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`(n,)` position in the catalogue and `(n,)` leaf of each product id, -1 where it has none."""
        position = positions_of(self.catalog.product_ids, product_ids)
        return position, np.where(position == UNKNOWN, UNKNOWN, self.leaf[position])

    def by_probabilities(self, probabilities: Probabilities, expert: str) -> LabelEvidence:
        """Score saved probabilities against the labels, some rows at a time; `expert`: whose they are, for people.

        Raises:
            ValueError: probabilities of another tree, of none of these products, or with a product twice.
        """
        if probabilities.taxonomy != self.tree.fingerprint:
            raise ValueError(f"{expert}: these probabilities were made with another category tree than the one given")
        position, label = self._checked(probabilities.product_ids, expert)
        rows = np.flatnonzero(probabilities.speaks & (label != UNKNOWN))
        scores = score_probabilities(probabilities, label, self.tree)
        counts = self._counts(position, probabilities.silence, SILENCES)
        named = np.isin(scores.truth, probabilities.support)
        return LabelEvidence(expert, scores, position[rows], named, counts, said=probabilities)

    def by_scores(self, scores: ProductScores, expert: str) -> LabelEvidence:
        """Evidence from scores against labels that were read when they were made; one that has changed is left out.

        Raises:
            ValueError: scores of none of these products, or with a product twice.
        """
        position, label = self._checked(scores.product_ids, expert)
        same = (label != UNKNOWN) & (label == scores.truth)
        counts = self._counts(position, np.where(same, 0, 1), (AUDITED, RELABELLED))
        return LabelEvidence(expert, scores.select(same), position[same], np.ones(int(same.sum()), bool), counts)

    def _checked(self, product_ids: NDArray[np.int64], expert: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`of_products`, refused where the ids cannot be those of this catalogue."""
        position, label = self.of_products(product_ids)
        if (position == UNKNOWN).all():
            raise ValueError(
                f"{expert}: none of its {len(position)} products stands in {self.catalog}, it is of other products"
            )
        ids, counts = np.unique(product_ids, return_counts=True)
        if (counts > 1).any():
            twice = self.catalog.ids.shown(int(ids[counts > 1][0]))
            raise ValueError(f"{expert}: product {twice} stands in it twice")
        return position, label

    def _counts(self, position: NDArray[np.int64], state: NDArray[np.integer], states: Sequence[str]) -> dict[str, int]:
        """What became of every product of the catalogue, audited ones first.

        `state`: `(n,)` what became of each row, a place in `states`.
        """
        labelled = position != UNKNOWN
        labelled[labelled] = self.leaf[position[labelled]] != UNKNOWN
        counts = dict(zip(states, np.bincount(state[labelled], minlength=len(states)).tolist(), strict=True))
        counts[UNLABELLED] = int((self.leaf == UNKNOWN).sum())
        counts[UNSEEN] = len(self.catalog) - counts[UNLABELLED] - int(labelled.sum())
        return {what: n for what, n in counts.items() if n or what == AUDITED}
