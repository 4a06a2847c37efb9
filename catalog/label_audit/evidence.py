"""What is known about the labels of a catalogue: an expert's scores on products that it did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.metrics import Scores, score_probabilities
from catalog.photo_branch import held_out, saved
from catalog.places import places_of
from catalog.plan import Plan
from catalog.probabilities import Probabilities, Silence
from catalog.run import CROSS_FIT, HELD_OUT, Run
from catalog.taxonomy import UNKNOWN, Taxonomy
from catalog.workspace import Workspace

AUDITED, UNLABELLED, UNSEEN, RELABELLED = "audited", "no label of this tree", "no probabilities", "another label since"
"""What becomes of a product, beside the reasons of a silent expert."""
SILENCES = [AUDITED if code is Silence.SPEAKS else code.name.lower().replace("_", " ") for code in Silence]


@dataclass(frozen=True)
class Evidence:
    """An expert's scores on the products whose labels can be audited.

    Attributes:
        expert: who says it, for people.
        scores: of n products; `truth` holds their labels.
        positions: `(n,)` int64 place of each in the catalogue.
        named: `(n,)` bool: the expert can name the label's leaf (else its probability is 0 whatever the photo shows).
        counts: how many products of the catalogue are audited, and why the others are not.
        warnings: what a person should know before believing it.
    """

    expert: str
    scores: Scores
    positions: NDArray[np.int64]
    named: NDArray[np.bool_]
    counts: dict[str, int]
    warnings: list[str] = field(default_factory=list)

    @property
    def label(self) -> NDArray[np.int64]:
        """`(n,)` leaf that the catalogue gives each product."""
        return self.scores.truth


def gather(
    catalog: Catalog, tree: Taxonomy, workspace: Workspace, run: Path | None = None, file: Path | None = None
) -> Evidence:
    """Evidence about a catalogue from a file of probabilities, from a run, or the best that the workspace has.

    The workspace's best is its fused result, cross-fitted, where that covers all held-out products; else the image
    branch's held-out probabilities. Of a catalogue that was not split there, what `mosaic predict` saved.

    Raises:
        FileNotFoundError: nothing there; the message names the command that makes it.
        ValueError: made with another tree or for other products, no labels, or not one label that can be audited.
    """
    leaf = tree.leaf_index(catalog.category_ids)
    if (leaf == UNKNOWN).all():
        raise ValueError(f"{catalog}: no product has a category of this tree, there is no label to audit (--tree)")
    plan = _plan_of(workspace)
    if file is not None:
        found = _of_file(file, catalog, leaf, tree, plan)
    elif run is not None:
        found = _of_run(Run.load(run), catalog, leaf, tree)
    elif plan is not None and plan.data != catalog.fingerprint:
        probabilities = saved(workspace, catalog)
        found = of_probabilities(probabilities, "the image branch, as `mosaic predict` saved it", catalog, leaf, tree)
        found.warnings.extend(_learnt_from(workspace, catalog))
    else:
        found = _of_workspace(workspace, catalog, leaf, tree)
    if not len(found.scores):
        reasons = ", ".join(f"{reason}: {n}" for reason, n in found.counts.items())
        raise ValueError(f"{catalog}: not one label can be audited with {found.expert} ({reasons})")
    if plan is not None and plan.mode == "heldout" and found.counts.get(UNSEEN) and plan.data == catalog.fingerprint:
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


def _learnt_from(workspace: Workspace, catalog: Catalog) -> list[str]:
    """A warning where products of a catalogue are those that the workspace's networks have learnt from."""
    try:
        learnt = workspace.training_catalog().product_ids
    except (ValueError, OSError) as error:
        return [f"nothing tells whether the networks have learnt from these labels ({error})"]
    n = int(np.isin(catalog.product_ids, learnt).sum())
    if not n:
        return []
    return [
        f"{n} of these products have the _id of one that the networks have learnt from, and a wrong label that was "
        "learnt looks right: of a corrected catalogue audit what `catalog split` and training make of it, or give --run"
    ]


def _of_workspace(workspace: Workspace, catalog: Catalog, leaf: NDArray[np.int64], tree: Taxonomy) -> Evidence:
    photos = held_out(workspace)
    run = workspace.latest("fusion")
    if run is not None and run.plan == photos.plan:
        fused = _of_run(run, catalog, leaf, tree)
        # heads are fitted on so many products at most: of a large catalogue the photos tell far more labels
        if len(fused.scores) >= int((photos.speaks & (leaf_of(catalog, leaf, photos.product_ids)[1] >= 0)).sum()):
            return fused
    return of_probabilities(photos, f"the image branch of {workspace.folder}, held out", catalog, leaf, tree)


