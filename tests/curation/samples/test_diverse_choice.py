"""D^2 sampling: its distribution against one pick at a time, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.catalog import Catalog
from curation.samples import diverse_choice as module
from curation.samples.diverse_choice import DiverseChoice
from curation.samples.vectors import Vectors
from tests.support.embeddings import write_embeddings
from tests.support.products import make_product

ALL = np.arange


def vectors_of(rows: np.ndarray) -> Vectors:
    return Vectors(rows.astype(np.float32), np.arange(len(rows)))


def slow_picks(rows: np.ndarray, n: int, rng: np.random.Generator) -> list[int]:
    """Seeding of k-means++ one pick at a time, all distances anew."""
    picks = [int(rng.integers(len(rows)))]
    while len(picks) < n:
        d2 = ((rows[:, None] - rows[picks]) ** 2).sum(axis=2).min(axis=1)
        picks.append(int(rng.choice(len(rows), p=d2 / d2.sum())))
    return picks


@pytest.mark.slow
def test_batches_pick_as_often_as_one_at_a_time_does():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(8, 3)), rng.normal(size=(4, 3)) * 4 + 5])
    n_runs, n_picks = 3000, 5
    slow, fast = np.zeros(12), np.zeros(12)
    for seed in range(n_runs):
        slow[slow_picks(rows, n_picks, np.random.default_rng(seed))] += 1
        pick = DiverseChoice(vectors_of(rows), np.arange(12), np.random.default_rng(seed + 10**6))
        fast[pick(ALL(0), ALL(12), n_picks)[:n_picks]] += 1
    assert fast.sum() == slow.sum() == n_runs * n_picks
    # the standard error of the difference of two shares is at most 0.013
    assert np.abs(fast - slow).max() / n_runs < 0.05


def test_spread_finds_rare_looks_that_chance_misses():
    rng = np.random.default_rng(1)
    sizes = [2000, 300, *[4] * 38]
    centres = rng.normal(size=(40, 16)) * 10
    cluster = np.repeat(np.arange(40), sizes)
    rows = centres[cluster] + rng.normal(size=(len(cluster), 16)) * 0.1
    everyone = np.arange(len(rows))
    spread, uniform = [], []
    for seed in range(5):
        picks = DiverseChoice(vectors_of(rows), everyone, np.random.default_rng(seed))(ALL(0), everyone, 60)[:60]
        spread.append(len(set(cluster[picks])))
        uniform.append(len(set(cluster[rng.choice(len(rows), 60, replace=False)])))
    assert min(spread) == 40
    assert max(uniform) < 15


def test_groups_come_whole_seeds_push_away_and_copies_come_last():
    rows = np.array([[0.0, 0], [0, 0], [10, 0], [10, 0], [0, 10], [7, 7]])
    group = np.array([0, 1, 2, 2, 3, 4])
    for seed in range(20):
        order = DiverseChoice(vectors_of(rows), group, np.random.default_rng(seed))(ALL(1), ALL(1, 6), 5)
        # group 1 lies where the seed does
        assert order[-1] == 1
        assert sorted(order.tolist()) == [1, 2, 3, 4]


def test_products_without_a_vector_are_picked_last():
    rows = np.array([[0.0, 0], [1, 0], [0, 0], [0, 1]])
    pick = DiverseChoice(vectors_of(rows), np.arange(4), np.random.default_rng(0))
    assert pick.n_absent == 2
    assert set(pick(ALL(0), ALL(4), 4)[:2].tolist()) == {1, 3}


def test_blocks_change_nothing(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(300, 4))
    one = DiverseChoice(vectors_of(rows), np.arange(300), np.random.default_rng(5))(ALL(20), ALL(20, 300), 100)
    monkeypatch.setattr("curation.samples.vectors.BLOCK_BYTES", 7 * 16)
    assert vectors_of(rows).block == 7
    many = DiverseChoice(vectors_of(rows), np.arange(300), np.random.default_rng(5))(ALL(20), ALL(20, 300), 100)
    assert one.tolist() == many.tolist()
    assert module.BATCH < 300


def test_vectors_are_found_by_id_and_others_refused(write_bson, tmp_path):
    catalog = Catalog(write_bson(*[make_product(2**40 + i) for i in range(6)]))
    ids = catalog.product_ids[::-1].tolist()
    write_embeddings(tmp_path, np.arange(6)[:, None], ids)
    for given in (tmp_path, tmp_path / "vectors.npy"):
        found = Vectors.of(given, catalog, np.array([0, 5]))
        assert found[np.arange(2)].tolist() == [[5], [0]]
        assert found.take(np.array([1]))[np.arange(1)].tolist() == [[0]]
    write_embeddings(tmp_path, np.arange(12)[:, None], np.repeat(ids, 2), [0, 1] * 6)
    assert Vectors.of(tmp_path, catalog, np.array([0, 5]))[np.arange(2)].tolist() == [[10], [0]]
    write_embeddings(tmp_path, np.arange(6)[:, None], [one + 3 for one in ids])
    with pytest.raises(ValueError, match=r"vectors of other products: 3 of 6 have none .*mosaic embed"):
        Vectors.of(tmp_path, catalog, np.arange(6))
    (tmp_path / "embeddings.json").unlink()
    with pytest.raises(ValueError, match=r"an earlier version.*mosaic embed"):
        Vectors.of(tmp_path, catalog, np.arange(6))
    with pytest.raises(FileNotFoundError, match="mosaic embed"):
        Vectors.of(tmp_path / "none", catalog, np.arange(6))
    with pytest.raises(ValueError, match="not finite"):
        vectors_of(np.array([[1.0], [np.nan]])).present()
