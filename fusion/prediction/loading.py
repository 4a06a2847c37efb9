"""What the commands of `fusion` open first: the files named, the run, and only then its networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.cli_options import PATH
from catalog.sources.address import Address

if TYPE_CHECKING:
    from catalog.runs.run import Run
    from fusion.prediction.predictor import Predictor

RUN = click.option("--run", type=PATH, help="A fusion run folder; default: the workspace's latest.")
PRECISION = click.option("--precision", type=click.FloatRange(0, 1, min_open=True, max_open=True),
                         help="Share of what is given without review that must be right; default: as configured or "
                         "trained.")  # fmt: skip


def require_files(files: tuple[Address, ...]) -> None:
    """Raise FileNotFoundError when a path given as a catalogue or photo is not there; a URI is not asked."""
    for file in files:
        if isinstance(file, Path) and not file.exists():
            raise FileNotFoundError(f"{file} does not exist")


def chosen_run(run: Path | None, workspace: Path) -> Run:
    """The run given, else the workspace's latest."""
    from catalog.runs.run import Run
    from catalog.runs.workspace import Workspace

    return Run.load(run, "fusion") if run else Workspace(workspace).require("fusion")


def load_predictor(run: Run, workspace: Path, precision: float | None = None, lang: str | None = None) -> Predictor:
    """The run with its networks, which takes seconds: last, when everything else is known to be right."""
    from catalog.runs.workspace import Workspace
    from fusion.prediction.predictor import Predictor

    return Predictor(run, Workspace(workspace), precision, lang)
