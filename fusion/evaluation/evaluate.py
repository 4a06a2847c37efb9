"""`fusion evaluate`: every expert and every head side by side on a labelled file; one page and JSON."""

from pathlib import Path

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.metrics.confusions import Confusion, find_confusions
from catalog.metrics.evaluated_model import leaderboard
from catalog.reports.evaluation import N_CONFUSIONS, Evaluation
from catalog.reports.page import Example
from catalog.runs.workspace import Workspace
from catalog.sources.address import Address
from catalog.split.labels import true_leaves
from catalog.tree.small_leaves import small_lines
from fusion.details import FusionDetails
from fusion.evaluation.examples import confused_rows, corrected_by, examples_of, surest_mistakes
from fusion.evaluation.measurement import Measurement, measure
from fusion.evaluation.page import CORRECTED, MISTAKES, page_of
from fusion.evaluation.research_tables import research_sections
from fusion.evaluation.summary import summary_of
from fusion.prediction.predictor import Predictor
from ocr.expert import NAME as TEXT

TRAINED_ON = "This is the file that the run has learnt from: the figures are too good."


def evaluate(
    predictor: Predictor, workspace: Workspace, file: Address, labels: Path | None, output: Path | None,
    progress: Progress | None = None,
) -> tuple[str, Path]:  # fmt: skip
    """Predict a labelled file and report; returns a text table and the page's path."""
    catalog = workspace.open(file)
    truth = true_leaves(catalog, predictor.tree, labels)
    measurement = measure(predictor, catalog, truth, progress)
    examples, confused = _examples(measurement, predictor, catalog)
    proof = predictor.proof
    sections = [*research_sections(measurement, predictor), *([] if proof is None else [proof.section])]
    subtitle = f"{catalog.name}: photos, {'titles, ' if measurement.has_titles else ''}text and their fusion"
    evaluation = Evaluation(
        "Product categories", subtitle, measurement.models, predictor.tree,
        summary_of(measurement, predictor), sections, examples, confused,
        facts={
            "run": predictor.run.folder.name,
            "head": f"{predictor.head_name}, {predictor.run.details_as(FusionDetails).why}",
            "target precision": f"{predictor.target_precision:g}",
            "code": predictor.run.revision,
            "problems": "; ".join(measurement.problems) or "none",
            "products": f"{len(catalog)} in the file, {len(measurement.fused)} labelled",
        },
    )  # fmt: skip
    warnings = [TRAINED_ON] if predictor.trained_on(catalog) else []
    warnings += small_lines(predictor.tree.small)
    page = page_of(measurement, evaluation, predictor.target_precision, warnings)
    advice = [] if proof is None or not proof.advice else [proof.text]
    text = "\n".join([leaderboard(measurement.models, predictor.tree.level_names), *warnings, *advice])
    return text, evaluation.write(output or workspace.folder / "reports", "fusion", page)


def _examples(
    measurement: Measurement, predictor: Predictor, catalog: Catalog
) -> tuple[dict[str, list[Example]], dict[Confusion, list[Example]]]:
    """Products by the title under which they are shown, and those of each confusion."""
    groups = {MISTAKES: surest_mistakes(measurement.fused)}
    experts = {model.name: model.scores for model in measurement.experts}
    if TEXT in experts and len(experts) > 1:
        photos = next(scores for name, scores in experts.items() if name != TEXT)
        groups[CORRECTED] = corrected_by(measurement.fused, photos, experts[TEXT])
    confusions = find_confusions(measurement.fused)[:N_CONFUSIONS]
    rows = [confused_rows(measurement.fused, confusion) for confusion in confusions]
    shown = examples_of(predictor, catalog, measurement.fused, [*groups.values(), *rows])
    examples = dict(zip(groups, shown[: len(groups)], strict=True))
    return examples, dict(zip(confusions, shown[len(groups) :], strict=True))
