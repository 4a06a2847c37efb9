"""What a frozen backbone sees of each product: the embedding of every mosaic that prediction would show a network."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.files.progress import Progress, in_batches
from catalog.product import MAX_IMAGES
from mosaic.config import MosaicConfig
from mosaic.inference.expert import batches, run_network
from mosaic.inference.loading import photo_decoder
from mosaic.inference.outputs import Backend
from mosaic.views import View, passes

BLOCK = 256
"""Products that are looked at together, and of which a kill may lose what was seen."""
MD5_BYTES = 16
Mosaic = tuple[bytes, ...]
"""The MD5s of the photos that are shown together."""


@dataclass(frozen=True)
class FrozenFeatures:
    """P products as one view's network would be shown them, in Q mosaics, of which M differ.

    Attributes:
        positions: `(P,)` int64 rising, in the catalogue; n_readable: `(P,)` int8 photos that can be decoded.
        start: `(P + 1,)` int64: product p is shown in the passes from `start[p]` to `start[p + 1]`, none where nothing
            can be read or no network of the view serves what can.
        mosaics: `(Q,)` int64 row of `vectors` of each pass.
        vectors: `(M, W, D)` float32 embedding of each distinct mosaic in each way that prediction shows it: as it is
            and, where the configuration says so, mirrored.
    """

    positions: NDArray[np.int64]
    n_readable: NDArray[np.int8]
    start: NDArray[np.int64]
    mosaics: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def passes_of(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Passes of `(n,)` positions: `(q,)` row of `vectors` of each, `(q,)` which of the n it belongs to."""
        product = np.searchsorted(self.positions, positions)
        n_passes = np.diff(self.start)[product]
        owner = np.repeat(np.arange(len(positions)), n_passes)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(n_passes) - n_passes, n_passes)
        return self.mosaics[self.start[product][owner] + within], owner

    def readable_of(self, positions: NDArray[np.int64]) -> NDArray[np.int8]:
        """`(n,)` int8 photos that can be decoded, of `(n,)` positions."""
        return self.n_readable[np.searchsorted(self.positions, positions)]


def look_at(
    catalog: Catalog, positions: NDArray[np.int64], view: View, backend: Backend, config: MosaicConfig, folder: Path,
    progress: Progress | None = None,
) -> FrozenFeatures:  # fmt: skip
    """Embed the mosaics of products at `(P,)` rising positions, each distinct mosaic once.

    What was seen lies in `folder`, block by block: the same call after a kill goes on from there.
    """
    known: dict[bytes, int] = {}
    blocks: list[_Block] = []
    for number, some in enumerate(in_batches(positions, BLOCK, progress)):
        path = folder / f"{number:05d}.safetensors"
        if path.is_file():
            block = _Block.load(path)
        else:
            block = _looked_at(catalog, some, view, backend, config, known)
            folder.mkdir(parents=True, exist_ok=True)
            block.save(path)
        known.update((key.tobytes(), len(known)) for key in block.keys)
        blocks.append(block)
    n_passes = np.concatenate([block.n_passes for block in blocks])
    return FrozenFeatures(
        positions,
        np.concatenate([block.n_readable for block in blocks]),
        np.append(0, np.cumsum(n_passes, dtype=np.int64)),
        np.concatenate([block.mosaics for block in blocks]),
        # one without a new mosaic does not know the width
        np.concatenate([block.vectors for block in blocks if len(block.vectors)] or [blocks[0].vectors]),
    )


@dataclass(frozen=True)
class _Block:
    """Some products: `(p,)` int8 readable photos and passes, `(q,)` int64 mosaic of each pass, counted over all blocks.

    `vectors`: `(m, W, D)` of mosaics that no block before has; `keys`: `(m, 64)` uint8 MD5s of their photos.
    """

    n_readable: NDArray[np.int8]
    n_passes: NDArray[np.int8]
    mosaics: NDArray[np.int64]
    vectors: NDArray[np.float32]
    keys: NDArray[np.uint8]

    def save(self, path: Path) -> None:
        save_arrays(path, vars(self))

    @classmethod
    def load(cls, path: Path) -> _Block:
        return cls(**load_arrays(path, _SPECS, what="embeddings of an unfinished training"))


_SPECS = {
    "n_readable": ArraySpec(np.int8, ("P",)),
    "n_passes": ArraySpec(np.int8, ("P",)),
    "mosaics": ArraySpec(np.int64, ("Q",)),
    "vectors": ArraySpec(np.float32, ("M", "W", "D"), finite=True),
    "keys": ArraySpec(np.uint8, ("M", MAX_IMAGES * MD5_BYTES)),
}


def _looked_at(
    catalog: Catalog, positions: NDArray[np.int64], view: View, backend: Backend, config: MosaicConfig,
    known: dict[bytes, int],
) -> _Block:  # fmt: skip
    """One block; `known`: number of each mosaic that was seen before, by its key."""
    chunk = Chunk.of(catalog.take(positions), config.photo_size, decoder=photo_decoder(config))
    shown = [_shown(view, md5s) for md5s in chunk.readable]
    missing: dict[Mosaic, bytes] = {}
    for mosaic in dict.fromkeys(mosaic for of_product in shown for mosaic in of_product):
        if (key := _key(mosaic)) not in known:
            missing[mosaic] = key
    seen: dict[Mosaic, NDArray[np.float32]] = {}
    for batch, photos in batches(missing, chunk, config):
        ways = run_network(backend, photos, config)
        seen.update(zip(batch, np.stack([way.embedding for way in ways], axis=1), strict=True))
    number = ChainMap({key: len(known) + row for row, key in enumerate(missing.values())}, known)
    n_ways = 2 if config.inference.flip else 1
    # the width is the network's, which is asked for nothing where no photo is new
    vectors = np.stack([seen[mosaic] for mosaic in missing]) if missing else np.zeros((0, n_ways, 0), np.float32)
    return _Block(
        chunk.n_readable,
        np.array([len(of_product) for of_product in shown], np.int8),
        np.array([number[_key(mosaic)] for of_product in shown for mosaic in of_product], np.int64),
        vectors,
        np.frombuffer(b"".join(missing.values()), np.uint8).reshape(len(missing), MAX_IMAGES * MD5_BYTES),
    )


def _shown(view: View, md5s: Sequence[bytes]) -> list[Mosaic]:
    """What the view's network is shown of a product with these readable photos, as prediction shows it."""
    return [tuple(md5s[photo] for photo in photos) for _, photos in passes([view], len(md5s), partial=True)]


def _key(mosaic: Mosaic) -> bytes:
    return b"".join(mosaic).ljust(MAX_IMAGES * MD5_BYTES, b"\0")
