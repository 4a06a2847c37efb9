"""`fusion evaluate`: every expert and every head side by side on a labelled file; one page and JSON."""

from __future__ import annotations

from pathlib import Path

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.metrics.evaluated_model import leaderboard
from catalog.reports.page import Report
from catalog.runs.workspace import Workspace
from catalog.sources.address import Address
from catalog.split.labels import true_leaves
from fusion.evaluation.examples import confused_rows, corrected_by, examples_of, surest_mistakes
from fusion.evaluation.measurement import Measurement, measure
from fusion.evaluation.page import page_of
from fusion.prediction.predictor import Predictor
from ocr.expert import NAME as TEXT


def evaluate(
    predictor: Predictor,
    workspace: Workspace,
    file: Address,
    labels: Path | None,
    output: Path | None,
    progress: Progress | None = None,
) -> tuple[str, Path]:
    """Predict a labelled file and report; returns a text table and the page's path."""
    catalog = workspace.open(file)
    truth = true_leaves(catalog, predictor.tree, labels)
    found = measure(predictor, catalog, truth, progress)
    report = page_of(found, predictor, catalog.name)
    if predictor.learnt_from(catalog):
        report.subtitle += ". This is the file that the run has learnt from: the figures are too good"
    report.facts["products"] = f"{len(catalog)} in the file, {len(found.fused)} labelled"
    _add_examples(report, found, predictor, catalog)
    return leaderboard(found.systems), report.write(output or workspace.folder / "reports", "fusion")


def _add_examples(report: Report, found: Measurement, predictor: Predictor, catalog: Catalog) -> None:
    groups = {"Surest mistakes": surest_mistakes(found.fused)}
    experts = {system.name: system.scores for system in found.experts}
    if TEXT in experts and len(experts) > 1:
        photos = next(scores for name, scores in experts.items() if name != TEXT)
        groups["Corrected by the text"] = corrected_by(found.fused, photos, experts[TEXT])
    rows = [confused_rows(found.fused, confusion) for confusion in report.confusions]
    shown = examples_of(predictor, catalog, found.fused, [*groups.values(), *rows])
    report.examples = dict(zip(groups, shown[: len(groups)], strict=True))
    report.confused = dict(zip(report.confusions, shown[len(groups) :], strict=True))
