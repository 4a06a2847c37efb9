"""Batches of one image count, every example once, fresh draws that depend on the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from catalog.catalog import Catalog
from catalog.config import load_config
from mosaic.config import MosaicConfig
from mosaic.dataset import Batch, CountBatches, Examples, StripDataset
from tests.conftest import make_photo, make_product

CONFIG = load_config(MosaicConfig, "mosaic", "debug")


def examples(n: int = 100) -> Examples:
    rng = np.random.default_rng(0)
    return Examples(np.arange(n), np.where(np.arange(n) < 60, 0, rng.integers(1, 5, n)), rng.integers(1, 5, n))


def batches(seed: int = 0, **training: object) -> CountBatches:
    return CountBatches(examples(), 8, CONFIG.training.model_copy(update={"subsets": 0, **training}), seed)


def test_every_example_once_and_one_image_count_per_batch():
    own = examples()
    seen = []
    for batch in batches():
        counts = set(own.n_images[batch.examples].tolist())
        assert counts == {batch.n_shown}
        assert len(batch.examples) * batch.n_shown <= 8
        seen += batch.examples
    assert sorted(seen) == list(range(100))


def test_the_draw_depends_on_seed_and_epoch_alone():
    one, two = batches(), batches()
    first, second = list(one), list(one)
    assert first != second
    assert [list(two), list(two)] == [first, second]
    assert list(batches(seed=1)) != first
    assert len(one) == len(first)


def test_a_large_leaf_gives_a_fresh_part_each_epoch():
    sampler, own = batches(products_per_leaf=10), examples()
    drawn = [{e for batch in sampler for e in batch.examples} for _ in range(2)]
    for part in drawn:
        assert np.bincount(own.labels[list(part)]).tolist() == np.minimum(np.bincount(own.labels), 10).tolist()
    assert drawn[0] != drawn[1]


def test_subsets_show_fewer_photos_of_products_that_have_several():
    own = examples()
    for batch in batches(subsets=1):
        count = int(own.n_images[batch.examples[0]])
        assert 1 <= batch.n_shown <= max(1, count - 1)


def test_strips_have_the_shape_of_the_batch_and_keep_the_order_of_photos(write_bson):
    plain = CONFIG.augmentation.model_copy(update={"flip": False, "min_crop": 1.0, "colour": 0.0})
    config = CONFIG.model_copy(update={"augmentation": plain})
    catalog = Catalog(write_bson(make_product(1, 11, 3), make_product(2, 11, 3)))
    dataset = StripDataset(catalog, Examples(np.arange(2), np.array([0, 1]), np.array([3, 3])), config)
    strips, labels = dataset[Batch([1, 0], 3)]
    assert strips.shape == (2, 32, 96, 3)
    assert strips.dtype == torch.uint8
    assert labels.tolist() == [1, 0]
    whole = strips[0].numpy()
    thirds = [whole[:, i : i + 32] for i in (0, 32, 64)]
    torch.manual_seed(0)
    for _ in range(10):
        part = dataset[Batch([1], 2)][0][0].numpy()
        assert part.shape == (32, 64, 3)
        shown = [next(k for k, t in enumerate(thirds) if (t == half).all()) for half in (part[:, :32], part[:, 32:])]
        assert shown == sorted(set(shown))


def test_an_unreadable_photo_becomes_white(write_bson):
    catalog = Catalog(write_bson({"_id": 1, "imgs": [{"picture": b"none"}, {"picture": make_photo(1)}]}))
    dataset = StripDataset(catalog, Examples(np.arange(1), np.zeros(1, int), np.array([2])), CONFIG)
    strip = dataset[Batch([0], 2)][0][0]
    assert (strip[:, :32] > 200).all()
    assert (strip[:, 32:] < 200).any()


@pytest.mark.parametrize("n_images", [1, 4])
def test_a_batch_holds_a_steady_number_of_photos(n_images):
    own = Examples(np.arange(50), np.zeros(50, int), np.full(50, n_images))
    sampler = CountBatches(own, 8, CONFIG.training.model_copy(update={"subsets": 0}), 0)
    assert max(len(b.examples) * n_images for b in sampler) == 8


@pytest.mark.parametrize("n", range(1, 40))
def test_no_batch_of_a_single_photo_where_there_is_a_choice(n):
    """Batch normalisation refuses a single value per channel, which one photo of 32 pixels comes down to."""
    own = Examples(np.arange(n), np.zeros(n, int), np.ones(n, int))
    sizes = [len(b.examples) for b in CountBatches(own, 8, CONFIG.training, 0)]
    assert sum(sizes) == n
    assert max(sizes) <= 8
    assert len(sizes) == -(-n // 8)
    assert min(sizes) > 1 or n == 1
