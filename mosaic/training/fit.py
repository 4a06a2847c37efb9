"""The one training loop: a network, examples, a `TrainingConfig`; after a kill it goes on from its checkpoint."""

from __future__ import annotations

import logging
import os
import warnings

import lightning
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from torch.utils.data import DataLoader

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from mosaic.config import MosaicConfig
from mosaic.networks.device import data_workers
from mosaic.networks.network import MosaicNetwork
from mosaic.training import distributed
from mosaic.training.batches import CountBatchSampler
from mosaic.training.checkpoint import FitState
from mosaic.training.dataset import MosaicDataset
from mosaic.training.history import EpochRecord
from mosaic.training.learner import FitTask, Learner


def fit(
    network: MosaicNetwork, catalog: Catalog, task: FitTask, config: MosaicConfig, progress: Progress | None = None
) -> list[EpochRecord]:
    """Train `network` in place, first its head, then everything, and leave it on the CPU in evaluation mode.

    Returns:
        What happened epoch by epoch.

    Raises:
        ValueError: a checkpoint that cannot be read.
    """
    # the trainer announces absent accelerators and its vendor's services at every start
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    state = (FitState.load(task.checkpoint) if task.checkpoint else None) or FitState(
        n_devices=distributed.world_size()
    )
    if state.n_devices != distributed.world_size():
        raise ValueError(
            f"{task.checkpoint} was written by {state.n_devices} processes, here are {distributed.world_size()}: "
            f"resume with --devices {state.n_devices}, or train anew without --resume"
        )
    sampler = CountBatchSampler(
        task.examples, config.photos_per_batch, task.training, config.seed,
        device=distributed.rank(), n_devices=distributed.world_size(),
        start=(state.epoch, state.number), limits=task.limits,
    )  # fmt: skip
    workers = data_workers(config)
    loader = DataLoader(
        MosaicDataset(catalog, task.examples, config, config.source_size, task.training.reassembly),
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
    )
    run = Learner(network, catalog, task, config, state, sampler, progress)
    if run.is_over():
        run.on_fit_start()
        run.hand_over()
        return state.history
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    # the head's epochs leave the backbone without gradients
    strategy = DDPStrategy(find_unused_parameters=True) if distributed.world_size() > 1 else "auto"
    trainer = lightning.Trainer(
        # one pass over all epochs' batches: where it begins is the sampler's affair
        max_epochs=1,
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=local,
        num_nodes=distributed.world_size() // local,
        strategy=strategy,
        precision="bf16-mixed" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "32-true",
        accumulate_grad_batches=task.training.accumulate,
        logger=_logger(task, state),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        # the sampler above is already the one for this process
        use_distributed_sampler=False,
    )
    network.to(memory_format=torch.channels_last)
    with warnings.catch_warnings():
        # lightning's own use of a deprecated torch call
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        # few workers are meant: on CPU the network is the slow part
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        trainer.fit(run, loader)
    run.hand_over()
    return state.history


def _logger(task: FitTask, state: FitState) -> TensorBoardLogger | bool:
    if task.logs is None:
        return False
    # what a killed run logged after its last checkpoint is dropped
    return TensorBoardLogger(task.logs, name=None, version=task.name.replace(" ", "-"), purge_step=state.step)
