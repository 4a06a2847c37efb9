"""`method: auto`: both ways to learn, and the better one on products that neither has learnt from.

In folds both fit every part. Whose network answers on a part is chosen by the other parts, so that a part's figures
have no say in it; the deployed network is of the method that is better on all. With one held-out part that would be
chosen by what it is measured on: a part of the products to learn from is set aside instead, on which both are compared,
and the better one is fitted as if it alone had been asked for.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catalog.files.atomic import atomic_path
from catalog.metrics.product_scores import paired_rows, score_probabilities
from catalog.probabilities import Probabilities, concatenate
from catalog.reports.estimate import Estimate
from catalog.reports.page import Section, Table
from catalog.runs.config import checked, plain
from catalog.runs.training_data import TrainingData, catalog_positions
from catalog.split.plan import Plan
from mosaic.method_comparison import INNER_PARTS, METHODS, Method, MethodComparison, MethodScores
from mosaic.run_files import weights_name
from mosaic.training import distributed
from mosaic.training.cross_fitting import CrossFitting
from mosaic.training.fitted import Fitted, deployed_after, fitted_by, held_out_parts, kept_leaves
from mosaic.training.linear_fits import LinearFits
from mosaic.training.linear_head import dealt


def fitted_by_choice(fine: CrossFitting, linear: LinearFits) -> Fitted:
    """Compare both, and fit; `fine`, `linear`: of the same run, nothing fitted yet."""
    by = _by_folds if fine.data.plan.mode == "kfold" else _by_products_set_aside
    return by(fine, linear)


def _by_folds(fine: CrossFitting, linear: LinearFits) -> Fitted:
    fits: dict[Method, CrossFitting] = {
        "linear": replace(linear, candidate="linear"), "fine-tune": replace(fine, candidate="fine-tune"),
    }  # fmt: skip
    answers, measured = {}, {}
    for method in METHODS:
        answers[method], measured[method] = held_out_parts(fits[method])
    comparison = _compared(fits, answers, held_out=True)
    chosen = fits[comparison.deployed]
    deployed = deployed_after(chosen, measured[comparison.deployed])
    held_out: list[Probabilities] = []
    if distributed.is_main():
        held_out = [answers[method][part] for part, method in enumerate(comparison.parts)]
        for part, method in [*enumerate(comparison.parts), (None, comparison.deployed)]:
            _copy(fits[method], linear, weights_name(part))
        _copy(fits["linear"], linear, linear.heads_file.name)
        _copy(fits["fine-tune"], linear, "history.csv")
    distributed.barrier()
    page = replace(linear, history=fits["fine-tune"].history)
    return Fitted(
        held_out, deployed, kept_leaves(chosen, deployed), page, comparison.deployed, comparison,
        (comparison_section(comparison),),
    )  # fmt: skip


def _copy(candidate: CrossFitting, run: CrossFitting, name: str) -> None:
    """Take over a file of a candidate, which stays where it is until the run is closed."""
    with atomic_path(run.folder / name) as temporary:
        shutil.copyfile(candidate.folder / name, temporary)


def _by_products_set_aside(fine: CrossFitting, linear: LinearFits) -> Fitted:
    inner = set_aside(fine.data, fine.config.seed)
    seen = linear.features if distributed.is_main() else None
    fits: dict[Method, CrossFitting] = {
        "linear": replace(linear, data=inner, candidate="judged-linear", seen=seen),
        "fine-tune": replace(fine, data=inner, candidate="judged-fine-tune"),
    }
    answers = {method: held_out_parts(fits[method])[0] for method in METHODS}
    comparison = _compared(fits, answers, held_out=False)
    chosen = linear if comparison.deployed == "linear" else fine
    fitted = fitted_by(chosen, comparison.deployed)
    return replace(fitted, comparison=comparison, sections=(comparison_section(comparison),))


def set_aside(data: TrainingData, seed: int) -> TrainingData:
    """The products to learn from while the plan's one part is held out, of which one part is held out in its turn."""
    positions = data.plan.training_positions(0)
    groups = data.plan.linked(data.catalog, positions)
    parts = dealt(groups, data.leaf[positions], INNER_PARTS, np.random.default_rng(seed))
    plan: Plan = replace(
        data.plan, mode="heldout", n_parts=INNER_PARTS, positions=positions, parts=parts.astype(np.int16), groups=groups
    )
    return replace(data, plan=plan)


def _compared(
    fits: dict[Method, CrossFitting], answers: dict[Method, list[Probabilities]], *, held_out: bool
) -> MethodComparison:
    """Compared by the main process, the same on every process."""
    told = ""
    if distributed.is_main():
        seconds = {method: fits[method].seconds for method in METHODS}
        scores = _scores(fits["linear"].data, answers)
        # what is set aside decides for the plan's own part
        told = json.dumps(plain(scores.compared(len(answers["linear"]), seconds, held_out=held_out)))
    return checked(MethodComparison, json.loads(distributed.broadcast(told)), "comparison of methods")


def _scores(data: TrainingData, answers: dict[Method, list[Probabilities]]) -> MethodScores:
    said = {method: concatenate(parts) for method, parts in answers.items()}
    scores = {m: score_probabilities(p, data.truth(p.product_ids), data.tree) for m, p in said.items()}
    linear, fine = paired_rows(scores["linear"], scores["fine-tune"])
    positions = catalog_positions(data.catalog, linear.product_ids)
    order = np.searchsorted(data.plan.positions, positions)
    group: NDArray[np.int64] = data.plan.linked(data.catalog, positions)
    return MethodScores(
        {"linear": linear.correct[:, -1], "fine-tune": fine.correct[:, -1]},
        {"linear": linear.nll[:, -1], "fine-tune": fine.nll[:, -1]},
        data.plan.parts[order].astype(np.int64), group,
    )  # fmt: skip


def comparison_section(comparison: MethodComparison) -> Section:
    """Both methods side by side."""
    rows = [
        [name, Estimate(figures.accuracy), Estimate(figures.nll, digits=3, scale=1), f"{figures.seconds:.0f} s",
         sum(method == name for method in comparison.parts)]
        for name, figures in (("linear", comparison.linear), ("fine-tune", comparison.fine_tune))
    ]  # fmt: skip
    difference = Estimate(comparison.gain, comparison.low, comparison.high, signed=True)
    rows.append(["linear less fine-tune", difference, "", "", ""])
    columns = ["Method", "accuracy, %", "NLL", "time", "answers on parts"]
    how = (
        "Who answers on a held-out part was chosen by the other parts."
        if comparison.held_out
        else "The products were set aside of those to learn from: what is held out had no say."
    )
    sentence = f"{comparison}. {how}"
    return Section("methods", "Fine-tuned or linear", [sentence], [Table("", columns, rows)])
