"""Vectors of products and of photos: what a network sees of them, for search and for comparing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.embeddings import ALL_PHOTOS, EmbeddingOrigin, Embeddings, of_length_one
from catalog.files.progress import Progress, part_of
from catalog.photos.batch import PhotoDecoder
from catalog.problem_places import name_files
from catalog.product import ProblemLog, Product
from catalog.recent_rows import RecentRows, Row
from catalog.runs.config import load_config
from catalog.runs.run import Run
from catalog.runs.saved_probabilities import MATCH_SLOT, predictions_folder
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.inference.deployed import DeployedNetwork
from mosaic.inference.expert import batches, run_network
from mosaic.inference.loading import load_deployed, load_part, load_start, photo_decoder
from mosaic.inference.outputs import Outputs
from mosaic.views import View

CHUNK = 256
"""Products decoded together."""
GAIN = "match_gain"
"""Of that network's metrics: recall of held-out products by its vectors, less that by the general network's."""
VectorKey = tuple[object, tuple[bytes, ...]]
"""An embedder's mark, and the MD5s of the photos that it is shown together."""


class Embedder:
    """Photos in, unit vectors out; equal mosaics are computed once. Safe in threads.

    Attributes:
        name: of the run or the backbone, for people.
    """

    def __init__(self, network: DeployedNetwork, config: MosaicConfig, name: str = "") -> None:
        """`network`: one that takes any image count, as vectors of different networks cannot be compared."""
        self.config, self.network, self.name = config, network, name or config.backbone.name
        self._mark = object()

    @property
    def width(self) -> int:
        """D, numbers in a vector."""
        return self.network.width

    @property
    def photo_size(self) -> int:
        """Pixels of a photo's longer side, at least, in the chunks that are embedded."""
        return self.config.photo_size

    @cached_property
    def digest(self) -> str:
        """Of all that the numbers depend on, see `vectors_digest`."""
        if self.network.weights_digest is None:
            raise ValueError(f"{self.name}: a network that no weights are known of has no identity")
        return vectors_digest(self.network.weights_digest(), self.config)

    def chunk(
        self, products: Sequence[Product], recent: RecentRows | None = None, decoder: PhotoDecoder | None = None
    ) -> Chunk:
        """Decode what `embed` and `embed_photos` take; `decoder`: None for the one that the configuration names."""
        decoder = photo_decoder(self.config) if decoder is None else decoder
        return Chunk.of(products, self.photo_size, recent=recent, decoder=decoder)

    def embed(self, chunk: Chunk) -> NDArray[np.float32]:
        """`(N, D)` float32 of length 1, one per product in order; zeros where a product has no readable photo."""
        keys = [(self._mark, md5s) for md5s in chunk.readable]
        rows = chunk.recent.of((key for key in keys if key[1]), lambda missing: self._compute(missing, chunk))
        nothing = np.zeros(self.width, np.float32)
        return np.array([rows.get(key, nothing) for key in keys], np.float32).reshape(-1, self.width)

    def embed_photos(self, chunk: Chunk) -> NDArray[np.float32]:
        """`(P, D)` float32 of length 1, one per photo, in the order of `chunk.md5s`; zeros where it is unreadable."""
        # each photo as a product of its own: the network is shown no two of them together
        return self.embed(replace(chunk, md5s=[(md5,) for md5 in chain.from_iterable(chunk.md5s)]))

    def _compute(self, keys: list[VectorKey], chunk: Chunk) -> dict[VectorKey, Row]:
        """`(D,)` float32 vector of length 1 of each mosaic."""
        rows: dict[VectorKey, Row] = {}
        for batch, pictures in batches([md5s for _, md5s in keys], chunk, self.config):
            rows.update(self.rows_of(batch, run_network(self.network.backend, pictures, self.config)))
        return rows

    def rows_of(self, mosaics: Sequence[tuple[bytes, ...]], ways: Sequence[Outputs]) -> dict[VectorKey, Row]:
        """`(D,)` float32 vector of length 1 of each mosaic, by the key under which `embed` looks for it.

        `ways`: what the network has said of the mosaics, given by the MD5s of their photos, in each way.
        """
        mean: NDArray[np.float32] = np.mean([outputs.embedding for outputs in ways], axis=0, dtype=np.float32)
        # a product of vectors is their cosine then, and Euclidean distance orders alike
        vectors = of_length_one(mean)
        return {(self._mark, md5s): vector for md5s, vector in zip(mosaics, vectors, strict=True)}


