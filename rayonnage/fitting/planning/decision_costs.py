"""Seconds that titles, neighbours and the head take: what `fusion train` does, counted."""

from __future__ import annotations

from fusion.config import FusionConfig
from mosaic.config import MosaicConfig
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import MachineSpeed
from rayonnage.fitting.planning.parts import HeldOutParts, with_photos
from rayonnage.fitting.planning.photo_costs import Pace, program_seconds, slowness

MAX_HELD_OUT = 100_000
"""Products that heads are fitted on at most, see `fusion.training.held_out`."""
MAX_TITLES = 200_000
"""Titles that a model learns from at most, see `text.title_model`."""
MIN_TITLES = 20
"""Titles that make an expert."""
# measured on two cores: `fusion train` on the demo, the shelf and the clothes shop
RUN_S = 2.0
"""The run: what is proved, its files, its page."""
HEADS_S = 1.5
"""All heads, fitted on parts of few products."""
SHELF_S, MOST_SHELVES = 0.35, 50
"""Of that, each node of the highest level, which has weights of its own: of 60 products on 2 it took 2.4 s, of 423 on 2
2.7, of 82 on 25 10.8, of 1,093 on 4 some 8. Of many more than these nothing is known."""
HEAD_S = 0.0005
"""Of one held-out product and one pair of experts, in the comparison of all heads and their last fits."""
LEAF_S = 1e-6
"""Of one leaf of a held-out product, beside that."""
TITLE_S = 0.0003
"""A title of a fit, by its words."""
MEANING_S = 0.001
"""A title's vector by the sentence encoder, once, and as much for each fit that weighs it."""
SEARCH_S = 0.001
"""A product's neighbours among the others, beside its vector."""


def decision_seconds(
    config: FusionConfig, photos: MosaicConfig, n_experts: int, parts: HeldOutParts, survey: CatalogSurvey,
    speed: MachineSpeed,
) -> float:  # fmt: skip
    """What the stage `fusion train` takes, its start not counted; `n_experts`: of photos and reading."""
    held_out = min(MAX_HELD_OUT, with_photos(survey) * parts.held_out)
    speak = n_experts + 1 + has_titles(survey)
    few = HEADS_S + SHELF_S * min(len(survey.shelves), MOST_SHELVES)
    heads = slowness(speed) * (few + held_out * (HEAD_S * speak**2 + LEAF_S * len(survey.leaf_sizes)))
    return (
        heads
        + slowness(speed) * (RUN_S + _titles(config, parts, survey))
        + _neighbours(config, photos, heads, parts, survey, speed)
    )


def has_titles(survey: CatalogSurvey) -> bool:
    """Whether titles are an expert."""
    return survey.n_titled >= MIN_TITLES


def asks_neighbours(config: FusionConfig, survey: CatalogSurvey) -> bool:
    """Whether labelled products that look alike are looked for."""
    return config.neighbours != "off" and with_photos(survey) <= config.neighbour_products


def vector_sets(photos: MosaicConfig, parts: HeldOutParts) -> int:
    """Networks that see something of their own: without each part, and the deployed one."""
    return 1 if photos.method == "linear" else parts.n + 1


def _titles(config: FusionConfig, parts: HeldOutParts, survey: CatalogSurvey) -> float:
    if not has_titles(survey):
        return 0.0
    learnt = min(MAX_TITLES, survey.n_titled)
    fits = parts.n * (1 - parts.of) + 1
    seconds = fits * learnt * TITLE_S
    if config.title_encoder is not None and survey.n_distinct_titles <= config.encoded_titles:
        seconds += (survey.n_distinct_titles + fits * learnt) * MEANING_S
    return seconds


def _neighbours(
    config: FusionConfig,
    photos: MosaicConfig,
    heads: float,
    parts: HeldOutParts,
    survey: CatalogSurvey,
    speed: MachineSpeed,
) -> float:
    """Vectors by the network without each part, and by the deployed one; a trial of the heads.

    Networks of one frozen backbone see the same.
    """
    if not asks_neighbours(config, survey):
        return 0.0
    pace = Pace.of(photos.backbone.name, photos, speed)
    look = program_seconds("any", pace, survey) + survey.n_photos * (pace.predict + pace.decode)
    return vector_sets(photos, parts) * look + (parts.n + 1) * with_photos(survey) * SEARCH_S * slowness(speed) + heads
