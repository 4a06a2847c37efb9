"""Runs that were killed: found again by what they were to become, gone on with, and closed."""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from catalog.files.atomic import write_text
from catalog.files.claim import AlreadyClaimed, claimed, require_claim
from catalog.runs.run import Run, read_json
from catalog.runs.saved_probabilities import MATCH_SLOT, held_out_file
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.runs import MosaicDetails, save_held_out
from mosaic.training import distributed
from mosaic.views import View

log = logging.getLogger(__name__)
MARK = "unfinished.json"
_AS_BEFORE = {"decode": "cpu", "deterministic": False, "method": "fine-tune"}
"""Settings of before there was a choice: what an earlier version began can be gone on with."""


def identity_of(config: MosaicConfig, view: View, init_from: str | None, plan_id: str) -> str:
    """Hash of what a run is to become; `init_from`: digest of its starting run, see `Run.digest`."""
    settings = config.model_dump()
    for key, value in _AS_BEFORE.items():
        if settings[key] == value:
            del settings[key]
    # what is said of matching is nothing to the others, also to those that an earlier version began
    if view.slot != MATCH_SLOT:
        del settings["matching"]
    wanted = {"plan": plan_id, "view": view.slot, "init_from": init_from, "config": settings}
    return hashlib.blake2b(json.dumps(wanted, sort_keys=True).encode(), digest_size=8).hexdigest()


@contextmanager
def begun_or_resumed(
    workspace: Workspace,
    config: MosaicConfig,
    view: View,
    identity: str,
    data: TrainingData,
    *,
    resume: bool,
    earlier: str = "",
) -> Iterator[tuple[Run, bool]]:
    """The run to train, the same on every process, and whether it is finished already.

    With `resume`: the workspace's latest run when it is of the same identity (see `identity_of`); else an unfinished
    such run; else a new one. `earlier`: the identity that an earlier version gave the same run. As long as the block
    lasts no other process, of whichever host, goes on with the run.

    Raises:
        OSError: another process is training it.
    """
    name, finished = "", False
    with ExitStack() as held:
        if distributed.is_main():
            folder = None
            if resume:
                folder, finished = _claimed_resumable(workspace, view, {identity, earlier or identity}, held)
            if folder is None:
                folder = Run.create(
                    workspace.folder, "mosaic", f"mosaic-{view.slot}",
                    plan=data.plan.plan_id, data=data.plan.data, config=config.model_dump(), tree=data.tree,
                ).folder  # fmt: skip
                # before the mark, by which others would find it
                _claim(folder, held)
                write_text(folder / MARK, json.dumps({"identity": identity, "view": view.slot}) + "\n")
            name = folder.name
        # one process looks: the others could find the folder that it has just made
        name, _, state = distributed.broadcast(f"{name}/{finished}").partition("/")
        folder = workspace.folder / name
        if state == "True":
            yield Run.load(folder, "mosaic"), True
        else:
            yield Run.continued(folder, "mosaic", plan=data.plan.plan_id, data=data.plan.data), False


def _claimed_resumable(
    workspace: Workspace, view: View, identities: set[str], held: ExitStack
) -> tuple[Path | None, bool]:
    """Folder of the run of one of these identities, None where none was begun, and whether it is finished."""
    latest = workspace.latest("mosaic", view.slot)
    if latest is not None and latest.details_as(MosaicDetails).identity in identities:
        return _closed(workspace, latest, view).folder, True
    folder = _unfinished(workspace, view, identities)
    if folder is None:
        return None, False
    _claim(folder, held)
    if (folder / "run.json").is_file():
        # whole: a kill came while it was being closed, or another process has closed it since
        if (folder / MARK).is_file():
            finish(workspace, Run.load(folder, "mosaic"), view)
        return folder, True
    return folder, False


def _unfinished(workspace: Workspace, view: View, identities: set[str]) -> Path | None:
    others = []
    for folder in sorted(workspace.folder.glob(f"mosaic-{view.slot}-*"), reverse=True):
        try:
            mark = read_json(folder / MARK)
        except FileNotFoundError:
            continue
        if mark.get("identity") in identities:
            log.info("%s: going on with %s", view.title, folder.name)
            return folder
        # the pattern of `any` also takes `any-rank-first`
        if mark.get("view") == view.slot:
            others.append(folder.name)
    if others:
        log.warning(
            "%s: nothing to resume; %s was begun with another configuration or plan and is left alone",
            view.title, ", ".join(others),
        )  # fmt: skip
    return None


def _claim(folder: Path, held: ExitStack) -> None:
    try:
        held.enter_context(claimed(folder))
    except AlreadyClaimed as other:
        raise OSError(
            f"{folder} is being trained by {other}: wait until it has ended, or choose another --workspace"
        ) from None


def _closed(workspace: Workspace, run: Run, view: View) -> Run:
    """A run that is whole, finished where a kill came while it was being closed."""
    if (run.folder / MARK).is_file():
        with ExitStack() as held:
            _claim(run.folder, held)
            finish(workspace, run, view)
    return run


def finish(workspace: Workspace, run: Run, view: View) -> None:
    """Close a run: it becomes the workspace's latest, and what only a resumption needed goes, the mark last.

    Raises:
        OSError: this process has no claim to it, or has lost it.
    """
    require_claim(run.folder)
    run.save()
    workspace.register(run, view.slot)
    try:
        save_held_out(workspace)
    except (FileNotFoundError, ValueError) as error:
        # of another network: this one is trained, and what was merged before it would be out of date
        held_out_file(workspace).unlink(missing_ok=True)
        log.warning("held-out probabilities are not merged, `mosaic evaluate` does when this is mended: %s", error)
    shutil.rmtree(workspace.folder / "checkpoints" / run.folder.name, ignore_errors=True)
    (run.folder / MARK).unlink(missing_ok=True)