def _of_run(run: Run, catalog: Catalog, leaf: NDArray[np.int64], tree: Taxonomy) -> Evidence:
    run.check_tree(tree, f"the one that {catalog} is audited on (--tree)")
    if run.kind == "fusion":
        return of_scores(run.cross_fitted(), f"the fused result of {run.folder}, cross-fitted", catalog, leaf)
    return of_probabilities(run.held_out(), f"{run.kind} of {run.folder}, held out", catalog, leaf, tree)


def _of_file(file: Path, catalog: Catalog, leaf: NDArray[np.int64], tree: Taxonomy, plan: Plan | None) -> Evidence:
    if file.name == CROSS_FIT:
        raise ValueError(f"{file} holds scores of a fusion run, no probabilities: give the folder, --run {file.parent}")
    probabilities = Probabilities.load(file)
    found = of_probabilities(probabilities, f"{probabilities.expert} of {file}", catalog, leaf, tree)
    if file.name == HELD_OUT and (file.parent / "run.json").is_file():
        return found
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


def of_probabilities(
    probabilities: Probabilities, expert: str, catalog: Catalog, leaf: NDArray[np.int64], tree: Taxonomy
) -> Evidence:
    """Score saved probabilities against the labels `leaf`, `(N,)` in catalogue order, some rows at a time.

    Raises:
        ValueError: probabilities of another tree, of none of these products, or with a product twice.
    """
    if probabilities.taxonomy != tree.fingerprint:
        raise ValueError(f"{expert}: these probabilities were made with another category tree than the one given")
    place, label = leaf_of(catalog, leaf, probabilities.product_ids)
    _check_ids(probabilities.product_ids, place, expert, catalog)
    rows = np.flatnonzero(probabilities.speaks & (label != UNKNOWN))
    scores = score_probabilities(probabilities, label, tree)
    counts = _counts(catalog, leaf, place, probabilities.silence, SILENCES)
    return Evidence(expert, scores, place[rows], np.isin(scores.truth, probabilities.support), counts)


def of_scores(scores: Scores, expert: str, catalog: Catalog, leaf: NDArray[np.int64]) -> Evidence:
    """Evidence from scores against labels that were read when they were made; a label that has changed is left out.

    Raises:
        ValueError: scores of none of these products, or with a product twice.
    """
    place, label = leaf_of(catalog, leaf, scores.product_ids)
    _check_ids(scores.product_ids, place, expert, catalog)
    same = (label != UNKNOWN) & (label == scores.truth)
    counts = _counts(catalog, leaf, place, np.where(same, 0, 1), (AUDITED, RELABELLED))
    return Evidence(expert, scores.select(same), place[same], np.ones(int(same.sum()), bool), counts)


def leaf_of(
    catalog: Catalog, leaf: NDArray[np.int64], product_ids: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`(n,)` place in the catalogue and `(n,)` leaf of each product id, -1 where it has none."""
    place = places_of(catalog.product_ids, product_ids)
    return place, np.where(place == UNKNOWN, UNKNOWN, leaf[place])


def _check_ids(product_ids: NDArray[np.int64], place: NDArray[np.int64], expert: str, catalog: Catalog) -> None:
    if (place == UNKNOWN).all():
        raise ValueError(f"{expert}: none of its {len(place)} products stands in {catalog}, it is of other products")
    ids, counts = np.unique(product_ids, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"{expert}: product {ids[counts > 1][0]} stands in it twice")


def _counts(
    catalog: Catalog,
    leaf: NDArray[np.int64],
    place: NDArray[np.int64],
    state: NDArray[np.integer],
    states: Sequence[str],
) -> dict[str, int]:
    """What became of every product of the catalogue, audited ones first; `state` is each row's, a place in `states`."""
    labelled = place != UNKNOWN
    labelled[labelled] = leaf[place[labelled]] != UNKNOWN
    counts = dict(zip(states, np.bincount(state[labelled], minlength=len(states)).tolist(), strict=True))
    counts[UNLABELLED] = int((leaf == UNKNOWN).sum())
    counts[UNSEEN] = len(catalog) - counts[UNLABELLED] - int(labelled.sum())
    return {what: n for what, n in counts.items() if n or what == AUDITED}
