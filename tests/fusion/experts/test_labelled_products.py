"""Which labelled products look most like another: never itself, and none that shares a photo."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import bson
import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.embeddings import Embeddings
from catalog.ids.shop_id import ShopId, id_numbers
from catalog.runs.training_data import TrainingData
from catalog.split.plan import make_plan
from fusion.experts.labelled_products import SPARE, LabelledProducts
from fusion.experts.neighbour_shares import K
from tests.support.embeddings import write_embeddings
from tests.support.products import LEAVES, TAXONOMY, make_photo
from tests.support.vectors import unit_vectors

WIDTH = 8


def labelled(
    folder: Path, photos: list[list[int]], labels: list[ShopId] | None = None, ids: list[ShopId] | None = None
) -> tuple[TrainingData, LabelledProducts, np.ndarray]:
    """Products by the numbers of their photos; the index of them, and their vectors, each of chance."""
    folder.mkdir(exist_ok=True)
    ids = list(range(len(photos))) if ids is None else ids
    labels = [LEAVES[i % len(LEAVES)][0] for i in range(len(photos))] if labels is None else labels
    documents = [
        {"_id": one, "category_id": label, "imgs": [{"picture": make_photo(number)} for number in numbers]}
        for one, label, numbers in zip(ids, labels, photos, strict=True)
    ]
    (folder / "train.bson").write_bytes(b"".join(map(bson.encode, documents)))
    catalog = Catalog(folder / "train.bson")
    plan, _ = make_plan(catalog, TAXONOMY, n_parts=2)
    data = TrainingData(catalog, TAXONOMY, plan, catalog.leaves(TAXONOMY))
    vectors = unit_vectors(len(catalog), WIDTH)
    own = catalog.product_ids[plan.positions]
    embeddings = Embeddings.load(write_embeddings(folder / "vectors", vectors[plan.positions], own.tolist()))
    return data, LabelledProducts.create(folder / "index", data, embeddings), vectors


def md5s(*photos: int) -> list[bytes]:
    return [hashlib.md5(make_photo(number)).digest() for number in photos]


def test_the_nearest_come_first_with_the_leaves_of_their_labels(tmp_path):
    data, products, vectors = labelled(tmp_path, [[i] for i in range(60)])
    nearest = products.nearest(vectors[:3], [md5s(1000)] * 3)
    expected = np.argsort(-(vectors[:3] @ vectors.T), axis=1, kind="stable")
    assert nearest.product_ids[:, :60].tolist() == expected.tolist()
    np.testing.assert_array_equal(nearest.leaves[:, :60], data.leaf[expected])
    # there are no more than 60
    assert (nearest.leaves[:, 60:] == -1).all()
    assert nearest.leaves.shape == (3, K)
    assert (np.diff(nearest.scores[:, :60]) <= 0).all()


def test_none_that_shares_a_photo_is_near_however_many_do(tmp_path):
    # the first 30 carry photo 500, of an energy label: more than are looked for in reserve
    n = 60
    assert n // 2 > SPARE
    _, products, vectors = labelled(tmp_path, [[500, i] if i < n // 2 else [i] for i in range(n)])
    nearest = products.nearest(vectors[:2], [md5s(500, 2000), md5s(40, 41, 3000)])
    near = [set(row[np.isfinite(scores)]) for row, scores in zip(nearest.product_ids, nearest.scores, strict=True)]
    assert near == [set(range(n // 2, n)), set(range(n)) - {40, 41}]


def test_no_product_is_near_itself_and_none_of_those_left_out(tmp_path):
    _, products, vectors = labelled(tmp_path, [[i] for i in range(20)])
    # its photos are others than they were: only the number tells that it is the same
    nearest = products.nearest(vectors[:2], [md5s(900), md5s(901)], own=np.array([0, 1]), without=np.array([5, 6]))
    near = [set(row[np.isfinite(scores)]) for row, scores in zip(nearest.product_ids, nearest.scores, strict=True)]
    assert near == [set(range(20)) - {0, 5, 6}, set(range(20)) - {1, 5, 6}]


def test_nothing_is_near_what_cannot_be_seen(tmp_path):
    _, products, vectors = labelled(tmp_path, [[i] for i in range(20)])
    nearest = products.nearest(np.stack([np.zeros(WIDTH, np.float32), vectors[0]]), [[], md5s(0)])
    assert nearest.any.tolist() == [False, True]
    assert products.nearest(vectors[:0], []).any.tolist() == []


def test_labels_and_ids_may_be_texts_and_are_the_same_when_opened_again(tmp_path):
    ids = [f"SKU-{i}" for i in range(24)]
    names = [path[-1] for _, path in LEAVES if path[-1] != "JAZZ"]
    data, products, vectors = labelled(tmp_path, [[i] for i in range(24)], [names[i % 6] for i in range(24)], ids)
    again = LabelledProducts.open(tmp_path / "index", TAXONOMY, "digest")
    for one in (products, again):
        nearest = one.nearest(vectors[:4], [md5s(i) for i in range(4)])
        assert one.index.ids.take(nearest.product_ids[0, :2])[0].startswith("SKU-")
        expected = dict(zip(id_numbers(ids).tolist(), data.leaf.tolist(), strict=True))
        there = np.isfinite(nearest.scores)
        assert nearest.leaves[there].tolist() == [expected[number] for number in nearest.product_ids[there].tolist()]
    np.testing.assert_array_equal(again.frequency, products.frequency)


def test_what_does_not_belong_to_the_run_is_refused_by_name(tmp_path):
    labelled(tmp_path, [[i] for i in range(20)])
    with pytest.raises(ValueError, match=r"of another network .*: run `fusion train` again"):
        LabelledProducts.open(tmp_path / "index", TAXONOMY, "another digest")
    shutil.copytree(tmp_path / "index", tmp_path / "cut")
    file = tmp_path / "cut" / "labelled.safetensors"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"labelled\.safetensors .*damaged.*`fusion train` again"):
        LabelledProducts.open(tmp_path / "cut", TAXONOMY, "digest")
    file.unlink()
    with pytest.raises(ValueError, match=r"labelled\.safetensors"):
        LabelledProducts.open(tmp_path / "cut", TAXONOMY, "digest")
