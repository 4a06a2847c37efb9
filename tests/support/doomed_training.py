"""A training with two worker processes, to which something happens at its third step.

`python -m tests.support.doomed_training FOLDER EVENT...`: the events are names of signals, and whom they are for:
`SIGSTOP:all SIGKILL:first SIGTERM:self`. Prints the workers' process ids.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path

import bson
import numpy as np

from catalog.catalog import Catalog
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork
from mosaic.training.batches import Examples
from mosaic.training.fit import fit
from mosaic.training.learner import FitTask
from mosaic.views import View
from tests.support.products import make_product


def happen(events: list[str]) -> None:
    """Send the signals."""
    workers = [child.pid for child in multiprocessing.active_children() if child.pid is not None]
    print(*workers, flush=True)
    for event in events:
        name, _, whom = event.partition(":")
        for process in {"all": workers, "first": workers[:1], "self": [os.getpid()]}[whom]:
            os.kill(process, signal.Signals[name])


def train(folder: Path, events: list[str]) -> None:
    """Three epochs on 48 products of noise."""
    path = folder / "products.bson"
    path.write_bytes(b"".join(bson.encode(make_product(i, 11, 1 + i % 3)) for i in range(48)))
    catalog = Catalog(path)
    settings = load_config(MosaicConfig, "mosaic", "debug", ["photos_per_batch=16", "workers=2", "training.epochs=3"])
    network = MosaicNetwork(settings.backbone, np.arange(3), np.full(3, 1 / 3))
    examples = Examples.of(View(), np.arange(48), np.arange(48) % 3, catalog.n_images[:48])
    task = FitTask("part 0", examples, settings.training)
    fit(network, catalog, task, settings, lambda step, _: happen(events) if step == 3 else None)


def as_command(folder: Path, events: list[str]) -> None:
    """The same, which tells its errors as a command does."""
    try:
        train(folder, events)
    except OSError as error:
        sys.exit(f"Error: {error}")
    print("trained", flush=True)


if __name__ == "__main__":
    as_command(Path(sys.argv[1]), sys.argv[2:])
