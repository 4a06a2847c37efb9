"""Vectors of single photos, by a network that is being trained or was just made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.recent_rows import RecentRows
from mosaic.config import MosaicConfig
from mosaic.inference.embedding import Embedder
from mosaic.networks.deployed import deployed
from mosaic.networks.network import MosaicNetwork

CHUNK = 128
"""Products decoded together."""


def photo_vectors(
    network: MosaicNetwork, config: MosaicConfig, catalog: Catalog, positions: NDArray[np.int64],
    places: NDArray[np.int8], progress: Progress | None = None,
) -> NDArray[np.float16]:  # fmt: skip
    """`(P, D)` float16 of length 1: photo `places[i]`, from 0, of the product at `positions[i]`, `(P,)` each.

    As they will be searched by; zeros where a photo cannot be read.
    """
    embedder = Embedder(deployed(network, config.inference, config.photo_size), config)
    vectors = np.zeros((len(positions), embedder.width), np.float16)
    order = np.lexsort((places, positions))
    products, recent = np.unique(positions), RecentRows()
    for found, taken in catalog.batches(CHUNK, progress, products):
        chunk = embedder.chunk(taken, recent)
        counts = np.array([len(md5s) for md5s in chunk.md5s], np.int64)
        rows = order[slice(*np.searchsorted(positions[order], [found[0], found[-1] + 1]))]
        product = np.searchsorted(found, positions[rows])
        vectors[rows] = embedder.embed_photos(chunk)[(np.cumsum(counts) - counts)[product] + places[rows]]
    return vectors
