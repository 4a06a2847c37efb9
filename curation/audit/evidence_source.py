"""Which expert an audit believes: one that did not learn from the labels."""

from enum import StrEnum
from pathlib import Path

import numpy as np

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
from curation.audit.evidence import RELABELLED, RENEWED, UNSEEN, CatalogLabels, LabelEvidence
from curation.audit.pooling import ALONE, with_titles
from curation.audit.relation import CatalogRelation, find_relation
from curation.audit.title_opinion import MIN_TITLES, title_opinion, titles_repeat

CONFIRMED = (
    "several products have one title: where all of these have the same wrong label, they confirm each other, and "
    "titles see nothing of it (--by run shows what networks suspect by themselves, catalog duplicates which titles are "
    "shared)"
)


class By(StrEnum):
    """What an audit asks."""

    BOTH = "both"
    RUN = "run"
    TITLES = "titles"


def find_evidence(
    catalog: Catalog,
    tree: Taxonomy,
    workspace: Workspace,
    run: Path | None = None,
    file: Path | None = None,
    progress: Progress | None = None,
    by: By = By.BOTH,
) -> LabelEvidence:
    """Evidence about a catalogue from a file of probabilities, from a run, or the best that the workspace has.

    The catalogue's titles are asked as well, see `title_opinion` and `with_titles`: unless `by` says otherwise, and
    alone where nobody has named a run and the workspace has nothing yet.

    The workspace's best is its fused result, cross-fitted, where that covers all held-out products; else the image
    branch's held-out probabilities. A later state of the catalogue that was split, such as a corrected copy, is audited
    by the same, product by product, where its photos are the same. Of any other catalogue, what `mosaic predict` saved.

    Raises:
        FileNotFoundError: nothing there; the message names the command that makes it.
        ValueError: made with another tree or for other products, no labels, or not one label that can be audited.
    """
    labels = CatalogLabels.of(catalog, tree)
    titles = None if by is By.RUN else title_opinion(labels, progress)
    try:
        evidence = (
            _of_titles(labels, titles) if by is By.TITLES
            else _of_networks(labels, workspace, run, file, titles, progress)
        )  # fmt: skip
    except FileNotFoundError as error:
        if run is not None or file is not None or titles is None:
            raise
        evidence = _of_titles(labels, titles)
        evidence.warnings.append(f"by titles alone, no photo was asked: {error}")
    if titles is not None and titles_repeat(catalog):
        evidence.warnings.append(CONFIRMED)
    if not len(evidence.scores):
        reasons = ", ".join(f"{reason}: {n}" for reason, n in evidence.counts.items())
        raise ValueError(f"{catalog}: not one label can be audited with {evidence.expert} ({reasons})")
    return evidence


def _of_titles(labels: CatalogLabels, titles: Probabilities | None) -> LabelEvidence:
    """What titles say alone; raises ValueError where there are too few."""
    if titles is None:
        raise ValueError(
            f"{labels.catalog}: titles tell nothing of its labels: that takes {MIN_TITLES} labelled products with a "
            "title in categories of two or more, and two such categories"
        )
    return labels.by_probabilities(titles, ALONE)


def _of_networks(
    labels: CatalogLabels, workspace: Workspace, run: Path | None, file: Path | None, titles: Probabilities | None,
    progress: Progress | None,
) -> LabelEvidence:  # fmt: skip
    catalog = labels.catalog
    plan = _plan_of(workspace)
    relation = None if plan is None else find_relation(workspace, plan, catalog)
    if file is not None:
        file = probabilities_file(file)
        if file.name == HELD_OUT and (file.parent / "run.json").is_file():
            run, file = file.parent, None
    if file is not None:
        evidence = _of_file(file, labels, plan)
    elif run is not None:
        evidence = _of_run(Run.load(run), labels)
    elif relation is None or relation.same or relation.later:
        evidence = _of_workspace(workspace, labels)
    else:
        evidence = _predicted(workspace, relation, labels)
    # a run may be of another catalogue than the one that the workspace has split
    of_plan = plan is not None and file is None and (run is None or Run.load(run).data == plan.data)
    if relation is not None and relation.later and of_plan:
        not_audited = "Not audited" if titles is None else "Audited by titles alone, if at all"
        evidence = _of_earlier_state(evidence, relation, catalog, workspace.training_catalog(), not_audited, progress)
    if titles is not None:
        evidence = with_titles(evidence, labels, titles)
    if relation is not None and relation.same:
        evidence.warnings.extend(_coverage_warning(plan, evidence))
    return evidence


def _plan_of(workspace: Workspace) -> Plan | None:
    try:
        return workspace.plan()
    except FileNotFoundError:
        return None


def _coverage_warning(plan: Plan | None, evidence: LabelEvidence) -> list[str]:
    if plan is None or plan.mode != "heldout" or not evidence.counts.get(UNSEEN):
        return []
    return [
        "only the held-out part is audited, the networks have learnt from the labels of the others: "
        "`catalog split --folds 5` with the options of the split before, and training again, covers all products"
    ]


