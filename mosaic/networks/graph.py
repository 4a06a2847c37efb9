"""A network as a graph that runs without PyTorch: uint8 mosaics in, embedding and logits out."""

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mosaic.inference.outputs import INPUT, OUTPUTS
from mosaic.networks.network import MosaicNetwork

OPSET = 17


class _Both(nn.Module):
    """Embedding and logits of one pass: search and classification share it."""

    def __init__(self, network: MosaicNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, mosaics: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.network.features(mosaics)
        return embedding, self.network.head(embedding)


def traced(network: MosaicNetwork, size: int) -> torch.jit.ScriptModule:
    """TorchScript of a network on CPU, for mosaics of any count, height and width.

    `size`: side in pixels of the mosaic that it is traced with. Padding that depends on the size (timm's SAME) is
    traced as arithmetic on the shape; a network that computes it otherwise fails the parity check at other widths.
    """
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        # torch's advice to use torch.export: that takes minutes on networks with SAME padding
        warnings.simplefilter("ignore")
        # check_trace would compare on the example's size alone; the parity check compares every size that is met
        module = torch.jit.trace(  # type: ignore[no-untyped-call]
            _Both(network).eval(), (example,), strict=False, check_trace=False
        )
        frozen: torch.jit.ScriptModule = torch.jit.freeze(module)
        return frozen


def to_openvino(network: MosaicNetwork, size: int) -> Any:
    """`openvino.Model` of the network, in memory.

    Raises:
        ImportError: OpenVINO is not installed.
        RuntimeError: the network has an operation that OpenVINO does not know.
    """
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    # not openvino.convert_model: it reports each conversion to its vendor, and takes ten times as long
    frontend = FrontEndManager().load_by_framework("pytorch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # a name of its own keeps the decoder alive until the conversion has ended
        decoder = TorchScriptPythonDecoder(traced(network, size))
        model = frontend.convert(frontend.load(decoder))
    # bytes in, any number and size: the caller resizes, nothing is converted twice
    parameter = model.inputs[0].get_node()
    parameter.set_element_type(openvino.Type.u8)
    parameter.set_partial_shape(openvino.PartialShape([-1, -1, -1, 3]))
    model.validate_nodes_and_infer_types()
    for port, name in zip([*model.inputs, *model.outputs], [INPUT, *OUTPUTS], strict=True):
        port.set_names({name})
    return model


def to_onnx(network: MosaicNetwork, size: int, path: Path) -> None:
    """Write the network as an ONNX file.

    Raises:
        ValueError: the package onnx is not installed.
        RuntimeError: the network has an operation that ONNX does not know.
    """
    if importlib.util.find_spec("onnx") is None:
        raise ValueError("ONNX files are written with the package onnx: pip install onnx")
    axes = {INPUT: {0: "batch", 1: "height", 2: "width"}, **{name: {0: "batch"} for name in OUTPUTS}}
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            traced(network, size), (example,), path,
            dynamo=False, opset_version=OPSET, input_names=[INPUT], output_names=list(OUTPUTS), dynamic_axes=axes,
        )  # fmt: skip
