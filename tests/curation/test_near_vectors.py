"""Products of close vectors: against comparing all pairs; what lies in the folder may be of photos or of products."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.embeddings import Embeddings
from catalog.runs.workspace import Workspace
from curation import near_vectors
from curation.cli import main
from curation.near_vectors import NearVectors
from tests.support.command_line import output_of
from tests.support.embeddings import write_embeddings as keep

run = partial(output_of, main)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.integers(1, 25))
def test_close_products_are_those_of_comparing_all_pairs(tiny_catalog, tmp_path, seed, rows):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 150))
    # every product has a photo, some have several, and rows of strangers lie between them
    ids = rng.permutation(np.concatenate([np.arange(60), rng.integers(0, 63, n - 60)]))
    vectors = rng.normal(size=(n, 3)) * rng.uniform(0.5, 2, (n, 1))
    vectors[rng.random(n) < 0.05] = 0
    # what is compared is what is kept
    vectors = vectors.astype(np.float16).astype(np.float64)
    among = rng.random(60) < 0.8
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    slow = {}
    for i in range(n):
        for j in range(n):
            a, b = int(ids[i]), int(ids[j])
            if a < b < 60 and among[a] and among[b] and unit[i] @ unit[j] >= 0.97:
                slow[a, b] = max(slow.get((a, b), -1), unit[i] @ unit[j])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_vectors, "ROWS", rows)
        patch.setattr(Embeddings, "block_rows", rows)
        patch.setattr(near_vectors, "NEIGHBOURS", n)
        close = NearVectors.of(keep(tmp_path / "v", vectors, ids), tiny_catalog, among, 0.97)
        assert dict(zip(map(tuple, close.pairs.tolist()), 1 - close.distance, strict=True)) == pytest.approx(
            slow, abs=1e-5
        )
        patch.setattr(near_vectors, "NEIGHBOURS", 1)
        nearest = NearVectors.of(tmp_path / "v", tiny_catalog, among, 0.97)
    # the nearest pair of each product is always among them
    pairs = set(map(tuple, nearest.pairs.tolist()))
    assert pairs <= set(slow)
    for product in {i for pair in slow for i in pair}:
        own = {pair: cosine for pair, cosine in slow.items() if product in pair}
        best = max(own.values())
        assert any(pair in pairs for pair, cosine in own.items() if cosine > best - 1e-5)


def test_split_keeps_close_products_together_and_names_what_lacks(tiny_catalog, tree_csv, tmp_path):
    room = Workspace(tmp_path / "runs")
    # products i and i + 30 were taken in one scene
    scene = np.random.default_rng(0).normal(size=(30, 16))
    folder = keep(tmp_path / "v", np.tile(scene, (2, 1)) + 0.01, np.arange(60))
    arguments = ("split", tiny_catalog.address, "--tree", tree_csv, "--workspace", room.folder)
    said = run(*arguments, "--near-embeddings", folder)
    assert "30 pairs of products of vectors with a cosine of 0.9 or more; none is left apart" in said
    assert (room.plan().parts[:30] == room.plan().parts[30:]).all()
    assert (room.plan().linked_by.near_cosine, room.plan().linked_by.near_bits) == (0.9, None)
    both = run(*arguments, "--near-embeddings", folder, "--near", "--cosine", 0.95)
    assert "30 pairs of products of near copies (4 of 64 bits) or of vectors with a cosine of 0.95 or more" in both
    assert "mosaic embed" in run(*arguments, "--near-embeddings", tmp_path / "none", code=1)
    keep(folder, np.ones((58, 4)), np.arange(58))
    said = run(*arguments, "--near-embeddings", folder, code=1)
    assert "2 of 60 have none (the first is product 58)" in said
    keep(folder, np.ones((60, 4)), np.arange(60))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_vectors, "MAX_VECTORS", 59)
        said = run(*arguments, "--near-embeddings", folder, code=1)
    assert "holds 60 vectors of these products, and all are compared with all: at most 59 are" in said
    np.save(folder / "vectors.npy", np.full((60, 4), np.nan, np.float16))
    assert "not finite" in run(*arguments, "--near-embeddings", folder, code=1)
    (folder / "embeddings.json").unlink()
    said = run(*arguments, "--near-embeddings", folder, code=1)
    assert "vectors of an earlier version" in said
    assert "make it anew with `mosaic embed" in said
