"""How well a network does on examples it does not learn from, while it learns."""

import torch
import torch.nn.functional as F

from catalog.catalog import Catalog
from mosaic.config import MosaicConfig
from mosaic.networks.device import autocast
from mosaic.networks.network import MosaicNetwork
from mosaic.training.batches import CountBatchSampler, Examples
from mosaic.training.dataset import MosaicDataset
from mosaic.training.layout import arrange
from mosaic.training.shrunken_photos import NONE_KEPT, ShrunkenPhotos

_EACH_ONCE = {"head_epochs": 0, "epochs": 1, "subsets": 0.0, "sampling": "natural", "accumulate": 1}
"""Makes an epoch of every example, once and whole."""


@torch.no_grad()
def validate(
    network: MosaicNetwork, catalog: Catalog, examples: Examples, config: MosaicConfig,
    shrunken: ShrunkenPhotos = NONE_KEPT,
) -> tuple[float, float]:  # fmt: skip
    """Mean cross-entropy in nats and top-1 accuracy in [0, 1] of whole, unchanged mosaics at `photo_size`.

    The plain cross-entropy, whatever the training's loss: fits with different losses stop by the same measure.
    """
    was_training = network.training
    network.eval()
    device = network.device
    dataset = MosaicDataset(catalog, examples, config, config.photo_size, shrunken=shrunken)
    loss, right = 0.0, 0
    for batch in CountBatchSampler(
        examples, config.photos_per_batch, config.training.model_copy(update=_EACH_ONCE), config.seed
    ):
        shown = dataset[batch]
        labels = shown.labels.to(device)
        with autocast(device):
            logits = network(arrange(shown.photos.to(device), config.layout)).float()
        loss += float(F.cross_entropy(logits, labels, reduction="sum"))
        right += int((logits.argmax(1) == labels).sum())
    network.train(was_training)
    return loss / len(examples.labels), right / len(examples.labels)
