"""How often a fit learns, and from how many products each time: what the parts of a plan make of a catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from catalog.split.plan import parts_to_make
from mosaic.config import TrainingConfig
from rayonnage.fitting.looking.survey import CatalogSurvey, ShelfSize
from rayonnage.fitting.recipe import FitSection, Network


@dataclass(frozen=True)
class HeldOutParts:
    """HeldOutParts of a plan.

    Attributes:
        n: parts that are held out, one after the other; of each a share `of` is held out.
        folds: every part is held out once, and the deployed network learns anew from everything.
    """

    n: int
    of: float
    folds: bool

    @classmethod
    def of_fit(cls, fit: FitSection) -> HeldOutParts:
        """As `catalog split` makes them."""
        n_parts = parts_to_make(fit.folds, fit.held_out)
        return cls(n_parts if fit.folds else 1, 1 / n_parts, fit.folds is not None)

    @property
    def held_out(self) -> float:
        """Share of the products that is held out in one part or another."""
        return self.n * self.of


def with_photos(survey: CatalogSurvey) -> int:
    """Products that can be learnt from."""
    return sum(survey.n_by_images[1:])


def products_of(network: Network, survey: CatalogSurvey) -> int:
    """Products that a photo network learns from, held-out ones included."""
    return survey.n_by_images[int(network)] if network.isdigit() else with_photos(survey)


def photos_of(network: Network, survey: CatalogSurvey) -> float:
    """Photos of those products."""
    return float(int(network) * survey.n_by_images[int(network)]) if network.isdigit() else float(_photos(survey))


def shown_per_epoch(network: Network, training: TrainingConfig, survey: CatalogSurvey, share: float) -> float:
    """Photos that an epoch shows where a share of the products is learnt from.

    A leaf's limit is counted in products, for single photos in photos, as the batches do.
    """
    total = with_photos(survey)
    if not total:
        return 0.0
    # examples of a product: its photos, or one where it has as many photos as the network is for
    each = survey.n_photos / total if network == "photos" else products_of(network, survey) / total
    kept = photos_of(network, survey) * share * kept_share(training, survey, share * each)
    if network in ("1", "photos") or not training.subsets:
        return kept
    # batches of products with several photos: a share of them shows half of the photos on average
    several = 1.0 if network.isdigit() else _several(survey)
    return kept * (1 - several * training.subsets / 2)


def kept_share(training: TrainingConfig, survey: CatalogSurvey, examples: float) -> float:
    """Share of the examples that the limits of leaves leave; `examples`: of a product of the catalogue."""
    everything = with_photos(survey) * examples
    if not everything:
        return 0.0
    limit = training.products_per_leaf
    kept = min(1.0, _up_to(limit, survey.leaf_sizes, examples) / everything) if limit else 1.0
    # of a shelf only its number of leaves is known: they are taken for equally large
    lost = sum(
        max(0.0, shelf.n_products * examples * kept - most * shelf.n_leaves)
        for shelf, most in _limited(training.shelf_limits, survey)
    )
    return max(kept - lost / everything, min(1.0, 1 / everything))


@lru_cache(1024)
def _up_to(limit: int, leaf_sizes: tuple[int, ...], share: float) -> float:
    return float(np.minimum(np.array(leaf_sizes) * share, limit).sum())


def _limited(limits: Mapping[str, int], survey: CatalogSurvey) -> list[tuple[ShelfSize, int]]:
    return [(shelf, limits[shelf.name]) for shelf in survey.shelves if shelf.name in limits]


def _photos(survey: CatalogSurvey) -> int:
    return sum(count * n for count, n in enumerate(survey.n_by_images))


def _several(survey: CatalogSurvey) -> float:
    """Share of the photos that are of products with several."""
    photos = _photos(survey)
    return 1 - survey.n_by_images[1] / photos if photos else 0.0
