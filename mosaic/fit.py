"""The one training loop: a network, examples, a `TrainingConfig`."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader

from catalog.catalog import Catalog
from mosaic.config import MosaicConfig, TrainingConfig
from mosaic.dataset import CountBatches, Examples, StripDataset
from mosaic.device import data_workers
from mosaic.network import MosaicNetwork

Progress = Callable[[int, int], None]


def fit(
    network: MosaicNetwork,
    catalog: Catalog,
    examples: Examples,
    config: MosaicConfig,
    training: TrainingConfig,
    progress: Progress | None = None,
) -> MosaicNetwork:
    """Train `network` in place on `examples`, first its head, then everything; returns it in evaluation mode."""
    # the trainer announces absent accelerators and its vendor's services at every start
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    sampler = CountBatches(examples, config.photos_per_batch, training, config.seed)
    workers = data_workers(config)
    loader = DataLoader(
        StripDataset(catalog, examples, config),
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )
    epochs = training.head_epochs + training.epochs
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="auto",
        devices=1,
        precision="bf16-mixed" if torch.cuda.is_available() else "32-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        # the sampler above is already the one for this process
        use_distributed_sampler=False,
        callbacks=[_ProgressCallback(progress, epochs * len(sampler))],
    )
    network.to(memory_format=torch.channels_last)
    with warnings.catch_warnings():
        # lightning's own use of a deprecated torch call
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        # few workers are meant: on CPU the network is the slow part
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        trainer.fit(_Fit(network, training, epochs * len(sampler)), loader)
    return network.cpu().eval()


class _Fit(lightning.LightningModule):
    def __init__(self, network: MosaicNetwork, training: TrainingConfig, n_steps: int) -> None:
        super().__init__()
        self.network = network
        self.training_config = training
        self.n_steps = n_steps
        self.loss = nn.CrossEntropyLoss(label_smoothing=training.label_smoothing)

    def on_train_epoch_start(self) -> None:
        frozen = self.current_epoch < self.training_config.head_epochs
        self.network.backbone.requires_grad_(not frozen)
        # a frozen backbone also keeps its batch statistics
        self.network.backbone.train(not frozen)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        strips, labels = batch
        loss: Tensor = self.loss(self.network(strips), labels)
        return loss

    def configure_optimizers(self) -> Any:
        config = self.training_config
        groups = [
            {"params": self.network.backbone.parameters(), "lr": config.lr},
            {"params": self.network.head.parameters(), "lr": config.head_lr},
        ]
        optimizer = AdamW(groups, weight_decay=config.weight_decay)
        # an epoch may hold a few batches more than the first one when a large leaf gives a fresh part each time
        n_steps = max(10, self.n_steps + 4 * (config.head_epochs + config.epochs))
        schedule = OneCycleLR(optimizer, [config.lr, config.head_lr], total_steps=n_steps, pct_start=0.15)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class _ProgressCallback(Callback):
    def __init__(self, progress: Progress | None, n_steps: int) -> None:
        self.progress = progress
        self.n_steps = n_steps

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: object) -> None:
        if self.progress is not None:
            self.progress(min(trainer.global_step, self.n_steps), self.n_steps)
