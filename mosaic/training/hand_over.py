"""From the worker processes that prepare batches to the one that learns: by shared memory where there is some."""

from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from mosaic.training.dataset import NO_PRODUCTS, BatchPlan, Preparation, TrainingBatch
from mosaic.training.encoded_photos import NONE_ENCODED, EncodedPhotos
from mosaic.training.shrunken_photos import PhotoUse
from mosaic.training.worker_death import died_with
from mosaic.training.worker_processes import WorkerWatch, interrupts_held_back, main_module_left_alone

DYING_S = 10.0
"""At most from what a dying process leaves unanswered to its end: the system may write its memory to a file first."""


class PackedBatch(NamedTuple):
    """A `TrainingBatch` on its way: the same, but photos that found no shared memory, and what is small, are arrays.

    Arrays go through a pipe, and tensors through shared memory, of which a container has 64 MiB unless it is told
    otherwise: there a few batches fill it.
    """

    photos: Tensor | NDArray[np.uint8]
    labels: NDArray[np.int64]
    numbers: NDArray[np.float32]
    epoch: int
    number: int
    of: int
    photo_use: PhotoUse
    encoded: EncodedPhotos = NONE_ENCODED
    products: NDArray[np.int64] = NO_PRODUCTS

    def unpacked(self) -> TrainingBatch:
        """The batch as it was prepared."""
        photos = self.photos if isinstance(self.photos, Tensor) else torch.from_numpy(self.photos)
        return TrainingBatch(
            photos, torch.from_numpy(self.labels), torch.from_numpy(self.numbers), *self[3:],
        )  # fmt: skip


class PackedBatches(Dataset[PackedBatch]):
    """Planned batches, ready to be handed over."""

    def __init__(self, preparation: Preparation) -> None:
        self.preparation = preparation

    def __getitem__(self, plan: BatchPlan) -> PackedBatch:
        """One batch, its photos in shared memory where a worker prepares it and there is room."""
        prepared = self.preparation[plan]
        photos: Tensor | NDArray[np.uint8] = prepared.photos
        if get_worker_info() is not None:
            try:
                # here, not by the thread that sends it: what that one cannot share is lost without a word
                prepared.photos.share_memory_()  # type: ignore[no-untyped-call]
            except (RuntimeError, OSError):
                photos = prepared.photos.numpy()
        return PackedBatch(photos, prepared.labels.numpy(), prepared.numbers.numpy(), *prepared[3:])


def as_it_is(batch: Any) -> Any:
    """For the loader: a batch as it is, nothing converted."""
    return batch


class PackedLoader(DataLoader[PackedBatch]):
    """A loader whose workers can be ended from outside."""

    _batches: Any = None
    _watch: WorkerWatch | None = None

    def __iter__(self) -> Any:
        """The batches, and workers that prepare them; raises WorkersDied, wherever the caller is, when one has died."""
        with main_module_left_alone(), interrupts_held_back():
            self._batches = super().__iter__()
        self._watch = WorkerWatch(self._workers, self._is_shut_down, _raise_death)
        return self._batches

    @property
    def _workers(self) -> list[BaseProcess]:
        return list(getattr(self._batches, "_workers", ()))

    def kill_workers(self, one_is_dying: bool) -> list[int]:
        """End them, whatever they are doing; returns the process ids of those that ended by themselves.

        `one_is_dying`: it has left something unanswered, and its end is waited for.
        """
        self._stop_watch()
        workers = self._workers
        if workers and one_is_dying:
            gone = connection.wait([worker.sentinel for worker in workers], DYING_S)
            for worker in workers:
                # it closes its files a moment before it can be asked how it ended
                if worker.sentinel in gone:
                    worker.join(DYING_S)
        dead = [worker.pid for worker in workers if worker.pid is not None and worker.exitcode is not None]
        for worker in workers:
            worker.kill()
        return dead

    def close(self) -> None:
        """Leave nothing behind; workers that are alive end by themselves."""
        self._stop_watch()
        if hasattr(self._batches, "_shutdown_workers"):
            self._batches._shutdown_workers()
        self._batches = None

    def _is_shut_down(self) -> bool:
        return bool(getattr(self._batches, "_shutdown", True))

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None


def _raise_death(worker: BaseProcess) -> NoReturn:
    raise died_with(worker)
