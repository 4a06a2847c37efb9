"""The graph of the deployed network in its run folder: prediction on a CPU needs no PyTorch then."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.atomic import write_text
from catalog.files.wording import one_line
from catalog.runs.run import Run
from mosaic.config import MosaicConfig
from mosaic.inference.expected_outputs import ExpectedOutputs
from mosaic.inference.run_graph import GraphCard, file_hashes, graph_files, graph_format
from mosaic.networks.device import CPU
from mosaic.networks.network import MosaicNetwork, load_network
from mosaic.networks.torch_backend import TorchBackend
from mosaic.run_files import EXPECTED, GRAPH_CARD, GRAPH_FILES, Format, weights_name
from mosaic.training.checked_files import mosaics_of_view, write_checked
from mosaic.views import View

log = logging.getLogger(__name__)
CHECK = 48
"""Products on which a graph is held against its network, in every training; `mosaic export` takes more."""


def add_graph(run: Run, config: MosaicConfig, view: View, catalog: Catalog) -> None:
    """Write the graph of the weights in a run folder, checked on products of the training catalogue.

    Without it prediction makes one at each start, so that one which cannot be made or is no good is worth a warning.
    """
    form = graph_format(config.inference)
    if form is None:
        return
    try:
        mosaics = mosaics_of_view(catalog, view, config, CHECK)
        write_graph(run, form, load_network(run, config), mosaics)
    except OSError:
        # a full disk: the training ends, and is gone on with when there is room
        raise
    # whatever the other program does not like about a network
    except Exception as error:
        why = one_line(error)
        log.warning("%s: no graph of the network is kept, each prediction will make its own: %s", run.folder, why)


def write_graph(run: Run, form: Format, network: MosaicNetwork, mosaics: Sequence[NDArray[np.uint8]]) -> None:
    """Write `graph.*` beside the weights that `network` holds, the card last.

    Args:
        network: on CPU.
        mosaics: `(H, W, 3)` uint8 each, of every shape that the network serves.

    Raises:
        BadExport: the graph is not the network; none is left.
    """
    card = run.folder / GRAPH_CARD
    # an earlier one's would not fit what takes its files' place
    card.unlink(missing_ok=True)
    _, parity = write_checked(network, run.folder / GRAPH_FILES[form][0], form, mosaics)
    shapes = sorted({(mosaic.shape[0], mosaic.shape[1]) for mosaic in mosaics})
    ExpectedOutputs.of(TorchBackend(network, CPU), shapes).save(run.folder / EXPECTED)
    hashes = file_hashes(run.folder, (weights_name(None), *graph_files(form)))
    write_text(card, json.dumps(asdict(GraphCard(form, hashes, parity)), indent=2) + "\n")
