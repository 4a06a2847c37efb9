"""`mosaic` on a small trained workspace: a row for every product, figures that agree, plain messages."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import bson
import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.probabilities import Probabilities, Silence
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from catalog.tree.taxonomy import Taxonomy
from curation.cli import main as catalog
from mosaic.cli import main
from mosaic.runs import MosaicRuns
from mosaic.views import View
from tests.support.command_line import output_of
from tests.support.products import TREE, make_photo, make_product

pytestmark = pytest.mark.slow


call = partial(output_of, main)


@pytest.fixture(scope="module")
def trained(once) -> Path:
    """A folder with tree.csv, train.bson (80 products, 1-2 photos) and runs/ of the debug configuration."""
    return once("trained-mosaics", train_mosaics)


def train_mosaics(folder: Path) -> None:
    (folder / "tree.csv").write_text(TREE)
    documents = [make_product(i, (11, 21, 31, 33)[i % 4], 1 + i // 4 % 2) for i in range(80)]
    (folder / "train.bson").write_bytes(b"".join(map(bson.encode, documents)))
    room = ("--workspace", folder / "runs")
    output_of(catalog, "split", folder / "train.bson", "--tree", folder / "tree.csv", *room)
    output = call("train", "--config", "debug", *room)
    assert "3 photos: 0 training products with such photos" in output
    assert "the general network serves them" in output
    option = f"--workspace {folder / 'runs'}"
    assert output.splitlines()[-1] == f"next: ocr train {option} (books and CDs), or mosaic evaluate {option}"


def test_every_product_of_a_bad_file_gets_a_row_and_every_problem_a_name(trained, write_bson, tmp_path):
    picture = {"picture": make_photo(5)}
    path = write_bson(
        make_product(1, n=1), make_product(2, n=2), make_product(3, n=4), b"garbage",
        {"_id": 4, "imgs": []}, {"_id": 5, "imgs": [{"picture": b"none"}]},
        {"_id": 6, "imgs": [{"picture": b""}, picture]},
        {"_id": 1, "imgs": [picture]}, {"_id": 7, "imgs": [picture] * 6}, bson.encode(make_product(8))[:-9],
    )  # fmt: skip
    room = ("--workspace", trained / "runs")
    output = call("predict", path, "--output", tmp_path / "out", *room)
    for name in ("mosaic", "general"):
        probabilities = Probabilities.load(tmp_path / "out" / f"{name}.safetensors")
        assert probabilities.product_ids.tolist() == [1, 2, 3, 4, 5, 6, 7]
        assert probabilities.n_images.tolist() == [1, 2, 4, 0, 0, 1, 4]
        assert np.flatnonzero(~probabilities.speaks).tolist() == [3, 4]
        assert set(probabilities.silence[[3, 4]]) == {Silence.UNREADABLE}
        assert probabilities.expert == name
        np.testing.assert_allclose(
            probabilities.dense(np.flatnonzero(probabilities.speaks), 8).sum(axis=1), 1, atol=1e-5
        )
    for problem in ("not a BSON document", "product 5: photo that cannot be decoded", "an empty file", "repeated _id",
                    "more than four photos", "file ends inside", "product 4: no photo"):  # fmt: skip
        assert problem in output
    assert f"next: ocr predict {path} --workspace {trained / 'runs'}\n" in output
    assert "--strict" in call("predict", path, "--strict", *room, code=1)


def test_the_deployed_networks_predict_what_the_experts_predict(trained, write_bson):
    runs = MosaicRuns.latest(Workspace(trained / "runs"))
    assert sorted(runs.views) == [View(), View(1), View(2)]
    assert [e.name for e in runs.experts()] == ["mosaic", "general"]
    mosaic, general = runs.held_out()
    assert sorted(mosaic.product_ids) == sorted(general.product_ids)
    specialist = runs.views[View(2)].held_out()
    both = mosaic.aligned(specialist.product_ids)
    tree = runs.views[View(2)].taxonomy()
    rows = np.arange(len(specialist))
    np.testing.assert_array_equal(both.values[:, 0], specialist.values[:, 0])
    np.testing.assert_array_equal(both.leaves[:, 0], specialist.leaves[:, 0])
    assert (
        np.abs(general.aligned(specialist.product_ids).dense(rows, len(tree)) - both.dense(rows, len(tree))).max()
        > 1e-4
    )


def test_evaluate_on_held_out_products_and_on_a_labelled_file(trained, tmp_path):
    room = ("--workspace", trained / "runs")
    output = call("evaluate", *room, "--output", tmp_path / "held")
    assert f"report: {tmp_path / 'held' / 'mosaic.html'}" in output
    numbers = json.loads((tmp_path / "held" / "mosaic.json").read_text())
    run = Workspace(trained / "runs").latest("mosaic", "any")
    assert numbers["systems"]["general"]["by_image_count"] == json.loads(json.dumps(run.metrics))
    (tmp_path / "labels.csv").write_text("product_id,category_id\n" + "".join(f"{i},11\n" for i in range(40)))
    call("evaluate", trained / "train.bson", "--labels", tmp_path / "labels.csv", *room, "--output", tmp_path / "file")
    numbers = json.loads((tmp_path / "file" / "mosaic.json").read_text())
    assert numbers["systems"]["mosaic"]["by_image_count"]["all"]["n"] == 40


def test_an_evaluation_without_labels_or_readable_photos_is_said_plainly(trained, write_bson):
    room = ("--workspace", trained / "runs")
    assert "--labels" in call("evaluate", write_bson(make_product(1)), *room, code=1)
    nothing = write_bson({"_id": 1, "category_id": 11, "imgs": [{"picture": b"none"}]}, name="nothing.bson")
    assert "mosaic speaks on no labelled product" in call("evaluate", nothing, *room, code=1)


def test_runs_of_different_plans_are_never_mixed(trained, tmp_path):
    run = Workspace(trained / "runs").latest("mosaic", "any")
    other = Run(run.folder, "mosaic", "other plan", run.data, run.details)
    with pytest.raises(ValueError, match="different plans"):
        MosaicRuns.of([run, other])
    with pytest.raises(ValueError, match="mosaic train"):
        MosaicRuns.of([])


def test_a_run_folder_moved_elsewhere_still_predicts(trained, tmp_path):
    import shutil

    shutil.copytree(trained / "runs", tmp_path / "moved")
    shutil.copy(trained / "train.bson", tmp_path / "new.bson")
    output = call("predict", tmp_path / "new.bson", "--workspace", tmp_path / "moved", "--output", tmp_path / "out")
    assert str(tmp_path / "out" / "mosaic.safetensors") in output
    assert len(Probabilities.load(tmp_path / "out" / "mosaic.safetensors")) == 80


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("tarin",), 2, "'train'"),
        (("train", "--n-images", "5"), 2, "'any', '1', '2', '3', '4'"),
        (("train", "--set", "training.epoch=1"), 1, "did you mean 'epochs'"),
        (("train", "--config", "debgu"), 1, "did you mean 'debug'?"),
        (("predict",), 2, "Missing argument 'FILE'"),
        (("predict", "none.bson"), 1, "none.bson does not exist"),
        (("evaluate", "--lables", "x"), 2, "--labels"),
    ],
)
def test_wrong_calls_get_one_plain_message(trained, arguments, code, message):
    command, *rest = arguments
    room = ("--workspace", trained / "runs") if command in ("train", "predict", "evaluate") else ()
    assert message in call(command, *rest, *room, code=code)


def test_an_empty_workspace_names_the_next_command(tmp_path, write_bson):
    path, room = write_bson(make_product(1)), ("--workspace", tmp_path / "runs")
    for command in (("train",), ("predict", path), ("evaluate",)):
        assert "catalog split" in call(*command, *room, code=1)
    tree = Taxonomy.from_csv(_tree(tmp_path))
    catalog = Catalog(write_bson(*[make_product(i, 11) for i in range(20)], name="train.bson"))
    Workspace(tmp_path / "runs").save_plan(make_plan(catalog, tree)[0], tree)
    for command in (("predict", path), ("evaluate",)):
        assert "mosaic train" in call(*command, *room, code=1)


def test_a_start_that_is_no_run_or_another_tree_is_refused(trained, tmp_path):
    room = ("--workspace", trained / "runs")
    start = ("train", "--config", "debug", "--n-images", "2", "--init-from")
    assert "not a finished run" in call(*start, tmp_path, *room, code=1)
    run = Run.create(tmp_path, "mosaic", "m", plan="p", data="d", config={}, tree=Taxonomy([(1, ("A", "B", "C"))]))
    run.save()
    assert "another category tree" in call(*start, run.folder, *room, code=1)
    text = Run.create(tmp_path, "ocr", "o", plan="p", data="d", config={}, tree=Taxonomy.from_csv(_tree(tmp_path)))
    text.save()
    assert "is a run of ocr, expected one of mosaic" in call(*start, text.folder, *room, code=1)


def _tree(folder: Path) -> Path:
    (folder / "own_tree.csv").write_text(TREE)
    return folder / "own_tree.csv"
