"""How every plot is drawn: inline SVG by matplotlib, in the colours of the page, which are lighter on a dark screen."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INK, SOFT, FAINT, PAPER = "#1d2b28", "#5f6c68", "#bbbbbb", "#fbfcfb"
SERIES = ("#0b6e4f", "#c8553d", "#28536b", "#f0a202", "#7a5195", "#6c757d")
GREEN, RED = SERIES[:2]
VARIABLES = {INK: "ink", SOFT: "soft", PAPER: "paper", **{colour: f"series-{i}" for i, colour in enumerate(SERIES)}}
"""Colours of a drawing that follow the variables of the page's style sheet."""
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 8,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none"),
    # without it, ids are drawn at random: the same figures would give another page each time
    "svg.hashsalt": "rayonnage",
}


@contextmanager
def drawing(width: float, height: float, **style: Any) -> Iterator[Any]:
    """Yield an empty matplotlib figure of so many inches; what is drawn within the block has the pages' style."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE | style):
        yield Figure(figsize=(width, height), layout="constrained")


@contextmanager
def boxes_for_missing_letters() -> Iterator[None]:
    """Within the block a letter that the font lacks, an emoji or a Chinese one, is drawn as a box without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        yield


def colours(n: int) -> list[str]:
    """Colours of n series, in order."""
    return [SERIES[i % len(SERIES)] for i in range(n)]


def svg(figure: Any) -> str:
    """A figure of `drawing`, within its block, as inline SVG, undated."""
    out = io.StringIO()
    with boxes_for_missing_letters():
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    for colour, name in VARIABLES.items():
        text = text.replace(colour, f"var(--{name})")
    return text[text.index("<svg") :]
