"""What an epoch is expected to show, against the batches that a training makes."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.training.batches import CountBatchSampler, Examples
from mosaic.views import View
from rayonnage.fitting.planning.parts import HeldOutParts, shown_per_epoch
from rayonnage.fitting.recipe import FitSection, Network
from tests.rayonnage.fitting.known_catalogues import survey

VIEWS: dict[Network, View] = {"any": View(), "2": View(2), "photos": View(0, "any")}
N_BY_IMAGES = (0, 400, 300, 200, 100)
LEAF_SIZES = [200] * 4 + [20] * 10
SHOP = survey(N_BY_IMAGES, [("Large", 800, 1600, 4), ("Small", 200, 400, 10)], LEAF_SIZES)


@pytest.mark.parametrize("network", VIEWS)
@pytest.mark.parametrize(
    "limits", [{}, {"products_per_leaf": 30}, {"shelf_limits": {"Large": 10}}, {"subsets": 0.0}], ids=str
)
def test_an_epoch_shows_as_many_photos_as_expected(network, limits):
    overrides = [f"training.{key}={value}" for key, value in limits.items()]
    training = load_config(MosaicConfig, "mosaic", overrides=overrides).training
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(len(LEAF_SIZES)), LEAF_SIZES))
    n_images = np.repeat(np.arange(5, dtype=np.int8), N_BY_IMAGES)
    view = VIEWS[network]
    seen = n_images == view.n_images if view.n_images else n_images > 0
    examples = Examples.of(view, np.flatnonzero(seen), labels[seen], n_images[seen])
    most = np.full(len(LEAF_SIZES), training.products_per_leaf or 10**9)
    most[:4] = np.minimum(most[:4], training.shelf_limits.get("Large", 10**9))
    sampler = CountBatchSampler(examples, 32, training, seed=0, limits=most)
    shown = [sum(len(batch.examples) * batch.n_shown for batch in sampler.epoch(epoch)) for epoch in range(20)]
    assert shown_per_epoch(network, training, SHOP, 1.0) == pytest.approx(np.mean(shown), rel=0.1)


def test_folds_hold_out_everything_and_a_share_only_itself():
    folds = HeldOutParts.of_fit(FitSection(catalog="", folds=5))
    assert (folds.n, folds.held_out, folds.folds) == (5, pytest.approx(1), True)
    share = HeldOutParts.of_fit(FitSection(catalog="", held_out=0.1))
    assert (share.n, share.held_out, share.folds) == (1, pytest.approx(0.1), False)
    assert HeldOutParts.of_fit(FitSection(catalog="")).held_out == pytest.approx(0.2)
