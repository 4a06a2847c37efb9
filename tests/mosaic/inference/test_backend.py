"""Whatever runs the network says what PyTorch says, or is not used."""

from __future__ import annotations

import logging
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from catalog.runs.config import load_config
from mosaic.config import InferenceConfig, MosaicConfig
from mosaic.inference import backend as backend_module
from mosaic.inference.backend import MAX_PROGRAMS, OpenVinoBackend
from mosaic.inference.checked import CheckedBackend, against
from mosaic.inference.outputs import Outputs
from mosaic.networks import deployed as deployed_module
from mosaic.networks.deployed import make_backend
from mosaic.networks.network import MosaicNetwork

CONFIG = load_config(MosaicConfig, "mosaic", "debug")
SIZE = 30
# SAME padding that depends on the width, as in the default network; 30 px gives odd and even widths on the way down
PADDED = CONFIG.backbone.model_copy(update={"name": "tf_efficientnet_lite0"})


def network(config=CONFIG.backbone, leaves: int = 7) -> MosaicNetwork:
    torch.manual_seed(0)
    made = MosaicNetwork(config, np.arange(leaves), np.full(leaves, 1 / leaves)).eval()
    with torch.no_grad():
        made.head.weight.normal_()
        made.head.bias.normal_()
    return made


def inference(**update: object) -> InferenceConfig:
    return CONFIG.inference.model_copy(update=update)


def mosaics(n: int, shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, *shape, 3), dtype=np.uint8)


def reference(net: MosaicNetwork, batch: np.ndarray) -> Outputs:
    """The network's own words, one mosaic at a time."""
    with torch.inference_mode():
        rows = [(net.features(x[None])[0], net(x[None])[0]) for x in torch.from_numpy(batch)]
    return Outputs(*(torch.stack(values).numpy() for values in zip(*rows, strict=True)))


def assert_same(outputs: Outputs, expected: Outputs) -> None:
    for got, right in zip(outputs, expected, strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, right, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "openvino", "onnx"])
@pytest.mark.parametrize("backbone", [CONFIG.backbone, PADDED], ids=lambda config: config.name)
def test_every_backend_says_what_the_network_says_for_all_widths_and_batches(backend, backbone):
    net = network(backbone)
    made = make_backend(net, inference(backend=backend), SIZE)
    for seed, (n, shape) in enumerate(
        [(1, (30, 30)), (5, (30, 60)), (2, (30, 90)), (3, (30, 120)), (1, (60, 60)), (7, (30, 30)), (1, (30, 120))]
    ):
        batch = mosaics(n, shape, seed)
        assert_same(made(batch), reference(net, batch))
    assert made.name == backend


def test_a_result_is_not_overwritten_by_the_next_call():
    net = network()
    made = make_backend(net, inference(backend="openvino"), SIZE)
    first, second = mosaics(3, (30, 30), 1), mosaics(3, (30, 30), 2)
    kept = made(first)
    made(second)
    assert_same(kept, reference(net, first))


@pytest.mark.parametrize(("variable", "expected"), [("", 5), ("3", 3), (" 2,1", 2), ("many", 5), ("0", 5), ("-1", 5)])
def test_a_number_of_threads_that_is_none_is_passed_over_as_openmp_does(monkeypatch, variable, expected):
    monkeypatch.setattr(backend_module, "n_cores", lambda: 5)
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert backend_module.n_threads() == expected


def test_compiled_shapes_are_bounded_and_come_back():
    net = network()
    made = OpenVinoBackend(deployed_module.to_openvino(net, SIZE))
    for width in range(1, MAX_PROGRAMS + 3):
        made(mosaics(1, (30, 30 + 2 * width)))
    assert len(made._compiled) == MAX_PROGRAMS
    batch = mosaics(2, (30, 32))
    assert_same(made(batch), reference(net, batch))


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 3, 6, 7, 11])
def test_a_mosaic_has_the_same_result_whatever_shares_its_request(monkeypatch, n):
    monkeypatch.setattr(backend_module, "PIXELS_PER_REQUEST", 3 * 30 * 30)
    made = OpenVinoBackend(deployed_module.to_openvino(network(), SIZE))
    batch = mosaics(n, (30, 30))
    alone = [made(batch[row : row + 1]) for row in range(n)]
    together = made(batch)
    for values, single in zip(together, zip(*alone, strict=True), strict=True):
        # to the bit: a prediction that goes on after a kill meets other batches
        assert np.array_equal(values, np.concatenate(single))


def test_calls_of_many_threads_get_their_own_answers(monkeypatch):
    """Also the first calls, while the program is made and checked."""
    monkeypatch.setattr(backend_module, "PIXELS_PER_REQUEST", 2 * 30 * 30)
    net, converted = network(), []
    usual = deployed_module.to_openvino
    monkeypatch.setattr(deployed_module, "to_openvino", lambda *a: converted.append(a) or usual(*a))
    batches = [mosaics(1 + i % 5, (30, 30 * (1 + i % 2)), i) for i in range(64)]
    alone = [make_backend(net, inference(backend="openvino"), SIZE)] * len(batches)
    expected = [backend(batch) for backend, batch in zip(alone, batches, strict=True)]
    shared = make_backend(net, inference(backend="openvino"), SIZE)
    with ThreadPoolExecutor(16) as pool:
        for got, right in zip(pool.map(shared, batches * 5), expected * 5, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(got, right, strict=True))
    assert len(converted) == 2


