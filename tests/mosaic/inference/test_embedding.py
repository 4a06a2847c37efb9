"""Vectors per product and per photo, in order; whose network they are of; copies computed once; kills survived."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import bson
import numpy as np
import pytest
import torch

from catalog import recent_rows
from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.embeddings import ALL_PHOTOS, Embeddings
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
from mosaic.inference.backbone_digest import saved_backbone_digest
from mosaic.inference.embedding import (
    GAIN,
    MATCH_SLOT,
    Embedder,
    backbone_embedder,
    embed_catalog,
    general_embedder,
    run_embedder,
    workspace_embedder,
)
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


def test_a_backbone_is_known_by_its_own_weights_in_memory_and_in_a_file(tmp_path):
    one, other = network(), network(1)
    one.save(tmp_path / "one.safetensors")
    digest = saved_backbone_digest(tmp_path / "one.safetensors")
    assert digest == one.backbone_digest() != other.backbone_digest()
    with torch.no_grad():
        one.head.weight += 1
    one.save(tmp_path / "one.safetensors")
    assert saved_backbone_digest(tmp_path / "one.safetensors") == digest
    with torch.no_grad():
        next(one.backbone.parameters()).view(-1)[0] += 1e-3
    one.save(tmp_path / "one.safetensors")
    assert saved_backbone_digest(tmp_path / "one.safetensors") != digest
    (tmp_path / "none.safetensors").write_bytes(b"no network")
    with pytest.raises(ValueError, match=r"none\.safetensors does not hold a network"):
        saved_backbone_digest(tmp_path / "none.safetensors")


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


def test_rows_keep_the_order_and_products_without_a_photo_are_zero_and_named(workspace, monkeypatch, tmp_path):
    monkeypatch.setattr(embedding_module, "CHUNK", 5)
    catalog, embedder = products(workspace), general_embedder(workspace)
    seen = []
    embeddings, problems = embed_catalog(
        catalog, embedder, tmp_path / "out", "product", lambda *step: seen.append(step)
    )
    rows = embeddings.rows(np.arange(12))
    assert embeddings.product_ids.tolist() == catalog.product_ids.tolist()
    assert set(embeddings.photos.tolist()) == {ALL_PHOTOS}
    assert embeddings.vectors.dtype == np.float16
    assert rows.shape == (12, network().head.in_features)
    silent = [i for i, product in enumerate(catalog) if product.product_id in (50, 51)]
    assert np.flatnonzero(~embeddings.present()).tolist() == silent
    for i, product in enumerate(catalog):
        if i not in silent:
            np.testing.assert_allclose(rows[i], by_hand(product), atol=3e-4)
    assert "product 50: no photo" in problems.summary()
    assert "product 51: photo that cannot be decoded" in problems.summary()
    assert seen[-1] == (12, 12)
    origin = embeddings.origin
    assert (origin.catalog, origin.fingerprint, origin.per) == (catalog.address, catalog.fingerprint, "product")
    assert (origin.network, origin.digest) == (embedder.name, embedder.digest)


def test_a_row_for_each_photo_by_itself(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_module, "CHUNK", 3)
    catalog, embedder = products(workspace), general_embedder(workspace)
    embeddings, _ = embed_catalog(catalog, embedder, tmp_path / "out", "photo")
    expected = [(product.product_id, k) for product in catalog for k in range(len(product.images))]
    assert list(zip(embeddings.product_ids.tolist(), embeddings.photos.tolist(), strict=True)) == expected
    unreadable = [(51, 0), (52, 0)]
    assert [expected[row] for row in np.flatnonzero(~embeddings.present())] == unreadable
    photos = {(product.product_id, k): photo for product in catalog for k, photo in enumerate(product.images)}
    for row, place in enumerate(expected):
        if place not in unreadable:
            alone = by_hand(Product(0, (photos[place],)))
            np.testing.assert_allclose(embeddings.rows(np.array([row]))[0], alone, atol=3e-4)
    # the same photo in another product has the same row
    same = [row for row, place in enumerate(expected) if place in ((9, 0), (52, 1))]
    np.testing.assert_array_equal(*embeddings.vectors[same])


def test_photos_of_a_chunk_keep_their_order():
    embedder = Embedder(deployed(network(), CONFIG.inference, CONFIG.photo_size), CONFIG)
    photos = [make_photo(1), b"none", make_photo(2)]
    some = [Product(1, (photos[0], photos[1])), Product(2, ()), Product(3, (photos[2], photos[0]))]
    vectors = embedder.embed_photos(embedder.chunk(some))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 1, 1], abs=1e-5)
    np.testing.assert_array_equal(vectors[3], vectors[0])
    assert np.abs(vectors[2] - vectors[0]).max() > 1e-4
    assert embedder.embed_photos(embedder.chunk([])).shape == (0, embedder.width)


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


def test_a_killed_run_is_gone_on_with_and_an_earlier_result_stays(workspace, monkeypatch, tmp_path):
    monkeypatch.setattr(embedding_module, "CHUNK", 4)
    folder, catalog, embedder = tmp_path / "out", products(workspace), general_embedder(workspace)
    whole, told = embed_catalog(catalog, embedder, tmp_path / "whole", "photo")
    embed_catalog(catalog, embedder, folder, "product")

    def kill(done: int, _: int) -> None:
        if done > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_catalog(catalog, embedder, folder, "photo", kill)
    assert Embeddings.load(folder).origin.per == "product"
    read = []
    take = Catalog.take
    monkeypatch.setattr(Catalog, "take", lambda self, rows: read.extend(rows) or take(self, rows))
    seen = []
    again, problems = embed_catalog(catalog, embedder, folder, "photo", lambda *step: seen.append(step))
    assert read == list(range(8, 12))
    assert seen == [(12, 12)]
    np.testing.assert_allclose(again.rows(np.arange(len(again))), whole.rows(np.arange(len(whole))), atol=1e-3)
    # what was wrong with the photos that were seen before the kill is told, too
    assert sorted(map(str, problems.named)) == sorted(map(str, told.named))


def test_a_catalogue_that_has_changed_meanwhile_is_refused(workspace, monkeypatch, tmp_path):
    catalog, embedder = products(workspace), general_embedder(workspace)
    take = Catalog.take
    monkeypatch.setattr(Catalog, "take", lambda self, rows: [replace(one, images=()) for one in take(self, rows)])
    with pytest.raises(ValueError, match=r"has changed while it was in use: run the command again"):
        embed_catalog(catalog, embedder, tmp_path, "photo")


def test_ids_of_text_are_kept_to_the_letter(write_bson, tmp_path):
    ids = ["=1+1", 7, "../x", "caf\u00e9 \N{BALLOON}"]
    catalog = Catalog(write_bson(*({**make_product(i, 11, 2), "_id": one} for i, one in enumerate(ids))))
    embeddings, _ = embed_catalog(catalog, backbone_embedder(CONFIG), tmp_path / "out", "photo")
    assert embeddings.ids.take(embeddings.product_ids) == [one for one in ids for _ in range(2)]


def test_the_digest_is_of_what_the_numbers_depend_on(workspace, tmp_path):
    run = workspace.require("mosaic", "any")
    shutil.copytree(run.folder, tmp_path / "elsewhere")
    digest = run_embedder(run).digest
    assert run_embedder(Run.load(tmp_path / "elsewhere")).digest == digest
    embedder = run_embedder(run)
    in_torch = FLIPPED.inference.model_copy(update={"backend": "torch"})
    assert Embedder(embedder.network, FLIPPED.model_copy(update={"inference": in_torch})).digest == digest
    for other in (
        CONFIG,
        FLIPPED.model_copy(update={"layout": "grid"}),
        FLIPPED.model_copy(update={"photo_size": 64}),
    ):
        assert Embedder(embedder.network, other).digest != digest
    assert run_embedder(workspace.require("mosaic", "1")).digest != digest
    with pytest.raises(ValueError, match="no weights are known of"):
        _ = Embedder(deployed(network(), CONFIG.inference, CONFIG.photo_size), CONFIG).digest


def test_a_backbone_is_known_by_its_weights():
    torch.manual_seed(0)
    first = backbone_embedder(CONFIG)
    torch.manual_seed(0)
    assert backbone_embedder(CONFIG).digest == first.digest
    assert backbone_embedder(CONFIG).digest != first.digest
    assert first.name == CONFIG.backbone.name


def test_photos_are_searched_by_the_matching_network_where_it_measured_better(workspace):
    general = workspace_embedder(workspace)
    assert general.digest == general_embedder(workspace).digest
    run = workspace.require("mosaic", "1")
    for metrics, is_taken in (
        ({}, False),
        ({GAIN: None, f"{GAIN}_low": None}, False),
        ({GAIN: -0.1, f"{GAIN}_low": -0.2}, False),
        ({GAIN: 0.1, f"{GAIN}_low": 0.0}, False),
        ({GAIN: 0.1, f"{GAIN}_low": 0.01}, True),
    ):
        run.metrics = metrics
        run.save()
        workspace.register(run, MATCH_SLOT)
        chosen = workspace_embedder(workspace)
        assert (chosen.name == run.folder.name, chosen.digest != general.digest) == (is_taken, is_taken)


def test_the_command_writes_products_or_photos_and_names_problems(workspace):
    path, folder = products(workspace).address, workspace.folder.parent / "out"
    arguments = ["embed", str(path), "--output", str(folder), "--workspace", str(workspace.folder)]
    result = invoke(main, *arguments)
    assert result.stdout.splitlines() == [str(folder)]
    assert "product 51" in result.stderr
    assert Embeddings.load(folder).origin.per == "product"
    invoke(main, *arguments, "--strict", code=1)
    by_default = invoke(main, *arguments[:2], "--photos", *arguments[4:]).stdout.strip()
    assert Embeddings.load(Path(by_default)).origin.per == "photo"
    assert Path(by_default).parent.parent == workspace.folder / "predictions"


def test_without_a_general_network_the_next_command_is_named_and_the_backbone_needs_none(
    workspace, tmp_path, monkeypatch
):
    (workspace.folder / "workspace.json").write_text('{"latest": {}}')
    with pytest.raises(FileNotFoundError, match="mosaic train"):
        workspace_embedder(workspace)
    monkeypatch.setattr(embedding_module, "load_config", lambda *_: CONFIG)
    arguments = [products(workspace).address, "--output", str(tmp_path / "out")]
    invoke(main, "embed", *arguments, "--photos", "--backbone", "--workspace", str(tmp_path / "none"))
    assert Embeddings.load(tmp_path / "out").origin.network == CONFIG.backbone.name
