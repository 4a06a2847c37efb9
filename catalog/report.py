"""Numbers first (JSON), page second: one self-contained HTML file with plots."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from catalog.atomic import write_text
from catalog.calibration import N_BINS
from catalog.figures import ALL, risk_coverage, summarize
from catalog.metrics import Scores
from catalog.taxonomy import LEVEL_NAMES, LEVELS, Taxonomy, path_text

SYSTEM_COLOURS = ("#0b6e4f", "#c8553d", "#28536b", "#f0a202", "#7a5195", "#6c757d")
PLOT_STYLE: dict[Any, Any] = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


def page_template(package: str, name: str) -> Any:
    """A jinja2 template of a package's `templates/` that writes HTML; it may include those of `catalog`."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, select_autoescape

    loader = ChoiceLoader([PackageLoader(package), PackageLoader("catalog")])
    return Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True).get_template(name)


@dataclass
class System:
    """One expert or head in a report: its scores where it speaks, and on which share of products that is."""

    name: str
    what: str
    scores: Scores
    coverage: float


@dataclass
class Table:
    """A small table: `rows` hold as many cells as `columns`; numbers are right-aligned by the page."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""


@dataclass
class Example:
    """One product shown with its photo: `photos` are encoded images, `lines` what is said about it."""

    photos: Sequence[bytes]
    lines: Sequence[str]


@dataclass
class Report:
    """An evaluation: the first system is the one that the page puts forward.

    `extra_figures` are (title, caption, SVG), shown after the plots that every report has.
    """

    title: str
    subtitle: str
    systems: list[System]
    tree: Taxonomy
    tables: list[Table] = field(default_factory=list)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    extra_figures: list[tuple[str, str, str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Every figure of the page."""
        return {
            "title": self.title,
            "facts": self.facts,
            "systems": {
                s.name: {"what": s.what, "coverage": s.coverage, "by_image_count": summarize(s.scores)}
                for s in self.systems
            },
            "tables": {t.title: [list(t.columns), *[list(r) for r in t.rows]] for t in self.tables},
        }

    def write(self, folder: Path, name: str = "report") -> Path:
        """Write `name.json` and `name.html` into `folder`; returns the page's path.

        Raises:
            ValueError: the first system speaks on no product, so there is nothing to report.
        """
        if not len(self.systems[0].scores):
            raise ValueError(f"{self.title}: {self.systems[0].name} speaks on no labelled product, nothing to report")
        folder.mkdir(parents=True, exist_ok=True)
        numbers = self.to_json()
        text = json.dumps(numbers, indent=2, default=_plain)
        write_text(folder / f"{name}.json", text + "\n")
        page = page_template("catalog", "report.html").render(
            report=self,
            numbers=numbers,
            level_names=LEVEL_NAMES,
            counts=[c for c in (ALL, "1", "2", "3", "4", "0") if self._has_count(c)],
            figures=[*self._figures(), *self.extra_figures],
            confusions=self._confusions(),
            data_uri=data_uri,
        )
        write_text(folder / f"{name}.html", page)
        return folder / f"{name}.html"

    def _has_count(self, count: str) -> bool:
        return any(count == ALL or (s.scores.n_images == int(count)).any() for s in self.systems)

    def _confusions(self, limit: int = 12) -> list[tuple[str, str, int]]:
        """Most frequent pairs of true and predicted leaf of the first system."""
        scores = self.systems[0].scores
        wrong = scores.select(~scores.correct[:, 2])
        pairs, counts = np.unique(np.stack([wrong.truth, wrong.predicted[:, 2]], axis=1), axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:limit]
        return [
            (path_text(self.tree.paths[pairs[i, 0]]), path_text(self.tree.paths[pairs[i, 1]]), int(counts[i]))
            for i in order
        ]

    def _figures(self) -> list[tuple[str, str, str]]:
        """(title, caption, SVG) of each plot."""
        import matplotlib

        matplotlib.use("Agg")
        with matplotlib.rc_context(PLOT_STYLE):
            return [
                (
                    "Accuracy by image count and level",
                    "Share of products whose likeliest node is the true one; the bar is the bootstrap 95 % interval.",
                    self._accuracy_plot(),
                ),
                (
                    "Errors against coverage",
                    "Error rate among the most confident products, leaf level: how much can be accepted unseen.",
                    self._risk_plot(),
                ),
                (
                    "Reliability",
                    "Confidence against accuracy, leaf level: on the diagonal a stated 80 % is right 80 times in 100.",
                    self._reliability_plot(),
                ),
            ]

    def _accuracy_plot(self) -> str:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9.6, 3.2), layout="constrained")
        axes = figure.subplots(1, 3, sharey=True)
        counts = [c for c in ("1", "2", "3", "4", ALL) if self._has_count(c)]
        width = 0.8 / len(self.systems)
        for axis, level in zip(axes, LEVELS, strict=True):
            for i, (system, colour) in enumerate(zip(self.systems, _colours(len(self.systems)), strict=True)):
                summary = summarize(system.scores)
                here = [c for c in counts if c in summary]
                figures = [summary[c]["levels"][str(level)] for c in here]
                top = np.array([f["top1"] for f in figures])
                error = np.abs([[f["top1"] - f["top1_low"], f["top1_high"] - f["top1"]] for f in figures]).T
                at = np.array([counts.index(c) for c in here]) + (i - (len(self.systems) - 1) / 2) * width
                axis.bar(at, top, width, color=colour, yerr=error, ecolor="#00000088", label=system.name)
            axis.set_title(LEVEL_NAMES[level])
            axis.set_xticks(range(len(counts)), counts)
            axis.set_xlabel("photos")
            axis.set_ylim(0, 1)
            axis.grid(axis="y", alpha=0.25)
        axes[0].set_ylabel("accuracy")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
        return svg(figure)

    def _risk_plot(self) -> str:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.7, 3.1), layout="constrained")
        axis = figure.subplots()
        for system, colour in zip(self.systems, _colours(len(self.systems)), strict=True):
            curve = risk_coverage(system.scores.confidence[:, 2], system.scores.correct[:, 2])
            # an expert that is silent on some products covers only a share of all
            thin = curve[:: max(1, len(curve) // 400)]
            axis.plot(thin[:, 0] * system.coverage, thin[:, 1], color=colour, label=system.name)
        axis.set(xlabel="share of products accepted", ylabel="error rate", xlim=(0, 1), ylim=(0, None))
        axis.grid(alpha=0.25)
        axis.legend(frameon=False, fontsize=8)
        return svg(figure)

    def _reliability_plot(self) -> str:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.7, 3.1), layout="constrained")
        axis = figure.subplots()
        axis.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
        for system, colour in zip(self.systems, _colours(len(self.systems)), strict=True):
            confidence, correct = system.scores.confidence[:, 2], system.scores.correct[:, 2]
            bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
            n = np.bincount(bins, minlength=N_BINS)
            seen = n >= 5
            mean = np.bincount(bins, confidence, minlength=N_BINS)[seen] / n[seen]
            share = np.bincount(bins, correct, minlength=N_BINS)[seen] / n[seen]
            axis.plot(mean, share, "o-", markersize=3, color=colour, label=system.name)
        axis.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
        axis.grid(alpha=0.25)
        axis.legend(frameon=False, fontsize=8)
        return svg(figure)


