"""What one training step is, what is kept of it, and when the fit is over."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import LightningModule
from numpy.typing import NDArray
from timm.optim import param_groups_layer_decay
from timm.utils import ModelEmaV3
from torch import Tensor
from torch.optim import AdamW

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from mosaic.config import MosaicConfig, TrainingConfig
from mosaic.networks.jpeg_decoder import JpegDecoder
from mosaic.networks.network import MosaicNetwork
from mosaic.training import distributed
from mosaic.training.augment import augment
from mosaic.training.batches import CountBatchSampler, Examples
from mosaic.training.checkpoint import FitState
from mosaic.training.dataset import TrainingBatch, square_of
from mosaic.training.encoded_photos import NONE_ENCODED
from mosaic.training.hand_over import PackedBatch
from mosaic.training.history import EpochRecord
from mosaic.training.layout import arrange
from mosaic.training.loss import LeafLoss
from mosaic.training.mixup import mixup_or_cutmix
from mosaic.training.objective import Objective
from mosaic.training.shrunken_photos import NONE_KEPT, PhotoUse, ShrunkenPhotos
from mosaic.training.validation import validate

# one stream of random numbers for each purpose
_TORCH, _MIXUP = range(2)
_CURVES = ("loss", "accuracy", "lr", "validation_loss", "validation_accuracy")


@dataclass(frozen=True)
class FitTask:
    """One fit.

    Attributes:
        name: of the fit in curves and logs; training: which of the configuration's trainings;
        parents: `(D - 1, S)` nodes above each leaf of the support, for `parent_loss`;
        limits: `(S,)` most examples of each leaf in an epoch, None for all;
        validation: examples that judge when to stop, none of which may be held out or learnt from;
        shrunken: the cache of large photos;
        checkpoint: file to go on from and to write, None for none; logs: folder of TensorBoard's files;
        sampler: what is shown when; objective: what is learnt beside the leaves, None for nothing.
    """

    name: str
    examples: Examples
    training: TrainingConfig
    parents: NDArray[np.int64] | None = None
    limits: NDArray[np.int64] | None = None
    validation: Examples | None = None
    shrunken: ShrunkenPhotos = NONE_KEPT
    checkpoint: Path | None = None
    logs: Path | None = None
    sampler: Callable[..., CountBatchSampler] = CountBatchSampler
    objective: Objective | None = None


class Learner(LightningModule):
    """A network that is learning, for lightning's trainer; its state is what a checkpoint holds."""

    def __init__(
        self, network: MosaicNetwork, catalog: Catalog, task: FitTask, config: MosaicConfig, state: FitState,
        leaf_shares: NDArray[np.float64], progress: Progress | None,
    ) -> None:  # fmt: skip
        """`leaf_shares`: `(S,)` share of the examples of an epoch that are of each leaf of the support."""
        super().__init__()
        self.network = network
        self.catalog, self.task, self.config, self.state = catalog, task, config, state
        self.loss = LeafLoss(task.training, leaf_shares, task.parents)
        self.objective = task.objective
        if state.network:
            network.load_state_dict(state.network)
        if self.objective is not None and state.objective:
            self.objective.load_state_dict(state.objective)
        self._average: list[ModelEmaV3] = []
        self.show = torch.compile(network) if config.compile else network
        self.progress = progress
        self.saved_at = time.monotonic()
        # loss, batches, unblended examples, those recognised, of all processes: on the device, where adding up does not
        # make it wait
        self.register_buffer("sums", torch.tensor(state.sums, dtype=torch.float64), persistent=False)
        # the same of each batch since the last step, of this process
        self.counts: list[Tensor] = []
        self.seconds = state.seconds
        self.photo_use = PhotoUse()
        # made when a batch needs it
        self._jpeg_decoder: JpegDecoder | None = None

    @property
    def average(self) -> ModelEmaV3 | None:
        """The moving average; in a list, since a module of its own would be trained and synchronised too."""
        return self._average[0] if self._average else None

    def on_fit_start(self) -> None:
        """Begin, or take up, the moving average."""
        if not self.task.training.ema:
            return
        # made here, where the network is on its device; a short fit averages over its last part only: the decay rises
        self._average = [ModelEmaV3(self.network, decay=self.task.training.ema, use_warmup=True)]
        if self.state.average is not None:
            self._average[0].module.load_state_dict(self.state.average)

    # -- what is learnt -----------------------------------------------------------------------------------------

    def configure_optimizers(self) -> AdamW:
        """AdamW; the `peak` of each group is what its learning rate rises to."""
        groups, state = self._parameter_groups(), self.state.optimizer
        merged = _merged(groups)
        if not state or len(state["param_groups"]) == len(merged):
            groups = merged
        # else an earlier version began this fit: its parameters are counted in the order of its groups
        on_gpu = self.network.device.type == "cuda"
        # one kernel for a group's step, in place of a dozen
        optimizer = AdamW(groups, lr=self.task.training.lr, fused=True if on_gpu else None)
        if state:
            optimizer.load_state_dict(state)
        return optimizer

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """One for each layer of the backbone and each weight decay, the head's last."""
        training = self.task.training
        groups = param_groups_layer_decay(
            self.network.backbone, training.weight_decay, layer_decay=training.layer_decay
        )  # fmt: skip
        for group in groups:
            group["peak"] = training.lr * group.pop("lr_scale")
        beside = [] if self.objective is None else list(self.objective.parameters())
        at_head_rate = [*self.network.head.parameters(), *beside]
        head = {"params": at_head_rate, "peak": training.head_lr, "weight_decay": 0.0}
        return [*groups, head]

    def on_before_batch_transfer(self, batch: PackedBatch, _: int) -> TrainingBatch:
        """The batch as a worker has prepared it."""
        return _pinned(batch.unpacked()) if self.device.type == "cuda" else batch.unpacked()

    def on_after_batch_transfer(self, batch: TrainingBatch, _: int) -> TrainingBatch:
        """The batch on the device, with those photos decoded that no worker has decoded."""
        if not len(batch.encoded.places):
            return batch
        if self._jpeg_decoder is None:
            self._jpeg_decoder = JpegDecoder(self.device)
        size = self.config.source_size
        self._jpeg_decoder.fill(
            batch.photos.view(-1, size, size, 3), batch.encoded.places.tolist(), batch.encoded.photos,
            lambda photo: square_of(photo, size)[0],
        )  # fmt: skip
        return batch._replace(encoded=NONE_ENCODED)

    def on_train_batch_start(self, batch: TrainingBatch, _: int) -> None:
        """Set random numbers, learning rates and the backbone's mode for this place of the fit."""
        # dropout and the like depend on seed and place alone, so that a resumed run repeats them
        torch.manual_seed(int(self._rng(batch, _TORCH).integers(2**62)))
        training = self.task.training
        done = (batch.epoch + (batch.number + 1) / batch.of) / (training.head_epochs + training.epochs)
        share = _warm_cosine(done, training.warmup)
        for group in self.optimizers().param_groups:
            group["lr"] = share * group["peak"]
        # a frozen backbone also keeps its batch statistics. One mosaic alone has none worth keeping, and normalisation
        # refuses it where a backbone has pooled it before, or where it is so small that it is one place at the end
        alone = len(batch.photos) == 1
        self.network.backbone.train(batch.epoch >= training.head_epochs and not alone)

    def training_step(self, batch: TrainingBatch, _: int) -> Tensor:
        """Augment, mix and arrange a batch of `(B, N, S, S, 3)` photos -> its loss in nats, a scalar `()`."""
        size = self.config.train_photo_size
        rows, n = batch.photos.shape[:2]
        flat = augment(batch.photos.flatten(0, 1), batch.numbers.flatten(0, 1), self.config.augmentation, size)
        augmented = flat.reshape(rows, n, size, size, 3)
        photos, partner, share = mixup_or_cutmix(augmented, self.task.training, self._rng(batch, _MIXUP))
        mosaics = arrange(photos, self.config.layout)
        if batch.epoch < self.task.training.head_epochs:
            # nothing is kept for a backward pass through the frozen backbone
            with torch.no_grad():
                features = self.network.features(mosaics)
            logits: Tensor = self.network.head(self.network.dropout(features))
        elif self.objective is not None:
            features = self.network.features(mosaics)
            logits = self.network.head(self.network.dropout(features))
        else:
            if self.config.compile:
                _mark_widths(mosaics)
            logits = self.show(mosaics)
        loss: Tensor = share * self.loss(logits, batch.labels)
        if share < 1:
            loss = loss + (1 - share) * self.loss(logits, batch.labels[partner])
        if self.objective is not None:
            loss = self.objective(features, loss, batch.products)
        # of a blended batch two labels are right: it says nothing about accuracy
        judged = rows if share == 1 else 0
        right = (logits.argmax(1) == batch.labels).sum() if judged else logits.new_zeros(())
        counts = [loss.detach(), loss.new_ones(()), loss.new_full((), judged), right]
        self.counts.append(torch.stack([count.double() for count in counts]))
        return loss

    def has_idle_weights(self) -> bool:
        """Whether a mosaic's logits leave some weights without a gradient, as timm's networks without head may."""
        was_training = self.network.training
        # one mosaic alone has no batch statistics
        self.network.eval()
        size = self.config.train_photo_size
        weights = list(self.network.parameters())
        mosaic = torch.zeros((1, size, size, 3), dtype=torch.uint8, device=self.network.device)
        gradients = torch.autograd.grad(self.network(mosaic).sum(), weights, allow_unused=True)
        self.network.train(was_training)
        return any(gradient is None for gradient in gradients)

    def _rng(self, batch: TrainingBatch, purpose: int) -> np.random.Generator:
        """The same for this batch whenever, after whatever and by whichever process it is shown."""
        # its number where one process shows them all; the last key is from when it was the process's number
        number = batch.number * distributed.world_size() + distributed.rank()
        return np.random.default_rng((self.config.seed, purpose, batch.epoch, number, 0))

    # -- what is kept -------------------------------------------------------------------------------------------

    def on_train_batch_end(self, _: object, batch: TrainingBatch, __: int) -> None:
        """Count the step, average the weights, close the epoch, save."""
        training = self.task.training
        self.photo_use = self.photo_use.plus(batch.photo_use)
        if (batch.number + 1) % training.accumulate:
            return
        for counts in distributed.summed(torch.stack(self.counts)):
            self.get_buffer("sums").add_(counts)
        self.counts.clear()
        self.state.step += 1
        if self.average is not None:
            self.average.update(self.network, step=self.state.step)
        ends = batch.number + 1 == batch.of
        self.state.epoch, self.state.number = (batch.epoch + 1, 0) if ends else (batch.epoch, batch.number + 1)
        if ends:
            self._end_epoch(batch.epoch)
        minutes = (time.monotonic() - self.saved_at) / 60
        if ends or minutes >= self.config.checkpoint_minutes:
            self._save()
        if self.progress is not None:
            n_epochs = training.head_epochs + training.epochs
            try:
                self.progress(batch.epoch * batch.of + batch.number + 1, n_epochs * batch.of)
            except KeyboardInterrupt:
                # who shows the progress may stop the fit here, at the end of a step: nothing is learnt twice
                self._save()
                raise

    def _end_epoch(self, epoch: int) -> None:
        self._count_seconds()
        loss, accuracy = None, None
        if self.task.validation is not None:
            # all are told the same, and the last bits of a sum shall not part them: they follow the main one's
            # judgement, in when they stop and in which weights they keep
            judgement = validate(self._result(), self.catalog, self.task.validation, self.config, self.task.shrunken)
            loss, accuracy = json.loads(distributed.broadcast(json.dumps(judgement)))
            self._compare(loss)
        total, batches, judged, right = self.get_buffer("sums").tolist()
        record = EpochRecord(
            self.task.name, epoch + 1, self.state.step,
            loss=total / batches, accuracy=right / judged if judged else math.nan,
            # the last group is the head's
            lr=max(group["lr"] for group in self.optimizers().param_groups[:-1]),
            seconds=self.seconds, validation_loss=loss, validation_accuracy=accuracy,
        )  # fmt: skip
        self.state.history.append(record)
        if self.logger is not None:
            known = {name: value for name in _CURVES if (value := getattr(record, name)) is not None}
            self.logger.log_metrics(known, step=self.state.step)
        self.get_buffer("sums").zero_()
        self.seconds = 0.0

    def _compare(self, loss: float) -> None:
        """Remember the best weights, and stop when they have been the best for long."""
        if loss < self.state.best_loss:
            self.state.best_loss, self.state.stale = loss, 0
            self.state.best = _copied(self._result())
        else:
            self.state.stale += 1
        self.trainer.should_stop = self.is_over()

    def is_over(self) -> bool:
        """Whether the last epoch is done, or patience is."""
        training = self.task.training
        patience_ended = training.patience is not None and self.state.stale >= training.patience
        return patience_ended or self.state.epoch >= training.head_epochs + training.epochs

    def _count_seconds(self) -> None:
        now = time.monotonic()
        self.seconds += now - self.saved_at
        self.saved_at = now

    def _save(self) -> None:
        self._count_seconds()
        if self.task.checkpoint is None or not distributed.is_main():
            return
        self.remember()
        self.state.save(self.task.checkpoint)

    def remember(self) -> None:
        """Put into the state what another trainer needs to go on; tensors are not copied."""
        self.state.network = self.network.state_dict()
        self.state.average = None if self.average is None else self.average.module.state_dict()
        self.state.optimizer = self.optimizers().optimizer.state_dict()
        self.state.objective = {} if self.objective is None else self.objective.state_dict()
        self.state.sums = self.get_buffer("sums").tolist()
        self.state.seconds = self.seconds

    def _result(self) -> MosaicNetwork:
        return self.network if self.average is None else self.average.module

    def hand_over(self) -> None:
        """Put the weights that are the result into the network."""
        result = self.state.best or _copied(self._result())
        self.network.cpu().load_state_dict(result)
        self.network.eval()


