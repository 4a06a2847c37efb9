"""A step that memory does not hold: the batch that it would hold is tried before it is named."""

import gc

import torch

from mosaic.config import MosaicConfig
from mosaic.networks.device import autocast, best_device, described, ran_out
from mosaic.networks.network import MosaicNetwork
from mosaic.training import distributed
from mosaic.training.checkpoint import FitState
from mosaic.training.dataset import MosaicDataset
from mosaic.training.effective_batch import smaller_batches
from mosaic.training.hand_over import PackedBatches
from mosaic.training.learner import FitTask, Learner

MAX_HALVINGS = 6


class BatchTooLarge(OSError):
    """A step does not fit into memory."""


def batch_too_large(
    network: MosaicNetwork, dataset: MosaicDataset, task: FitTask, config: MosaicConfig
) -> BatchTooLarge:
    """What to say of a step that did not fit, with the settings of one that does; the network has then taken steps.

    It must not be called while the exception is handled: that holds what the failed step had in memory.
    """
    photos = config.photos_per_batch
    too_large = f"{described(best_device())}: its memory does not hold a step of {photos} photos"
    for halvings in range(1, MAX_HALVINGS + 1):
        fewer = photos >> halvings
        if fewer and _fits(network, dataset, task, config.model_copy(update={"photos_per_batch": fewer})):
            return BatchTooLarge(
                f"{too_large}; one of {fewer} was tried and fits. {_settings(config, fewer)} learns from "
                f"{'' if fewer << halvings == photos else 'about '}as many photos in a step. It begins anew: --resume "
                "goes on only where photos_per_batch stays"
            )
    return BatchTooLarge(
        f"{too_large}, nor one of {max(1, photos >> MAX_HALVINGS)}: free memory that others hold, take smaller photos "
        "(--set train_photo_size=128 --set photo_size=128) or a smaller network (--set backbone.name=...)"
    )


def _settings(config: MosaicConfig, photos: int) -> str:
    return smaller_batches(config, photos, distributed.world_size(), lambda batch: batch.photos)


def _fits(network: MosaicNetwork, dataset: MosaicDataset, task: FitTask, config: MosaicConfig) -> bool:
    """Whether memory holds a step of the largest batch, with gradients, the optimizer's state and the average."""
    _release_memory()
    try:
        _step(network, dataset, task, config)
    except RuntimeError as error:
        if not ran_out(error):
            raise
        return False
    else:
        return True
    finally:
        network.zero_grad()
        network.cpu()


def _step(network: MosaicNetwork, dataset: MosaicDataset, task: FitTask, config: MosaicConfig) -> None:
    sampler = task.sampler(
        task.examples, config.photos_per_batch, task.training, config.seed, limits=task.limits
    )  # fmt: skip
    # where only the head learns, a step takes less
    epoch = task.training.head_epochs if task.training.epochs else 0
    largest = max(sampler.epoch(epoch), key=lambda batch: len(batch.examples) * batch.n_shown)
    shares = sampler.leaf_shares(len(network.support))
    learner = Learner(network, dataset.preparation.catalog, task, config, FitState(), shares, None)
    device = best_device()
    learner.to(device).train()
    learner.on_fit_start()
    optimizer = learner.configure_optimizers()
    # processes that train together exchange gradients through copies of them
    copies = [torch.empty_like(weights) for weights in network.parameters() if distributed.world_size() > 1]
    packed = PackedBatches(dataset.preparation)[dataset.plan(largest)]
    # the ways that the trainer leads it
    batch = learner.transfer_batch_to_device(learner.on_before_batch_transfer(packed, 0), device, 0)
    batch = learner.on_after_batch_transfer(batch, 0)
    with autocast(device):
        loss = learner.training_step(batch, 0)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    del copies


def _release_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