def _of_earlier_state(
    evidence: LabelEvidence, relation: CatalogRelation, catalog: Catalog, split: Catalog, not_audited: str,
    progress: Progress | None,
) -> LabelEvidence:  # fmt: skip
    """Evidence that is older than the catalogue: of the products with the same photos, and with a warning.

    `not_audited`: what becomes of the others, for people.
    """
    position = positions_of(split.product_ids, catalog.product_ids[evidence.positions])
    same = catalog.photo_index(progress).sums[evidence.positions] == split.photo_index().sums[position]
    evidence = evidence.without((position != UNKNOWN) & ~same, RENEWED)
    sentences = [
        f"{catalog} is a later state of {relation.split}, which was split: {relation.known:,} of its {relation.n:,} "
        f"products stand there, {relation.relabelled:,} of them with another label. Their labels of now are held "
        "against what was said of them while they were held out."
    ]
    if unseen := evidence.counts.get(UNSEEN):
        sentences.append(f"{not_audited}, because they were not held out or are new: {unseen:,}.")
    if renewed := evidence.counts.get(RENEWED):
        sentences.append(f"{not_audited}, with {RENEWED}: {renewed:,}.")
    if left_out := evidence.counts.get(RELABELLED):
        sentences.append(
            f"{not_audited}, with {RELABELLED}: {left_out:,}. A fused result is kept as scores of the former labels; "
            "an image run (--run FOLDER) can audit them."
        )
    sentences.append("For all experts on all products run `catalog split` and the trainings on this file.")
    evidence.warnings.append(" ".join(sentences))
    return evidence


def _predicted(workspace: Workspace, relation: CatalogRelation, labels: CatalogLabels) -> LabelEvidence:
    """Of a catalogue of its own: what was predicted for it."""
    try:
        probabilities = saved(workspace, labels.catalog)
    except FileNotFoundError as error:
        # before anybody predicts for hours what cannot tell wrong labels
        raise FileNotFoundError(". But ".join([str(error), *relation.warnings()])) from None
    evidence = labels.by_probabilities(probabilities, "the image branch, as `mosaic predict` saved it")
    evidence.warnings.extend(relation.warnings())
    return evidence


def _of_workspace(workspace: Workspace, labels: CatalogLabels) -> LabelEvidence:
    photos = held_out(workspace)
    run = workspace.latest("fusion")
    if run is not None and run.scores_file is not None and run.plan == photos.plan:
        fused = _of_run(run, labels)
        # heads are fitted on so many products at most: of a large catalogue the photos tell far more labels
        n_by_photos = int((photos.speaks & (labels.of_products(photos.product_ids)[1] != UNKNOWN)).sum())
        if len(fused.scores) + fused.counts.get(RELABELLED, 0) >= n_by_photos:
            return fused
    evidence = labels.by_probabilities(photos, f"the image branch of {workspace.folder}, held out")
    if run is not None and run.scores_file is None:
        evidence.warnings.append(
            f"{run.folder} was made by an earlier version, whose scores cannot be asked: run `fusion train` again, "
            "and the fused result is"
        )
    return evidence


def _of_run(run: Run, labels: CatalogLabels) -> LabelEvidence:
    run.check_tree(labels.tree, f"the one that {labels.catalog} is audited on (--tree)")
    if run.scores_file is not None:
        scores = ProductScores.load(run.scores_file)
        return labels.by_scores(scores, f"the fused result of {run.folder}, cross-fitted")
    if not (run.folder / HELD_OUT).is_file():
        # a fusion run of the version before, whose details name no file of scores
        raise FileNotFoundError(f"{run.folder} keeps nothing to audit with: run `{run.kind} train` again")
    return labels.by_probabilities(run.held_out(), f"{run.kind} of {run.folder}, held out")


def _of_file(file: Path, labels: CatalogLabels, plan: Plan | None) -> LabelEvidence:
    probabilities = Probabilities.load(file)
    evidence = labels.by_probabilities(probabilities, f"{probabilities.expert} of {file}")
    if plan is not None and plan.plan_id == probabilities.plan and plan.is_of(labels.catalog):
        held_out_once = plan.held_out_positions(0) if plan.mode == "heldout" else np.zeros(0, np.int64)
        learnt = np.isin(evidence.positions, plan.positions) & ~np.isin(evidence.positions, held_out_once)
        if learnt.any():
            evidence.warnings.append(
                f"{file} is no run's {HELD_OUT}: its network has learnt from up to {int(learnt.sum())} of these "
                "labels, and a wrong label that was learnt looks right. Leave --probabilities out, or give --run"
            )
    else:
        evidence.warnings.append(
            f"nothing tells whether {file} was held out: what has learnt from a wrong label takes it for right"
        )
    return evidence
