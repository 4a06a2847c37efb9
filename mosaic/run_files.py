"""How the files of a mosaic run are called."""

from typing import Literal

from catalog.runs.run import GRAPH

Format = Literal["onnx", "openvino"]
"""Of a graph that runs without PyTorch: the program that is made for it."""

GRAPH_CARD = f"{GRAPH}.json"
"""What the graph was made from, see `mosaic.inference.run_graph`."""
GRAPH_FILES: dict[Format, tuple[str, ...]] = {"openvino": (f"{GRAPH}.xml", f"{GRAPH}.bin"), "onnx": (f"{GRAPH}.onnx",)}
"""The deployed network as a graph that runs without PyTorch, by format; the first file is opened."""
EXPECTED = f"{GRAPH}-check.safetensors"
"""What the graph must say, see `mosaic.inference.expected_outputs`."""


def weights_name(part: int | None) -> str:
    """File in the run folder of the deployed network, or of the one that never saw `part`."""
    return "weights.safetensors" if part is None else f"weights-part{part}.safetensors"
