"""Batches of one image count, every example once, draws that depend on seed, epoch and product alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from catalog.catalog import Catalog
from catalog.photos.decode import decode_photo
from catalog.runs.config import load_config
from catalog.tree.taxonomy import Taxonomy
from mosaic.config import MosaicConfig
from mosaic.training.batches import WHOLE, Batch, CountBatchSampler, Examples, leaf_limits
from mosaic.training.dataset import MosaicDataset
from mosaic.views import View
from tests.support.products import make_photo, make_product

CONFIG = load_config(MosaicConfig, "mosaic", "debug")
TRAINING = CONFIG.training.model_copy(update={"subsets": 0})


def examples(n: int = 100, view: View | None = None) -> Examples:
    rng = np.random.default_rng(0)
    labels = np.where(np.arange(n) < 60, 0, rng.integers(1, 5, n))
    return Examples.of(view or View(), np.arange(n), labels, rng.integers(1, 5, n).astype(np.int8))


def singles(n: int) -> Examples:
    return Examples.of(View(), np.arange(n), np.zeros(n, int), np.ones(n, np.int8))


def batches(seed: int = 0, examples_shown: Examples | None = None, **options: object) -> CountBatchSampler:
    placed = {name: options.pop(name) for name in ("device", "n_devices", "start", "limits") if name in options}
    training = TRAINING.model_copy(update={"epochs": 2, **options})
    return CountBatchSampler(examples_shown or examples(), 8, training, seed, **placed)


def limited(limit: int) -> CountBatchSampler:
    return batches(limits=np.full(5, limit))


def shown(batches: list[Batch]) -> list[tuple[object, ...]]:
    return [(b.examples.tolist(), b.n_shown, b.epoch, b.number, b.of) for b in batches]


def batch(rows: list[int], n_shown: int, epoch: int = 0) -> Batch:
    return Batch(np.array(rows), n_shown, epoch, 0, 1)


def test_every_example_once_and_one_image_count_per_batch():
    everything, seen = examples(), []
    for one_batch in batches().epoch(0):
        assert set(everything.n_images[one_batch.examples].tolist()) == {one_batch.n_shown}
        assert len(one_batch.examples) * one_batch.n_shown <= 8
        seen += one_batch.examples.tolist()
    assert sorted(seen) == list(range(100))


def test_the_draw_depends_on_seed_and_epoch_alone():
    one, two = batches(), batches()
    assert shown(one.epoch(0)) != shown(one.epoch(1))
    assert shown(list(two)) == shown(one.epoch(0)) + shown(one.epoch(1))
    assert shown(batches(seed=1).epoch(0)) != shown(one.epoch(0))


def test_a_later_start_gives_the_rest():
    everything = shown(list(batches()))
    for start in ((0, 0), (0, 5), (1, 0), (1, 7)):
        rest = shown(list(batches(start=start)))
        assert rest == everything[len(everything) - len(rest) :]
        assert rest[0][2:4] == start


@pytest.mark.parametrize("accumulate", [1, 3])
def test_devices_share_an_epoch_in_equal_whole_steps(accumulate):
    parts = [batches(device=d, n_devices=2, accumulate=accumulate).epoch(0) for d in range(2)]
    assert len(parts[0]) == len(parts[1]) == parts[0][0].of
    assert len(parts[0]) % accumulate == 0
    seen = [e for part in parts for one_batch in part for e in one_batch.examples.tolist()]
    assert sorted(set(seen)) == list(range(100))
    assert len(seen) - 100 <= 8 * 2 * accumulate


def test_a_large_leaf_gives_a_fresh_part_each_epoch():
    sampler, everything = limited(10), examples()
    drawn = [{e for one_batch in sampler.epoch(n) for e in one_batch.examples.tolist()} for n in range(2)]
    for part in drawn:
        assert (
            np.bincount(everything.labels[list(part)]).tolist()
            == np.minimum(np.bincount(everything.labels), 10).tolist()
        )
    assert drawn[0] != drawn[1]


def test_limits_come_from_leaves_and_from_their_shelves(tree_csv):
    tree = Taxonomy.from_csv(tree_csv)
    training = TRAINING.model_copy(
        update={"products_per_leaf": 9, "shelf_limits": {"LIBRAIRIE": 4, "LIBRAIRIE > TOURISME": 2, "MUSIQUE": 12}}
    )
    support = np.array([7, 1, 3, 4, 6])
    expected = {"LIBRAIRIE": 4, "MUSIQUE": 9, "CUISINE": 9}
    for leaf, limit in zip(support, leaf_limits(training, tree, support), strict=True):
        shelf = tree.paths[leaf]
        assert limit == (2 if shelf[1] == "TOURISME" else expected[shelf[0]])
    with pytest.raises(ValueError, match="'MUZIQUE', which is no Cat I or Cat II path"):
        leaf_limits(training.model_copy(update={"shelf_limits": {"MUZIQUE": 1}}), tree, np.arange(8))
    named = tree.with_level_names(["Floor", "Aisle", "Shelf"])
    with pytest.raises(ValueError, match="'MUZIQUE', which is no Floor or Aisle path"):
        leaf_limits(training.model_copy(update={"shelf_limits": {"MUZIQUE": 1}}), named, np.arange(8))


def test_square_root_sampling_draws_leaves_by_the_root_of_their_size():
    everything = Examples.of(View(), np.arange(1000), np.repeat([0, 1], [900, 100]), np.ones(1000, np.int8))
    sampler = batches(examples_shown=everything, sampling="square_root")
    labels = np.concatenate(
        [everything.labels[one_batch.examples] for n in range(10) for one_batch in sampler.epoch(n)]
    )
    assert len(labels) == 10_000
    assert abs((labels == 0).mean() - 30 / 40) < 0.02


@pytest.mark.parametrize("options", [{}, {"sampling": "square_root"}, {"limits": np.array([10, 3, 50, 2, 20])}])
def test_the_share_of_a_leaf_is_how_often_it_is_drawn(options):
    everything, sampler = examples(), batches(**options)
    drawn = np.concatenate([everything.labels[one_batch.examples] for n in range(60) for one_batch in sampler.epoch(n)])
    seen = np.bincount(drawn, minlength=6) / len(drawn)
    np.testing.assert_allclose(sampler.leaf_shares(6), seen, atol=0.02)


def test_subsets_show_fewer_photos_of_products_that_have_several():
    everything = examples()
    for one_batch in batches(subsets=1).epoch(0):
        count = int(everything.n_images[one_batch.examples[0]])
        assert 1 <= one_batch.n_shown <= max(1, count - 1)


def test_what_each_view_shows():
    n_images = np.array([1, 2, 4], np.int8)

    def pairs(view: View) -> list[tuple[int, int, int]]:
        products = Examples.of(view, np.array([10, 20, 30]), np.zeros(3, int), n_images)
        return list(zip(products.positions.tolist(), products.photos.tolist(), products.n_shown.tolist(), strict=True))

    assert pairs(View()) == [(10, WHOLE, 1), (20, WHOLE, 2), (30, WHOLE, 4)]
    assert pairs(View(2)) == [(10, WHOLE, 1), (20, WHOLE, 2), (30, WHOLE, 2)]
    assert pairs(View(0, "first")) == [(10, 0, 1), (20, 0, 1), (30, 0, 1)]
    assert pairs(View(0, "rest")) == [(20, 1, 1), (30, 1, 1), (30, 2, 1), (30, 3, 1)]
    assert pairs(View(0, "any")) == [(10, 0, 1), (20, 0, 1), (20, 1, 1), *[(30, k, 1) for k in range(4)]]
    assert pairs(View(4, "3")) == [(30, 2, 1)]


@pytest.fixture
def trio(write_bson) -> tuple[Catalog, list[np.ndarray]]:
    """Two products of three photos, and the photos of the first, decoded."""
    documents = [make_product(1, 11, 3), make_product(2, 11, 3)]
    photos = [decode_photo(image["picture"]).pixels for image in documents[0]["imgs"]]
    return Catalog(write_bson(*documents)), photos


def threes(view: View | None = None) -> Examples:
    return Examples.of(view or View(), np.arange(2), np.array([0, 1]), np.array([3, 3], np.int8))


def test_a_batch_holds_photos_in_the_sellers_order(trio):
    catalog, photos = trio
    shown_batch = MosaicDataset(catalog, threes(), CONFIG, 48)[batch([1, 0], 3)]
    assert shown_batch.photos.shape == (2, 3, 48, 48, 3)
    assert shown_batch.photos.dtype == torch.uint8
    assert shown_batch.labels.tolist() == [1, 0]
    assert (shown_batch.photos[1].numpy() == np.stack(photos)).all()
    assert shown_batch.numbers.shape[:2] == (2, 3)


def test_a_part_of_the_photos_keeps_the_order_and_changes_with_the_epoch(trio):
    catalog, photos = trio
    dataset, seen = MosaicDataset(catalog, threes(), CONFIG, 48), set()
    for epoch in range(20):
        part = dataset[batch([0], 2, epoch)].photos[0].numpy()
        ranks = [next(k for k, photo in enumerate(photos) if (photo == picture).all()) for picture in part]
        assert ranks == sorted(set(ranks))
        assert (dataset[batch([0], 2, epoch)].photos[0].numpy() == part).all()
        seen.add(tuple(ranks))
    assert seen == {(0, 1), (0, 2), (1, 2)}


def test_a_network_of_one_rank_is_shown_that_photo(trio):
    catalog, photos = trio
    dataset = MosaicDataset(catalog, threes(View(0, "rest")), CONFIG, 48)
    shown_batch = dataset[batch([1, 0], 1)]
    assert (shown_batch.photos[:, 0].numpy() == np.stack([photos[2], photos[1]])).all()


def test_random_numbers_belong_to_product_photo_and_epoch(trio):
    dataset = MosaicDataset(trio[0], threes(), CONFIG, 48)
    both, alone = dataset[batch([0, 1], 3)].numbers, dataset[batch([1], 3)].numbers
    assert (both[1] == alone[0]).all()
    assert len({tuple(row.tolist()) for row in both.flatten(0, 1)}) == 6
    assert (dataset[batch([1], 3, epoch=1)].numbers != alone).any()


def test_reassembly_takes_the_same_rank_from_the_same_leaf_and_count(write_bson):
    documents = [make_product(i, 11 if i < 4 else 12, 2 if i < 6 else 3) for i in range(8)]
    catalog = Catalog(write_bson(*documents))
    labels, counts = np.array([0] * 4 + [1] * 4), np.array([2] * 6 + [3] * 2, np.int8)
    products = Examples.of(View(), np.arange(8), labels, counts)
    dataset = MosaicDataset(catalog, products, CONFIG, 48, reassembly=1)
    by_rank = [[decode_photo(documents[i]["imgs"][rank]["picture"]).pixels for i in range(4)] for rank in range(2)]
    seen = set()
    for epoch in range(15):
        first, second = dataset[batch([0], 2, epoch)].photos[0].numpy()
        lenders = [
            next(i for i, photo in enumerate(by_rank[rank]) if (photo == picture).all())
            for rank, picture in enumerate((first, second))
        ]
        seen.add(tuple(lenders))
    assert len(seen) > 5
    assert any(a != b for a, b in seen)


def test_an_unreadable_photo_becomes_white(write_bson):
    catalog = Catalog(write_bson({"_id": 1, "imgs": [{"picture": b"none"}, {"picture": make_photo(1)}]}))
    products = Examples.of(View(), np.arange(1), np.zeros(1, int), np.array([2], np.int8))
    white, noise = MosaicDataset(catalog, products, CONFIG, 32)[batch([0], 2)].photos[0]
    assert (white == 255).all()
    assert (noise < 200).any()


@pytest.mark.parametrize("n_images", [1, 4])
def test_a_batch_holds_a_steady_number_of_photos(n_images):
    products = Examples.of(View(), np.arange(50), np.zeros(50, int), np.full(50, n_images, np.int8))
    assert max(len(b.examples) * n_images for b in batches(examples_shown=products).epoch(0)) == 8


@pytest.mark.parametrize("n", range(1, 40))
def test_no_batch_of_a_single_photo_where_there_is_a_choice(n):
    """Batch normalisation refuses a single value per channel, which one photo of 32 pixels comes down to."""
    sizes = [len(b.examples) for b in batches(examples_shown=singles(n)).epoch(0)]
    assert sum(sizes) == n
    assert max(sizes) <= 8
    assert len(sizes) == -(-n // 8)
    assert min(sizes) > 1 or n == 1
