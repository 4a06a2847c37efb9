"""A network judged by processes that train together, each of which has gathered other batch statistics."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from catalog.catalog import Catalog
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork
from mosaic.training.batches import Examples
from mosaic.training.validation import validate
from mosaic.views import View


def judge(path: Path, rank: int, n_processes: int, meeting: Path, n_examples: int = 23) -> None:
    """Print the sum of all batch statistics after it, and loss and accuracy as process `rank` hears of them."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(n_processes)}
    if n_processes > 1:
        dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=n_processes)
    settings = load_config(MosaicConfig, "mosaic", "debug", ["photos_per_batch=8"])
    torch.manual_seed(0)
    network = MosaicNetwork(settings.backbone, np.arange(3), np.full(3, 1 / 3))
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer += 0.1 * rank
    catalog = Catalog(path)
    examples = Examples.of(View(), np.arange(n_examples), np.arange(n_examples) % 3, catalog.n_images[:n_examples])
    loss, accuracy = validate(network, catalog, examples, settings)
    print(float(sum(buffer.double().sum() for buffer in network.buffers())), loss, accuracy)
    if n_processes > 1:
        dist.destroy_process_group()
