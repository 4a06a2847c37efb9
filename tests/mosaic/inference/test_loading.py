"""A run's graph takes PyTorch's place where it is its network's graph; else the weights are used, and it is said."""

from __future__ import annotations

import hashlib
import json
import logging

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from catalog.files import gpu
from catalog.runs.config import load_config
from catalog.runs.run import Run
from catalog.tree.taxonomy import Taxonomy
from mosaic.config import MosaicConfig
from mosaic.inference import loading
from mosaic.inference.expected_outputs import made_up
from mosaic.inference.loading import load_deployed
from mosaic.networks import network as network_module
from mosaic.networks.device import CPU, warn_if_slow
from mosaic.networks.network import MosaicNetwork
from mosaic.training.run_graph import write_graph
from tests.support.products import TREE

SUPPORT = [0, 3, 5, 7]
MOSAICS = made_up(3, 32, 64)


def config(backend: str = "auto") -> MosaicConfig:
    return load_config(MosaicConfig, "mosaic", "debug", [f"inference.backend={backend}"])


def network(seed: int = 0) -> MosaicNetwork:
    torch.manual_seed(seed)
    made = MosaicNetwork(config().backbone, np.array(SUPPORT), np.array([0.1, 0.2, 0.3, 0.4])).eval()
    with torch.no_grad():
        made.head.weight.normal_()
    return made


def logits(net: MosaicNetwork) -> np.ndarray:
    with torch.inference_mode():
        return net(torch.from_numpy(MOSAICS)).numpy()


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu, "DEVICES", tmp_path / "dev")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def weights_read(monkeypatch) -> list[Run]:
    """The runs whose weights were read with PyTorch."""
    read: list[Run] = []
    usual = network_module.load_network
    monkeypatch.setattr(network_module, "load_network", lambda run, *rest: read.append(run) or usual(run, *rest))
    return read


@pytest.fixture
def run(tmp_path) -> Run:
    """A run with the weights and the graph of `network()`, for mosaics of one and two photos."""
    (tmp_path / "tree.csv").write_text(TREE)
    tree = Taxonomy.from_csv(tmp_path / "tree.csv")
    made = Run.create(tmp_path, "mosaic", "m", plan="p", data="d", config=config().model_dump(), tree=tree)
    network().save(made.folder / "weights.safetensors")
    write_graph(made, "openvino", network(), [np.zeros((32, width, 3), np.uint8) for width in (32, 64)])
    made.save()
    return made


def rewrite_card(run: Run, name: str) -> None:
    """Let the card hold the hash of a file as it is now."""
    card = json.loads((run.folder / "graph.json").read_text())
    card["files"][name] = hashlib.sha256((run.folder / name).read_bytes()).hexdigest()
    (run.folder / "graph.json").write_text(json.dumps(card))


def test_the_graph_says_what_the_network_says_and_its_weights_are_not_read(run, weights_read, caplog):
    loaded = load_deployed(run, config())
    np.testing.assert_allclose(loaded.backend(MOSAICS).logits, logits(network()), atol=1e-4)
    assert loaded.backend.name == "openvino"
    assert (loaded.support.tolist(), loaded.support.dtype) == (SUPPORT, np.int32)
    assert loaded.frequency.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert loaded.width == network().head.in_features
    assert not weights_read
    assert not caplog.records


def test_a_graph_of_other_weights_is_not_used(run, weights_read, caplog):
    network(1).save(run.folder / "weights.safetensors")
    loaded = load_deployed(run, config())
    assert [(r.levelname, "of other weights than weights.safetensors" in r.message) for r in caplog.records] == [
        ("WARNING", True)
    ]
    np.testing.assert_allclose(loaded.backend(MOSAICS).logits, logits(network(1)), atol=1e-4)
    assert weights_read == [run]


@pytest.mark.parametrize("name", ["graph.bin", "graph.xml", "graph-check.safetensors"])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_graph_that_was_changed_is_not_used(run, weights_read, caplog, name, is_there):
    path = run.folder / name
    path.write_bytes(path.read_bytes()[:-1] + b"#")
    if not is_there:
        path.unlink()
    loaded = load_deployed(run, config())
    np.testing.assert_allclose(loaded.backend(MOSAICS).logits, logits(network()), atol=1e-4)
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert name in caplog.text
    assert "mosaic export" in caplog.text
    assert weights_read == [run]


def test_a_card_that_is_nested_without_end_is_not_believed(run, weights_read, caplog):
    (run.folder / "graph.json").write_text("[" * 200_000)
    load_deployed(run, config())
    assert "nested too deeply" in caplog.text
    assert weights_read == [run]


@pytest.mark.parametrize(
    "answers",
    [np.zeros((1, 4), np.float32), np.zeros(4, np.float32), np.zeros((4, 4), np.dtype("V2")), np.full((4, 4), np.nan)],
)
def test_a_hostile_file_of_answers_is_not_believed(run, weights_read, caplog, answers):
    path = run.folder / "graph-check.safetensors"
    tensors = {**load_file(path), "32x64.logits": answers}
    if answers.dtype.kind == "V":
        # numbers that numpy does not know
        header = {"32x64.logits": {"dtype": "BF16", "shape": [4, 4], "data_offsets": [0, 32]}}
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(32))
    else:
        save_file(tensors, path)
    rewrite_card(run, path.name)
    np.testing.assert_allclose(load_deployed(run, config()).backend(MOSAICS).logits, logits(network()), atol=1e-4)
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert weights_read == [run]