def _colours(n: int) -> list[str]:
    return [SYSTEM_COLOURS[i % len(SYSTEM_COLOURS)] for i in range(n)]


def svg(figure: Any) -> str:
    """A matplotlib figure as inline SVG, undated."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def data_uri(photo: bytes) -> str:
    """An encoded JPEG, PNG or WebP as a data URI."""
    kind = "png" if photo.startswith(b"\x89PNG") else "webp" if photo[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(photo).decode()}"


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} in a report's numbers")


def leaderboard(systems: Sequence[System]) -> str:
    """A short text table: top-1 accuracy in percent by image count (leaf level), and over all by level."""
    summaries = {s.name: summarize(s.scores) for s in systems}
    counts = [c for c in ("1", "2", "3", "4") if any(c in summary for summary in summaries.values())]
    header = ["", *[f"{c} photo{'s' if c != '1' else ''}" for c in counts], *[LEVEL_NAMES[level] for level in LEVELS]]
    rows = [header]
    for name, summary in summaries.items():
        by_count = [f"{100 * summary[c]['levels']['3']['top1']:.1f}" if c in summary else "-" for c in counts]
        by_level = [
            f"{100 * summary[ALL]['levels'][str(level)]['top1']:.1f}" if ALL in summary else "-" for level in LEVELS
        ]
        rows.append([name, *by_count, *by_level])
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *[c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]])
        for row in rows
    )


def cat1_table(systems: Sequence[System], tree: Taxonomy) -> Table:
    """Leaf accuracy of every system by Cat I, on the products where it speaks."""
    rows: list[list[object]] = []
    cat1 = tree.ancestor(1)[systems[0].scores.truth]
    for node in np.unique(cat1):
        cells: list[object] = [tree.node_path(1, int(node))[0], int((cat1 == node).sum())]
        for system in systems:
            own = system.scores.correct[tree.ancestor(1)[system.scores.truth] == node, 2]
            cells.append(f"{100 * own.mean():.1f} ({len(own)})" if len(own) else "-")
        rows.append(cells)
    columns = ["Cat I", "products", *[s.name for s in systems]]
    return Table("By Cat I", columns, rows, "Leaf accuracy in percent (products on which the expert speaks).")
