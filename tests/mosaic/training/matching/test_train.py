"""`mosaic train --objective match`: vectors learn to tell products of a leaf apart, are measured, and resumed."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import bson
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from catalog.catalog import Catalog
from catalog.cli_options import progress_bar
from catalog.runs.config import load_config
from catalog.runs.saved_probabilities import image_networks
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from mosaic.cli import main as mosaic
from mosaic.config import MosaicConfig
from mosaic.inference.embedding import workspace_embedder
from mosaic.inference.run_graph import GRAPH_CARD
from mosaic.runs import MosaicDetails
from mosaic.training import distributed
from mosaic.training.learner import Learner
from mosaic.training.matching.recall import LEARNT, PLAIN
from mosaic.training.matching.train import train_matching
from mosaic.training.train import train
from mosaic.views import View
from tests.support.command_line import call, output_of, refused
from tests.support.products import TAXONOMY
from tests.support.two_processes import both, join

pytestmark = pytest.mark.slow
CATEGORIES = (11, 21, 31)


def striped(category: int, product: int, photo: int, side: int = 32) -> bytes:
    """A noisy photo whose strongest channel tells the category, and whose stripes tell the product."""
    rng = np.random.default_rng((product, photo))
    pixels = rng.normal(70, 20, (side, side, 3))
    pixels[..., CATEGORIES.index(category)] += 60
    period = 2 + product % 5
    pixels[(np.arange(side) // period) % 2 == 0] += 15 * (1 + product % 4)
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def make_room(folder: Path, n_photos: int = 2) -> Workspace:
    """The workspace `runs` of 90 products of three categories with so many photos each."""
    documents = []
    for i in range(90):
        category = CATEGORIES[i % 3]
        imgs = [{"picture": striped(category, i, photo)} for photo in range(n_photos)]
        documents.append({"_id": 1000 + i, "category_id": category, "imgs": imgs})
    (folder / "products.bson").write_bytes(b"".join(map(bson.encode, documents)))
    plan, _ = make_plan(Catalog(folder / "products.bson"), TAXONOMY)
    workspace = Workspace(folder / "runs")
    workspace.save_plan(plan, TAXONOMY)
    return workspace


def config(*overrides: str) -> MosaicConfig:
    few = ("training.epochs=2", "training.lr=0.01", "matching.epochs=2", "matching.lr=0.003", "photos_per_batch=16")
    return load_config(MosaicConfig, "mosaic", "debug", [*few, *overrides])


@pytest.fixture
def general(once: Callable[..., Path], tmp_path: Path) -> Workspace:
    """A workspace with a general network, to be changed."""

    def make(folder: Path) -> None:
        train(make_room(folder), config(), View(), None, progress_bar)

    return Workspace(shutil.copytree(once("general-network-of-stripes", make) / "runs", tmp_path / "general"))


def test_a_run_that_matches_is_whole_measured_and_the_latest_of_its_slot(general):
    before, networks = general.latest_folders(), image_networks(general)
    run = train_matching(general, config("matching.told_apart=0"), progress_bar)
    assert general.latest_folders() == {**before, "mosaic:match": run.folder}
    # what was predicted by the others is as good as before
    assert image_networks(general) == networks
    details = run.details_as(MosaicDetails)
    assert (details.objective, details.view, details.init_from) == (
        "match", View(0, "any"), before["mosaic:any"].name,
    )  # fmt: skip
    card = json.loads((run.folder / GRAPH_CARD).read_text())
    assert card["parity"]["agreement"] == 1
    assert {path.name for path in run.folder.iterdir()} >= {
        "weights.safetensors", "weights-part0.safetensors", "history.csv", "training.html", "heldout.safetensors",
    }  # fmt: skip
    assert 0 <= run.metrics[PLAIN] <= 1
    assert run.metrics["match_queries"] == len(general.plan().held_out_positions(0))
    assert run.metrics["match_gain_low"] <= run.metrics["match_gain"] <= run.metrics["match_gain_high"]
    assert abs(run.metrics["match_gain"] - (run.metrics[LEARNT] - run.metrics[PLAIN])) < 1e-9
    assert workspace_embedder(general).name in (run.folder.name, before["mosaic:any"].name)
    assert not (general.folder / "checkpoints" / run.folder.name).exists()


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("option", ["max_groups=10000", "max_groups=0"])
def test_what_was_killed_is_gone_on_with_to_the_same_weights(general, tmp_path, monkeypatch, option):
    settings = config(
        "checkpoint_minutes=0.00001", "matching.told_apart=0", f"matching.{option}", "matching.memory=40"
    )  # fmt: skip
    other = Workspace(shutil.copytree(general.folder, tmp_path / "other"))
    whole = train_matching(general, settings, progress_bar)
    step, steps = Learner.on_train_batch_end, []

    def killed(learner: Learner, *args: object) -> None:
        step(learner, *args)
        steps.append(1)
        if len(steps) == 7:
            raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "on_train_batch_end", killed)
        with pytest.raises(_Killed):
            train_matching(other, settings, progress_bar)
    resumed = train_matching(other, settings, progress_bar, resume=True)
    for name in ("weights.safetensors", "weights-part0.safetensors"):
        expected = load_file(whole.folder / name)
        for key, value in load_file(resumed.folder / name).items():
            np.testing.assert_array_equal(value, expected[key], err_msg=key)
    assert resumed.metrics == whole.metrics
    assert train_matching(other, settings, progress_bar, resume=True).folder == resumed.folder


def test_products_with_one_photo_each_are_refused_with_the_reason(tmp_path):
    room = make_room(tmp_path, n_photos=1)
    train(room, config("training.epochs=1"), View(), None, progress_bar)
    with pytest.raises(ValueError, match="0 of its training products have a second photo, or share a photo"):
        train_matching(room, config(), progress_bar)
    assert not list(room.folder.glob("mosaic-match-*"))


def test_the_command_names_what_is_missing_and_what_comes_next(general, tmp_path):
    room = ("--workspace", general.folder, "--config", "debug")
    misused = output_of(mosaic, "train", "--objective", "match", "--n-images", 2, *room, code=2)
    assert "leave --n-images and --rank out" in misused
    assert "goes on from a trained network" in refused(
        mosaic, "train", "--objective", "match", "--init-from", "none", *room
    )
    said = call(mosaic, "train", "--objective", "match", "--set", "matching.epochs=1", *room)
    assert "recall@10" in said
    assert "next: rayonnage search index CATALOG" in said
    untrained = make_room(tmp_path)
    message = refused(mosaic, "train", "--objective", "match", "--workspace", untrained.folder, "--config", "debug")
    assert "run `mosaic train" in message


def match_as_one_of_two(folder: Path, rank: int, *arguments: str) -> None:
    """The command, as one of two processes."""
    join(folder, rank)
    mosaic(arguments, standalone_mode=False)
    distributed.leave()


def test_two_processes_learn_together_and_one_of_them_tells_it(general, tmp_path):
    # a batch now and then has no group: each process still waits for the gradients of the others
    options = ("photos_per_batch=4", "matching.alone=3", "matching.epochs=1", "matching.told_apart=0")
    sets = [part for option in options for part in ("--set", option)]
    training = ["train", "--objective", "match", "--config", "debug", "--workspace", str(general.folder), *sets]
    said = "".join(both(match_as_one_of_two, tmp_path, *training))
    assert said.count("recall@10") == 1
    assert general.latest("mosaic", "match").metrics["match_queries"] == len(general.plan().held_out_positions(0))
