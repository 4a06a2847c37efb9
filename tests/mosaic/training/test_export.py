"""A file that another program runs says what the network says, or is not there."""

from __future__ import annotations

import importlib.util
import json

import bson
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from catalog.catalog import Catalog
from catalog.files.openvino_core import openvino_core
from catalog.runs.config import load_config
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from catalog.tree.taxonomy import Taxonomy
from mosaic.cli import main
from mosaic.config import MosaicConfig
from mosaic.inference.outputs import BadExport, Outputs
from mosaic.networks.network import MosaicNetwork
from mosaic.runs import MosaicDetails
from mosaic.training import checked_files
from mosaic.training.checked_files import check_parity, mosaics_of_view
from mosaic.training.export import export
from mosaic.training.run_graph import add_graph
from mosaic.views import View
from tests.support.products import TREE, make_product

CONFIG = load_config(MosaicConfig, "mosaic", "debug")
SUPPORT = [0, 3, 5, 7]
FORMATS = {"onnx": "n.onnx", "openvino": "n.xml"}


def network() -> MosaicNetwork:
    torch.manual_seed(0)
    made = MosaicNetwork(CONFIG.backbone, np.array(SUPPORT), np.full(4, 0.25)).eval()
    with torch.no_grad():
        made.head.weight.normal_()
    return made


def mosaics(*widths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (32, 32 * width, 3), dtype=np.uint8) for width in widths]


def logits(net: MosaicNetwork, mosaic: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return net(torch.from_numpy(mosaic[None]))[0].numpy()


@pytest.mark.parametrize("form", FORMATS)
def test_another_program_can_use_the_file_by_what_the_json_says(tmp_path, form):
    net = network()
    exported = export(net, tmp_path / FORMATS[form], form, mosaics(1, 2, 3, 4, 1), facts={"photo_size": 32})
    assert sorted(path.name for path in exported.files) == sorted(path.name for path in tmp_path.iterdir())
    about = json.loads((tmp_path / f"{FORMATS[form]}.json").read_text())
    assert about["photo_size"] == 32
    assert about["parity"] == {"mosaics": 5, "error": exported.parity.error, "agreement": 1.0}
    assert exported.parity.error < 1e-4
    import onnxruntime

    for width in (1, 2, 3, 4):
        mosaic = mosaics(width)[0]
        if form == "onnx":
            session = onnxruntime.InferenceSession(str(exported.files[0]), providers=["CPUExecutionProvider"])
            got = dict(zip(about["outputs"], session.run(None, {about["input"]["name"]: mosaic[None]}), strict=True))
        else:
            options = {"INFERENCE_PRECISION_HINT": "f32"}
            compiled = openvino_core().compile_model(str(exported.files[0]), "CPU", options)
            answer = compiled({about["input"]["name"]: mosaic[None]})
            got = {name: answer[name] for name in about["outputs"]}
        np.testing.assert_allclose(got["logits"][0], logits(net, mosaic), atol=1e-4)
        assert {name: values.shape[1] for name, values in got.items()} == about["outputs"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_tampered_file_is_refused_and_removed_and_an_earlier_one_stays(tmp_path, monkeypatch, form):
    net, path = network(), tmp_path / "out" / FORMATS[form]
    name = f"to_{form}"
    good = getattr(checked_files, name)

    def tampered(net: MosaicNetwork, *rest):
        other = network()
        other.head.weight.data[2] += 0.05
        return good(other, *rest)

    monkeypatch.setattr(checked_files, name, tampered)
    with pytest.raises(BadExport, match="not the network that it was made from"):
        export(net, path, form, mosaics(1, 2))
    assert list(path.parent.iterdir()) == []
    monkeypatch.undo()
    export(net, path, form, mosaics(1, 2))
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    monkeypatch.setattr(checked_files, name, tampered)
    with pytest.raises(BadExport):
        export(net, path, form, mosaics(1, 2))
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


class Answers:
    """A backend that gives prepared answers, changed by a function."""

    name = "other"

    def __init__(self, net: MosaicNetwork, change) -> None:
        self.net, self.change = net, change

    def __call__(self, batch: np.ndarray) -> Outputs:
        with torch.inference_mode():
            x = torch.from_numpy(batch)
            return self.change(Outputs(self.net.features(x).numpy(), self.net(x).numpy()))


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o._replace(logits=o.logits + 0.05),
        lambda o: o._replace(logits=o.logits[:, ::-1]),
        lambda o: o._replace(logits=o.logits * np.nan),
        lambda o: o._replace(logits=o.logits[:, :3]),
        lambda o: o._replace(embedding=o.embedding + 0.05),
        lambda o: o._replace(embedding=o.embedding[::-1]),
    ],
    ids=["shifted", "permuted", "nan", "leaf lost", "embedding shifted", "rows swapped"],
)
def test_parity_sees_every_kind_of_difference(change):
    net = network()
    assert check_parity(net, Answers(net, lambda o: o), mosaics(1, 3, 1, 2)).mosaics == 4
    with pytest.raises(BadExport, match=r"over 4 mosaics .* expected"):
        check_parity(net, Answers(net, change), mosaics(1, 3, 1, 3))


