"""`method: auto`: the run holds the networks of the methods that were chosen, and what was said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catalog.cli_options import progress_bar
from catalog.runs.config import load_config
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.networks.network import load_network
from mosaic.runs import MosaicDetails
from mosaic.training import cross_fitting
from mosaic.training.linear_fits import OneHeadForAll
from mosaic.training.method_choice import set_aside
from mosaic.training.schedule import train_series
from mosaic.training.train import train
from mosaic.views import View
from tests.mosaic.training.test_train import assert_equal, make_room

pytestmark = pytest.mark.slow


def config(*overrides: str) -> MosaicConfig:
    return load_config(MosaicConfig, "mosaic", "debug", ["method=auto", "training.epochs=1", *overrides])


@pytest.fixture(scope="module")
def folds(once) -> Workspace:
    """Two folds of 180 products, both methods in each."""

    def make(folder: Path) -> None:
        room = make_room(folder, mode="kfold", n_parts=2)
        (folder / "said.txt").write_text("\n".join(train_series(room, config(), progress_bar, n_images="any")))

    return Workspace(once("auto", make) / "runs")


def test_the_run_is_what_was_chosen(folds):
    run = folds.latest("mosaic", "any")
    details = run.details_as(MosaicDetails)
    comparison = details.comparison
    # a head on features that tell the colours is better than one epoch
    assert details.method == comparison.deployed == "linear"
    assert comparison.parts == ("linear", "linear")
    assert comparison.n == 180
    assert len({load_network(run, config(), part).backbone_digest() for part in (0, 1, None)}) == 1
    line = (folds.folder.parent / "said.txt").read_text()
    assert "; linear is deployed: on 180 held-out products" in line
    page = (run.folder / "training.html").read_text(encoding="utf-8")
    assert "Fine-tuned or linear" in page
    assert "What was fitted" in page
    assert "Training loss and accuracy" in page
    assert len(run.held_out()) == 180
    with pytest.raises(OneHeadForAll, match="the general network serves them"):
        train(folds, config(), View(2), run.folder, progress_bar)


def test_a_kill_between_two_methods_ends_the_same(folds, tmp_path, monkeypatch):
    room = make_room(tmp_path, mode="kfold", n_parts=2)
    fit, fitted = cross_fitting.fit, []

    def dies(network, catalog, task, *rest):
        if fitted:
            raise KeyboardInterrupt
        fitted.append(task.name)
        return fit(network, catalog, task, *rest)

    monkeypatch.setattr(cross_fitting, "fit", dies)
    with pytest.raises(KeyboardInterrupt):
        train(room, config(), View(), None, progress_bar)
    monkeypatch.setattr(
        cross_fitting, "fit", lambda net, cat, task, *r: fitted.append(task.name) or fit(net, cat, task, *r)
    )
    run = train(room, config(), View(), None, progress_bar, resume=True)
    assert fitted == ["part 0", "part 1"]
    assert_equal(run.held_out(), folds.latest("mosaic", "any").held_out())


def test_one_held_out_part_is_chosen_for_by_products_set_aside(tmp_path, monkeypatch):
    room = make_room(tmp_path)
    shown, fit = [], cross_fitting.fit
    monkeypatch.setattr(
        cross_fitting, "fit", lambda net, cat, task, *rest: shown.append(task.examples) or fit(net, cat, task, *rest)
    )
    run = train(room, config(), View(), None, progress_bar)
    data = TrainingData.of(room)
    inner = set_aside(data, 0)
    held_out = set(data.plan.held_out_positions(0).tolist())
    judged = set(inner.plan.held_out_positions(0).tolist())
    assert len(judged) > 20
    assert not judged & held_out
    # what judges was not learnt from, nor was what is held out
    assert not set(shown[0].positions.tolist()) & (judged | held_out)
    comparison = run.details_as(MosaicDetails).comparison
    assert comparison.n == len(judged)
    assert not comparison.held_out
    assert len(run.held_out()) == len(held_out)
    groups = inner.plan.groups
    assert all(len(np.unique(inner.plan.parts[groups == group])) == 1 for group in np.unique(groups))
