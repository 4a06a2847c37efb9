"""One vector per product: the general network's embedding, for search and for comparing products."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.files.atomic import atomic_path
from catalog.files.progress import Progress, in_batches
from catalog.problem_places import name_files
from catalog.product import ProblemLog
from catalog.recent_rows import RecentRows, Row
from catalog.runs.saved_probabilities import predictions_folder
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.inference.deployed import DeployedNetwork
from mosaic.inference.expert import batches, run_network
from mosaic.inference.loading import load_deployed, photo_decoder
from mosaic.views import View

CHUNK = 256
ID_LINES = 65_536
"""Ids in memory at a time."""
VECTORS = "vectors.npy"
PRODUCT_IDS, SHOP_IDS = "product_ids.npy", "product_ids.txt"
VectorKey = tuple[object, tuple[bytes, ...]]
"""An embedder's mark, and the MD5s of the photos that it is shown together."""


class Embedder:
    """Photos of products in, unit vectors out; equal mosaics are computed once. Safe in threads."""

    def __init__(self, network: DeployedNetwork, config: MosaicConfig) -> None:
        """`network`: one that takes any image count, as vectors of different networks cannot be compared."""
        self.config, self.network = config, network
        self._mark = object()

    def embed(self, chunk: Chunk) -> NDArray[np.float32]:
        """`(N, width)` float32 of length 1, in order; zeros where a product has no readable photo."""
        keys = [(self._mark, md5s) for md5s in chunk.readable]
        rows = chunk.recent.of((key for key in keys if key[1]), lambda missing: self._compute(missing, chunk))
        nothing = np.zeros(self.network.width, np.float32)
        return np.array([rows.get(key, nothing) for key in keys], np.float32).reshape(-1, self.network.width)

    def _compute(self, keys: list[VectorKey], chunk: Chunk) -> dict[VectorKey, Row]:
        """`(width,)` float32 vector of length 1 of each mosaic."""
        rows: dict[VectorKey, Row] = {}
        for batch, pictures in batches([md5s for _, md5s in keys], chunk, self.config):
            ways = run_network(self.network.backend, pictures, self.config)
            mean = np.mean([outputs.embedding for outputs in ways], axis=0, dtype=np.float32)
            # of length 1 a product of vectors is their cosine, and Euclidean distance orders alike
            length = np.linalg.norm(mean, axis=1, keepdims=True)
            vectors = mean / np.maximum(length, np.finfo(np.float32).tiny)
            rows.update(((self._mark, md5s), vector) for md5s, vector in zip(batch, vectors, strict=True))
        return rows


def embed_catalog(
    catalog: Catalog, workspace: Workspace, folder: Path | None = None, progress: Progress | None = None
) -> tuple[list[Path], ProblemLog]:
    """Write `vectors.npy`, `(N, D)` float32 of length 1, and `product_ids.npy`, `(N,)` int64, in catalogue order.

    Where there are texts among the ids, `product_ids.npy` has the numbers that stand for them (`catalog.ids.shop_id`),
    and `product_ids.txt` the ids themselves, a line each.

    A product without a readable photo has a row of zeros and is named in the log. The files take their names when all
    is done, the ids last: a folder that holds ids holds vectors that fit them.

    Raises:
        FileNotFoundError: the workspace has no general network; the message names the next command.
    """
    run = workspace.require("mosaic", View().slot)
    config = run.config(MosaicConfig)
    embedder = Embedder(load_deployed(run, config), config)
    folder = folder or predictions_folder(workspace, catalog)
    folder.mkdir(parents=True, exist_ok=True)
    vectors, ids = folder / VECTORS, folder / PRODUCT_IDS
    problems, recent = ProblemLog(), RecentRows()
    problems.merge(catalog.problems)
    with atomic_path(ids) as new_ids, atomic_path(vectors) as new_vectors:
        shape = (len(catalog), embedder.network.width)
        # written in place: seven million vectors of 1280 are 36 GB
        rows = np.lib.format.open_memmap(new_vectors, mode="w+", dtype=np.float32, shape=shape)
        for positions, products in catalog.batches(CHUNK, progress):
            chunk = Chunk.of(products, config.photo_size, recent=recent, decoder=photo_decoder(config))
            problems.extend(chunk.problems)
            rows[positions] = embedder.embed(chunk)
        rows.flush()
        with new_ids.open("wb") as file:
            np.save(file, catalog.product_ids)
        # between the renames that follow no ids lie beside vectors of another run
        ids.unlink(missing_ok=True)
        shop_ids = write_shop_ids(folder / SHOP_IDS, catalog, catalog.product_ids)
    name_files(catalog, problems)
    return [vectors, ids, *shop_ids], problems


def write_shop_ids(path: Path, catalog: Catalog, numbers: NDArray[np.int64]) -> list[Path]:
    """Write the ids that `(n,)` numbers of products stand for, a line each, where there are texts among them.

    Returns:
        The file, if there is one: of ids that are all integers none is written, and one that lay there is removed.
    """
    path.unlink(missing_ok=True)
    if not catalog.ids.name_any(numbers):
        return []
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        # seven million at a time would take gigabytes
        for some in in_batches(numbers, ID_LINES):
            file.writelines(f"{one}\n" for one in catalog.ids.take(some))
    return [path]