def test_wrong_requests_are_refused_before_anything_is_written(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"ends in \.xml"):
        export(network(), tmp_path / "n.onnx", "openvino", mosaics(1))
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnx" else find_spec(name))
    with pytest.raises(ValueError, match="pip install onnx"):
        export(network(), tmp_path / "n.onnx", "onnx", mosaics(1))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Workspace:
    """A workspace with an untrained general network and products of one and two photos."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "tree.csv").write_text(TREE)
    tree = Taxonomy.from_csv(folder / "tree.csv")
    documents = [make_product(i, 11, 1 + i % 2) for i in range(30)]
    (folder / "train.bson").write_bytes(b"".join(map(bson.encode, documents)))
    workspace = Workspace(folder / "runs")
    workspace.save_plan(make_plan(Catalog(folder / "train.bson"), tree)[0], tree)
    run = Run.create(
        workspace.folder, "mosaic", "mosaic-any", plan="p", data="d", config=CONFIG.model_dump(), tree=tree
    )
    run.keep(MosaicDetails(n_images=0, rank="", init_from=None, identity="", k=4))
    network().save(run.folder / "weights.safetensors")
    run.save()
    workspace.register(run, "any")
    return workspace


def call(room: Workspace, *arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["export", *map(str, arguments), "--workspace", str(room.folder)])
    assert result.exit_code == code, result.output
    return result.output


def test_the_command_writes_into_the_run_folder_and_names_leaves_by_id(room):
    output = call(room, "--format", "openvino")
    folder = room.require("mosaic", "any").folder
    assert output.splitlines()[:3] == [str(folder / f"mosaic-any.{kind}") for kind in ("xml", "bin", "xml.json")]
    # of the 30 products, and the two counts that the catalogue lacks
    assert "checked on 32 mosaics: same likeliest leaf for 100.0%" in output
    about = json.loads((folder / "mosaic-any.xml.json").read_text())
    assert about["support"] == [int(room.taxonomy().leaf_ids[leaf]) for leaf in SUPPORT]
    assert (about["photo_size"], about["layout"], about["n_images"]) == (32, "strip", "any")


def test_a_run_that_keeps_no_graph_gets_one(room, tmp_path):
    folder = room.require("mosaic", "any").folder
    for path in folder.glob("graph*"):
        path.unlink()
    call(room, "--format", "onnx", "--output", tmp_path)
    assert not list(folder.glob("graph*"))
    call(room, "--format", "onnx")
    names = ["graph-check.safetensors", "graph.bin", "graph.json", "graph.xml"]
    assert sorted(path.name for path in folder.glob("graph*")) == names
    before = {path: path.stat().st_mtime_ns for path in folder.glob("graph*")}
    call(room, "--format", "onnx")
    assert {path: path.stat().st_mtime_ns for path in folder.glob("graph*")} == before


def test_mosaics_to_check_on_have_every_width_that_the_network_serves(room):
    def widths(view: View) -> set[int]:
        return {mosaic.shape[1] // 32 for mosaic in mosaics_of_view(room.training_catalog(), view, CONFIG, 10)}

    assert widths(View()) == {1, 2, 3, 4}
    assert widths(View(2)) == {2}
    assert widths(View(2, "1")) == widths(View(0, "first")) == {1}


def test_a_graph_that_is_no_good_is_a_warning_and_none_is_kept(room, monkeypatch, caplog):
    run = room.require("mosaic", "any")
    good = checked_files.to_openvino

    def tampered(net: MosaicNetwork, *rest):
        other = network()
        other.head.weight.data[2] += 0.05
        return good(other, *rest)

    monkeypatch.setattr(checked_files, "to_openvino", tampered)
    add_graph(run, CONFIG, View(), room.training_catalog())
    assert "no graph of the network is kept" in caplog.text
    assert not (run.folder / "graph.json").exists()


def test_a_workspace_without_that_network_names_the_next_command(room):
    assert "mosaic train" in call(room, "--format", "onnx", "--n-images", "3", code=1)
    assert "Missing option '--format'" in call(room, code=2)
