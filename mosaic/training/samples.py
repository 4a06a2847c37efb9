"""Mosaics as the network sees them, for people to look at."""

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.tree.taxonomy import Taxonomy, path_text
from mosaic.config import MosaicConfig
from mosaic.training.augment import augment
from mosaic.training.batches import Batch, Examples
from mosaic.training.dataset import MosaicDataset
from mosaic.training.layout import arrange
from mosaic.training.page import Sample


def training_samples(
    catalog: Catalog, examples: Examples, config: MosaicConfig, tree: Taxonomy, support: NDArray[np.integer]
) -> list[Sample]:
    """Each example as in training, augmented, and as in prediction; `support`: `(S,)` leaf of each label."""
    in_training = MosaicDataset(catalog, examples, config, config.source_size)
    in_prediction = MosaicDataset(catalog, examples, config, config.photo_size)
    samples = []
    for number, n_shown in enumerate(examples.n_shown.tolist()):
        batch = Batch(np.array([number]), n_shown, epoch=0, number=0, of=1)
        label = path_text(tree.shown[int(support[examples.labels[number]])])
        shown = in_training[batch]
        augmented = augment(shown.photos[0], shown.numbers[0], config.augmentation, config.train_photo_size)
        unchanged = in_prediction[batch].photos
        for kind, photos in (("training", augmented.round().byte()[None]), ("prediction", unchanged)):
            samples.append(Sample(arrange(photos, config.layout)[0].numpy(), label, kind))
    return sorted(samples, key=lambda sample: sample.kind, reverse=True)
