"""An embedder without a network: what a photo looks like, made small."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.inference.deployed import DeployedNetwork
from mosaic.inference.embedding import Embedder
from mosaic.inference.outputs import Outputs

SIDE = 5
WIDTH = 3 * SIDE**2


class SmallPictures:
    """Stands in for a network: a mosaic's pixels as `SIDE` x `SIDE`, around grey.

    Attributes:
        n_mosaics: how many it has been shown. fails_after: the number after which it raises KeyboardInterrupt.
    """

    name = "onnx"

    def __init__(self, fails_after: int | None = None) -> None:
        self.n_mosaics, self.fails_after = 0, fails_after

    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` -> embeddings `(B, WIDTH)`, and logits of two leaves."""
        self.n_mosaics += len(mosaics)
        if self.fails_after is not None and self.n_mosaics > self.fails_after:
            raise KeyboardInterrupt
        small = [cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_AREA).reshape(-1) for one in mosaics]
        embedding = np.array(small, np.float32) - 127.3
        return Outputs(embedding, np.zeros((len(mosaics), 2), np.float32))


def colour_embedder(backend: SmallPictures | None = None, name: str = "colours") -> Embedder:
    """The embedder; another name is another network."""
    network = DeployedNetwork(
        np.arange(2, dtype=np.int32), np.full(2, 0.5), WIDTH, backend or SmallPictures(),
        lambda: hashlib.sha256(name.encode()).hexdigest(),
    )  # fmt: skip
    return Embedder(network, load_config(MosaicConfig, "mosaic", "debug"), name)


@pytest.fixture
def use_colours(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SmallPictures]:
    """`use_colours(name="colours", fails_after=None)`: what commands embed photos by from now on."""

    def use(name: str = "colours", fails_after: int | None = None) -> SmallPictures:
        backend = SmallPictures(fails_after)
        embedder = colour_embedder(backend, name)
        monkeypatch.setattr("search.indexing.embedders.workspace_embedder", lambda workspace: embedder)
        return backend

    return use
