"""`python -m rayonnage.web.fits.work`: does one fit, in a process of its own that ends with the server."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.files.parent_process import ParentProcess
from catalog.runs.workspace import Workspace
from catalog.sources.address import Address, is_uri
from catalog.sources.folder.folder import TREE_NAMES
from catalog.sources.source import NO_CATEGORY
from catalog.tree.taxonomy import NAMES_FILE
from rayonnage.web.fits.record import RUNS, FitRecord
from rayonnage.web.jobs.contents import UNPACKED, lay_out
from rayonnage.web.jobs.record import INPUT
from rayonnage.web.jobs.work import (
    WorkOrder,
    WorkReport,
    better_told,
    reason,
    require_few_rows,
    too_many,
    without_paths,
)

TREE = "tree.csv"
MOST = 0.5
"""From this share of labels on that the workspace's tree knows, a catalogue that was sent is one of that tree."""
UNTREED = "labels are ids alone"
HOW_BY_COMMAND = " All that was said stands in"
IDS_ALONE = (
    "its categories are ids alone: send a table with a column category_path (Men > Tops), or put the tree of the ids "
    "into the zip, as category_names.csv with the columns category_id, category_level1, category_level2 and so on"
)
INTERRUPTED = 128 + 2
WITH_ANSWERS = "with-answers.bson"


@dataclass(frozen=True)
class LearntCatalogue:
    """What `rayonnage fit` is given: the catalogue, its tree, and names in other languages."""

    catalog: Address
    tree: Path | None = None
    names: Path | None = None


def main() -> None:
    """Do what the command line says; status 1 and a sentence where that cannot be done, 130 where it was stopped."""
    report = WorkReport(ParentProcess())
    order = WorkOrder.begun()
    folder = Path(order.folder)
    fit = FitRecord.load(folder)
    try:
        report.say(ready=True)
        report.say(run=_fit(order, folder, fit, report))
    except KeyboardInterrupt:
        report.say(stopped=True)
        sys.exit(INTERRUPTED)
    except (ValueError, OSError) as error:
        report.say(error=_sentence(error, order, fit))
        sys.exit(1)


def _fit(order: WorkOrder, folder: Path, fit: FitRecord, report: WorkReport) -> str:
    """Returns the name of the fusion run."""
    from rayonnage.fitting.fit import fit_catalog
    from rayonnage.fitting.request import FitRequest

    learnt = _sent(order, folder, fit, report) if fit.upload else _own(Workspace(order.workspace), folder, fit)
    room = Workspace(folder / RUNS)
    fit_catalog(
        FitRequest(
            learnt.catalog, learnt.tree, learnt.names, time_s=fit.time_s, quality=fit.quality, workspace=room.folder
        )
    )
    return room.require("fusion").folder.name


def _sent(order: WorkOrder, folder: Path, fit: FitRecord, report: WorkReport) -> LearntCatalogue:
    """What was sent: with the tree that was sent along, or the workspace's, where its labels are of that."""
    assert fit.upload is not None
    sent = lay_out(folder, fit.upload, order.limits, report.step("unpack"))
    if sent.unpacked is not None:
        report.say(unpacked=sent.unpacked)
    require_few_rows(sent.path, order.limits)
    served = Workspace(order.workspace)
    try:
        catalog = served.open(sent.path, report.step("read"))
    except ValueError as error:
        raise better_told(error, sent, fit.upload) from error
    if len(catalog) > order.limits.products:
        raise ValueError(too_many(len(catalog), order.limits))
    beside = sent.path if sent.path.is_dir() else sent.path.parent
    if trees := [beside / name for name in TREE_NAMES if (beside / name).is_file()]:
        return LearntCatalogue(sent.path, trees[0])
    if not (served.folder / TREE).is_file():
        return LearntCatalogue(sent.path)
    labelled = catalog.category_ids != NO_CATEGORY
    n_known = int((catalog.leaves(served.taxonomy())[labelled] >= 0).sum())
    is_of_tree = n_known > MOST * labelled.sum()
    return LearntCatalogue(sent.path, *_trees(served, folder)) if is_of_tree else LearntCatalogue(sent.path)


def _own(served: Workspace, folder: Path, fit: FitRecord) -> LearntCatalogue:
    """The workspace's catalogue, as it was split, or with what reviewers have answered."""
    address = served.plan().catalog
    catalog = _with_answers(served, folder) if fit.answers else address if is_uri(address) else Path(address)
    return LearntCatalogue(catalog, *_trees(served, folder))


def _trees(served: Workspace, folder: Path) -> Iterator[Path | None]:
    """The tree and its names, copied: those of the workspace may be other ones when a fit goes on."""
    for name in (TREE, NAMES_FILE):
        if (served.folder / name).is_file() and not (folder / name).is_file():
            shutil.copyfile(served.folder / name, folder / name)
        yield folder / name if (folder / name).is_file() else None


def _with_answers(served: Workspace, folder: Path) -> Path:
    """The training catalogue with the answers in it, and the reviewed products, as one file; written once."""
    from fusion.review.journal import Journal
    from fusion.review.relabel import export
    from rayonnage.web.places import KnownPredictions

    path = folder / WITH_ANSWERS
    if not path.is_file():
        known = KnownPredictions(served)
        predicted = [known.open(found.name).catalog for found in known.found()]
        opened = {catalog.fingerprint: catalog for catalog in predicted if catalog is not None}
        export(Journal(served), list(opened.values()), served.open(served.plan().catalog), path)
    return path


def _sentence(error: Exception, order: WorkOrder, fit: FitRecord) -> str:
    """For who began it: by the name that the catalogue has there, without a path of the server."""
    text = reason(error)
    text = IDS_ALONE if UNTREED in text else text.partition(HOW_BY_COMMAND)[0]
    folder, served = Path(order.folder), Path(order.workspace)
    inside = [folder / INPUT / UNPACKED, folder / INPUT, folder / RUNS, folder]
    if fit.upload is not None:
        inside.insert(0, folder / INPUT / fit.upload.file)
    return without_paths(text, [*inside, served, served.resolve().parent], fit.name)


if __name__ == "__main__":
    main()