def test_a_request_that_failed_is_there_for_the_next_call():
    made = OpenVinoBackend(deployed_module.to_openvino(network(), SIZE))
    batch = mosaics(3, (30, 30))
    right = made(batch)
    requests = made._requests((1, 30, 30, 3))
    for _ in range(20):
        with pytest.raises(RuntimeError):
            requests.answers(iter([batch[:1], batch[:1, :7]]))
    assert all(np.array_equal(a, b) for a, b in zip(made(batch), right, strict=True))


def test_a_first_batch_of_many_is_held_against_pytorch_too(monkeypatch):
    # 30 pixels: very many would share a request
    monkeypatch.setattr(backend_module, "PIXELS_PER_REQUEST", 6 * 30 * 30)
    threads = torch.get_num_threads()

    class WrongTogether:
        name = "openvino"

        def __call__(self, mosaics):
            out = reference(network(), mosaics)
            return out if len(mosaics) < 6 * threads else Outputs(out.embedding, out.logits + 1)

    monkeypatch.setattr(deployed_module, "OpenVinoBackend", lambda _: WrongTogether())
    made = make_backend(network(), inference(backend="openvino"), SIZE)
    made(mosaics(1, (30, 30)))
    # more than are checked, but still one by one
    made(mosaics(5, (30, 30)))
    with pytest.raises(ValueError, match="is not the network"):
        made(mosaics(6 * threads, (30, 30)))


def test_auto_is_openvino_on_cpu_and_torch_on_a_gpu(monkeypatch):
    assert make_backend(network(), inference(backend="auto"), SIZE).name == "openvino"
    # a stand-in: no GPU is needed to see what is chosen
    gpu = torch.device("meta")
    monkeypatch.setattr(deployed_module, "best_device", lambda: gpu)
    made = make_backend(network(), inference(backend="auto"), SIZE)
    assert (made.name, made.network.device) == ("torch", gpu)


def test_nothing_is_converted_before_the_first_call(monkeypatch):
    converted = []
    good = deployed_module.to_openvino
    monkeypatch.setattr(deployed_module, "to_openvino", lambda *a: converted.append(a) or good(*a))
    made = make_backend(network(), inference(backend="auto"), SIZE)
    assert not converted
    made(mosaics(1, (30, 30)))
    made(mosaics(2, (30, 60)))
    assert len(converted) == 1


def wrong_model(net: MosaicNetwork, size: int):
    """A model of the network with a head that was spoilt on the way."""
    spoilt = network()
    spoilt.load_state_dict(net.state_dict())
    with torch.no_grad():
        spoilt.head.weight[0] += 0.5
    return GOOD(spoilt, size)


GOOD = deployed_module.to_openvino


@pytest.mark.parametrize("why", ["missing", "conversion", "parity"])
def test_auto_falls_back_to_torch_with_one_warning_and_a_name_is_taken_at_its_word(monkeypatch, caplog, why):
    def refuse(*_):
        raise RuntimeError("no conversion rule found for aten::odd")

    if why == "missing":
        monkeypatch.setitem(sys.modules, "openvino", None)
    else:
        monkeypatch.setattr(deployed_module, "to_openvino", refuse if why == "conversion" else wrong_model)
    net, batch = network(), mosaics(3, (30, 60))
    made = make_backend(net, inference(backend="auto"), SIZE)
    with caplog.at_level(logging.WARNING):
        assert_same(made(batch), reference(net, batch))
        assert_same(made(batch[:1]), reference(net, batch[:1]))
    assert made.name == "torch"
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "PyTorch does, more slowly" in caplog.text
    with pytest.raises(ValueError, match=r"Set inference\.backend to auto or torch"):
        make_backend(net, inference(backend="openvino"), SIZE)(batch)


class _FixedWidth(nn.Module):
    """A backbone whose author reads the width as a plain number: a trace keeps the first one."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, pixels: Tensor) -> Tensor:
        return self.inner(pixels) * (int(pixels.shape[-1]) / 30)


def test_a_graph_that_holds_for_one_width_only_is_caught_at_the_next_width(caplog):
    net = network()
    net.backbone = _FixedWidth(net.backbone)
    made = make_backend(net, inference(backend="auto"), SIZE)
    one, two = mosaics(2, (30, 30)), mosaics(2, (30, 60))
    assert_same(made(one), reference(net, one))
    assert not caplog.records
    assert_same(made(two), reference(net, two))
    assert made.name == "torch"


def test_who_answers_a_shape_does_not_depend_on_what_was_asked_before():
    """A prediction that goes on after a kill begins anew with whatever shape comes next."""

    class WrongWhereWide:
        name = "openvino"

        def __call__(self, mosaics):
            told = np.full((len(mosaics), 1), 7, np.float32)
            return Outputs(told, told) if mosaics.shape[2] == 30 else Outputs(told, told + 1)

    class Right:
        name = "torch"

        def __call__(self, mosaics):
            return Outputs(*[np.full((len(mosaics), 1), 7.001, np.float32)] * 2)

    def answers(widths: list[int]) -> list[float]:
        reference = Right()
        made = CheckedBackend("openvino", WrongWhereWide, against(reference), lambda: reference, fall_back=True)
        return [float(made(mosaics(2, (30, width))).logits[0, 0]) for width in widths]

    program, pytorch = np.float32(7), np.float32(7.001)
    assert answers([30, 60, 30, 60]) == [program, pytorch, program, pytorch]
    assert answers([60, 30]) == [pytorch, program]
