"""The HTML pages that commands have written: which there are, where they lie, how old they are."""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from catalog.runs.workspace import Workspace

TRAINING = "training.html"
TITLES = {
    "fit.html": "what came of a fit",
    "fusion.html": "how good the predictions are",
    "mosaic.html": "how good the photos' networks are",
    "ocr.html": "how good reading is",
    TRAINING: "how a training went",
    "explore.html": "what the catalogue holds",
    "duplicates.html": "copies of photos",
    "audit.html": "labels that are likely wrong",
    "search.html": "how good searching by photos is",
}
"""What stands on a page, by the name of its file."""


@dataclass(frozen=True)
class WrittenPage:
    """One page; `modified` in seconds since 1970."""

    path: Path
    modified: float

    @property
    def key(self) -> str:
        """Names it in an address, in place of its path."""
        return hashlib.blake2b(os.fsencode(self.path.resolve()), digest_size=8).hexdigest()

    @property
    def kind(self) -> str:
        """Which of `TITLES` it is: `fusion`, `training`, `explore`."""
        return self.path.stem

    def __str__(self) -> str:
        date = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.modified))
        return f"{date}  {TITLES[self.path.name]:<33}  {self.path}"


def latest_pages(workspace: Workspace) -> list[WrittenPage]:
    """Pages in the workspace and in the folders beside it, where `--output` puts them; the newest first.

    Of trainings, those of the latest runs alone: a workspace keeps every run that was ever made.

    Raises:
        FileNotFoundError: there is none; the message names a command that writes one.
    """
    beside = workspace.folder.parent
    # beside a workspace in /tmp lie folders of others, where not even a name may be asked for
    readable = (path for path in beside.glob("*") if path.is_dir() and os.access(path, os.X_OK))
    folders = [workspace.folder / "reports", beside, *readable]
    paths = {folder / name for folder in folders for name in TITLES if name != TRAINING}
    paths.update(folder / TRAINING for folder in workspace.latest_folders().values())
    pages = [WrittenPage(path, path.stat().st_mtime) for path in paths if path.is_file()]
    if not pages:
        raise FileNotFoundError(
            f"no page lies in {workspace.folder} or in a folder beside it: run `{_writes_a_page(workspace)}` first "
            "(--workspace names another workspace)"
        )
    return sorted(pages, key=lambda page: (-page.modified, page.path))


def _writes_a_page(workspace: Workspace) -> str:
    kinds = {key.partition(":")[0] for key in workspace.latest_folders()}
    if "fusion" in kinds:
        return f"rayonnage evaluate LABELLED.bson{workspace.option}"
    if "mosaic" in kinds:
        return f"mosaic evaluate{workspace.option}"
    if (workspace.folder / "plan").is_dir():
        return f"mosaic train{workspace.option}"
    return "catalog explore TRAIN.bson --tree TREE.csv --output explored"
