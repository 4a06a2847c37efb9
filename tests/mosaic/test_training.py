"""`mosaic train`: learns, holds out what the plan holds out, refuses what has seen it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from catalog.catalog import Catalog
from catalog.command import progress_bar
from catalog.config import load_config
from catalog.photo_branch import held_out, latest_runs
from catalog.plan import make_plan
from catalog.taxonomy import Taxonomy
from catalog.training_data import TrainingData
from catalog.workspace import Workspace
from mosaic import training as training_module
from mosaic.config import MosaicConfig
from mosaic.dataset import CountBatches, Examples, StripDataset
from mosaic.fit import fit
from mosaic.network import MosaicNetwork
from mosaic.series import train_series
from mosaic.training import TooFewProducts, train

pytestmark = pytest.mark.slow
COLOURS = {11: 0, 21: 1, 31: 2}


def coloured(category: int, seed: int) -> bytes:
    """A noisy photo whose strongest channel tells the category."""
    pixels = np.random.default_rng(seed).normal(90, 30, (32, 32, 3))
    pixels[..., COLOURS[category]] += 80
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def room(tmp_path, tree_csv, write_bson) -> Workspace:
    """180 products of three colours; 120 with one photo, 54 with two, 6 with three."""
    return make_room(tmp_path / "runs", tree_csv, write_bson)


def make_room(folder, tree_csv, write_bson, **plan_options) -> Workspace:
    documents = []
    for i in range(180):
        category, n = list(COLOURS)[i % 3], 1 + (i >= 120) + (i >= 174)
        imgs = [{"picture": coloured(category, 10 * i + k)} for k in range(n)]
        documents.append({"_id": 1000 + i, "category_id": category, "imgs": imgs})
    tree = Taxonomy.from_csv(tree_csv)
    plan, _ = make_plan(Catalog(write_bson(*documents)), tree, **plan_options)
    workspace = Workspace(folder)
    workspace.save_plan(plan, tree)
    return workspace


def config(*overrides: str) -> MosaicConfig:
    return load_config(MosaicConfig, "mosaic", "debug", ["training.lr=0.01", "training.epochs=6", *overrides])


def test_the_series_learns_and_holds_out_exactly_the_plans_products(room):
    lines = list(train_series(room, config("min_products=20"), None, None, progress_bar))
    runs = latest_runs(room)
    assert sorted(runs) == [0, 1, 2]
    assert any("the general network serves this count" in line for line in lines)
    plan, catalog = room.plan(), room.training_catalog()
    expected = catalog.product_ids[plan.held_out_positions(0)]
    assert sorted(runs[0].held_out().product_ids) == sorted(expected)
    twos = expected[catalog.n_images[plan.held_out_positions(0)] == 2]
    assert sorted(runs[2].held_out().product_ids) == sorted(twos)
    merged = held_out(room)
    assert sorted(merged.product_ids) == sorted(expected)
    assert runs[0].metrics["all"]["levels"]["3"]["top1"] > 0.8
    assert runs[2].details["init_from"] == runs[0].folder.name
    # the deployed network went on from the measured one, over all products
    names = ("weights.safetensors", "weights-part0.safetensors")
    assert len({(runs[0].folder / name).read_bytes() for name in names}) == 2
    assert {p.suffix for p in runs[0].folder.iterdir()} <= {".json", ".yaml", ".csv", ".safetensors"}


def test_training_twice_gives_the_same_network(room):
    first = train(room, config("training.epochs=1"), 0, None, progress_bar)
    second = train(room, config("training.epochs=1"), 0, None, progress_bar)
    np.testing.assert_array_equal(first.held_out().values, second.held_out().values)


def test_every_product_is_held_out_once_in_folds(tmp_path, tree_csv, write_bson):
    room = make_room(tmp_path / "folds", tree_csv, write_bson, mode="kfold", n_parts=3)
    run = train(room, config("training.epochs=1"), 0, None, progress_bar)
    assert sorted(run.held_out().product_ids) == list(range(1000, 1180))
    assert {p.name for p in run.folder.glob("*.safetensors")} == {
        "heldout.safetensors", "weights.safetensors", *[f"weights-part{i}.safetensors" for i in range(3)],
    }  # fmt: skip
    special = train(room, config("specialist.epochs=1"), 2, run.folder, progress_bar)
    assert len(special.held_out().product_ids) == 54


def test_a_start_from_another_plan_is_refused(tmp_path, tree_csv, write_bson, room):
    run = train(room, config("training.epochs=1"), 0, None, progress_bar)
    other = make_room(tmp_path / "other", tree_csv, write_bson, seed=5)
    with pytest.raises(ValueError, match="may have learnt from products that are held out here"):
        train(other, config(), 2, run.folder, progress_bar)


def test_a_changed_catalogue_is_refused(room, write_bson):
    write_bson({"_id": 1, "category_id": 11, "imgs": [{"picture": coloured(11, 0)}]})
    with pytest.raises(ValueError, match="has changed since it was split"):
        train(room, config(), 0, None, progress_bar)


def test_a_count_without_products_is_refused_only_where_nothing_serves_it(room):
    with pytest.raises(TooFewProducts, match=r"0 training products with 4 photos \(min_products is 20\)"):
        list(train_series(room, config("min_products=20"), "4", None, progress_bar))
    list(train_series(room, config("training.epochs=1", "min_products=20"), "any", None, progress_bar))
    (line,) = train_series(room, config("min_products=20"), "4", None, progress_bar)
    assert line.startswith("4 photos: 0 training products")
    assert sorted(latest_runs(room)) == [0]


def test_no_held_out_product_is_learnt_from_before_it_is_measured(room, monkeypatch):
    """What each fit is shown, part by part; the last one makes the deployed network, from every product."""
    shown = []
    monkeypatch.setattr(training_module, "fit", lambda net, _, examples, *__: shown.append(examples) or net.eval())
    run = train(room, config(), 0, None, progress_bar)
    plan = room.plan()
    measured, deployed = shown
    assert not set(measured.positions) & set(plan.held_out_positions(0))
    assert sorted(measured.positions) == sorted(plan.training_positions(0))
    assert sorted(deployed.positions) == sorted(plan.positions)
    support = np.unique(TrainingData.of(room).leaf[plan.positions])
    np.testing.assert_array_equal(support[deployed.labels], TrainingData.of(room).leaf[deployed.positions])
    train(room, config(), 2, run.folder, progress_bar)
    catalog = room.training_catalog()
    assert (catalog.n_images[shown[2].positions] == 2).all()
    assert not set(shown[2].positions) & set(plan.held_out_positions(0))


def test_every_epoch_shows_its_own_draw(room, monkeypatch):
    """A large leaf gives a fresh part each epoch."""
    shown = []
    good = StripDataset.__getitem__
    monkeypatch.setattr(StripDataset, "__getitem__", lambda self, batch: shown.append(batch) or good(self, batch))
    data = TrainingData.of(room)
    few = config("training.products_per_leaf=9", "training.epochs=8", "photos_per_batch=4", "training.subsets=0")
    leaves, labels = np.unique(data.leaf, return_inverse=True)
    own = Examples(np.arange(180), labels, data.catalog.n_images)
    net = MosaicNetwork(few.backbone, leaves, np.full(3, 1 / 3))
    fit(net, data.catalog, own, few, few.training)
    sampler = CountBatches(own, 4, few.training, few.seed)
    # the loop stops each epoch at the first one's number of batches
    expected = [list(sampler)[: len(sampler)] for _ in range(8)]
    assert shown == [batch for batches in expected for batch in batches]
