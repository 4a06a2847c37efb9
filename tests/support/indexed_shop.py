"""A small shop whose training catalogue is indexed by what its photos look like, made small: no network is needed."""

from __future__ import annotations

import io
from pathlib import Path

import bson
import numpy as np
from PIL import Image

from catalog.catalog import Catalog
from catalog.cli_options import no_bar
from catalog.runs.workspace import Workspace
from search.indexing.catalog_index import add_catalog, index_catalog
from tests.support.colour_embedder import colour_embedder
from tests.support.command_line import call
from tests.support.predictions import TREE, predicted
from tests.support.small_shop import make_shop

LARGE, ODD, BROKEN, ELSEWHERE, UNSEEN = 2**53 + 1, "MH01/a b", 13, 500, 101
"""Ids: one that browsers round, a text, a product without a readable photo, one of another catalogue, and one that was
predicted and is in no index."""
LABELLED: dict[int | str, list[int]] = {n: [n, n + 100] for n in range(1, 11)} | {LARGE: [11], ODD: [12, 112]}
"""Products of the training catalogue, with the seeds of their photos."""


def photo_of(seed: int) -> bytes:
    """A photo that is alike to those whose seeds differ from its own by a multiple of four."""
    base = np.random.default_rng(seed % 4).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    noise = np.random.default_rng(seed).integers(-40, 40, (60, 60, 3))
    pixels = np.clip(np.kron(base, np.ones((12, 12, 1), np.int64)) + noise, 0, 255)
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def label_of(product_id: int | str) -> int:
    """The category of a product of the training catalogue."""
    return TREE.shop_ids[list(LABELLED).index(product_id) % 4]


def write_products(path: Path, products: dict[int | str, tuple[list[bytes], int]]) -> Catalog:
    """A BSON file of products: their photos and their labels."""
    documents = [
        {"_id": one, "category_id": label, "imgs": [{"picture": photo} for photo in photos]}
        for one, (photos, label) in products.items()
    ]
    path.write_bytes(b"".join(map(bson.encode, documents)))
    return Catalog(path)


def training_catalog(folder: Path) -> Catalog:
    """The labelled products, and one whose photo cannot be read."""
    products = {one: ([photo_of(seed) for seed in seeds], label_of(one)) for one, seeds in LABELLED.items()}
    return write_products(folder / "train.bson", products | {BROKEN: ([b"no photo"], 1000)})


def make_planned_shop(folder: Path) -> Path:
    """Predictions of one product that was learnt from and of one that was not; a plan; returns the workspace."""
    from curation.cli import main as curation

    training_catalog(folder)
    TREE.save(folder / "tree.csv")
    workspace = folder / "runs"
    call(curation, "split", folder / "train.bson", "--tree", folder / "tree.csv", "--workspace", workspace)
    photos: dict[object, list[bytes]] = {3: [photo_of(3)], UNSEEN: [photo_of(5)], BROKEN: [b"no photo"]}
    return make_shop(folder, [predicted(0) | {"product_id": one} for one in photos], photos)


def index_shop(workspace: Path, name: str = "colours") -> None:
    """Index the training catalogue, and one product of another one; `name`: of the embedder."""
    room, embedder = Workspace(workspace), colour_embedder(name=name)
    index_catalog(room, Catalog(workspace.parent / "train.bson"), embedder, bar=no_bar)
    other = write_products(workspace.parent / "other.bson", {ELSEWHERE: ([photo_of(200)], 2000)})
    add_catalog(room, other, embedder, bar=no_bar)
