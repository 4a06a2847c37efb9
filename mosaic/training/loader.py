"""The input pipeline: batches in a sampler's order, prepared by worker processes where there are some."""

from collections.abc import Iterable, Iterator, Sized

from mosaic.networks.device import best_device, data_workers
from mosaic.training.batches import Batch
from mosaic.training.dataset import BatchPlan, MosaicDataset
from mosaic.training.hand_over import PackedBatches, PackedLoader, as_it_is
from mosaic.training.shared_memory import warn_if_short
from mosaic.training.worker_processes import prepare_worker, worker_context


def batch_loader(dataset: MosaicDataset, batches: Iterable[Batch]) -> PackedLoader:
    """`batches` of a dataset in their order, prepared by as many processes as its configuration says."""
    n_workers = data_workers(dataset.config)
    if isinstance(batches, Sized):
        n_workers = min(n_workers, len(batches))
    if not dataset.catalog.is_kept:
        # each worker would look through the whole source first, which has just been said of the next opening
        n_workers = 0
    if n_workers:
        warn_if_short(n_workers, dataset.config.photos_per_batch, dataset.size)
    return PackedLoader(
        PackedBatches(dataset.preparation),
        # the sampler's items are batches already
        batch_size=None,
        sampler=_Plans(dataset, batches),
        num_workers=n_workers,
        multiprocessing_context=worker_context() if n_workers else None,
        # by default arrays would be made tensors again
        collate_fn=as_it_is,
        worker_init_fn=prepare_worker,
        pin_memory=best_device().type == "cuda",
    )


class _Plans:
    """The plans of batches, each looked up when a process is to prepare it."""

    def __init__(self, dataset: MosaicDataset, batches: Iterable[Batch]) -> None:
        self.dataset, self.batches = dataset, batches

    def __iter__(self) -> Iterator[BatchPlan]:
        return map(self.dataset.plan, self.batches)