def vectors_digest(weights: str, config: MosaicConfig) -> str:
    """SHA-256 of all that vectors depend on: weights (their digest), backbone, size and layout of photos, mirroring.

    Where the run's folder lies does not count, nor what program runs the network: the last bits alone differ.
    """
    parts = {
        "weights": weights,
        "backbone": config.backbone.name,
        "photo_size": config.photo_size,
        "layout": config.layout,
        "flip": config.inference.flip,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def run_embedder(run: Run) -> Embedder:
    """The deployed network of a mosaic run; raises as `load_deployed` does."""
    config = run.config(MosaicConfig)
    return Embedder(load_deployed(run, config), config, run.folder.name)


def part_embedder(run: Run, part: int) -> Embedder:
    """The network of a mosaic run that never saw a held-out part; raises as `load_deployed` does."""
    config = run.config(MosaicConfig)
    return Embedder(load_part(run, config, part), config, f"{run.folder.name}, without part {part + 1}")


def backbone_embedder(config: MosaicConfig) -> Embedder:
    """The network that a training starts from: it has learnt nothing of any catalogue, and no run is needed."""
    return Embedder(load_start(config), config, config.backbone.name)


def general_embedder(workspace: Workspace) -> Embedder:
    """The workspace's general network.

    Raises:
        FileNotFoundError: there is none; the message names the next command.
    """
    return run_embedder(workspace.require("mosaic", View().slot))


def workspace_embedder(workspace: Workspace) -> Embedder:
    """What photos are searched by: the network that has learnt to match them, where it measured better, else the
    general one; raises as `general_embedder` does."""
    learnt = workspace.latest("mosaic", MATCH_SLOT)
    return run_embedder(learnt) if learnt is not None and _measured_better(learnt) else general_embedder(workspace)


def _measured_better(run: Run) -> bool:
    # by more than the chance of which products were held out
    low = run.metrics.get(f"{GAIN}_low")
    return isinstance(low, int | float) and low > 0


def embed_catalog(
    catalog: Catalog,
    embedder: Embedder,
    folder: Path,
    per: Literal["photo", "product"] = "photo",
    progress: Progress | None = None,
) -> tuple[Embeddings, ProblemLog]:
    """Write the vectors of a catalogue into a folder: in its order, a product's photos in the seller's.

    A product, or photo, of which nothing can be read has a row of zeros and is named in the log. What was killed is
    gone on with: the same call writes what is missing. Memory holds some hundred products.

    Args:
        per: a row for each photo by itself, or for each product, all of whose photos are shown together.
    """
    rows_of_product = catalog.n_images.astype(np.int64) if per == "photo" else np.ones(len(catalog), np.int64)
    start = np.append(0, np.cumsum(rows_of_product))
    origin = EmbeddingOrigin(embedder.name, embedder.digest, catalog.address, catalog.fingerprint, per)
    recent = RecentRows()
    with Embeddings.writer(
        folder, embedder.width, origin=origin, product_ids=np.repeat(catalog.product_ids, rows_of_product),
        photos=_photos(start, per), ids=catalog.ids,
    ) as unfinished:  # fmt: skip
        first = int(np.searchsorted(start, unfinished.n_done))
        progress = part_of(progress, first, len(catalog))
        for positions, products in catalog.batches(CHUNK, progress, range(first, len(catalog))):
            chunk = embedder.chunk(products, recent)
            vectors = embedder.embed(chunk) if per == "product" else embedder.embed_photos(chunk)
            if len(vectors) != rows_of_product[positions].sum():
                raise ValueError(f"{catalog} has changed while it was in use: run the command again")
            unfinished.write(vectors, chunk.problems)
        problems = ProblemLog()
        problems.merge(catalog.problems)
        problems.merge(unfinished.problems)
    name_files(catalog, problems)
    return Embeddings.load(folder), problems


def write_vectors(
    catalog: Catalog, workspace: Workspace, folder: Path | None = None, progress: Progress | None = None, *,
    per: Literal["photo", "product"], backbone: bool = False,
) -> tuple[list[Path], ProblemLog]:  # fmt: skip
    """Write a catalogue's vectors, by default beside what the workspace's networks have said of it.

    Of products they are the general network's, as `Model.embed` gives them; of photos `workspace_embedder`'s.

    Args:
        backbone: by the network that the default recipe starts from, whatever the workspace holds.
    """
    if backbone:
        embedder, beside = backbone_embedder(load_config(MosaicConfig, "mosaic")), f"backbone-{per}s"
    else:
        embedder, beside = (workspace_embedder if per == "photo" else general_embedder)(workspace), f"{per}s"
    folder = folder or predictions_folder(workspace, catalog) / beside
    return [folder], embed_catalog(catalog, embedder, folder, per, progress)[1]


def _photos(start: NDArray[np.int64], per: Literal["photo", "product"]) -> NDArray[np.int8]:
    """`(N,)` int8 position of each row's photo; `start`: `(P + 1,)` where each product's rows begin and end."""
    if per == "product":
        return np.full(len(start) - 1, ALL_PHOTOS, np.int8)
    return (np.arange(start[-1]) - np.repeat(start[:-1], np.diff(start))).astype(np.int8)
