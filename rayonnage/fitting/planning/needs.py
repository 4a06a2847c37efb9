"""Memory and disk that a recipe needs: what is refused before the work, and what is made smaller to fit."""

from __future__ import annotations

from dataclasses import dataclass

from mosaic.config import MosaicConfig
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import KNOWN, MachineSpeed
from rayonnage.fitting.planning.decision_costs import asks_neighbours, has_titles, vector_sets
from rayonnage.fitting.planning.parts import HeldOutParts, photos_of, products_of, with_photos
from rayonnage.fitting.planning.photo_costs import WIDTH, weight_bytes
from rayonnage.fitting.recipe import Recipe

MIB = 2**20
BASE = 700 * MIB
"""PyTorch, Lightning, a network with its optimiser, a catalogue that is opened (678 MiB to predict)."""
PRODUCT = 100
"""Bytes of a product that a room keeps in memory: its position, part, label, probabilities."""
READER = 400 * MIB
"""Of each process that reads."""
STEP = 32
"""Photos that learning rates are for: smaller batches are added up to so many."""
SMALLEST = 4
SAVED_LEAF = 6
"""Bytes of a probability that is kept: leaf and value."""
TRANSCRIPT = 1500
VECTOR = 2600
"""Of a labelled product's vector, see `FusionConfig.neighbour_products`."""
NUMBER = 4
FEATURE_COPIES = 3.0
"""Of all vectors, while heads are made of them: as they are, standardised, and those of a part."""
REPORTS = 5 * MIB
LEFT_FREE = 0.95
"""Of the disk: the rest belongs to others."""


@dataclass(frozen=True)
class BatchSize:
    """Photos in a batch, and batches that make up a step."""

    photos: int
    accumulate: int


def batch_for(config: MosaicConfig, speed: MachineSpeed, survey: CatalogSurvey, memory: int) -> BatchSize:
    """The largest batch that memory holds; as many photos in a step as learning rates are for.

    Raises:
        ValueError: memory holds not even the smallest.
    """
    photos = STEP
    # heads on frozen features are not learnt in batches
    while config.method != "linear" and photos > SMALLEST and learning_bytes(config, speed, survey, photos) > memory:
        photos //= 2
    if (least := learning_bytes(config, speed, survey, photos)) > memory:
        raise ValueError(
            f"learning from photos needs about {in_gb(least)} of memory here, {in_gb(memory)} may be used: end "
            "other programs, or give more with --memory"
        )
    return BatchSize(photos, STEP // photos)


def least_learning_bytes(config: MosaicConfig, speed: MachineSpeed, survey: CatalogSurvey) -> float:
    """Memory that learning from photos takes in the smallest batches."""
    return learning_bytes(config, speed, survey, SMALLEST)


def learning_bytes(config: MosaicConfig, speed: MachineSpeed, survey: CatalogSurvey, photos: int) -> float:
    """Memory that learning from photos takes, so many of them in a batch."""
    heads = feature_bytes(config, survey) if config.method != "fine-tune" else 0.0
    batch = photos * photo_bytes(config, speed) if config.method != "linear" else 0.0
    # while a network learns, the vectors of which heads were made are still held
    return BASE + PRODUCT * survey.n_products + max(heads, batch + heads / FEATURE_COPIES)


def feature_bytes(config: MosaicConfig, survey: CatalogSurvey) -> float:
    """Vectors of all products, while heads are made on frozen features."""
    ways = 2 if config.inference.flip else 1
    return FEATURE_COPIES * NUMBER * WIDTH * ways * (survey.n_photos if config.second_backbone else with_photos(survey))


def photo_bytes(config: MosaicConfig, speed: MachineSpeed) -> float:
    """Memory of one photo of a training batch, by the largest network."""
    sizes = []
    for name in filter(None, (config.backbone.name, config.second_backbone)):
        measured = speed.backbones.get(name) or max(speed.backbones.values(), key=lambda each: each.train_bytes)
        sizes.append(measured.train_bytes * (config.train_photo_size / measured.side) ** 2)
    return max(sizes)


def can_read(memory: int) -> bool:
    """Whether one process can read."""
    return memory >= least_to_read()


def least_to_read() -> int:
    """Bytes without which no process reads."""
    return BASE + READER


def readers_for(cores: int, memory: int) -> int:
    """Processes that read at the same time, one at least."""
    return max(1, min(cores, (memory - BASE) // READER))


def peak_memory(recipe: Recipe, speed: MachineSpeed, survey: CatalogSurvey) -> int:
    """Bytes that the hungriest stage takes."""
    config = recipe.photo_config
    learning = learning_bytes(config, speed, survey, config.photos_per_batch)
    threads = recipe.reading_config.engine.threads
    reading = recipe.fit.read * READER * (speed.cores if threads == "auto" else threads)
    return round(max(learning, BASE + PRODUCT * survey.n_products + reading))


def disk_bytes(recipe: Recipe, survey: CatalogSurvey) -> int:
    """Bytes that the workspace grows by, a photo cache apart, which leaves half of what is free to others."""
    config, parts = recipe.photo_config, HeldOutParts.of_fit(recipe.fit)
    total = float(REPORTS)
    kept = min(config.inference.max_leaves, len(survey.leaf_sizes))
    for network in recipe.fit.networks:
        backbone = config.second_backbone if network == "photos" else config.backbone.name
        weights = weight_bytes(backbone or KNOWN)
        # weights of each part and of the deployed network, its graph; a checkpoint with the optimiser's two moments
        total += weights * (parts.n + 2) + 4 * weights
        # in the run, and beside the checkpoint until the run is whole
        total += 2 * products_of(network, survey) * parts.held_out * kept * SAVED_LEAF
    if recipe.fit.read:
        total += photos_of("any", survey) * TRANSCRIPT
    if asks_neighbours(recipe.decision_config, survey):
        total += VECTOR * with_photos(survey) * (vector_sets(config, parts) + 1)
    if has_titles(survey):
        total += survey.n_distinct_titles * TRANSCRIPT
    return round(total)


def check_disk(recipe: Recipe, survey: CatalogSurvey, free: int) -> None:
    """Raise ValueError where the disk would be full before the work is done."""
    needed = disk_bytes(recipe, survey)
    if needed > LEFT_FREE * free:
        raise ValueError(
            f"the workspace will take about {in_gb(needed)}, {in_gb(free)} are free on its disk: make room there, or "
            "name a folder of another disk with --workspace"
        )


def in_gb(n_bytes: float) -> str:
    """`1.5 GB`, `320 MB`."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 0.95e9 else f"{max(1, round(n_bytes / 1e6))} MB"
