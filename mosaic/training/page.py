"""`training.html`: what a training learnt and where it errs, one self-contained page in its run folder."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import percent, plural
from catalog.metrics.confusions import find_confusions
from catalog.metrics.evaluated_model import COUNTS
from catalog.metrics.product_scores import ProductScores, score_probabilities
from catalog.metrics.summary import ALL, Summary, summarize
from catalog.probabilities import Probabilities
from catalog.reports.estimate import Estimate
from catalog.reports.evaluation import accuracy_cards, count_name
from catalog.reports.page import Card, Example, Gallery, Matrix, Page, Plot, Section, Table, TableCell
from catalog.reports.plots import colours, drawing, svg
from catalog.reports.write import write_page
from catalog.tree.taxonomy import Taxonomy, path_text
from mosaic.confusions import MAX_NODES, MIN_PRODUCTS, LeafAccuracy, confusions_csv, heat_map, leaf_accuracies
from mosaic.training.history import EpochRecord

N_CONFUSIONS = 20
N_LEAVES = 10
"""Rows of the table of the worst leaves, and of the best."""
MAX_SAMPLE_BYTES = 2_500_000
"""Encoded mosaics on a page: with it the page stays under 5 MB."""
MAX_SAMPLE_SIZE = (256, 768)
"""Height and width in pixels above which a mosaic is shown smaller."""


@dataclass(frozen=True)
class Sample:
    """One mosaic as the network sees it.

    Attributes:
        mosaic: `(H, W, 3)` uint8 RGB, augmented where the kind is `training`.
        label: what is written below it; kind: `training` or `prediction`.
    """

    mosaic: NDArray[np.uint8]
    label: str
    kind: str


def write_training_page(  # noqa: PLR0913 - what a page says, named where it is called
    path: Path, *, title: str, facts: Mapping[str, object], history: Sequence[EpochRecord],
    held_out: Probabilities, truth: NDArray[np.int64], tree: Taxonomy, samples: Sequence[Sample],
    fitted: Sequence[Section] = (),
) -> None:  # fmt: skip
    """Write the page to `path` and every confusion to `confusions.csv` beside it.

    `facts`: how the network was made; a mapping among its values (the configuration) is folded away under its key.
    `truth`: `(N,)` true leaf of each row of `held_out`, -1 where unknown; such rows and silent ones are counted only.
    `fitted`: what else there is to say of the fits, first.
    """
    scores = score_probabilities(held_out, truth, tree)
    confusions_csv(path.with_name("confusions.csv"), find_confusions(scores), tree)
    figures = summarize(scores)
    sections = [*fitted]
    if history or not fitted:
        sections.append(_curves_section(history))
    if len(scores):
        sections.append(_counts_section(figures, tree.level_names))
        sections += [_confusions_section(scores, tree), _leaves_section(scores, tree)]
    sections.append(_samples_section(samples))
    cards = _cards(figures[ALL], len(held_out), tree.level_names) if len(scores) else []
    write_page(path, Page(title, _subtitle(len(scores), len(held_out)), cards, sections, facts))


def _subtitle(n_judged: int, n_held_out: int) -> str:
    if not n_judged:
        none = f"None of the {n_held_out:,} held-out products could be judged" if n_held_out else "No product held out"
        return f"{none}: there is no accuracy to show."
    left_out = (
        f" {n_held_out - n_judged:,} held-out products are not judged: the network is silent on them (no readable "
        "photo) or their leaf is unknown."
    )
    return (
        "On held-out products, by networks that never saw them. Below each accuracy in percent stands its bootstrap "
        f"95 % interval.{left_out if n_judged < n_held_out else ''}"
    )


def _cards(figures: Summary, n_held_out: int, level_names: Mapping[int, str]) -> list[Card]:
    held_out = f"of {n_held_out:,} held out" if figures.n < n_held_out else "held out"
    return [
        *accuracy_cards(figures, level_names),
        Card("NLL (leaf)", f"{figures.leaf.nll.value:.2f}", "nats"),
        Card("Calibration error (leaf)", f"{figures.leaf.ece.value:.3f}", "15 bins"),
        Card("Products", f"{figures.n:,}", held_out),
    ]


def _curves_section(history: Sequence[EpochRecord]) -> Section:
    if not history:
        return Section("curves", "Curves", ["No epoch was recorded."])
    fits = defaultdict(list)
    for record in history:
        fits[record.fit].append(record)
    columns = ["Fit", "epochs", "steps", "loss", "accuracy", "validation loss", "validation accuracy", "time"]
    rows = []
    for records in fits.values():
        last = records[-1]
        figures = [
            _figure(last.loss, 3, 1), _figure(last.accuracy, 1, 100),
            _figure(last.validation_loss, 3, 1), _figure(last.validation_accuracy, 1, 100),
        ]  # fmt: skip
        rows.append([last.fit, last.epoch, last.step, *figures, _duration(sum(r.seconds for r in records))])
    note = "Figures of the last epoch; accuracies in percent. Every epoch is in history.csv."
    return Section("curves", "Curves", parts=[_curves(fits), Table("", columns, rows, more=note)])


def _figure(value: float | None, digits: int, scale: float) -> Estimate:
    """A dash where there is none, or where the training went out of bounds."""
    return Estimate(None if value is None or math.isnan(value) else value, digits=digits, scale=scale)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _curves(fits: Mapping[str, Sequence[EpochRecord]]) -> Plot:
    """Loss, accuracy and learning rate over the epochs."""
    from matplotlib.ticker import MaxNLocator

    panels = (("loss", "loss (nats)"), ("accuracy", "accuracy"), ("lr", "learning rate"))
    with drawing(9.6, 3.2) as figure:
        axes = figure.subplots(1, 3)
        for (fit, records), colour in zip(fits.items(), colours(len(fits)), strict=True):
            epochs = [r.epoch for r in records]
            style: dict[str, Any] = {"color": colour, "linewidth": 1.5, "markersize": 3}
            marker = "o" if len(records) <= 30 else ""
            for axis, (name, _) in zip(axes, panels, strict=True):
                axis.plot(epochs, _drawable(records, name), marker + "-", label=fit, **style)
                if name != "lr" and any(getattr(r, f"validation_{name}") is not None for r in records):
                    values = _drawable(records, f"validation_{name}")
                    axis.plot(epochs, values, marker + "--", label=f"{fit}, validation", **style)
        for axis, (name, label) in zip(axes, panels, strict=True):
            axis.set(title=label, xlabel="epoch", ylim=(0, 1) if name == "accuracy" else (0, None))
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes[2].ticklabel_format(axis="y", scilimits=(-2, 2))
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        caption = (
            "Training loss and accuracy are those of the augmented mosaics that were learnt from; dashed: validation "
            "products. The learning rate is the backbone's at the end of the epoch."
        )
        return Plot("", caption, svg(figure))


def _drawable(records: Sequence[EpochRecord], name: str) -> list[float]:
    """Values of a field; a gap (nan) where there is none or the training went out of bounds."""
    values = [getattr(r, name) for r in records]
    return [v if v is not None and math.isfinite(v) else math.nan for v in values]


def _counts_section(figures: Mapping[str, Summary], level_names: Mapping[int, str]) -> Section:
    levels = figures[ALL].levels
    rows: list[list[object]] = []
    for count in (count for count in (ALL, *COUNTS, "0") if count in figures):
        summary, leaf = figures[count], figures[count].leaf
        rows.append([
            count_name(count), summary.n, *(Estimate(level.top1.value) for level in summary.levels.values()),
            TableCell(Estimate.of(leaf.top1).interval, is_number=True), Estimate(leaf.top5.value),
            Estimate(summary.macro_top1.value), Estimate(leaf.nll.value, digits=2, scale=1),
            Estimate(leaf.ece.value, digits=3, scale=1),
        ])  # fmt: skip
    columns = ["", "products", *map(level_names.__getitem__, levels), "95 % interval", "top-5", "macro", "NLL", "ECE"]
    more = "Accuracies in percent; interval, top-5, NLL and ECE at the leaf; macro: mean over the leaves."
    return Section("counts", "By image count", parts=[Table("", columns, rows, more=more, leads=True)])


def _confusions_section(scores: ProductScores, tree: Taxonomy) -> Section:
    confusions = find_confusions(scores)
    sentences = ["Every held-out product was put on its leaf."]
    if confusions:
        sentences = [
            f"Of {plural(len(scores), 'product')} {sum(c.n for c in confusions):,} were put on a wrong leaf. The share "
            "is that of the true leaf's products."
        ]
    rows = [
        [
            path_text(tree.shown[c.truth]), path_text(tree.shown[c.predicted]),
            TableCell(f"{c.n} of {c.of}", is_number=True), TableCell(percent(c.n / c.of), is_number=True),
        ]
        for c in confusions[:N_CONFUSIONS]
    ]  # fmt: skip
    n_more = len(confusions) - N_CONFUSIONS
    more = f"and {n_more:,} more pairs in confusions.csv" if n_more > 0 else ""
    matrices = _matrices(scores, tree)
    if tree.depth > 2 and [level for level, _ in matrices] == [1]:
        sentences.append(f"{tree.level_names[2]} is shown where at most {MAX_NODES[2]} of its nodes occur.")
    table = Table("", ["True leaf", "Put on", "products", "share"], rows, more=more)
    return Section("confusions", "Confusions", sentences, [table, *(matrix for _, matrix in matrices)])


def _matrices(scores: ProductScores, tree: Taxonomy) -> list[tuple[int, Matrix]]:
    """Level and heat map of the levels at which there is something to compare."""
    matrices = []
    # the leaves are too many for a matrix, and stand in the table
    for level in (level for level in MAX_NODES if level < tree.depth):
        heat = heat_map(scores, level, tree)
        if heat is None:
            continue
        note = (
            "Where a row's products were put, in percent of the row; the columns have the numbers of the rows. Point "
            "at a cell to read it."
        )
        if heat.n_left_out:
            note += f" The {len(heat.names)} nodes with the most products; and {heat.n_left_out:,} more are not shown."
        matrices.append((level, Matrix(f"At {tree.level_names[level]}", heat.names, heat.n, heat.share, note)))
    return matrices


def _leaves_section(scores: ProductScores, tree: Taxonomy) -> Section:
    leaves = leaf_accuracies(scores)
    if not leaves:
        return Section("leaves", "Worst and best leaves", [f"No leaf has {MIN_PRODUCTS} held-out products."])
    n_best = min(N_LEAVES, len(leaves) // 2)
    n_worst = min(N_LEAVES, len(leaves) - n_best)
    n_between = len(leaves) - n_worst - n_best
    more = f"and {n_between:,} more between the worst and the best" if n_between else ""
    tables = [
        _leaf_table("Worst", leaves[:n_worst], tree, more),
        _leaf_table("Best", leaves[len(leaves) - n_best :][::-1], tree),
    ]
    note = f"Leaves with at least {MIN_PRODUCTS} held-out products."
    return Section("leaves", "Worst and best leaves", [note], tables)


def _leaf_table(title: str, leaves: Sequence[LeafAccuracy], tree: Taxonomy, more: str = "") -> Table:
    rows = [
        [
            path_text(tree.shown[leaf.leaf]), leaf.n, leaf.n_right, Estimate(leaf.n_right / leaf.n),
            path_text(tree.shown[leaf.mistaken_for]) if leaf.mistaken_for >= 0 else "–",
        ]
        for leaf in leaves
    ]  # fmt: skip
    return Table(title, ["Leaf", "products", "right", "accuracy, %", "Mostly mistaken for"], rows, more=more)


def _samples_section(samples: Sequence[Sample]) -> Section:
    """The samples of each kind, as many as the page has room for."""
    examples: dict[str, list[Example]] = {}
    room = MAX_SAMPLE_BYTES
    for sample in samples:
        jpeg = _encoded(sample.mosaic)
        room -= len(jpeg)
        if room < 0:
            break
        examples.setdefault(sample.kind, []).append(Example([jpeg], [sample.label]))
    galleries = [Gallery(f"In {kind}", shown) for kind, shown in examples.items()]
    n_hidden = len(samples) - sum(map(len, examples.values()))
    return Section("samples", "What the network sees", [f"and {n_hidden} more"] if n_hidden else [], galleries)


def _encoded(mosaic: NDArray[np.uint8]) -> bytes:
    height, width = mosaic.shape[:2]
    scale = min(1.0, MAX_SAMPLE_SIZE[0] / height, MAX_SAMPLE_SIZE[1] / width)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    picture = mosaic if scale == 1 else cv2.resize(mosaic, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return jpeg.tobytes()
