"""What held-out products prove: what may be given unseen, what more it would take, what can be shown with these."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import aligned, percent, plural
from catalog.metrics.product_scores import ProductScores
from catalog.reports.page import Section, Table
from catalog.tree.taxonomy import Taxonomy
from fusion.decide import Thresholds, given_by_scores

TARGETS = (0.99, 0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
"""Precisions of the table."""
LEAST = 0.5
"""Below this nobody lets a machine decide."""
GROWTH = 1.1
"""Factor between the numbers of held-out products that are tried: an extrapolation is not more exact than that."""
AT_MOST, TRIED = 50, 2000
"""More than so many times the held-out products there are, and than so many, are not tried."""
DRAWS = 5
"""Catalogues of that size that are drawn; all but one must prove the target."""
EVIDENCE = 20
"""Products, as far as there are four times as many, on which an extrapolation rests at least: the two or three surest
are always right."""
PROVED = "proof"
"""Key of the section of a page."""
NOTE = (
    "In percent of the products, each counted at the deepest level that it is given: what is given unseen when so many "
    "of those given must be right. Each line is proved by itself; `--precision` chooses one."
)


@dataclass(frozen=True)
class LevelProof:
    """What is proved at one level of the tree, where nodes of it or deeper ones are given.

    Attributes:
        name: what the level is called; is_leaf: it is the level of the leaves.
        share: of the products to which they are given, in [0, 1]; 0 where the target is not proved.
        wanted: held-out products that would prove it, None where it is proved or out of reach.
        shown: the highest precision in whole percent, in [0, 1], that is proved for some products; 0 for none.
        n_shown, n_right: products that are given something then, and how many of these are right.
    """

    level: int
    name: str
    is_leaf: bool
    share: float
    wanted: int | None = None
    shown: float = 0.0
    n_shown: int = 0
    n_right: int = 0

    def __str__(self) -> str:
        if self.share:
            what = "one" if self.is_leaf else "at least one"
            return f"{self.name}: proved, {percent(self.share)} of the products are given {what} unseen."
        return f"{self.name}: not proved, {self.what_it_takes}"

    @property
    def what_it_takes(self) -> str:
        """How far an unproved level is from its proof."""
        if self.wanted is None:
            takes = "more products like these would not prove it (even the surest answers are wrong too often)"
        else:
            takes = f"it would take about {self.wanted:,} held-out products like these"
        if not self.shown:
            return f"{takes}."
        return (
            f"{takes}. With these, {100 * self.shown:.0f} % right can be proved, for {plural(self.n_shown, 'product')} "
            f"({self.n_right:,} of them are right)."
        )


@dataclass(frozen=True)
class Proof:
    """What stands behind the decisions at a target precision.

    Attributes:
        scores: of N held-out products that are independent of each other: what thresholds are learnt on.
        target, confidence: share that must be right, and how sure it must be that it is.
        n_held_out, n_labelled: products held out, copies of others included; labelled products of the plan.
    """

    scores: ProductScores
    tree: Taxonomy
    target: float
    confidence: float
    n_held_out: int
    n_labelled: int

    @cached_property
    def shares(self) -> dict[float, NDArray[np.float64]]:
        """By target precision, falling: `(D + 1,)` shares of the products: nothing given, a Cat I, ..., a leaf."""
        targets = sorted({*TARGETS, self.target}, reverse=True)
        n_levels = 1 + self.tree.depth
        return {
            target: np.bincount(self._levels_given(self.scores, target), minlength=n_levels) / len(self.scores)
            for target in targets
        }

    @cached_property
    def levels(self) -> tuple[LevelProof, ...]:
        """Of each level, from the leaves upwards."""
        return tuple(self._of_level(level) for level in reversed(self.tree.levels))

    @property
    def unproved(self) -> str:
        """Why a node is not given, however probable it is."""
        return f"{100 * self.target:g} % right is not proved by {plural(len(self.scores), 'held-out product')}"

    @cached_property
    def advice(self) -> str:
        """What is not proved, what that would take and the way out; empty where every level is proved for some."""
        missing = [proof for proof in self.levels if not proof.share]
        if not missing:
            return ""
        nearest = missing[-1]
        names = self.tree.level_names
        deepest = "nothing" if nearest.level == 1 else f"nothing deeper than a {names[nearest.level - 1]}"
        return (
            f"{self.unproved}, so {deepest} is given unseen. "
            f"For a {names[nearest.level]} {nearest.what_it_takes} {self._way_out(nearest.level)}"
        )

    @property
    def sentence(self) -> str:
        """For one product that was not given its category because nothing was proved."""
        return self.advice or (
            f"Of products that are put where this one is, {self.unproved}: `--precision` asks for less, more held-out "
            "products prove more."
        )

    @property
    def sentences(self) -> list[str]:
        """One for each level, and the way out where something is not proved."""
        missing = [proof.level for proof in self.levels if not proof.share]
        return [*map(str, self.levels), *(self._way_out(level) for level in missing[-1:])]

    @property
    def text(self) -> str:
        """For the command line."""
        who = plural(len(self.scores), "held-out product")
        title = f"what {who} prove, when {100 * self.target:g} % of what is given must be right:"
        table = aligned([self._columns, *self._rows()], "<" + ">" * (len(self._columns) - 1))
        return "\n".join([title, *self.sentences, "what is given unseen, in percent of the products:", table])

    @property
    def section(self) -> Section:
        """For a page."""
        who = plural(len(self.scores), "product")
        first = (
            f"Learnt on {who} held out of the training, when {100 * self.target:g} % of what is given must be right:"
        )
        table = Table("What could be given unseen", self._columns, self._rows(), NOTE)
        return Section(PROVED, "How much is proved", [first, *self.sentences], [table])

    @property
    def _columns(self) -> list[str]:
        return [
            "of these right",
            *(self.tree.level_names[level] for level in reversed(self.tree.levels)),
            "must be looked at",
        ]

    def _rows(self) -> list[list[str]]:
        return [
            [
                f"{100 * target:g} %" + (" (asked for)" if target == self.target else ""),
                *(f"{100 * share:.1f}" for share in shares[::-1]),
            ]
            for target, shares in self.shares.items()
        ]

    def _levels_given(self, scores: ProductScores, target: float) -> NDArray[np.int64]:
        """`(N,)` level of the node that each product would be given, 0 for none."""
        thresholds = Thresholds.fit(scores, self.tree, target, self.confidence)
        return given_by_scores(scores, thresholds, self.tree)[:, 0]

    def _of_level(self, level: int) -> LevelProof:
        share, is_leaf = float(self.shares[self.target][level:].sum()), level == self.tree.depth
        name = self.tree.level_names[level]
        if share:
            return LevelProof(level, name, is_leaf, share)
        wanted = self._wanted(level)
        for hundredths in range(round(100 * self.target) - 1, round(100 * LEAST) - 1, -1):
            given = self._levels_given(self.scores, hundredths / 100)
            rows = np.flatnonzero(given >= level)
            if len(rows):
                right = self.scores.correct[rows, given[rows] - 1]
                return LevelProof(level, name, is_leaf, 0.0, wanted, hundredths / 100, len(rows), int(right.sum()))
        return LevelProof(level, name, is_leaf, 0.0, wanted)

    def _wanted(self, level: int) -> int | None:
        """Held-out products that would prove the target, were they right as often as these."""
        n, rng = len(self.scores), np.random.default_rng(0)
        wanted, least = float(n), max(1, min(EVIDENCE, n // 4))
        while wanted < max(AT_MOST * n, TRIED):
            wanted *= GROWTH
            # what decides is the very test that thresholds must pass, on products drawn from these
            drawn = (self.scores.select(rng.integers(0, n, int(wanted))) for _ in range(DRAWS))
            proved = [(self._levels_given(some, self.target) >= level).mean() * n >= least for some in drawn]
            if sum(proved) >= DRAWS - 1:
                step = 10 ** max(0, len(str(int(wanted))) - 2)
                return -(-int(wanted) // step) * step
        return None

    def _way_out(self, level: int) -> str:
        """More held-out products, or a lower precision that these prove at this level."""
        if 2 * self.n_held_out < self.n_labelled:
            more = (
                "The way out: hold out every product once (`catalog split FILE --tree TREE --folds 5` with the options "
                "of the split before, then train again), "
                f"{self.n_labelled:,} held-out products instead of {self.n_held_out:,}"
            )
        else:
            more = "The way out: label more products, and train with them"
        for target, shares in self.shares.items():
            given = shares[level:].sum()
            if target < self.target and given:
                what = f"{'' if level == self.tree.depth else 'at least '}a {self.tree.level_names[level]}"
                return (
                    f"{more}; or ask for less: `--precision {target:g}` gives {percent(given)} of the products "
                    f"{what} unseen."
                )
        return f"{more}."
