"""`method: linear`: one look at every mosaic, heads for all parts, and nothing behind it is different."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catalog.cli_options import progress_bar
from catalog.runs.config import load_config
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from mosaic import linear_limits
from mosaic.config import MosaicConfig
from mosaic.inference.loading import load_part
from mosaic.networks.network import load_network
from mosaic.runs import MosaicDetails, MosaicRuns
from mosaic.training import frozen_features, linear_fits
from mosaic.training.cross_fitting import CrossFitting, predict_positions
from mosaic.training.head_history import read_head_history
from mosaic.training.resume import MARK
from mosaic.training.schedule import train_series
from mosaic.training.train import train
from mosaic.views import View
from tests.mosaic.training.test_train import assert_equal, make_room


def config(*overrides: str) -> MosaicConfig:
    return load_config(MosaicConfig, "mosaic", "debug", ["method=linear", "inference.flip=true", *overrides])


@pytest.fixture(scope="module")
def linear(once) -> Workspace:
    """Three folds of 180 products, one head for each and one for all."""

    def make(folder: Path) -> None:
        room = make_room(folder, mode="kfold", n_parts=3)
        (folder / "said.txt").write_text("\n".join(train_series(room, config(), progress_bar)))

    return Workspace(once("linear", make) / "runs")


def test_every_product_is_held_out_once_and_answered_as_in_prediction(linear):
    run = linear.latest("mosaic", "any")
    held_out = run.held_out()
    assert sorted(held_out.product_ids) == list(range(1000, 1180))
    assert run.details_as(MosaicDetails).method == "linear"
    assert run.metrics["all"]["levels"]["3"]["top1"] > 0.8
    data = TrainingData.of(linear)
    fits = CrossFitting(data, config(), View(), run, None, progress_bar, linear)
    for part in data.plan.held_out_parts:
        positions = data.plan.held_out_positions(part)
        expert = fits._expert(load_network(run, config(), part))
        expert.k[View()] = 3
        expected = predict_positions(expert, data.catalog, positions)
        got = held_out.aligned(expected.product_ids)
        rows, n = np.arange(len(got)), len(data.tree)
        np.testing.assert_allclose(got.dense(rows, n), expected.dense(rows, n), atol=1e-4)
        np.testing.assert_array_equal(got.n_images, expected.n_images)


def test_only_the_head_has_learnt_and_no_part_has_seen_what_it_is_asked(linear):
    run = linear.latest("mosaic", "any")
    networks = [load_network(run, config(), part) for part in (0, 1, 2, None)]
    assert len({network.backbone_digest() for network in networks}) == 1
    assert len({network.head.weight.detach().numpy().tobytes() for network in networks}) == 4
    assert load_part(run, config(), 0).width == networks[0].head.in_features
    tried = read_head_history(run.folder / "heads.csv")
    assert {(record.fit, record.products) for record in tried} == {
        ("part 0", 120), ("part 1", 120), ("part 2", 120), ("deployed", 180),
    }  # fmt: skip
    assert sum(record.chosen for record in tried) == 4
    # what was measured is deployed: nothing was searched for once more
    *parts, deployed = (record for record in tried if record.chosen)
    assert [record.fit for record in tried].count("deployed") == 1
    assert deployed.log_loss is None
    for name in ("c", "temperature"):
        expected = np.exp(np.mean([np.log(getattr(part, name)) for part in parts]))
        np.testing.assert_allclose(getattr(deployed, name), expected)


def test_the_page_and_the_line_say_what_was_fitted(linear):
    run = linear.latest("mosaic", "any")
    page = (run.folder / "training.html").read_text(encoding="utf-8")
    assert "What was fitted" in page
    assert "No epoch" not in page
    assert "In training" not in page
    # no specialists, and not a word about batches
    (line,) = (linear.folder.parent / "said.txt").read_text().splitlines()
    assert line.startswith("any count: ")
    assert {path.suffix for path in run.folder.iterdir()} <= {
        ".json",
        ".yaml",
        ".csv",
        ".safetensors",
        ".html",
        ".xml",
        ".bin",
    }
    assert not (linear.folder / "checkpoints" / run.folder.name).exists()
    assert MosaicRuns.latest(linear).experts()[0].name == "mosaic"


@pytest.mark.slow
def test_what_was_done_before_a_kill_is_not_done_again_and_ends_the_same(linear, tmp_path, monkeypatch):
    room = make_room(tmp_path, mode="kfold", n_parts=3)
    looked, fitted = [], []
    look, fit = frozen_features._looked_at, linear_fits.fit_head

    def dies(catalog, positions, *rest):
        if len(looked) == 2:
            raise KeyboardInterrupt
        looked.append(len(positions))
        return look(catalog, positions, *rest)

    def dies_later(shown, *rest):
        if len(fitted) == 2:
            raise KeyboardInterrupt
        fitted.append(len(shown.labels))
        return fit(shown, *rest)

    monkeypatch.setattr(frozen_features, "BLOCK", 50)
    monkeypatch.setattr(frozen_features, "_looked_at", dies)
    with pytest.raises(KeyboardInterrupt):
        train(room, config(), View(), None, progress_bar)
    looked.clear()
    monkeypatch.setattr(frozen_features, "_looked_at", lambda *a: looked.append(len(a[1])) or look(*a))
    monkeypatch.setattr(linear_fits, "fit_head", dies_later)
    with pytest.raises(KeyboardInterrupt):
        train(room, config(), View(), None, progress_bar, resume=True)
    assert looked == [50, 30]
    monkeypatch.setattr(linear_fits, "fit_head", lambda *a: fitted.append(len(a[0].labels)) or fit(*a))
    run = train(room, config(), View(), None, progress_bar, resume=True)
    assert looked == [50, 30]
    assert fitted == [120, 120, 120, 180]
    assert len(list(room.folder.glob("mosaic-any-*"))) == 1
    assert not (run.folder / MARK).exists()
    assert_equal(run.held_out(), linear.latest("mosaic", "any").held_out())
    assert len(read_head_history(run.folder / "heads.csv")) == len(
        read_head_history(linear.latest("mosaic", "any").folder / "heads.csv")
    )


def test_each_distinct_mosaic_is_seen_once(linear):
    seen = []

    class Counting:
        name = "counting"

        def __call__(self, mosaics):
            seen.append(len(mosaics))
            from mosaic.inference.outputs import Outputs

            return Outputs(np.zeros((len(mosaics), 4), np.float32), np.zeros((len(mosaics), 2), np.float32))

    data = TrainingData.of(linear)
    positions = np.sort(np.concatenate([np.arange(20)]))
    folder = linear.folder.parent / "looked"
    features = frozen_features.look_at(data.catalog, positions, View(), Counting(), config(), folder)
    assert sum(seen) == 2 * 20
    rows, owner = features.passes_of(np.array([7, 3]))
    np.testing.assert_array_equal(owner, [0, 1])
    np.testing.assert_array_equal(rows, [7, 3])
    again = frozen_features.look_at(data.catalog, positions, View(), Counting(), config(), folder)
    assert sum(seen) == 2 * 20
    np.testing.assert_array_equal(again.mosaics, features.mosaics)


def test_of_large_leaves_a_part_is_learnt_from_and_looked_at(tmp_path, monkeypatch):
    room, looked, look = make_room(tmp_path), [], frozen_features._looked_at
    monkeypatch.setattr(frozen_features, "_looked_at", lambda *a: looked.extend(a[1].tolist()) or look(*a))
    run = train(room, config("training.products_per_leaf=10"), View(), None, progress_bar)
    assert {record.products for record in read_head_history(run.folder / "heads.csv")} == {30}
    held_out = set(room.plan().held_out_positions(0).tolist())
    assert held_out <= set(looked)
    # the deployed head learns from ten of each leaf, of which some may have been held out
    assert len(set(looked) - held_out) == 30
    assert len(run.held_out()) == len(held_out)


def test_where_it_is_no_way_the_way_out_is_named(linear, monkeypatch):
    with pytest.raises(ValueError, match="leave --init-from out, or go on from that run with --set method=fine-tune"):
        train(linear, config(), View(), linear.latest("mosaic", "any").folder, progress_bar)
    (line,) = train_series(linear, config(), progress_bar, n_images="2")
    assert "the general network serves them" in line
    monkeypatch.setattr(linear_limits, "MAX_PRODUCTS", 100)
    with pytest.raises(ValueError, match=r"up to 100 products.*here are 180 in 3.*method=fine-tune"):
        train(linear, config(), View(), None, progress_bar)
