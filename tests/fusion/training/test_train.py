"""`fusion train`: plans must agree; what it reports took no part in the fit."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from catalog.runs.config import load_config
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from fusion.cli import main as fusion
from fusion.config import FusionConfig
from fusion.details import FusionDetails
from fusion.experts.all_experts import AllExperts
from fusion.heads.comparison import cross_fit
from fusion.prediction.predictor import Predictor
from fusion.training.held_out import HeldOut, gather_held_out
from mosaic.cli import main as mosaic
from tests.support.command_line import invoke, refused

pytestmark = pytest.mark.slow


def held_out(room: Workspace) -> HeldOut:
    labelled = TrainingData.of(room)
    return gather_held_out(labelled, AllExperts.latest(room, labelled))[0]


def test_held_out_rows_are_the_plans_and_their_truth_is_right(trained):
    room = Workspace(trained / "runs")
    data = held_out(room)
    plan, catalog = room.plan(), room.training_catalog()
    expected = np.sort(catalog.product_ids[plan.held_out_positions(0)])
    np.testing.assert_array_equal(data.experts[0].product_ids, expected)
    # product i of the fixture has leaf i mod 5
    np.testing.assert_array_equal(data.tree.leaf_ids[data.truth], expected % 5 + 1)
    for expert in data.experts:
        np.testing.assert_array_equal(expert.product_ids, expected)


def test_cross_fitting_scores_every_product_once_in_order(trained):
    room = Workspace(trained / "runs")
    data = held_out(room)
    scores = cross_fit(data, "tree", load_config(FusionConfig, "fusion"))
    np.testing.assert_array_equal(scores.product_ids, data.experts[0].product_ids)


def test_runs_of_different_plans_are_refused(trained, tmp_path):
    shutil.copytree(trained / "runs", tmp_path / "runs")
    room = Workspace(tmp_path / "runs")
    run = room.latest("mosaic", "any")
    content = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps(content | {"plan": "another"}))
    assert "different plans" in refused(fusion, "train", "--workspace", tmp_path / "runs")


def test_networks_of_single_photos_join_the_pool(trained, tmp_path):
    shutil.copytree(trained / "runs", tmp_path / "runs")
    room = Workspace(tmp_path / "runs")
    for command, *options in (mosaic, "--config", "debug", "--rank", "any"), (fusion,):
        done = invoke(command, "train", *options, "--workspace", tmp_path / "runs")
    assert "\nphoto " in done.stdout
    assert "\nwhat 40 held-out products prove, when 95 % of what is given must be right:\nCat III: " in done.stdout
    assert "\n95 % (asked for) " in done.stdout
    run = room.latest("fusion")
    assert "photo" in run.details_as(FusionDetails).experts
    predicted = Predictor(run, room).predict([room.training_catalog()[0]])
    assert predicted.fused.sum() == pytest.approx(1, abs=1e-4)


def test_with_nothing_there_the_error_names_the_next_command(tmp_path):
    (tmp_path / "x.bson").write_bytes(b"")
    for command, following in ((["train"], "catalog split"), (["predict", str(tmp_path / "x.bson")], "rayonnage fit")):
        refused = invoke(fusion, *command, "--workspace", tmp_path / "none", code=1)
        assert following in refused.stderr


def test_a_network_of_another_backbone_speaks_beside_the_latest(trained, tmp_path):
    shutil.copytree(trained / "runs", tmp_path / "runs")
    room = Workspace(tmp_path / "runs")
    first = room.latest("mosaic", "any")
    other = ["--set", "backbone.name=test_efficientnet"]
    for command, *options in (
        (mosaic, "train", "--config", "debug", "--n-images", "any", *other),
        (fusion, "train", "--with", str(first.folder)),
    ):
        done = invoke(command, *options, "--workspace", tmp_path / "runs")
    run = room.latest("fusion")
    added = [name for name in run.details_as(FusionDetails).experts if "@" in name]
    assert added
    assert "\n" + added[0] in done.stdout
    found = Predictor(run, room).predict([room.training_catalog()[0]])
    assert tuple(e.expert for e in found.experts) == run.details_as(FusionDetails).experts
    assert found.fused.sum() == pytest.approx(1, abs=1e-4)
    listed = invoke(fusion, "experts", "--workspace", tmp_path / "runs")
    assert "networks that do not speak" in listed.stdout
    assert first.folder.name in listed.stdout
    twice = invoke(
        fusion, "train", "--with", first.folder, "--with", first.folder, "--workspace", tmp_path / "runs", code=1
    )
    assert "add one of them" in twice.stderr


def test_the_fused_result_is_also_measured_without_copies(trained, tmp_path):
    """Copies across the split: most products get the first photo of another product of their leaf."""
    import bson

    from curation.cli import main as catalog

    documents = list(bson.decode_all((trained / "train.bson").read_bytes()))
    for i, document in enumerate(documents):
        if i >= 5 and i % 3:
            # a photo that a handful of products of the leaf share
            document["imgs"] = [documents[i % 5 + 5 * (i % 4)]["imgs"][0]]
    (tmp_path / "train.bson").write_bytes(b"".join(bson.encode(d) for d in documents))
    room = ["--workspace", str(tmp_path / "runs")]
    tree = ["--tree", str(trained / "tree.csv"), "--max-copies", "3"]
    for command, *options in (
        (catalog, "split", str(tmp_path / "train.bson"), *tree),
        (mosaic, "train", "--config", "debug", "--n-images", "any"),
        (fusion, "train"),
    ):
        done = invoke(command, *options, *room)
    assert "\ncopies " in done.stdout
    assert "\nfused, no copy known" in done.stdout
    run = Workspace(tmp_path / "runs").latest("fusion")
    assert (run.folder / "copies.safetensors").is_file()
    predictor, train = Predictor(run, Workspace(tmp_path / "runs")), Workspace(tmp_path / "runs").training_catalog()
    assert predictor.trained_on(train)
    # product 21 has its photos for itself, product 22 shares one
    for in_training, known in ((False, {21, 22}), (True, {22})):
        found = predictor.predict([train[21], train[22]], in_training=in_training)
        (copies,) = (opinion for opinion in found.opinions if opinion.expert == "copies")
        assert {21 + row for row in copies.exhibits} == known
        assert copies.other_product(1).product_id != 22
