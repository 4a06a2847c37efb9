"""Photos that `search_quality.py` searches among, and their vectors by every network, kept in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.embeddings import Embeddings
from catalog.runs.config import load_config
from catalog.runs.run import Run
from mosaic.config import MosaicConfig
from mosaic.inference.embedding import Embedder, backbone_embedder, embed_catalog
from mosaic.inference.loading import load_deployed
from mosaic.inference.run_graph import file_hashes
from mosaic.networks.deployed import deployed
from mosaic.networks.network import load_network
from mosaic.run_files import weights_name


@dataclass(frozen=True)
class Photos:
    """P photos that can be read, with vectors by one network.

    Attributes:
        vectors: `(P, D)` float32 of length 1. product_ids, photos, category_ids: `(P,)` int64 whose, which, of what.
    """

    vectors: NDArray[np.float32]
    product_ids: NDArray[np.int64]
    photos: NDArray[np.int64]
    category_ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.product_ids)

    def at(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Photos:
        """Some of them."""
        return Photos(self.vectors[rows], self.product_ids[rows], self.photos[rows], self.category_ids[rows])


class Vectors:
    """Vectors of catalogues by networks, computed once and kept; what was killed is gone on with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, catalog: Catalog, embedder: Embedder) -> Photos:
        """Those of a catalogue's photos that can be read."""
        folder = self.folder / embedder.digest[:12] / f"{catalog.name}-{catalog.fingerprint[:8]}"
        try:
            found = Embeddings.load(folder)
        except FileNotFoundError:
            print(f"{embedder.name}: {catalog}, {int(catalog.n_images.sum())} photos", flush=True)
            found, problems = embed_catalog(catalog, embedder, folder)
            print(problems.summary(), flush=True)
        rows = np.flatnonzero(found.present())
        categories = np.repeat(catalog.category_ids, catalog.n_images)
        return Photos(found.rows(rows), found.product_ids[rows], found.photos[rows].astype(np.int64), categories[rows])

    def distractors(self, catalogs: Sequence[Catalog], n: int, embedder: Embedder) -> NDArray[np.float32]:
        """`(n, D)` vectors of the first n photos that are distinct, byte for byte, of catalogues in turn."""
        digests = [catalog.md5s() for catalog in catalogs]
        _, first = np.unique(np.concatenate(digests).view("V16").ravel(), return_index=True)
        kept = np.sort(first)[:n]
        vectors, before = [], 0
        for catalog, own in zip(catalogs, digests, strict=True):
            rows = kept[(kept >= before) & (kept < before + len(own))] - before
            if len(rows):
                vectors.append(self._all(catalog, embedder)[rows])
            before += len(own)
        found = np.concatenate(vectors)
        return found[found.any(axis=1)]

    def _all(self, catalog: Catalog, embedder: Embedder) -> NDArray[np.float32]:
        """Unreadable ones as well, as zeros."""
        self.of(catalog, embedder)
        folder = self.folder / embedder.digest[:12] / f"{catalog.name}-{catalog.fingerprint[:8]}"
        return Embeddings.load(folder).rows(np.arange(int(catalog.n_images.sum())))


def plain(config: MosaicConfig) -> MosaicConfig:
    """Photos as they are, not mirrored beside: half the time, for all networks alike."""
    return config.model_copy(update={"inference": config.inference.model_copy(update={"flip": False})})


def imagenet() -> Embedder:
    """The network before any training."""
    return backbone_embedder(plain(load_config(MosaicConfig, "mosaic")))


def trained(run: Run) -> Embedder:
    """A run's deployed network."""
    config = plain(run.config(MosaicConfig))
    return Embedder(load_deployed(run, config), config, run.folder.name)


def without_part(run: Run, part: int) -> Embedder:
    """A run's network that has learnt from no product of a held-out part."""
    config = plain(run.config(MosaicConfig))
    network = deployed(load_network(run, config, part), config.inference, config.photo_size)
    digest = partial(file_hashes, run.folder, (weights_name(part),))
    named = replace(network, weights_digest=lambda: next(iter(digest().values())))
    return Embedder(named, config, f"{run.folder.name} without part {part}")


def networks_of_part(runs: dict[str, Run], part: int) -> Iterator[tuple[str, Embedder]]:
    """ImageNet's network and each run's, none of which has seen the held-out part."""
    yield "ImageNet features", imagenet()
    for name, run in runs.items():
        yield name, without_part(run, part)
