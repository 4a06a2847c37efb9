"""Probabilities of every image expert for a whole catalogue."""

from pathlib import Path

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.files.progress import Progress
from catalog.probabilities import Probabilities, concatenate
from catalog.problem_places import name_files
from catalog.product import ProblemLog
from catalog.recent_rows import RecentRows
from catalog.runs.saved_probabilities import image_networks, keep_networks, predictions_folder
from catalog.runs.workspace import Workspace
from mosaic.inference.expert import MosaicExpert
from mosaic.runs import MosaicRuns

CHUNK = 256
"""Products decoded together: at 160 px and four photos each 79 MB."""


def predict_catalog(
    catalog: Catalog, workspace: Workspace, folder: Path | None = None, progress: Progress | None = None
) -> tuple[list[Path], ProblemLog]:
    """Save one file of probabilities per image expert; the photos are read and decoded once for all."""
    # first: were a network trained meanwhile, these would not be its answers
    networks = image_networks(workspace)
    experts = MosaicRuns.latest(workspace).experts()
    predicted, problems = predict_with(experts, catalog, progress)
    folder = folder or predictions_folder(workspace, catalog)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for probabilities in predicted:
        paths.append(folder / f"{probabilities.expert}.safetensors")
        probabilities.save(paths[-1])
    keep_networks(folder, networks)
    return paths, problems


def predict_with(
    experts: list[MosaicExpert], catalog: Catalog, progress: Progress | None = None
) -> tuple[list[Probabilities], ProblemLog]:
    """Each expert's probabilities, a row per product of the catalogue in order, and what was wrong with it."""
    problems, recent = ProblemLog(), RecentRows()
    problems.merge(catalog.problems)
    parts: list[list[Probabilities]] = [[] for _ in experts]
    side = max(expert.photo_side for expert in experts)
    for _, products in catalog.batches(CHUNK, progress):
        chunk = Chunk.of(products, side, recent=recent, decoder=experts[0].photo_decoder)
        problems.extend(chunk.problems)
        for parts_of_expert, expert in zip(parts, experts, strict=True):
            parts_of_expert.append(expert.predict(chunk).probabilities)
    name_files(catalog, problems)
    return [concatenate(parts_of_expert) for parts_of_expert in parts], problems
