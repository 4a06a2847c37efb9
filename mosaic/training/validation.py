"""How well a network does on examples it does not learn from, while it learns."""

import torch
import torch.distributed as dist
import torch.nn.functional as F

from catalog.catalog import Catalog
from mosaic.config import MosaicConfig
from mosaic.networks.device import autocast
from mosaic.networks.network import MosaicNetwork
from mosaic.training import distributed
from mosaic.training.batches import CountBatchSampler, Examples
from mosaic.training.dataset import MosaicDataset
from mosaic.training.layout import arrange
from mosaic.training.loader import batch_loader
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
    Processes that train together call it together: each judges a part of the examples, and all are told the same. The
    main one's batch statistics become everyone's: each process had gathered its own.
    """
    was_training = network.training
    network.eval()
    if distributed.world_size() > 1:
        for buffer in network.buffers():
            dist.broadcast(buffer, src=0)
    device = network.device
    batches = CountBatchSampler(
        examples, config.photos_per_batch, config.training.model_copy(update=_EACH_ONCE), config.seed
    ).epoch(0)
    # not as the sampler would share them out: it shows some examples twice, so that every process has as many steps
    mine = batches[distributed.rank() :: distributed.world_size()]
    # loss and examples recognised: on the device, where adding up does not make it wait
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    # its workers start with it: forks of a server that runs already, which takes a moment; idle ones would hold memory
    loader = batch_loader(MosaicDataset(catalog, examples, config, config.photo_size, shrunken=shrunken), mine)
    try:
        for packed in loader:
            batch = packed.unpacked()
            labels = batch.labels.to(device, non_blocking=True)
            photos = batch.photos.to(device, non_blocking=True)
            with autocast(device):
                logits = network(arrange(photos, config.layout)).float()
            loss = F.cross_entropy(logits, labels, reduction="sum")
            sums += torch.stack([loss.double(), (logits.argmax(1) == labels).sum().double()])
    except BaseException:
        # not closed: that may wait for a lock of a dead worker, and the fit, which ends by this, has a limit for it
        loader.kill_workers(one_is_dying=False)
        raise
    loader.close()
    network.train(was_training)
    loss_sum, right = distributed.summed(sums).tolist()
    return loss_sum / len(examples.labels), right / len(examples.labels)
