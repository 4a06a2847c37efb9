"""`fusion compare`: is one run really better than another? Paired bootstrap on the same products."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress, part_of
from catalog.files.wording import aligned
from catalog.metrics.intervals import mean_intervals
from catalog.metrics.product_scores import ProductScores, concatenate_scores, paired_rows, score
from catalog.metrics.summary import ALL
from catalog.product import MAX_IMAGES
from catalog.reports.estimate import Estimate
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.sources.address import Address
from catalog.split.labels import true_leaves
from catalog.tree.level_names import LEVEL_NAMES
from fusion.evaluation.measurement import predicted_chunks
from fusion.head_artifacts import CROSS_FIT
from fusion.prediction.predictor import Predictor

MIN_PRODUCTS = 20
"""With fewer products nothing is said: draws from a handful look alike."""
MIN_DIFFERING = 6
"""Fewest products that can show a difference: five that all point one way do so by chance once in sixteen times."""

NOTE = "Each line answers one question: of twenty lines between equal runs about one shows a difference by chance."


class BetterRun(StrEnum):
    """What is known of which run is better."""

    TOO_FEW = "too_few"
    NOT_SHOWN = "not_shown"
    A = "a"
    B = "b"


VERDICTS = {
    BetterRun.TOO_FEW: "too few products ({n})",
    BetterRun.NOT_SHOWN: "no difference shown: {amount}",
    BetterRun.A: "A is better: {amount}",
    BetterRun.B: "B is better: {amount}",
}


@dataclass(frozen=True)
class MetricDifference:
    """Run B less run A in one figure on one group of products.

    Attributes:
        group: `all` or an image count; figure: its name; a, b: its value in each run.
        change: B less A with its paired bootstrap 95 % interval.
        lower_is_better: of a distance or a loss.
        n: products; n_differing: those on which the runs differ.
    """

    group: str
    figure: str
    a: Estimate
    b: Estimate
    change: Estimate
    lower_is_better: bool
    n: int
    n_differing: int

    @property
    def better(self) -> BetterRun:
        """What the figure says of the two runs."""
        low, high = self.change.low or 0.0, self.change.high or 0.0
        if self.n < MIN_PRODUCTS:
            return BetterRun.TOO_FEW
        if self.n_differing < MIN_DIFFERING or low <= 0 <= high:
            return BetterRun.NOT_SHOWN
        return BetterRun.B if (low > 0) != self.lower_is_better else BetterRun.A

    @property
    def verdict(self) -> str:
        """One sentence."""
        unit = "" if self.lower_is_better else " points"
        amount = f"{self.change.text}{unit} ({self.change.interval})"
        return VERDICTS[self.better].format(n=self.n, amount=amount)


@dataclass(frozen=True)
class RunComparison:
    """Two runs on the same products; `where` says which these are."""

    where: str
    differences: list[MetricDifference]

    def text(self) -> str:
        """A table with one verdict a line, by image count."""
        rows = [["", "", "A", "B", "B - A, 95 % interval"]]
        for difference in self.differences:
            first = difference.figure == self.differences[0].figure
            group = "all" if difference.group == ALL else f"{difference.group} photo{'s' * (difference.group != '1')}"
            label = f"{group}, {difference.n} products" if first else ""
            rows.append([label, difference.figure, difference.a.text, difference.b.text, difference.verdict])
        return "\n".join([self.where, "", aligned(rows, "<<>><"), "", NOTE])


@dataclass(frozen=True)
class Figure:
    """One figure of the table: its name, how it is written, and whether less is better."""

    name: str
    digits: int
    scale: float
    lower_is_better: bool


def figures_of(scores: ProductScores, level_names: Mapping[int, str]) -> list[Figure]:
    """What runs are compared in, from the leaf upwards."""
    return [
        *(Figure(f"{level_names[level]} right, %", 1, 100.0, lower_is_better=False) for level in scores.levels[::-1]),
        Figure("HD@1", 3, 1.0, lower_is_better=True),
        Figure("NLL", 3, 1.0, lower_is_better=True),
    ]


def compare_held_out(a: Run, b: Run) -> RunComparison:
    """Compare two fusion runs on the products that both hold out, each head cross-fitted.

    Raises:
        FileNotFoundError: a run without saved held-out scores.
        ValueError: runs of different trees or catalogues, no product in common, or labels that changed in between.
    """
    _check_trees(a, b)
    if a.data != b.data:
        raise ValueError(
            f"{a.folder} and {b.folder} were trained on different catalogues: no held-out product is the same. "
            "Compare them on a labelled file (--on LABELLED.bson)"
        )
    for run in (a, b):
        if not (run.folder / CROSS_FIT).is_file():
            raise FileNotFoundError(
                f"{run.folder} holds no {CROSS_FIT}: it is of an older version, or damaged. Run `fusion train` again, "
                "or compare on a labelled file (--on LABELLED.bson)"
            )
    of_a, of_b = (ProductScores.load(run.folder / CROSS_FIT) for run in (a, b))
    paired_a, paired_b = paired_rows(of_a, of_b)
    if not len(paired_a):
        raise ValueError(
            f"{a.folder} (plan {a.plan}) and {b.folder} (plan {b.plan}) hold out no product in common. "
            "Train both under one plan, or compare them on a labelled file (--on LABELLED.bson)"
        )
    if (paired_a.truth != paired_b.truth).any():
        raise ValueError(f"{a.folder} and {b.folder} were trained with different labels of the same products")
    where = f"{len(paired_a)} held-out products, heads cross-fitted"
    if len(paired_a) < max(len(of_a), len(of_b)):
        where += f" ({len(of_a)} held out by A, {len(of_b)} by B, these by both)"
    return RunComparison(where, differences(paired_a, paired_b, a.taxonomy().level_names))


def compare_on(
    a: Run, b: Run, workspace: Workspace, file: Address, labels: Path | None = None, progress: Progress | None = None
) -> RunComparison:
    """Compare two fusion runs on a labelled file that neither has learnt from.

    Raises:
        ValueError: runs of different trees, or no labelled product in the file.
    """
    _check_trees(a, b)
    catalog = workspace.open(file)
    scores = []
    for number, run in enumerate((a, b)):
        # one after the other: the networks of both need not fit into memory together
        predictor = Predictor(run, workspace)
        truth = true_leaves(catalog, predictor.tree, labels)
        scores.append(_scores_on(predictor, catalog, truth, part_of(progress, number * len(catalog), 2 * len(catalog))))
    where = f"{len(scores[0])} labelled products of {catalog.name}"
    return RunComparison(where, differences(scores[0], scores[1], a.taxonomy().level_names))


def differences(
    a: ProductScores, b: ProductScores, level_names: Mapping[int, str] = LEVEL_NAMES
) -> list[MetricDifference]:
    """Every figure of row-aligned scores, over all products and by image count (as A read it)."""
    values_a, values_b = _values(a), _values(b)
    groups = {ALL: np.ones(len(a), bool)}
    groups |= {str(n): a.n_images == n for n in range(1, MAX_IMAGES + 1) if (a.n_images == n).any()}
    measured = []
    for group, rows in groups.items():
        change = values_b[rows] - values_a[rows]
        for i, (figure, span) in enumerate(zip(figures_of(a, level_names), mean_intervals(change), strict=True)):
            of_a, of_b = (
                Estimate(float(values[rows, i].mean()), digits=figure.digits, scale=figure.scale)
                for values in (values_a, values_b)
            )
            less = Estimate.span(span, figure.digits, figure.scale, signed=True)
            n, n_differing = int(rows.sum()), int((change[:, i] != 0).sum())
            measured.append(
                MetricDifference(group, figure.name, of_a, of_b, less, figure.lower_is_better, n, n_differing)
            )
    return measured


def _values(scores: ProductScores) -> NDArray[np.float64]:
    """`(N, D + 2)` what each product adds to the figures, in their order."""
    return np.column_stack([scores.correct[:, ::-1], scores.distance, scores.nll[:, -1]]).astype(np.float64)


def _scores_on(
    predictor: Predictor, catalog: Catalog, truth: NDArray[np.int64], progress: Progress | None
) -> ProductScores:
    parts = []
    for predictions, leaves in predicted_chunks(predictor, catalog, truth, progress):
        rows = np.flatnonzero(leaves >= 0)
        ids, n_images = predictions.experts[0].product_ids[rows], predictions.chunk.n_readable[rows]
        parts.append(score(predictions.fused[rows], leaves[rows], ids, n_images, predictor.tree))
    return concatenate_scores(parts)


def _check_trees(a: Run, b: Run) -> None:
    a.check_tree(b.taxonomy(), str(b.folder))
