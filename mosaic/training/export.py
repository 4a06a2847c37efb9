"""A trained network as a file that other programs run, refused unless it says what the network says."""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from catalog.chunk import Chunk
from catalog.files.atomic import atomic_path, write_text
from catalog.files.full_disk import names_full_disk
from catalog.files.progress import in_batches
from catalog.product import MAX_IMAGES
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.inference.backend import OnnxBackend, OpenVinoBackend
from mosaic.inference.outputs import INPUT, OUTPUTS, Backend, Outputs, Parity, compare, require
from mosaic.layout import arrange
from mosaic.networks.graph import to_onnx, to_openvino
from mosaic.networks.network import MosaicNetwork, load_network
from mosaic.networks.torch_backend import TorchBackend
from mosaic.photos import squared
from mosaic.runs import MosaicDetails

Format = Literal["onnx", "openvino"]
SUFFIX = {"onnx": ".onnx", "openvino": ".xml"}
CHECK = 300
"""Products on which a file is held against the network."""
BATCH = 8


@dataclass(frozen=True)
class ExportedNetwork:
    """Files of one export, the one to open first, and how close it is to the network."""

    files: list[Path]
    parity: Parity


def check_parity(network: MosaicNetwork, backend: Backend, mosaics: Sequence[NDArray[np.uint8]]) -> Parity:
    """Hold a backend against PyTorch on `(H, W, 3)` uint8 mosaics of any shapes.

    Raises:
        BadExport: it is further from the network than is allowed, see `require`.
    """
    reference = TorchBackend(network.cpu())
    shapes: dict[tuple[int, ...], list[NDArray[np.uint8]]] = {}
    for mosaic in mosaics:
        shapes.setdefault(mosaic.shape, []).append(mosaic)
    batches = [np.stack(batch) for alike in shapes.values() for batch in in_batches(alike, BATCH)]
    expected, got = (
        Outputs(*(np.concatenate(parts) for parts in zip(*map(run, batches), strict=True)))
        for run in (reference, backend)
    )
    parity = compare(expected, got)
    require(parity, backend.name)
    return parity


def export(
    network: MosaicNetwork, path: Path, form: Format, mosaics: Sequence[NDArray[np.uint8]],
    facts: dict[str, Any] | None = None,
) -> ExportedNetwork:  # fmt: skip
    """Write `path` (`.onnx`, or `.xml` with a `.bin`) and beside it `PATH.json`, which says how to use it.

    The file is read back and run on `mosaics`, `(H, W, 3)` uint8, before it takes its name.

    Args:
        network: on CPU.
        path: its suffix is that of the format.
        form: the format.
        mosaics: what the file is held against the network on; all the widths that it will meet.
        facts: further entries of the JSON.

    Raises:
        BadExport: the file is not the network; nothing is left of it.
        ValueError: a suffix of another format, or a package is missing.
    """
    if path.suffix != SUFFIX[form]:
        raise ValueError(f"{path}: a file of format {form} ends in {SUFFIX[form]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    height = int(mosaics[0].shape[0])
    with tempfile.TemporaryDirectory(prefix=f".{path.stem}.", dir=path.parent) as name:
        written = Path(name) / path.name
        with names_full_disk(path):
            backend = _write(network, written, form, height)
        parity = check_parity(network, backend, mosaics)
        # the weights take their place before the graph that names them
        files = sorted(path.with_name(file.name) for file in Path(name).iterdir())
        for file in files:
            with atomic_path(file) as temporary:
                os.replace(Path(name) / file.name, temporary)
    about = {
        "file": path.name,
        **(facts or {}),
        "input": {"name": INPUT, "dtype": "uint8", "axes": "batch, height, width, RGB", "range": [0, 255]},
        "outputs": {OUTPUTS[0]: network.head.in_features, OUTPUTS[1]: network.head.out_features},
        "parity": asdict(parity),
    }
    card = path.with_name(path.name + ".json")
    write_text(card, json.dumps(about, indent=2) + "\n")
    return ExportedNetwork([path, *(file for file in files if file != path), card], parity)


def _write(network: MosaicNetwork, path: Path, form: Format, size: int) -> Backend:
    if form == "onnx":
        to_onnx(network, size, path)
        return OnnxBackend(path)
    import openvino

    # half precision, the default of this call, would change the results
    openvino.save_model(to_openvino(network, size), path, compress_to_fp16=False)
    return OpenVinoBackend(path)


def export_run(workspace: Workspace, slot: str, form: Format, output: Path | None = None) -> ExportedNetwork:
    """Export the workspace's latest network of a slot (`any`, `1`..`4`), into its run folder unless `output` says else.

    The file is checked on photos of the training catalogue.

    Raises:
        FileNotFoundError: no such network; the message names the next command.
        BadExport: the file is not the network; nothing is left of it.
    """
    run = workspace.require("mosaic", slot)
    config = run.config(MosaicConfig)
    network = load_network(run, config)
    mosaics = _mosaics(workspace, run, config)
    tree = run.taxonomy()
    facts = {
        "run": run.folder.name, "revision": run.revision,
        "n_images": slot, "photo_size": config.photo_size, "layout": config.layout,
        "support": [int(tree.leaf_ids[leaf]) for leaf in network.support.tolist()],
    }  # fmt: skip
    return export(network, (output or run.folder) / f"mosaic-{slot}{SUFFIX[form]}", form, mosaics, facts)


def _mosaics(workspace: Workspace, run: Run, config: MosaicConfig) -> list[NDArray[np.uint8]]:
    """`(H, W, 3)` uint8 mosaics of training products, of every width that the network serves."""
    catalog = workspace.training_catalog()
    view = run.details_as(MosaicDetails).view
    counts = [view.n_images] if view.n_images else list(range(1, MAX_IMAGES + 1))
    rows = np.flatnonzero(np.isin(catalog.n_images, counts))
    chosen = np.random.default_rng(config.seed).permutation(rows)[:CHECK]
    chunk = Chunk.of(catalog.take(chosen), config.photo_size)
    squares = {md5: squared(picture, config.photo_size) for md5, picture in chunk.pictures.items()}
    shown = [[squares[md5] for md5 in md5s] for md5s in chunk.readable if len(md5s) in counts]
    if not shown:
        raise ValueError(f"{catalog} holds no product with readable photos for this network: nothing to check on")
    # a count that the catalogue lacks is checked on one photo repeated
    shown += [shown[0][:1] * count for count in counts if all(len(pictures) != count for pictures in shown)]
    return [arrange(np.stack(pictures)[None], config.layout)[0] for pictures in shown]
