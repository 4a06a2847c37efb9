"""Seconds of every stage that a recipe amounts to, on this machine, with this catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import MachineSpeed
from rayonnage.fitting.planning.decision_costs import decision_seconds
from rayonnage.fitting.planning.parts import HeldOutParts
from rayonnage.fitting.planning.photo_costs import network_seconds, slowness
from rayonnage.fitting.planning.reading_costs import reading_seconds
from rayonnage.fitting.recipe import Network, Recipe
from rayonnage.fitting.stages import FUSION, OCR, SPLIT
from text.encoders import with_installed_encoders

SPLIT_S = 0.1
"""A plan of few products; index and MD5s are there by then."""
PRODUCT_S = 5e-6
"""Of a product in it."""
OPENING_S = 0.3
"""A stage opens the catalogue; what it imports is there since the machine was measured."""


def stage_seconds(
    recipe: Recipe, survey: CatalogSurvey, speed: MachineSpeed, expected: tuple[str, ...] = ()
) -> Mapping[str, float]:
    """By the stage's key; `expected`: the shelves that a sample is expected to choose, where it is left to one."""
    fit, photos = recipe.fit, recipe.photo_config
    parts = HeldOutParts.of_fit(fit)
    opened = opening_seconds(speed)
    seconds = {SPLIT: split_seconds(survey, speed)}
    for network in fit.networks:
        seconds[f"mosaic-{network}"] = opened + network_seconds(network, photos, parts, survey, speed)
    if fit.read:
        config = recipe.reading_config
        encoders = tuple(with_installed_encoders(config.text).encoders)
        seconds[OCR] = opened + reading_seconds(config, encoders, parts, survey, speed, expected)
    experts = n_experts(fit.networks, is_read=fit.read)
    seconds[FUSION] = opened + decision_seconds(recipe.decision_config, photos, experts, parts, survey, speed)
    return seconds


def split_seconds(survey: CatalogSurvey, speed: MachineSpeed) -> float:
    """What `catalog split` takes."""
    return slowness(speed) * (SPLIT_S + PRODUCT_S * survey.n_products)


def opening_seconds(speed: MachineSpeed) -> float:
    """What a stage takes before it begins."""
    return slowness(speed) * OPENING_S


def n_experts(networks: tuple[Network, ...], *, is_read: bool) -> int:
    """Experts that photo networks and reading make up."""
    # specialists speak as one, beside the network for any count
    return 1 + any(network.isdigit() for network in networks) + ("photos" in networks) + is_read
