"""The one training loop: a network, examples, a `TrainingConfig`; after a kill it goes on from its checkpoint."""

import logging
import os
import warnings

import lightning
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.files.progress_lines import says_more
from mosaic.config import MosaicConfig
from mosaic.networks.device import best_device, compute_dtype
from mosaic.networks.network import MosaicNetwork
from mosaic.training import distributed
from mosaic.training.batches import CountBatchSampler
from mosaic.training.checkpoint import FitState
from mosaic.training.dataset import MosaicDataset
from mosaic.training.ending import EndsInTime, death_in
from mosaic.training.history import EpochRecord
from mosaic.training.learner import FitTask, Learner
from mosaic.training.loader import batch_loader
from mosaic.training.told import ToldFit

log = logging.getLogger(__name__)


def fit(
    network: MosaicNetwork, catalog: Catalog, task: FitTask, config: MosaicConfig, progress: Progress | None = None
) -> list[EpochRecord]:
    """Train `network` in place, first its head, then everything, and leave it on the CPU in evaluation mode.

    Returns:
        What happened epoch by epoch.

    Raises:
        ValueError: a checkpoint that cannot be read, or that another number of processes wrote.
        WorkersDied: a process that prepares batches was killed.
    """
    state = _begun(task)
    sampler = CountBatchSampler(
        task.examples, config.photos_per_batch, task.training, config.seed,
        device=distributed.rank(), n_devices=distributed.world_size(),
        start=(state.epoch, state.number), limits=task.limits,
    )  # fmt: skip
    dataset = MosaicDataset(
        catalog, task.examples, config, config.source_size, task.training.reassembly, task.shrunken
    )  # fmt: skip
    loader = batch_loader(dataset, sampler)
    learner = Learner(network, catalog, task, config, state, sampler, progress)
    if learner.is_over():
        # killed between the last epoch and the weights
        learner.on_fit_start()
        learner.hand_over()
        return state.history
    teller = says_more(progress)
    told = [] if teller is None else [ToldFit(teller, task.training, len(state.history))]
    ending = EndsInTime(loader.kill_workers, loader.num_workers)
    trainer = _trainer(task, state, [ending, *told])
    network.to(memory_format=torch.channels_last)
    with warnings.catch_warnings():
        # lightning's own use of a deprecated torch call
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        # few workers are meant: on CPU the network is the slow part
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        try:
            trainer.fit(learner, loader)
        except (RuntimeError, OSError, EOFError) as error:
            if died := ending.died or death_in(error):
                raise died from None
            raise
        finally:
            loader.close()
            ending.release()
    if len(task.shrunken.photos) and distributed.is_main():
        log.info("%s: %s", task.name, learner.photo_use)
    learner.hand_over()
    return state.history


def _begun(task: FitTask) -> FitState:
    """Where a fit that was killed stands, else its beginning."""
    n_devices = distributed.world_size()
    state = (FitState.load(task.checkpoint) if task.checkpoint else None) or FitState(n_devices=n_devices)
    # batches are dealt out to the processes: with another number of them some would be shown twice, others never
    if state.n_devices != n_devices:
        raise ValueError(
            f"{task.checkpoint} was written by {state.n_devices} processes, here are {n_devices}: "
            f"resume with --devices {state.n_devices}, or train anew without --resume"
        )
    return state


def _trainer(task: FitTask, state: FitState, callbacks: list[lightning.Callback]) -> lightning.Trainer:
    # the trainer announces absent accelerators and its vendor's services at every start
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    # the head's epochs leave the backbone without gradients
    strategy = DDPStrategy(find_unused_parameters=True) if distributed.world_size() > 1 else "auto"
    return lightning.Trainer(
        # one pass over all epochs' batches: where it begins is the sampler's affair
        max_epochs=1,
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=local,
        num_nodes=distributed.world_size() // local,
        strategy=strategy,
        precision="bf16-mixed" if compute_dtype(best_device()) == torch.bfloat16 else "32-true",
        accumulate_grad_batches=task.training.accumulate,
        logger=_logger(task, state),
        callbacks=callbacks,
        # `FitState` is the checkpoint: it goes on within an epoch, and reading it runs no code
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        # the sampler above is already the one for this process
        use_distributed_sampler=False,
    )


def _logger(task: FitTask, state: FitState) -> TensorBoardLogger | bool:
    if task.logs is None:
        return False
    # what a killed run logged after its last checkpoint is dropped
    return TensorBoardLogger(task.logs, name=None, version=task.name.replace(" ", "-"), purge_step=state.step)
