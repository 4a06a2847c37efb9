"""One expert or head under evaluation, and models side by side as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import aligned
from catalog.metrics.product_scores import ProductScores
from catalog.metrics.summary import ALL, Summary, summarize
from catalog.tree.level_names import LEVEL_NAMES

COUNTS = ("1", "2", "3", "4")
Kind = Literal["head", "expert"]


@dataclass
class EvaluatedModel:
    """One expert or head in a report: its scores where it speaks, and on which share of products that is.

    Attributes:
        what: a few words on what it is.
        training_counts: `(n_leaves,)` labelled training products of each leaf, for figures by size of leaf.
        plotted: it is drawn in the plots, which hold few models; tables have all.
    """

    name: str
    what: str
    scores: ProductScores
    coverage: float
    kind: Kind = "expert"
    training_counts: NDArray[np.int64] | None = None
    plotted: bool = True

    @cached_property
    def summary(self) -> dict[str, Summary]:
        """Its figures by image count, see `summarize`."""
        return summarize(self.scores, self.training_counts)


def leaderboard(models: Sequence[EvaluatedModel], level_names: Mapping[int, str] = LEVEL_NAMES) -> str:
    """A short text table: top-1 accuracy in percent by image count (leaf level), and over all by level."""
    counts = [c for c in COUNTS if any(c in model.summary for model in models)]
    levels = models[0].scores.levels
    header = ["", *[f"{c} photo{'s' if c != '1' else ''}" for c in counts], *[level_names[level] for level in levels]]
    rows = [header]
    for model in models:
        summary = model.summary
        by_count = [f"{100 * summary[c].leaf.top1.value:.1f}" if c in summary else "-" for c in counts]
        by_level = [f"{100 * summary[ALL].levels[level].top1.value:.1f}" if ALL in summary else "-" for level in levels]
        rows.append([model.name, *by_count, *by_level])
    return aligned(rows, "<" + ">" * (len(header) - 1))
