"""A trained network as a file that other programs run, refused unless it says what the network says."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.atomic import write_text
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.inference.outputs import INPUT, OUTPUTS, Parity
from mosaic.inference.run_graph import graph_format, require_fitting
from mosaic.networks.network import MosaicNetwork, load_network
from mosaic.run_files import Format
from mosaic.runs import MosaicDetails
from mosaic.training.checked_files import mosaics_of_view, write_checked
from mosaic.training.run_graph import write_graph

SUFFIX = {"onnx": ".onnx", "openvino": ".xml"}
CHECK = 300
"""Products on which a file is held against the network."""


@dataclass(frozen=True)
class ExportedNetwork:
    """Files of one export, the one to open first, and how close it is to the network."""

    files: list[Path]
    parity: Parity


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
    files, parity = write_checked(network, path, form, mosaics)
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


def export_run(workspace: Workspace, slot: str, form: Format, output: Path | None = None) -> ExportedNetwork:
    """Export the workspace's latest network of a slot (`any`, `1`..`4`), into its run folder unless `output` says else.

    The file is checked on photos of the training catalogue. A run that keeps no graph to predict with, or one of
    other weights, gets one, too.

    Raises:
        FileNotFoundError: no such network; the message names the next command.
        BadExport: the file is not the network; nothing is left of it.
    """
    run = workspace.require("mosaic", slot)
    config = run.config(MosaicConfig)
    network = load_network(run, config)
    view = run.details_as(MosaicDetails).view
    mosaics = mosaics_of_view(workspace.training_catalog(), view, config, CHECK)
    tree = run.taxonomy()
    facts = {
        "run": run.folder.name, "revision": run.revision,
        "n_images": slot, "photo_size": config.photo_size, "layout": config.layout,
        "support": [tree.shop_ids[leaf] for leaf in network.support.tolist()],
    }  # fmt: skip
    exported = export(network, (output or run.folder) / f"mosaic-{slot}{SUFFIX[form]}", form, mosaics, facts)
    wanted = graph_format(config.inference)
    if output is None and wanted is not None:
        try:
            require_fitting(run.folder, wanted)
        except (OSError, ValueError):
            write_graph(run, wanted, network, mosaics)
    return exported
