"""`training.html`: what a training learnt and where it errs, one self-contained page in its run folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.files.atomic import write_text
from catalog.metrics.confusions import find_confusions
from catalog.metrics.product_scores import score_probabilities
from catalog.metrics.summary import ALL, summarize
from catalog.probabilities import Probabilities
from catalog.reports.page import data_uri, page_template
from catalog.reports.plots import PLOT_STYLE, SYSTEM_COLOURS, svg
from catalog.tree.taxonomy import LEVEL_NAMES, SEPARATOR, Taxonomy
from mosaic.confusions import MAX_NODES, MIN_PRODUCTS, confusions_csv, heat_map, leaf_accuracies
from mosaic.training.history import EpochRecord

N_CONFUSIONS = 20
N_LEAVES = 10
"""Rows of the table of the worst leaves, and of the best."""
MAX_SAMPLE_BYTES = 2_500_000
"""Encoded mosaics on a page: with it the page stays under 5 MB."""
MAX_SAMPLE_SIZE = (256, 768)
"""Height and width in pixels above which a mosaic is shown smaller."""
MAX_FACTS = 200
MAX_FACT_LENGTH = 400


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


def write_training_page(
    path: Path,
    *,
    title: str,
    facts: Mapping[str, object],
    history: Sequence[EpochRecord],
    held_out: Probabilities,
    truth: NDArray[np.int64],
    tree: Taxonomy,
    samples: Sequence[Sample],
) -> None:
    """Write the page to `path` and every confusion to `confusions.csv` beside it.

    `facts`: how the network was made; a mapping among its values (the configuration) is folded away under its key.
    `truth`: `(N,)` true leaf of each row of `held_out`, -1 where unknown; such rows and silent ones are counted only.
    """
    scores = score_probabilities(held_out, truth, tree)
    confusions = find_confusions(scores)
    confusions_csv(path.with_name("confusions.csv"), confusions, tree)
    leaves = leaf_accuracies(scores)
    n_best = min(N_LEAVES, len(leaves) // 2)
    n_worst = min(N_LEAVES, len(leaves) - n_best)
    page = page_template("mosaic.training", "training.html").render(
        title=title,
        figures=summarize(scores),
        counts=(ALL, "1", "2", "3", "4", "0"),
        level_names=LEVEL_NAMES,
        n_held_out=len(held_out),
        curves=_curves(history) if history else "",
        fits=_last_epochs(history),
        confusions=confusions[:N_CONFUSIONS],
        n_more_confusions=max(0, len(confusions) - N_CONFUSIONS),
        n_wrong=sum(c.n for c in confusions),
        heat_maps=[found for level in MAX_NODES if (found := heat_map(scores, level, tree)) is not None],
        max_nodes=MAX_NODES,
        worst=leaves[:n_worst],
        best=leaves[len(leaves) - n_best :][::-1],
        n_between=len(leaves) - n_worst - n_best,
        min_products=MIN_PRODUCTS,
        samples=_encoded(samples),
        n_samples=len(samples),
        facts={key: _shown(value) for key, value in facts.items() if not isinstance(value, Mapping)},
        folded={key: _flat(value) for key, value in facts.items() if isinstance(value, Mapping)},
        max_facts=MAX_FACTS,
        paths=tree.shown,
        separator=SEPARATOR,
    )
    write_text(path, page)


def _by_fit(history: Sequence[EpochRecord]) -> dict[str, list[EpochRecord]]:
    fits: dict[str, list[EpochRecord]] = {}
    for record in history:
        fits.setdefault(record.fit, []).append(record)
    return fits


def _last_epochs(history: Sequence[EpochRecord]) -> list[tuple[EpochRecord, float]]:
    """Last epoch of every fit, with the seconds that the whole fit took."""
    return [(records[-1], sum(r.seconds for r in records)) for records in _by_fit(history).values()]


def _curves(history: Sequence[EpochRecord]) -> str:
    """Loss, accuracy and learning rate over the epochs, as SVG."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    panels = (("loss", "loss (nats)"), ("accuracy", "accuracy"), ("lr", "learning rate"))
    with matplotlib.rc_context(PLOT_STYLE):
        figure = Figure(figsize=(9.6, 3.2), layout="constrained")
        axes = figure.subplots(1, 3)
        for i, (fit, records) in enumerate(_by_fit(history).items()):
            epochs = [r.epoch for r in records]
            look: dict[str, Any] = {"color": SYSTEM_COLOURS[i % len(SYSTEM_COLOURS)], "linewidth": 1.5, "markersize": 3}
            marker = "o" if len(records) <= 30 else ""
            for axis, (name, _) in zip(axes, panels, strict=True):
                axis.plot(epochs, _drawable(records, name), marker + "-", label=fit, **look)
                if name != "lr" and any(getattr(r, f"validation_{name}") is not None for r in records):
                    values = _drawable(records, f"validation_{name}")
                    axis.plot(epochs, values, marker + "--", label=f"{fit}, validation", **look)
        for axis, (name, label) in zip(axes, panels, strict=True):
            axis.set(title=label, xlabel="epoch", ylim=(0, 1) if name == "accuracy" else (0, None))
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axis.grid(alpha=0.25)
        axes[2].ticklabel_format(axis="y", scilimits=(-2, 2))
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
        return svg(figure)


def _drawable(records: Sequence[EpochRecord], name: str) -> list[float]:
    """Values of a field; a gap (nan) where there is none or the training went out of bounds."""
    values = [getattr(r, name) for r in records]
    return [v if v is not None and math.isfinite(v) else math.nan for v in values]


def _encoded(samples: Sequence[Sample]) -> dict[str, list[tuple[str, str]]]:
    """(data URI, label) of the samples of each kind, as many as the page has room for."""
    found: dict[str, list[tuple[str, str]]] = {}
    room = MAX_SAMPLE_BYTES
    for sample in samples:
        height, width = sample.mosaic.shape[:2]
        scale = min(1.0, MAX_SAMPLE_SIZE[0] / height, MAX_SAMPLE_SIZE[1] / width)
        size = max(1, round(scale * width)), max(1, round(scale * height))
        picture = sample.mosaic if scale == 1 else cv2.resize(sample.mosaic, size, interpolation=cv2.INTER_AREA)
        _, jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
        room -= len(jpeg)
        if room < 0:
            break
        found.setdefault(sample.kind, []).append((data_uri(jpeg.tobytes()), sample.label))
    return found


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested keys joined by dots, as `--set` takes them."""
    flat: dict[str, str] = {}
    for key, value in mapping.items():
        flat.update(
            _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": _shown(value)}
        )
    return flat


def _shown(value: object) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= MAX_FACT_LENGTH else text[: MAX_FACT_LENGTH - 1] + "…"
