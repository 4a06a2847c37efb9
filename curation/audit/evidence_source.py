"""Which expert an audit believes: one that did not learn from the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.files.progress import Progress
from catalog.metrics.product_scores import ProductScores
from catalog.probabilities import Probabilities
from catalog.runs.run import HELD_OUT, Run, probabilities_file
from catalog.runs.saved_probabilities import held_out, saved
from catalog.runs.workspace import Workspace
from catalog.split.plan import Plan
from catalog.tree.taxonomy import Taxonomy
from curation.audit.evidence import RELABELLED, RENEWED, UNSEEN, LabelEvidence, leaf_of, of_probabilities, of_scores
from curation.audit.relation import CatalogRelation, kinship


def find_evidence(
    catalog: Catalog,
    tree: Taxonomy,
    workspace: Workspace,
    run: Path | None = None,
    file: Path | None = None,
    progress: Progress | None = None,
) -> LabelEvidence:
    """Evidence about a catalogue from a file of probabilities, from a run, or the best that the workspace has.

    The workspace's best is its fused result, cross-fitted, where that covers all held-out products; else the image
    branch's held-out probabilities. A later state of the catalogue that was split, such as a corrected copy, is audited
    by the same, product by product, where its photos are the same. Of any other catalogue, what `mosaic predict` saved.

    Raises:
        FileNotFoundError: nothing there; the message names the command that makes it.
        ValueError: made with another tree or for other products, no labels, or not one label that can be audited.
    """
    leaf = tree.leaf_index(catalog.category_ids)
    if (leaf == UNKNOWN).all():
        raise ValueError(f"{catalog}: no product has a category of this tree, there is no label to audit (--tree)")
    plan = _plan_of(workspace)
    kin = None if plan is None else kinship(workspace, plan, catalog)
    if file is not None:
        file = probabilities_file(file)
        if file.name == HELD_OUT and (file.parent / "run.json").is_file():
            run, file = file.parent, None
    if file is not None:
        found = _of_file(file, catalog, leaf, tree, plan)
    elif run is not None:
        found = _of_run(Run.load(run), catalog, leaf, tree)
    elif kin is None or kin.same or kin.later:
        found = _of_workspace(workspace, catalog, leaf, tree)
    else:
        found = _predicted(workspace, kin, catalog, leaf, tree)
    # a run may be of another catalogue than the one that the workspace has split
    ours = run is None or (plan is not None and Run.load(run).data == plan.data)
    older = kin is not None and kin.later and file is None and ours
    if older:
        found = _without_new_photos(found, catalog, workspace.training_catalog(), progress)
    if not len(found.scores):
        reasons = ", ".join(f"{reason}: {n}" for reason, n in found.counts.items())
        raise ValueError(f"{catalog}: not one label can be audited with {found.expert} ({reasons})")
    if kin is not None and older:
        found.warnings.append(_of_later_state(kin, found, catalog))
    if plan is not None and kin is not None and plan.mode == "heldout" and kin.same and found.counts.get(UNSEEN):
        found.warnings.append(
            "only the held-out part is audited, the networks have learnt from the labels of the others: "
            "`catalog split --folds 5`, and training again, covers all products"
        )
    return found


def _plan_of(workspace: Workspace) -> Plan | None:
    try:
        return workspace.plan()
    except FileNotFoundError:
        return None


def _of_later_state(kin: CatalogRelation, found: LabelEvidence, catalog: Catalog) -> str:
    """What a person should know of an audit whose evidence is older than the catalogue."""
    sentences = [
        f"{catalog} is a later state of {kin.split}, which was split: {kin.known:,} of its {kin.n:,} products stand "
        f"there, {kin.relabelled:,} of them with another label. Their labels of now are held against what was said of "
        "them while they were held out."
    ]
    if unseen := found.counts.get(UNSEEN):
        sentences.append(f"Not audited, because they were not held out or are new: {unseen:,}.")
    if renewed := found.counts.get(RENEWED):
        sentences.append(f"Not audited, with {RENEWED}: {renewed:,}.")
    if left_out := found.counts.get(RELABELLED):
        sentences.append(
            f"Not audited, with {RELABELLED}: {left_out:,}. A fused result is kept as scores of the former labels; an "
            "image run (--run FOLDER) can audit them."
        )
    sentences.append("For all experts on all products run `catalog split` and the trainings on this file.")
    return " ".join(sentences)


def _without_new_photos(
    found: LabelEvidence, catalog: Catalog, split: Catalog, progress: Progress | None
) -> LabelEvidence:
    place = positions_of(split.product_ids, catalog.product_ids[found.positions])
    same = catalog.photo_index(progress).sums[found.positions] == split.photo_index().sums[place]
    return found.without((place != UNKNOWN) & ~same, RENEWED)


def _predicted(
    workspace: Workspace, kin: CatalogRelation, catalog: Catalog, leaf: NDArray[np.int64], tree: Taxonomy
) -> LabelEvidence:
    """Of a catalogue of its own: what was predicted for it."""
    try:
        probabilities = saved(workspace, catalog)
    except FileNotFoundError as error:
        # before anybody predicts for hours what cannot tell wrong labels
        raise FileNotFoundError(". But ".join([str(error), *kin.warnings()])) from None
    found = of_probabilities(probabilities, "the image branch, as `mosaic predict` saved it", catalog, leaf, tree)
    found.warnings.extend(kin.warnings())
    return found


def _of_workspace(workspace: Workspace, catalog: Catalog, leaf: NDArray[np.int64], tree: Taxonomy) -> LabelEvidence:
    photos = held_out(workspace)
    run = workspace.latest("fusion")
    if run is not None and run.scores_file is not None and run.plan == photos.plan:
        fused = _of_run(run, catalog, leaf, tree)
        # heads are fitted on so many products at most: of a large catalogue the photos tell far more labels
        n_told = int((photos.speaks & (leaf_of(catalog, leaf, photos.product_ids)[1] != UNKNOWN)).sum())
        if len(fused.scores) + fused.counts.get(RELABELLED, 0) >= n_told:
            return fused
    return of_probabilities(photos, f"the image branch of {workspace.folder}, held out", catalog, leaf, tree)


def _of_run(run: Run, catalog: Catalog, leaf: NDArray[np.int64], tree: Taxonomy) -> LabelEvidence:
    run.check_tree(tree, f"the one that {catalog} is audited on (--tree)")
    if run.scores_file is not None:
        scores = ProductScores.load(run.scores_file)
        return of_scores(scores, f"the fused result of {run.folder}, cross-fitted", catalog, leaf)
    return of_probabilities(run.held_out(), f"{run.kind} of {run.folder}, held out", catalog, leaf, tree)


def _of_file(file: Path, catalog: Catalog, leaf: NDArray[np.int64], tree: Taxonomy, plan: Plan | None) -> LabelEvidence:
    probabilities = Probabilities.load(file)
    found = of_probabilities(probabilities, f"{probabilities.expert} of {file}", catalog, leaf, tree)
    if plan is not None and plan.plan_id == probabilities.plan and plan.data == catalog.fingerprint:
        apart = plan.held_out_positions(0) if plan.mode == "heldout" else np.zeros(0, np.int64)
        learnt = np.isin(found.positions, plan.positions) & ~np.isin(found.positions, apart)
        if learnt.any():
            found.warnings.append(
                f"{file} is no run's {HELD_OUT}: its network has learnt from up to {int(learnt.sum())} of these "
                "labels, and a wrong label that was learnt looks right. Leave --probabilities out, or give --run"
            )
    else:
        found.warnings.append(
            f"nothing tells whether {file} was held out: what has learnt from a wrong label takes it for right"
        )
    return found