def test_a_file_of_weights_that_is_none_is_refused_in_a_sentence(run):
    path = run.folder / "weights.safetensors"
    for tensors in ({"support": np.zeros(4)}, {"support": np.zeros(4), "frequency": np.zeros(4)}, {}):
        save_file(tensors | {"head.weight": np.zeros((3, 5))} if tensors else {}, path)
        rewrite_card(run, path.name)
        with pytest.raises(ValueError, match=r"weights\.safetensors does not hold a network"):
            load_deployed(run, config())


def test_a_run_of_an_earlier_version_has_no_graph_and_is_no_warning(run, weights_read, caplog):
    for path in run.folder.glob("graph*"):
        path.unlink()
    with caplog.at_level(logging.INFO):
        loaded = load_deployed(run, config())
    np.testing.assert_allclose(loaded.backend(MOSAICS).logits, logits(network()), atol=1e-4)
    assert [r.levelname for r in caplog.records] == ["INFO"]
    assert "`mosaic export` and then `fusion train`, spares" in caplog.text
    assert weights_read == [run]


def test_a_graph_of_another_format_than_is_asked_for_is_not_used(run, weights_read, caplog):
    assert load_deployed(run, config("onnx")).backend.name == "onnx"
    assert "it is one for openvino, inference.backend asks for onnx" in caplog.text
    assert weights_read == [run]


def test_a_program_that_says_something_else_on_this_machine_is_not_believed(run, weights_read, caplog):
    path = run.folder / "graph-check.safetensors"
    tensors = load_file(path)
    tensors["32x64.logits"] += 0.05
    save_file(tensors, path)
    rewrite_card(run, path.name)
    loaded = load_deployed(run, config())
    # of this width nothing was changed
    loaded.backend(MOSAICS[:, :, :32])
    assert not weights_read
    np.testing.assert_allclose(loaded.backend(MOSAICS).logits, logits(network()), atol=1e-4)
    assert loaded.backend.name == "torch"
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "PyTorch does, more slowly" in caplog.text
    with pytest.raises(ValueError, match=r"is not the network .* Set inference\.backend to auto or torch"):
        load_deployed(run, config("openvino")).backend(MOSAICS)


def test_a_width_that_nothing_is_known_of_is_pytorchs(run, weights_read, caplog):
    wide = made_up(1, 32, 96)
    assert load_deployed(run, config()).backend(wide).logits.shape == (1, 4)
    assert "known for mosaics of 32 x 32, 64 x 32 pixels, not of 96 x 32" in caplog.text
    assert weights_read == [run]


def test_pytorch_is_asked_where_there_may_be_a_gpu_and_where_it_is_named(run, weights_read, monkeypatch):
    asked = []
    monkeypatch.setattr("mosaic.networks.device.best_device", lambda: asked.append(1) or torch.device("cpu"))
    gpu.DEVICES.mkdir()
    (gpu.DEVICES / "nvidiactl").touch()
    assert load_deployed(run, config()).backend.name == "openvino"
    assert not asked
    (gpu.DEVICES / "nvidia0").touch()
    # PyTorch was built without CUDA
    assert load_deployed(run, config()).backend.name == "openvino"
    assert asked
    assert not weights_read
    assert load_deployed(run, config("torch")).backend.name == "torch"
    assert weights_read == [run]


def test_beside_a_gpu_what_runs_on_the_cpu_is_replaced_on_the_cpu(run, monkeypatch):
    """PyTorch's answers on a GPU are rounded otherwise than those that a graph is held against."""
    monkeypatch.setattr("mosaic.networks.deployed.best_device", lambda: torch.device("meta"))
    monkeypatch.setattr("mosaic.networks.device.best_device", lambda: torch.device("meta"))
    gpu.DEVICES.mkdir()
    (gpu.DEVICES / "nvidia0").touch()
    assert load_deployed(run, config("auto")).backend.network.device.type == "meta"
    assert loading._in_torch(run, config("openvino")).network.device == CPU
    (run.folder / "graph.json").unlink()
    np.testing.assert_allclose(
        load_deployed(run, config("openvino")).backend(MOSAICS).logits, logits(network()), atol=1e-4
    )


def test_a_gpu_that_cannot_be_used_is_told_of_once(run, monkeypatch, tmp_path, caplog):
    warn_if_slow.cache_clear()
    monkeypatch.setattr("mosaic.networks.device._gpu_error", lambda: "The NVIDIA driver is too old")
    assert load_deployed(run, config()).backend.name == "openvino"
    assert not caplog.records
    gpu.DEVICES.mkdir()
    (gpu.DEVICES / "nvidia0").touch()
    for _ in range(2):
        assert load_deployed(run, config()).backend.name == "openvino"
    [warning] = caplog.messages
    assert "The NVIDIA driver is too old; update the driver" in warning


def test_made_up_mosaics_are_the_same_everywhere():
    """Their answers lie in run folders: were they drawn otherwise, every graph would be refused."""
    drawn = made_up(2, 40, 70)
    assert (drawn.shape, drawn.dtype) == ((2, 40, 70, 3), np.uint8)
    assert hashlib.sha256(drawn.tobytes()).hexdigest()[:16] == "f3a918454c42f7c4"
    assert drawn.std() > 30
    assert np.abs(np.diff(drawn.astype(int), axis=2)).max() <= 255 // 16 + 1
