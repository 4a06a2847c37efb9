"""What came of a fit becomes the workspace's: runs, plan, tree and report, once all of it is whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from catalog.runs.run import Run
from catalog.runs.workspace import RECIPE, Workspace
from catalog.tree.taxonomy import Taxonomy
from rayonnage.fitting.progress.journal import FOLDER
from rayonnage.fitting.progress.showing import LOG

WRITTEN = (RECIPE, FOLDER, LOG, "fit.html", "fit.json")
"""What a fit leaves beside its runs."""


def adopt(served: Workspace, fitted: Workspace, name: str) -> Run:
    """Move the runs of a fit into the workspace that is served; returns the fusion run `name`, as it lies there.

    The workspace's own runs stay in it: what answers goes on, and can be taken back. Called again it goes on where it
    was interrupted, or makes an earlier fit's model the workspace's again.

    Raises:
        ValueError: the workspace has another tree; FileNotFoundError: what came of the fit is gone.
    """
    plan, tree, latest = fitted.plan(), fitted.taxonomy(), fitted.latest_folders()
    _require_same_tree(served, tree)
    for folder in latest.values():
        if folder.is_dir():
            os.rename(folder, served.folder / folder.name)
    for written in WRITTEN:
        _replace(fitted.folder / written, served.folder / written)
    served.save_plan(plan, tree)
    for key in served.latest_folders().keys() - latest.keys():
        # under the same plan these would count on, beside networks that they were never joined with
        served.forget(key)
    for key, folder in latest.items():
        kind, _, slot = key.partition(":")
        served.register(Run.load(served.folder / folder.name, kind), slot)
    return Run.load(served.folder / name, "fusion")


def _require_same_tree(served: Workspace, tree: Taxonomy) -> None:
    if not (served.folder / "tree.csv").is_file():
        return
    # where leaves are few they may count elsewhere: the categories are the same
    if served.taxonomy().whole().fingerprint != tree.whole().fingerprint:
        raise ValueError(
            "its model was trained with another category tree than this workspace's, whose predictions and reviews "
            "would lose their categories: serve it from a workspace of its own"
        )


def _replace(source: Path, target: Path) -> None:
    if not source.exists():
        return
    if target.is_dir():
        shutil.rmtree(target)
    os.replace(source, target)
