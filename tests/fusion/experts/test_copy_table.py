"""What copies tell, against a dictionary of photos; a product is never its own evidence."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

import bson
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.experts import OtherProduct
from catalog.files.arrays import save_arrays
from catalog.ids.shop_id import ShopId, id_number
from catalog.probabilities import Silence
from catalog.product import Product
from catalog.runs.training_data import TrainingData
from catalog.split.plan import make_plan
from catalog.tree.taxonomy import Taxonomy
from fusion.experts.copies import CopyExpert
from fusion.experts.copy_table import CopyTable
from tests.support.products import TREE as TREE_CSV

PHOTOS = [b"\xff\xd8" + bytes([i]) * 20 for i in range(6)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Taxonomy:
    path = tmp_path_factory.mktemp("tree") / "tree.csv"
    path.write_text(TREE_CSV, encoding="utf-8")
    return Taxonomy.from_csv(path)


def training_data(
    folder, tree: Taxonomy, products: list[tuple[int, list[int]]], ids: list[ShopId] | None = None
) -> TrainingData:
    """Products as (leaf, photo numbers); ids are 100, 101, ... where none are given."""
    ids = [100 + i for i in range(len(products))] if ids is None else ids
    documents = [
        {"_id": ids[i], "category_id": int(tree.leaf_ids[leaf]), "imgs": [{"picture": PHOTOS[p]} for p in photos]}
        for i, (leaf, photos) in enumerate(products)
    ]
    path = folder / "train.bson"
    path.write_bytes(b"".join(bson.encode(d) for d in documents))
    catalog = Catalog(path)
    plan, _ = make_plan(catalog, tree, n_parts=2)
    return TrainingData(catalog, tree, plan, tree.leaf_index(catalog.category_ids))


def slow(products, tree: Taxonomy, photos: list[int], left_out: int | None) -> dict[int, float]:
    """Mean over the known photos of counts / (n + 1), read aloud."""
    holders = defaultdict(dict)
    for i, (leaf, own) in enumerate(products):
        for p in own:
            holders[p][i] = leaf
    shares = []
    for p in dict.fromkeys(photos):
        counts = Counter(leaf for i, leaf in holders[p].items() if i != left_out)
        n = sum(counts.values())
        if n:
            shares.append({leaf: count / (n + 1) for leaf, count in counts.items()})
    total = Counter()
    for share in shares:
        for leaf, value in share.items():
            total[leaf] += value / len(shares)
    return dict(total)


product = st.tuples(st.integers(0, 7), st.lists(st.integers(0, 5), min_size=1, max_size=4))


@settings(max_examples=25)
@given(st.lists(product, min_size=8, max_size=16))
def test_shares_equal_a_dictionary_of_photos(tmp_path_factory, tree, products):
    data = training_data(tmp_path_factory.mktemp("copies"), tree, products)
    table = CopyTable.of(data)
    ids = data.catalog.product_ids
    for left_out in (False, True):
        md5s = [[hashlib.md5(PHOTOS[p]).digest() for p in photos] for _, photos in products]
        found = table.held_out(data, ids) if left_out else table.predict(ids, md5s)
        for i, (_, photos) in enumerate(products):
            expected = slow(products, tree, photos, i if left_out else None)
            if not expected:
                assert found.silence[i] == Silence.NO_COPY
                continue
            told = dict(zip(found.leaves[i].tolist(), found.values[i].tolist(), strict=True))
            assert told.keys() == expected.keys()
            for leaf, value in expected.items():
                assert told[leaf] == pytest.approx(value, abs=1e-6)
            assert found.rest[i] == pytest.approx(1 - sum(expected.values()), abs=1e-6)
            assert found.dense(np.array([i]), len(tree))[0].sum() == pytest.approx(1, abs=1e-5)


def test_a_photo_that_only_the_product_itself_has_tells_nothing(tmp_path, tree):
    products = [(leaf, [0 if leaf < 2 else 1 + leaf % 5]) for leaf in range(8)]
    data = training_data(tmp_path, tree, products)
    found = CopyTable.of(data).held_out(data, data.catalog.product_ids)
    # products 0 and 1 share photo 0, 2 and 7 share photo 3, the others stand alone
    assert found.speaks.tolist() == [True, True, True, False, False, False, False, True]
    # the only other product with that photo lies on another leaf, and its label is what is told
    assert found.leaves[0, 0] == 1
    assert found.values[0, 0] == pytest.approx(0.5)


def test_many_copies_are_surer_than_one(tmp_path, tree):
    products = [(0, [0])] * 9 + [(1, [1])] + [(leaf, [2]) for leaf in range(8)]
    table = CopyTable.of(training_data(tmp_path, tree, products))
    md5s = [[hashlib.md5(PHOTOS[p]).digest()] for p in (0, 1, 2, 5)]
    found = table.predict(np.arange(4), md5s)
    assert found.values[:3, 0].tolist() == pytest.approx([0.9, 0.5, 1 / 9])
    assert found.silence.tolist() == [0, 0, 0, Silence.NO_COPY]
    assert table.examples(md5s[1], other_than=7) == [109]
    assert table.examples(md5s[1], other_than=109) == []


def test_the_table_comes_back_from_disk_and_a_damaged_one_is_refused(tmp_path, tree):
    data = training_data(tmp_path, tree, [(leaf % 8, [leaf % 6]) for leaf in range(16)])
    table = CopyTable.of(data)
    table.save(tmp_path / "copies.safetensors")
    loaded = CopyTable.load(tmp_path / "copies.safetensors", len(tree), table.taxonomy, table.plan)
    ids = data.catalog.product_ids
    np.testing.assert_array_equal(loaded.held_out(data, ids).values, table.held_out(data, ids).values)
    with pytest.raises(ValueError, match="does not fit its run's tree"):
        CopyTable.load(tmp_path / "copies.safetensors", len(tree) + 1, table.taxonomy, table.plan)
    (tmp_path / "copies.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="run `fusion train` again"):
        CopyTable.load(tmp_path / "copies.safetensors", len(tree), table.taxonomy, table.plan)


def test_text_ids_are_kept_beside_the_table_and_shown(tree, tmp_path):
    """The run alone is enough to name a copy: its training catalogue may be gone."""
    data = training_data(tmp_path, tree, [(0, [0]), (1, [1]), (0, [2]), (1, [3])], ["=1+1", 7, "00123", "<b>"])
    CopyTable.of(data).save(tmp_path / "copies.safetensors")
    table = CopyTable.load(tmp_path / "copies.safetensors", len(tree), tree.fingerprint, data.plan.plan_id)
    md5s = [hashlib.md5(photo).digest() for photo in PHOTOS]
    assert table.examples([*md5s, md5s[0]], other_than=0) == ["=1+1", 7, "00123", "<b>"]
    assert table.examples([md5s[2]], other_than=id_number("00123")) == []
    opinion = CopyExpert(table, tree).predict(Chunk.of([Product("new", (PHOTOS[0],))], 8), [])
    assert opinion.other_product(0) == OtherProduct("same photo as", "=1+1")
    itself = Chunk.of([Product("<b>", (PHOTOS[3],), "a text label")], 8, in_training=True)
    assert CopyExpert(table, tree).predict(itself, []).other_product(0) == OtherProduct("same photo as", None)
    names = tmp_path / "copies-ids.safetensors"
    save_arrays(names, {"ids": np.full(9, 255, np.uint8)})
    with pytest.raises(ValueError, match=r"copies-ids.safetensors is damaged .*: run `fusion train` again"):
        CopyTable.load(tmp_path / "copies.safetensors", len(tree), tree.fingerprint, data.plan.plan_id)


def test_integers_are_kept_in_the_table_alone(tree, tmp_path):
    data = training_data(tmp_path, tree, [(0, [0]), (1, [1]), (0, [2]), (1, [3])])
    CopyTable.of(data).save(tmp_path / "copies.safetensors")
    assert not (tmp_path / "copies-ids.safetensors").exists()


def test_a_product_in_training_is_left_out_also_where_its_label_is_a_name(tree, tmp_path):
    data = training_data(tmp_path, tree, [(0, [0]), (1, [0]), (0, [1]), (1, [2])], [5, 6, 7, 8])
    expert = CopyExpert(CopyTable.of(data), tree)
    labels = int(tree.leaf_ids[0]), " > ".join(tree.paths[0])
    by_id, by_name = (
        expert.predict(Chunk.of([Product(5, (PHOTOS[0],), label)], 8, in_training=True), []).probabilities
        for label in labels
    )
    assert by_id.speaks.all()
    np.testing.assert_array_equal(by_id.values, by_name.values)
    np.testing.assert_array_equal(by_id.leaves, by_name.leaves)
