"""What a fit tells on its way where nobody sees a bar: its loss and its speed each minute, and every epoch."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lightning import Callback

from catalog.files.progress_lines import SaysMore
from mosaic.config import TrainingConfig
from mosaic.training import distributed
from mosaic.training.history import EpochRecord

if TYPE_CHECKING:
    from lightning import Trainer

    from mosaic.training.dataset import TrainingBatch
    from mosaic.training.learner import Learner


class ToldFit(Callback):
    """Watches a learner and has its figures told."""

    def __init__(
        self, teller: SaysMore, training: TrainingConfig, n_told: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`n_told`: epochs that were told before, by the process from which this one has taken the fit up."""
        self._teller, self._clock = teller, clock
        self._n_epochs = training.head_epochs + training.epochs
        self._n_told, self._photos, self._since = n_told, 0, clock()

    def on_train_start(self, trainer: "Trainer", learner: "Learner") -> None:
        """From now on each line has the learner's figures."""
        self._since = self._clock()
        self._teller.describe(lambda: self._figures(learner))

    def on_train_batch_start(self, trainer: "Trainer", learner: "Learner", batch: "TrainingBatch", number: int) -> None:
        """Tell an epoch that has ended with the batch before."""
        self._tell_epochs(learner.state.history)

    def on_train_batch_end(
        self, trainer: "Trainer", learner: "Learner", outputs: object, batch: "TrainingBatch", number: int
    ) -> None:
        """Count the photos that were learnt from."""
        self._photos += batch.photos.shape[0] * batch.photos.shape[1]

    def on_train_end(self, trainer: "Trainer", learner: "Learner") -> None:
        """Tell the last epoch."""
        self._tell_epochs(learner.state.history)

    def _tell_epochs(self, history: list[EpochRecord]) -> None:
        for record in history[self._n_told :]:
            self._n_told += 1
            judged = "" if record.validation_loss is None else f", validation loss {record.validation_loss:.3f}"
            self._teller.milestone(f"epoch {record.epoch} of {self._n_epochs}: loss {record.loss:.3f}{judged}")

    def _figures(self, learner: "Learner") -> str:
        """The epoch's loss so far, and photos per second since this was last asked, of all processes together."""
        total, batches, *_ = learner.get_buffer("sums").tolist()
        now = self._clock()
        photos, seconds = self._photos * distributed.world_size(), now - self._since
        self._photos, self._since = 0, now
        # an epoch that has just ended has said its own
        loss = [f"loss {total / batches:.3f}"] if batches else []
        speed = [f"{photos / seconds:.0f} photos/s"] if photos and seconds else []
        return ", ".join([*loss, *speed])
