"""What lies in a workspace and in the folders beside it: predictions, to be reviewed and looked through."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from catalog.recently_used import RecentlyUsed
from catalog.runs.workspace import Workspace
from fusion.prediction.folder import PredictionFolder
from fusion.prediction.predicted_products import PredictedProducts

OF_JOB = re.compile(r"jobs/([0-9a-f]{32})")
KEPT = 3
"""Folders of predictions whose small arrays stay in memory."""
DEFAULT = Path("runs")
BEGUN = frozenset({"fits", "jobs", "session.key", ".workspace.lock"})
"""What a server puts into a workspace that has no model yet."""
LOOK_AGAIN_S = 1.0
"""Every answer of a reviewer asks which predictions are the newest; a look through hundreds of folders takes longer."""


def workspace_folder(given: Path) -> Path:
    """The workspace that is meant: the folder itself, or `runs` in the folder of a demo.

    An empty folder becomes one when a catalogue is learnt from the page; so does the default one where it is missing.

    Raises:
        FileNotFoundError: neither is one; the message names the command that makes one.
    """
    for folder in (given, given / "runs"):
        if (folder / "workspace.json").is_file():
            return folder
    if given == DEFAULT and not given.exists():
        given.mkdir()
        return given
    if given.is_dir() and BEGUN.issuperset(path.name for path in given.iterdir()):
        return given
    raise FileNotFoundError(
        f"{given} is no workspace (workspace.json is missing): make one with `rayonnage fit CATALOG --workspace "
        f"{given}`, or give the folder that a training was given with --workspace, an empty one, or that of "
        "`rayonnage demo`"
    )


def job_of(name: str) -> str | None:
    """The job whose predictions a name means."""
    found = OF_JOB.fullmatch(name)
    return found[1] if found else None


@dataclass(frozen=True)
class FoundPredictions:
    """A folder of predictions; name: its path from the folder that the workspace lies in; modified: since 1970."""

    name: str
    path: Path
    modified: float


class KnownPredictions:
    """The workspace's predictions, and those in the folders beside it, where `--output` puts them.

    Those of jobs are listed for nobody: `jobs/ID` opens them, for whom the caller has found to be the job's owner.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._opened = RecentlyUsed[tuple[str, float], PredictedProducts](KEPT)
        self._found: tuple[float, list[FoundPredictions]] = -LOOK_AGAIN_S, []

    def found(self) -> list[FoundPredictions]:
        """All whole ones, the newest first, as they were within the last second."""
        when, found = self._found
        if time.monotonic() - when >= LOOK_AGAIN_S:
            found = self._look()
            self._found = time.monotonic(), found
        return found

    def _look(self) -> list[FoundPredictions]:
        room = self._workspace.folder
        beside = room.resolve().parent
        readable = (path for path in sorted(beside.glob("*")) if path.is_dir() and os.access(path, os.X_OK))
        paths = [*room.resolve().glob("predictions/*/*"), *readable]
        whole = [path for path in paths if _is_whole(path)]
        known = [
            FoundPredictions(os.path.relpath(path, beside), path, (path / "problems.json").stat().st_mtime)
            for path in whole
        ]
        return sorted(known, key=lambda one: (-one.modified, one.name))

    def _of_job(self, name: str) -> list[FoundPredictions]:
        path = self._workspace.folder / name / "predictions"
        return [FoundPredictions(name, path, (path / "problems.json").stat().st_mtime)] if _is_whole(path) else []

    def open(self, name: str | None = None) -> PredictedProducts:
        """Those of a name; None: the newest.

        Raises:
            FileNotFoundError: there are none; the message names the command that makes some.
            ValueError: another version wrote them.
        """
        found = self._of_job(name) if name and job_of(name) else self.found()
        found = [one for one in found if name in (None, one.name)]
        if not found:
            which = "no predictions" if name is None else f"no predictions {name}"
            raise FileNotFoundError(
                f"{which} lie in {self._workspace.folder} or beside it: run "
                f"`rayonnage predict TEST.bson{self._workspace.option}` first"
            )
        key = found[0].name, found[0].modified
        return self._opened.made(key, lambda: PredictedProducts.open(found[0].path, self._workspace))


def _is_whole(path: Path) -> bool:
    try:
        PredictionFolder(path).require_whole()
    except OSError:
        return False
    return True
