"""`mosaic evaluate`: the image experts side by side, by image count and level."""

from pathlib import Path

from catalog.files.progress import Progress
from catalog.metrics.evaluated_model import EvaluatedModel, leaderboard
from catalog.metrics.product_scores import score_probabilities
from catalog.reports.evaluation import Evaluation, cat1_table
from catalog.reports.page import Section
from catalog.runs.saved_probabilities import held_out
from catalog.runs.training_data import leaves_of
from catalog.runs.workspace import Workspace
from catalog.sources.address import Address
from catalog.split.labels import true_leaves
from catalog.tree.small_leaves import small_lines
from mosaic.inference.predict import predict_with
from mosaic.runs import MosaicRuns, save_held_out
from mosaic.views import FAMILIES


def evaluate(
    workspace: Workspace, file: Address | None, labels: Path | None, output: Path | None,
    progress: Progress | None = None, lang: str | None = None,
) -> tuple[str, Path]:  # fmt: skip
    """Evaluate on a labelled file, else on the plan's held-out products; returns a text table and the page's path."""
    runs = MosaicRuns.latest(workspace)
    tree = next(iter(runs.views.values())).taxonomy(lang)
    if file is None:
        try:
            held_out(workspace)
        except FileNotFoundError:
            # the rooms that read it miss it: a workspace of the version before has no such file
            save_held_out(workspace)
        catalog = workspace.training_catalog()
        predicted = runs.held_out()
    else:
        catalog = workspace.open(file)
        predicted, _ = predict_with(runs.experts(), catalog, progress)
    leaf = true_leaves(catalog, tree, labels)
    models = []
    for probabilities in predicted:
        name, truth = probabilities.expert, leaves_of(catalog, leaf, probabilities.product_ids)
        scores = score_probabilities(probabilities, truth, tree)
        models.append(EvaluatedModel(name, FAMILIES[name], scores, len(scores) / max(1, (truth >= 0).sum())))
    what = "held-out products" if file is None else "all products"
    facts = {"catalogue": catalog.name, "networks": ", ".join(run.folder.name for run in runs.views.values())}
    sections = [Section("cat1", f"By {tree.level_names[1]}", parts=[cat1_table(models, tree)])]
    what = f"{what} of {catalog.name}"
    evaluation = Evaluation("Image branch", what, models, tree, sections=sections, facts=facts)
    text = "\n".join([leaderboard(models, tree.level_names), *small_lines(tree.small)])
    return text, evaluation.write(output or workspace.folder / "reports", "mosaic")