def _mark_widths(mosaics: Tensor) -> None:
    """One program is compiled for each width, whatever the number of `(B, H, W, 3)` mosaics.

    Otherwise the second width would make the width a variable: through TensorFlow's padding (tf_efficientnet) that
    takes longer to compile than to train.
    """
    torch._dynamo.mark_static(mosaics, [1, 2, 3])
    torch._dynamo.maybe_mark_dynamic(mosaics, 0)


def _pinned(batch: TrainingBatch) -> TrainingBatch:
    """The batch in memory from which a GPU fetches it by itself: of other memory it is copied while all wait."""
    photos, labels, numbers = (
        tensor if tensor.is_pinned() else tensor.pin_memory() for tensor in (batch.photos, batch.labels, batch.numbers)
    )
    return batch._replace(photos=photos, labels=labels, numbers=numbers)


def _merged(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The groups but the last, those of equal options as one: an optimizer's step takes a while for each."""
    merged: dict[tuple[float, float], dict[str, Any]] = {}
    for group in groups[:-1]:
        first = merged.setdefault((group["peak"], group["weight_decay"]), group | {"params": []})
        first["params"] += group["params"]
    return [*merged.values(), groups[-1]]


def _copied(network: MosaicNetwork) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def _warm_cosine(done: float, warmup: float) -> float:
    """Share of the peak learning rate at `done` in (0, 1]: a linear rise, then half a cosine down to zero."""
    if done < warmup:
        return done / warmup
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))
