"""Numbers first (JSON), page second: one self-contained HTML file with plots."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from catalog.files.atomic import write_text
from catalog.metrics.calibration import reliability
from catalog.metrics.confusions import Confusion, find_confusions
from catalog.metrics.evaluated_model import COUNTS, EvaluatedModel
from catalog.metrics.intervals import MetricValue, accuracy_interval
from catalog.metrics.summary import ALL, summaries_json
from catalog.reports.plots import Plot, curve, standard_plots
from catalog.tree.taxonomy import LEVEL_NAMES, Taxonomy, path_text

N_CONFUSIONS = 12


def page_template(package: str, name: str) -> Any:
    """A jinja2 template of a package's `templates/` that writes HTML; it may include those of `catalog`."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, select_autoescape

    loader = ChoiceLoader([PackageLoader(package), PackageLoader("catalog.reports")])
    environment = Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)
    environment.filters["commands"] = with_commands
    return environment.get_template(name)


def with_commands(text: str) -> Any:
    """Text as HTML in which what stands between backticks is a command, kept on one line."""
    from markupsafe import Markup, escape

    parts = text.split("`")
    if len(parts) % 2 == 0:
        # a backtick of a name
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts))


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval as one cell of a table; None where it is undefined or has no interval.

    Attributes:
        scale: what the page multiplies with (100: percent); digits: decimals shown; signed: a difference, with + or -.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    digits: int = 1
    scale: float = 100.0
    signed: bool = False

    @classmethod
    def of(cls, figure: MetricValue, digits: int = 1, scale: float = 100.0) -> Estimate:
        """A figure of a summary."""
        numbers = (figure.value, figure.low, figure.high)
        value, low, high = (number if math.isfinite(number) else None for number in numbers)
        return cls(value, low, high, digits, scale)

    @classmethod
    def span(
        cls, mean_low_high: Iterable[float], digits: int = 1, scale: float = 100.0, *, signed: bool = False
    ) -> Estimate:
        """A row of `catalog.intervals.mean_intervals`."""
        value, low, high = (float(number) for number in mean_low_high)
        return cls(value, low, high, digits, scale, signed)

    @property
    def text(self) -> str:
        """The figure as the page writes it."""
        return self._shown(self.value)

    @property
    def interval(self) -> str:
        """Its interval, empty without one."""
        if self.low is None or self.high is None:
            return ""
        return f"{self._shown(self.low)}{' to ' if self.signed else '–'}{self._shown(self.high)}"

    def __str__(self) -> str:
        return f"{self.text} ({self.interval})" if self.interval else self.text

    def _shown(self, value: float | None) -> str:
        if value is None:
            return "–"
        return f"{self.scale * value:{'+' if self.signed else ''}.{self.digits}f}"


@dataclass
class Table:
    """A small table: `rows` hold as many cells as `columns`: text, numbers, `Estimate`; the page aligns them.

    Attributes:
        folded: shown only when asked for.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""
    folded: bool = False


@dataclass
class Example:
    """One product shown with its photo: `photos` are encoded images, `lines` what is said about it."""

    photos: Sequence[bytes]
    lines: Sequence[str]


@dataclass
class Report:
    """An evaluation: the first system is the one that the page puts forward.

    Attributes:
        summary: sentences at the top of the page.
        tables, plots: what this report has beside the figures and plots of every report.
        examples: products under a title; confused: those of a confusion, by true and predicted leaf.
    """

    title: str
    subtitle: str
    systems: list[EvaluatedModel]
    tree: Taxonomy
    summary: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    confused: dict[Confusion, list[Example]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Everything that the page says; photos and drawings aside."""
        return {
            "title": self.title,
            "summary": self.summary,
            "facts": self.facts,
            "systems": {s.name: _system_json(s) for s in self.systems},
            "tables": {t.title: [list(t.columns), *[list(r) for r in t.rows]] for t in self.tables},
            "confusions": [
                {
                    "truth": path_text(self.tree.shown[c.truth]),
                    "predicted": path_text(self.tree.shown[c.predicted]),
                    "products": c.n,
                    "of": c.of,
                    "examples": [list(e.lines) for e in self.confused.get(c, [])],
                }
                for c in self.confusions
            ],
            "examples": {title: [list(e.lines) for e in own] for title, own in self.examples.items()},
        }

    @cached_property
    def confusions(self) -> list[Confusion]:
        """The most frequent ones of the first system."""
        return find_confusions(self.systems[0].scores)[:N_CONFUSIONS]

    def write(self, folder: Path, name: str = "report") -> Path:
        """Write `name.json` and `name.html` into `folder`; returns the page's path.

        Raises:
            ValueError: the first system speaks on no product, so there is nothing to report.
        """
        if not len(self.systems[0].scores):
            raise ValueError(f"{self.title}: {self.systems[0].name} speaks on no labelled product, nothing to report")
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_json(), indent=2, default=plain_number, allow_nan=False)
        write_text(folder / f"{name}.json", text + "\n")
        page = page_template("catalog.reports", "report.html").render(
            report=self,
            level_names=LEVEL_NAMES,
            counts=[c for c in (ALL, *COUNTS, "0") if any(c in s.summary for s in self.systems)],
            estimate=Estimate.of,
            path=lambda leaf: path_text(self.tree.shown[leaf]),
            is_estimate=lambda cell: isinstance(cell, Estimate),
            plots=standard_plots(self.systems),
            data_uri=data_uri,
        )
        write_text(folder / f"{name}.html", page)
        return folder / f"{name}.html"


def _system_json(system: EvaluatedModel) -> dict[str, Any]:
    bins = reliability(system.scores.confidence[:, 2], system.scores.correct[:, 2])
    return {
        "what": system.what,
        "kind": system.kind,
        "coverage": system.coverage,
        "by_image_count": summaries_json(system.summary),
        "reliability": [asdict(b) for b in bins],
        "risk_coverage": curve(system).round(6).tolist(),
    }


def data_uri(photo: bytes) -> str:
    """An encoded JPEG, PNG or WebP as a data URI."""
    kind = "png" if photo.startswith(b"\x89PNG") else "webp" if photo[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(photo).decode()}"


def plain_number(value: object) -> object:
    """What `json.dumps` is to make of numpy's numbers and of an `Estimate`."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Estimate):
        return {"value": value.value, "low": value.low, "high": value.high}
    raise TypeError(f"{type(value).__name__} in a report's numbers")


def cat1_table(systems: Sequence[EvaluatedModel], tree: Taxonomy) -> Table:
    """Leaf accuracy of every system by Cat I, on the products where it speaks."""
    rows: list[list[object]] = []
    cat1 = tree.ancestor(1)[systems[0].scores.truth]
    for node in np.unique(cat1):
        cells: list[object] = [tree.shown_path(1, int(node))[0], int((cat1 == node).sum())]
        for system in systems:
            own = system.scores.correct[tree.ancestor(1)[system.scores.truth] == node, 2]
            cells.append(Estimate(float(own.mean()), *accuracy_interval(own)) if len(own) else "–")
        rows.append(cells)
    columns = ["Cat I", "products", *[s.name for s in systems]]
    return Table("By Cat I", columns, rows, "Leaf accuracy in percent, on the products on which each expert speaks.")
