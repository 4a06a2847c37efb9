"""The graph of the deployed network in a run folder: it takes PyTorch's place where it is that network's graph."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catalog.runs.config import STRICT, checked
from catalog.runs.run import read_json
from mosaic.config import InferenceConfig
from mosaic.inference.backend import OnnxBackend, OpenVinoBackend
from mosaic.inference.checked import CheckedBackend
from mosaic.inference.expected_outputs import ExpectedOutputs
from mosaic.inference.outputs import Backend, Parity
from mosaic.run_files import EXPECTED, GRAPH_CARD, GRAPH_FILES, Format, weights_name

log = logging.getLogger(__name__)
_WAY_OUT = "that costs seconds at each start; training again, or `mosaic export` and then `fusion train`, spares them"


def graph_format(inference: InferenceConfig) -> Format | None:
    """Of the graph that is used on a machine without a GPU; None where PyTorch is asked for."""
    if inference.backend == "torch":
        return None
    return "onnx" if inference.backend == "onnx" else "openvino"


@dataclass(frozen=True)
class GraphCard:
    """What stands in `graph.json`.

    Attributes:
        form: the graph's format.
        files: SHA-256 of the weights that the graph was made from, and of every file of the graph.
        parity: how far it is from PyTorch on real mosaics.
    """

    form: Format
    files: dict[str, str]
    parity: Parity
    __pydantic_config__ = STRICT


def graph_files(form: Format) -> tuple[str, ...]:
    """All that makes up a graph, but its card: names in the run folder."""
    return (*GRAPH_FILES[form], EXPECTED)


def file_hashes(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of each of these files."""
    hashes = {}
    for name in names:
        with (folder / name).open("rb") as file:
            hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def graph_backend(folder: Path, form: Format, reference: Callable[[], Backend], *, fall_back: bool) -> Backend | None:
    """What runs the run's graph, held against PyTorch's answers in its file; None where there is no such graph.

    Says why in the log: the graph is of other weights, or was changed.

    Args:
        reference, fall_back: see `CheckedBackend`.
    """
    if not (folder / GRAPH_CARD).is_file():
        log.info("%s keeps no graph of its network, which is made anew from the weights: %s", folder, _WAY_OUT)
        return None
    try:
        require_fitting(folder, form)
        expected = ExpectedOutputs.load(folder / EXPECTED)
    except (OSError, ValueError) as error:
        log.warning("%s: the graph of its network is not used: %s; %s", folder, error, _WAY_OUT)
        return None
    programs: dict[Format, Callable[[Path], Backend]] = {"openvino": OpenVinoBackend, "onnx": OnnxBackend}
    path = folder / GRAPH_FILES[form][0]
    return CheckedBackend(form, lambda: programs[form](path), expected.check, reference, fall_back=fall_back)


def require_fitting(folder: Path, form: Format) -> None:
    """Raise ValueError when a run's graph is not of its weights and this format, OSError when it cannot be read."""
    card = checked(GraphCard, read_json(folder / GRAPH_CARD), f"{GRAPH_CARD} was written by another version")
    if card.form != form:
        raise ValueError(f"it is one for {card.form}, inference.backend asks for {form}")
    names = (weights_name(None), *graph_files(form))
    hashes = file_hashes(folder, names)
    different = [name for name in names if hashes[name] != card.files.get(name)]
    if names[0] in different:
        raise ValueError(f"it is of other weights than {names[0]}")
    if different:
        raise ValueError(f"{', '.join(different)} was changed since it was written")
