"""One vector per product, in order; copies computed once; a killed run leaves nothing that looks finished."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bson
import numpy as np
import pytest
import torch

from catalog import recent_rows
from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.product import Product
from catalog.recent_rows import RecentRows
from catalog.runs.config import load_config
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from catalog.tree.taxonomy import Taxonomy
from mosaic.cli import main
from mosaic.config import MosaicConfig
from mosaic.inference import embedding as embedding_module
from mosaic.inference.embedding import Embedder, embed_catalog
from mosaic.networks.deployed import deployed
from mosaic.networks.network import MosaicNetwork
from mosaic.runs import MosaicDetails
from tests.support.command_line import invoke
from tests.support.products import TREE, make_photo, make_product

CONFIG = load_config(MosaicConfig, "mosaic", "debug")
FLIPPED = CONFIG.model_copy(update={"inference": CONFIG.inference.model_copy(update={"flip": True})})


def network(seed: int = 0) -> MosaicNetwork:
    torch.manual_seed(seed)
    return MosaicNetwork(CONFIG.backbone, np.arange(4), np.full(4, 0.25)).eval()


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """A workspace whose general network is not trained, and a specialist that must not be used."""
    (tmp_path / "tree.csv").write_text(TREE)
    tree = Taxonomy.from_csv(tmp_path / "tree.csv")
    (tmp_path / "train.bson").write_bytes(b"".join(bson.encode(make_product(i, 11)) for i in range(20)))
    room = Workspace(tmp_path / "runs")
    room.save_plan(make_plan(Catalog(tmp_path / "train.bson"), tree)[0], tree)
    for slot, n_images in (("any", 0), ("1", 1)):
        run = Run.create(
            room.folder, "mosaic", f"mosaic-{slot}", plan="p", data="d", config=FLIPPED.model_dump(), tree=tree
        )
        run.keep(MosaicDetails(n_images=n_images, rank="", init_from=None, identity="", k=4))
        network(n_images).save(run.folder / "weights.safetensors")
        run.save()
        room.register(run, slot)
    return room


def by_hand(product: Product, config: MosaicConfig = FLIPPED) -> np.ndarray:
    """Mean of the strip's embedding and that of the strip of mirrored photos, brought to length 1."""
    photos = Chunk.of([product], 32)
    pictures = [photos.pictures[md5] for md5 in photos.readable[0]]
    ways = [pictures, [p[:, ::-1] for p in pictures]] if config.inference.flip else [pictures]
    with torch.inference_mode():
        seen = [network().features(torch.from_numpy(np.concatenate(way, axis=1)[None]))[0].numpy() for way in ways]
    mean = np.mean(seen, axis=0)
    return mean / np.sqrt((mean**2).sum())


def products(workspace: Workspace) -> Catalog:
    documents = [make_product(i, n=1 + i % 4) for i in range(9, 0, -1)]
    documents.insert(3, {"_id": 50, "imgs": []})
    documents.insert(6, {"_id": 51, "imgs": [{"picture": b"none"}]})
    documents.append({"_id": 52, "imgs": [{"picture": b"none"}, *make_product(9, n=1)["imgs"]]})
    path = workspace.folder.parent / "new.bson"
    path.write_bytes(b"".join(map(bson.encode, documents)))
    return Catalog(path)


def test_rows_keep_the_order_and_products_without_a_photo_are_zero_and_named(workspace, monkeypatch):
    monkeypatch.setattr(embedding_module, "CHUNK", 5)
    catalog = products(workspace)
    seen = []
    (vectors, ids), problems = embed_catalog(catalog, workspace, progress=lambda *step: seen.append(step))
    rows = np.load(vectors)
    assert np.load(ids).tolist() == catalog.product_ids.tolist()
    assert rows.dtype == np.float32
    assert rows.shape == (12, network().head.in_features)
    silent = [i for i, product in enumerate(catalog) if product.product_id in (50, 51)]
    assert np.flatnonzero(~rows.any(axis=1)).tolist() == silent
    for i, product in enumerate(catalog):
        if i not in silent:
            np.testing.assert_allclose(rows[i], by_hand(product), atol=1e-4)
    assert "product 50: no photo" in problems.summary()
    assert "product 51: photo that cannot be decoded" in problems.summary()
    assert seen[-1] == (12, 12)


def test_copies_are_computed_once_also_across_chunks_and_the_cache_is_bounded(monkeypatch):
    shown = []
    way = deployed(network(), CONFIG.inference, CONFIG.photo_size)

    def counting(mosaics):
        shown.append(len(mosaics))
        return way.backend(mosaics)

    chosen, recent = Embedder(replace(way, backend=counting), CONFIG), RecentRows()
    photo, other = make_photo(1), make_photo(2)

    def embed(*images: tuple[bytes, ...]) -> np.ndarray:
        some = [Product(i, photos) for i, photos in enumerate(images)]
        return chosen.embed(Chunk.of(some, 32, recent=recent))

    first = embed((photo, other), (photo, other), (other, photo))
    assert sum(shown) == 2
    np.testing.assert_array_equal(first[0], first[1])
    assert np.abs(first[0] - first[2]).max() > 1e-4
    np.testing.assert_array_equal(embed((other, photo))[0], first[2])
    assert sum(shown) == 2
    monkeypatch.setattr(recent_rows, "CACHE_BYTES", 0)
    embed((photo,), (other,), (photo, other))
    assert len(recent) == 1
    assert chosen.embed(Chunk.of([], 32)).shape == (0, way.width)


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_that_looks_finished(workspace, monkeypatch):
    monkeypatch.setattr(embedding_module, "CHUNK", 4)
    folder = workspace.folder.parent / "out"
    catalog = products(workspace)

    def kill(done: int, _: int) -> None:
        if done > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_catalog(catalog, workspace, folder, kill)
    assert list(folder.iterdir()) == []
    paths, _ = embed_catalog(catalog, workspace, folder)
    whole = {path: path.read_bytes() for path in paths}
    # an earlier result stays whole too
    with pytest.raises(KeyboardInterrupt):
        embed_catalog(catalog, workspace, folder, kill)
    assert {path: path.read_bytes() for path in folder.iterdir()} == whole


def test_the_command_writes_both_files_and_names_problems(workspace):
    path, folder = products(workspace).address, workspace.folder.parent / "out"
    arguments = ["embed", str(path), "--output", str(folder), "--workspace", str(workspace.folder)]
    result = invoke(main, *arguments)
    assert result.stdout.splitlines() == [str(folder / "vectors.npy"), str(folder / "product_ids.npy")]
    assert "product 51" in result.stderr
    invoke(main, *arguments, "--strict", code=1)


def test_without_a_general_network_the_next_command_is_named(workspace):
    (workspace.folder / "workspace.json").write_text('{"latest": {}}')
    with pytest.raises(FileNotFoundError, match="mosaic train"):
        embed_catalog(products(workspace), workspace, Path("nowhere"))
