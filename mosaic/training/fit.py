"""The one training loop: a network, examples, a `TrainingConfig`; after a kill it goes on from its checkpoint."""

import logging
import os
import warnings
from dataclasses import replace

import lightning
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.files.progress_lines import says_more
from mosaic.config import MosaicConfig
from mosaic.networks.device import best_device, compute_dtype, ran_out
from mosaic.networks.network import MosaicNetwork
from mosaic.training import distributed
from mosaic.training.batches import CountBatchSampler
from mosaic.training.checkpoint import FitState
from mosaic.training.dataset import MosaicDataset
from mosaic.training.effective_batch import EffectiveBatch
from mosaic.training.ending import EndsInTime, death_in, is_interruption
from mosaic.training.history import EpochRecord
from mosaic.training.learner import FitTask, Learner
from mosaic.training.loader import batch_loader
from mosaic.training.memory import batch_too_large
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
        BatchTooLarge: memory does not hold a step; says which one it holds.
    """
    # each process adds its batches to every step
    batch = EffectiveBatch.of(config, task.training, distributed.world_size())
    task = replace(task, training=task.training.model_copy(update={"accumulate": batch.accumulate}))
    dataset = MosaicDataset(
        catalog, task.examples, config, config.source_size, task.training.reassembly, task.shrunken,
        encoded=config.decode == "gpu",
    )  # fmt: skip
    try:
        return _fit(network, dataset, task, config, progress)
    except RuntimeError as error:
        if not ran_out(error):
            raise
    # here the error is gone, and with it what the step had in memory
    raise batch_too_large(network, dataset, task, config)


def _fit(
    network: MosaicNetwork, dataset: MosaicDataset, task: FitTask, config: MosaicConfig, progress: Progress | None
) -> list[EpochRecord]:
    state = _begun(task)
    stretches = _stretches(task, state)
    leaf_shares = _sampler(task, config, state, stretches[-1]).leaf_shares(len(network.support))
    learner = Learner(network, dataset.preparation.catalog, task, config, state, leaf_shares, progress)
    if learner.is_over():
        # killed between the last epoch and the weights
        learner.on_fit_start()
    for end in stretches:
        if not learner.is_over():
            _learn(learner, dataset, end)
            learner.remember()
    if len(task.shrunken.photos) and distributed.is_main():
        log.info("%s: %s", task.name, learner.photo_use)
    learner.hand_over()
    return state.history


def _stretches(task: FitTask, state: FitState) -> list[int]:
    """The epochs before which trainers of their own end, in order.

    Where several processes train, in the head's epochs each step has to be searched for the weights that it leaves
    alone; what it costs is not paid in the others.
    """
    head_epochs, end = task.training.head_epochs, task.training.head_epochs + task.training.epochs
    split = distributed.world_size() > 1 and state.epoch < head_epochs < end
    return [head_epochs, end] if split else [end]


def _sampler(task: FitTask, config: MosaicConfig, state: FitState, end: int) -> CountBatchSampler:
    """This process's batches from where the fit stands to epoch `end`."""
    until_end = task.training.model_copy(update={"epochs": end - task.training.head_epochs})
    return task.sampler(
        task.examples, config.photos_per_batch, until_end, config.seed,
        device=distributed.rank(), n_devices=distributed.world_size(),
        start=(state.epoch, state.number), limits=task.limits,
    )  # fmt: skip


def _learn(learner: Learner, dataset: MosaicDataset, end: int) -> None:
    """Show the learner what it has not seen of the epochs before `end`."""
    task, state = learner.task, learner.state
    loader = batch_loader(dataset, _sampler(task, learner.config, state, end))
    teller = says_more(learner.progress)
    told = [] if teller is None else [ToldFit(teller, task.training, len(state.history))]
    ending = EndsInTime(loader.kill_workers, loader.num_workers)
    trainer = _trainer(learner, [ending, *told])
    learner.network.to(memory_format=torch.channels_last)
    with warnings.catch_warnings():
        # lightning's own use of a deprecated torch call
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        # few workers are meant: on CPU the network is the slow part
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        try:
            trainer.fit(learner, loader)
        except (RuntimeError, OSError, EOFError) as error:
            if is_interruption(error):
                raise KeyboardInterrupt from None
            if died := ending.died or death_in(error):
                raise died from None
            raise
        finally:
            loader.close()
            ending.release()


def _begun(task: FitTask) -> FitState:
    """Where a fit that was killed stands, else its beginning; the same on every process.

    None leaves before all have read it: a fit that is over soon removes its checkpoint, and who then finds none would
    train anew.
    """
    n_devices, state = distributed.world_size(), None
    if task.checkpoint is not None and distributed.finds(task.checkpoint):
        state = FitState.load(task.checkpoint)
    state = state or FitState(n_devices=n_devices)
    # batches are dealt out to the processes: with another number of them some would be shown twice, others never
    if state.n_devices != n_devices:
        raise ValueError(
            f"{task.checkpoint} was written by {state.n_devices} processes, here are {n_devices}: "
            f"resume with --devices {state.n_devices}, or train anew without --resume"
        )
    if state.number % task.training.accumulate:
        raise ValueError(
            f"{task.checkpoint} was written by a version whose {n_devices} processes added up more batches for a step "
            f"than the {task.training.accumulate} of today: delete it, and its fit begins anew"
        )
    place = f"epoch {state.epoch + 1}, batch {state.number + 1}"
    if distributed.broadcast(place) != place:
        raise OSError(
            f"{task.checkpoint}: process {distributed.rank()} reads another state ({place}) there than the main one; "
            "the disk that their machines share is behind: wait a minute, and start again with --resume"
        )
    distributed.barrier()
    return state


def _trainer(learner: Learner, callbacks: list[lightning.Callback]) -> lightning.Trainer:
    task, state = learner.task, learner.state
    # the trainer announces absent accelerators and its vendor's services at every start
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    strategy: DDPStrategy | str = "auto"
    if distributed.world_size() > 1:
        only_head = state.epoch < task.training.head_epochs
        # the head's epochs leave the backbone without gradients; some networks have weights that nothing leads through
        strategy = DDPStrategy(find_unused_parameters=only_head or learner.has_idle_weights())
    return lightning.Trainer(
        # one pass over all epochs' batches: where it begins is the sampler's affair
        max_epochs=1,
        accelerator="gpu" if best_device().type == "cuda" else "cpu",
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
    # what a killed run logged after its last checkpoint is dropped, not what it had logged by then
    return TensorBoardLogger(task.logs, name=None, version=task.name.replace(" ", "-"), purge_step=state.step + 1)
