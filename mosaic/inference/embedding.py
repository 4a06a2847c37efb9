"""One vector per product: the general network's embedding, for search and for comparing products."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.atomic import atomic_path
from catalog.files.progress import Progress
from catalog.problem_places import name_files
from catalog.product import ProblemLog
from catalog.runs.saved_probabilities import predictions_folder
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.inference.backend import make_backend
from mosaic.inference.expert import batches, run_network
from catalog.recent_rows import RecentRows, Row
from mosaic.networks.device import best_device
from mosaic.networks.network import MosaicNetwork, load_network
from mosaic.photos import DecodedPhotos, load_photos
from mosaic.views import View

CHUNK = 256
VECTORS = "vectors.npy"
PRODUCT_IDS = "product_ids.npy"


class Embedder:
    """Photos of products in, unit vectors out; equal mosaics that lie near each other are computed once."""

    def __init__(self, network: MosaicNetwork, config: MosaicConfig) -> None:
        """`network`: one that takes any image count, as vectors of different networks cannot be compared."""
        self.config = config
        self.width: int = network.head.in_features
        self._backend = make_backend(network.to(best_device()), config.inference, config.photo_size)
        self._recent: RecentRows[tuple[bytes, ...]] = RecentRows()

    def embed(self, photos: DecodedPhotos) -> NDArray[np.float32]:
        """`(N, width)` float32 of length 1, in order; zeros where a product has no readable photo."""
        rows = self._recent.of((key for key in photos.keys if key), lambda missing: self._compute(missing, photos))
        nothing = np.zeros(self.width, np.float32)
        return np.array([rows.get(key, nothing) for key in photos.keys], np.float32).reshape(-1, self.width)

    def _compute(self, keys: list[tuple[bytes, ...]], photos: DecodedPhotos) -> dict[tuple[bytes, ...], Row]:
        """`(width,)` float32 vector of length 1 of each mosaic."""
        rows: dict[tuple[bytes, ...], Row] = {}
        for batch, pictures in batches(keys, photos, self.config.photos_per_batch):
            ways = run_network(self._backend, pictures, self.config)
            mean = np.mean([outputs.embedding for outputs in ways], axis=0, dtype=np.float32)
            # of length 1 a product of vectors is their cosine, and Euclidean distance orders alike
            length = np.linalg.norm(mean, axis=1, keepdims=True)
            rows.update(zip(batch, mean / np.maximum(length, np.finfo(np.float32).tiny), strict=True))
        return rows


def embed_catalog(
    catalog: Catalog, workspace: Workspace, folder: Path | None = None, progress: Progress | None = None
) -> tuple[list[Path], ProblemLog]:
    """Write `vectors.npy`, `(N, D)` float32 of length 1, and `product_ids.npy`, `(N,)` int64, in catalogue order.

    A product without a readable photo has a row of zeros and is named in the log. The files take their names when all
    is done, the ids last: a folder that holds ids holds vectors that fit them.

    Raises:
        FileNotFoundError: the workspace has no general network; the message names the next command.
    """
    run = workspace.require("mosaic", View().slot)
    config = run.config(MosaicConfig)
    embedder = Embedder(load_network(run, config), config)
    folder = folder or predictions_folder(workspace, catalog)
    folder.mkdir(parents=True, exist_ok=True)
    vectors, ids = folder / VECTORS, folder / PRODUCT_IDS
    problems = ProblemLog()
    problems.merge(catalog.problems)
    with atomic_path(ids) as new_ids, atomic_path(vectors) as new_vectors:
        shape = (len(catalog), embedder.width)
        # written in place: seven million vectors of 1280 are 36 GB
        rows = np.lib.format.open_memmap(new_vectors, mode="w+", dtype=np.float32, shape=shape)
        for positions, products in catalog.batches(CHUNK, progress):
            photos = load_photos(products, config.photo_size)
            problems.extend(photos.problems)
            rows[positions] = embedder.embed(photos)
        rows.flush()
        with new_ids.open("wb") as file:
            np.save(file, catalog.product_ids)
        # between the two renames that follow no ids lie beside vectors of another run
        ids.unlink(missing_ok=True)
    name_files(catalog, problems)
    return [vectors, ids], problems
