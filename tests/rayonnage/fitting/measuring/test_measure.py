"""What is measured, on which photos, and that the whole takes no longer than it may."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import mosaic.training.speed
from catalog.catalog import Catalog
from catalog.files.time_budget import TimeBudget
from catalog.runs.config import load_config
from mosaic.backbone_speed import BackboneSpeed
from ocr.config import OcrConfig
from ocr.reading_speed import ReadingSpeed, ReadLot
from rayonnage.fitting.looking.look import look
from rayonnage.fitting.measuring import measure as module
from rayonnage.fitting.measuring import ordinary_work
from rayonnage.fitting.measuring.measure import free_disk, measure
from rayonnage.fitting.measuring.measured_photos import MeasuredPhotos
from tests.support.products import LEAVES, make_product

LITE0, LITE2 = "tf_efficientnet_lite0", "tf_efficientnet_lite2"
ENGINE = load_config(OcrConfig, "ocr", overrides=["engine.name=tesseract"]).engine
OF_LITE0 = BackboneSpeed(160, 0.03, 0.01, 0.005, 1000)


@pytest.fixture
def shop(write_bson) -> Path:
    """40 products of LIBRAIRIE, 10 of MUSIQUE, 3 of CUISINE, one without a category."""
    leaves = [LEAVES[i % 3][0] for i in range(40)] + [LEAVES[3 + i % 2][0] for i in range(10)] + [31] * 3
    return write_bson(*[make_product(i, leaf) for i, leaf in enumerate(leaves)], make_product(99))


class Bench:
    """Stands in for what is timed: each network takes `seconds`, reading five."""

    def __init__(self, monkeypatch, seconds: float) -> None:
        self.now, self.seconds, self.networks, self.budgets, self.n_lots = 0.0, seconds, [], [], 0
        self.budget = TimeBudget(20, lambda: self.now)
        monkeypatch.setattr(mosaic.training.speed, "backbone_speed", self.network)
        monkeypatch.setattr(module, "reading_speed", self.reading)
        monkeypatch.setattr(module, "lot_size", lambda: 2)
        # other work comes and goes
        slow = iter([1.0, 5.0, 2.0, 4.0])
        monkeypatch.setattr(module, "slowness_now", lambda: next(slow))

    def network(self, config, catalog, squares, n_leaves, budget) -> BackboneSpeed:
        self.networks.append(config.backbone.name)
        self.budgets.append(budget.left)
        assert squares.shape == (48, config.source_size, config.source_size, 3)
        assert n_leaves == 6
        self.now += self.seconds
        return OF_LITE0

    def reading(self, n_lots, lot, config, budget) -> ReadingSpeed:
        self.n_lots = n_lots
        assert config == ENGINE
        assert [len(lot(number)) for number in range(n_lots)] == [3, 2, 2, 2, 2, 2]
        self.now += 5
        # the engine starts with the first one, which has some of all; LIBRAIRIE has more to read than MUSIQUE
        return ReadingSpeed((ReadLot(6.0, (9, 3, 0)), ReadLot(0.6, (4, 5)), ReadLot(0.2, (2, 1))))


def measured(bench: Bench, shop: Path, tree: Path, told: list | None = None):
    progress = None if told is None else lambda done, total: told.append((done, total))
    return measure(shop, look(shop, tree), [LITE0, LITE2], shop.parent / "no" / "runs", ENGINE, progress, bench.budget)


def test_everything_is_measured_where_there_is_time(monkeypatch, shop, tree_csv):
    bench, told = Bench(monkeypatch, 2), []
    speed = measured(bench, shop, tree_csv, told)
    assert bench.networks == [LITE0, LITE2]
    assert speed.backbones == {LITE0: OF_LITE0, LITE2: OF_LITE0}
    assert speed.read_s == pytest.approx(0.2)
    assert speed.read_s_of_shelf == pytest.approx({"LIBRAIRIE": 0.3, "MUSIQUE": 0.1})
    assert speed.slowness == 3.0
    # a single photo of CUISINE tells nothing of its words
    assert speed.words_of_shelf == {"LIBRAIRIE": 6.0, "MUSIQUE": 2.0}
    assert speed.words_per_photo == pytest.approx(8 / 3)
    assert bench.n_lots == 1 + 2 + 2 + 1
    assert speed.cores >= 1
    assert speed.free_bytes > 0
    assert told == sorted(told)
    assert all(done < total == 20 for done, total in told)


def test_a_second_network_is_reckoned_where_the_first_has_taken_the_time(monkeypatch, shop, tree_csv):
    bench = Bench(monkeypatch, 14)
    speed = measured(bench, shop, tree_csv)
    assert bench.networks == [LITE0]
    # no part may have more than its share
    assert bench.budgets[0] < 11
    ratio = speed.backbones[LITE2].train_s / OF_LITE0.train_s
    assert 1.2 < ratio < 2
    assert speed.backbones[LITE2].train_bytes == round(ratio * OF_LITE0.train_bytes)


def test_a_catalogue_is_measured_on_the_same_photos_each_time(shop, tree_csv):
    first, again = (MeasuredPhotos.of(Catalog(shop), tree_csv, 4) for _ in range(2))
    assert (first.shown == again.shown).all()
    read, read_again = (np.concatenate([lot.products for lot in photos.lots]) for photos in (first, again))
    assert (read == read_again).all()
    assert 53 not in first.shown.tolist() + read.tolist()
    assert len(np.unique(read)) == len(read)
    mixed, *own = first.lots
    assert mixed.shelves == ("LIBRAIRIE", "MUSIQUE", "CUISINE", "LIBRAIRIE")
    assert [set(lot.shelves) for lot in own] == [
        {"LIBRAIRIE"}, {"MUSIQUE"}, {"CUISINE"}, {"LIBRAIRIE"}, {"MUSIQUE"}
    ]  # fmt: skip
    assert [len(lot.products) for lot in own] == [4, 4, 2, 4, 4]
    assert first.words([]) == (0.0, {})
    # whatever the time, each shelf has been looked at
    assert first.words([ReadLot(5.0, (8, 2, 1, 4))]) == (3.0, {})
    assert first.seconds([ReadLot(5.0, (8, 2, 1, 4))]) == {}


def test_photos_are_decoded_as_training_is_shown_them(shop):
    squares, seconds = module._decoding(Catalog(shop), np.array([5, 3, 53, 4, 1]), 24, TimeBudget(60))
    assert squares.shape == (4, 24, 24, 3)
    assert squares.dtype == np.uint8
    assert seconds > 0


def test_where_no_engine_is_nothing_is_read(monkeypatch, shop, tree_csv):
    bench = Bench(monkeypatch, 1)
    monkeypatch.setattr(module, "reading_speed", lambda *_: None)
    speed = measured(bench, shop, tree_csv)
    assert (speed.read_s, speed.words_per_photo) == (0.0, 0.0)
    assert speed.words_of_shelf == speed.read_s_of_shelf == {}


def test_ordinary_work_that_takes_longer_makes_the_machine_slower(monkeypatch):
    times = iter([10.0, 10.0 + 3 * ordinary_work.USUAL_S])
    monkeypatch.setattr(ordinary_work.time, "perf_counter", lambda: next(times))
    assert ordinary_work.slowness_now() == pytest.approx(3)


def test_what_is_loaded_costs_nothing_to_load():
    assert "torch" in sys.modules
    assert module._importing() < 0.1


def test_the_disk_of_a_folder_that_is_not_there_yet(tmp_path, monkeypatch):
    asked = []
    usage = module.shutil.disk_usage
    monkeypatch.setattr(module.shutil, "disk_usage", lambda place: asked.append(place) or usage(place))
    assert free_disk(tmp_path / "not" / "yet") > 0
    assert asked == [tmp_path]
