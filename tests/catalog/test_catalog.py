"""BSON in, products out: whatever is wrong is named, the good part is never lost."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
from pathlib import Path

import bson
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.files.sidecar import sidecar_path
from catalog.product import ProblemKind
from catalog.sources.bson import file as bson_file
from tests.support.products import make_photo, make_product


def kinds(catalog: Catalog) -> dict[str, int]:
    return {kind.name: count for kind, count in catalog.problems.counts.items()}


def test_products_come_back_as_written(write_bson):
    documents = [make_product(i, 11 if i % 2 else None, 1 + i % 4) for i in range(9)]
    catalog = Catalog(write_bson(*documents))
    assert len(catalog) == 9
    assert catalog.product_ids.tolist() == list(range(9))
    assert catalog.category_ids.tolist() == [11 if i % 2 else -1 for i in range(9)]
    assert catalog.n_images.tolist() == [1 + i % 4 for i in range(9)]
    for i in (0, 5, 8, -1):
        assert catalog[i].images == tuple(e["picture"] for e in documents[i]["imgs"])
        assert catalog[i].category_id == documents[i].get("category_id")
    assert [p.product_id for p in catalog[2:5]] == [2, 3, 4]
    assert [[p.product_id for p in chunk] for _, chunk in catalog.batches(4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    flat = [photo for product in catalog for photo in product.images]
    assert [bytes(row) for row in catalog.md5s()] == [hashlib.md5(photo).digest() for photo in flat]
    assert not kinds(catalog)


def test_ids_of_64_bits(write_bson):
    catalog = Catalog(write_bson({**make_product(1), "_id": 2**60, "category_id": 2**50}))
    assert (catalog[0].product_id, catalog[0].category_id) == (2**60, 2**50)


def test_truncated_file_keeps_the_documents_before_the_cut_and_names_the_offset(write_bson):
    first, second = bson.encode(make_product(1)), bson.encode(make_product(2))
    catalog = Catalog(write_bson(first, second[:-7]))
    assert catalog.product_ids.tolist() == [1]
    assert kinds(catalog) == {"TRUNCATED": 1}
    assert str(catalog.problems.named[0]).startswith(f"offset {len(first)}")
    assert f"{len(second)} bytes announced, {len(second) - 7} left" in str(catalog.problems.named[0])


def test_garbage_anywhere_loses_no_good_document(write_bson):
    catalog = Catalog(write_bson(b"????", make_product(1), b"\x00" * 11, make_product(2), b"\xff" * 30))
    assert catalog.product_ids.tolist() == [1, 2]
    assert kinds(catalog) == {"GARBAGE": 3}


def test_garbage_that_begins_like_an_archive_costs_no_product(write_bson):
    catalog = Catalog(write_bson(b"PK\x03\x04", make_product(1)))
    assert catalog.product_ids.tolist() == [1]
    assert kinds(catalog) == {"GARBAGE": 1}


def test_a_huge_announced_length_is_garbage(write_bson):
    catalog = Catalog(write_bson(b"\xff\xff\xff\x7f", make_product(1)))
    assert catalog.product_ids.tolist() == [1]
    assert kinds(catalog) == {"GARBAGE": 1}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.binary(max_size=40), st.integers(0, 10**6)), min_size=1, max_size=8))
def test_any_mixture_of_documents_and_bytes_is_survived(tmp_path_factory, pieces):
    path = tmp_path_factory.mktemp("mix") / "mix.bson"
    small = {i: bson.encode({"_id": i, "imgs": [{"picture": b"x"}]}) for i in pieces if isinstance(i, int)}
    path.write_bytes(b"".join(small[p] if isinstance(p, int) else p for p in pieces))
    if not small:
        with pytest.raises(ValueError, match=str(path)):
            Catalog(path)
        return
    catalog = Catalog(path)
    assert set(catalog.product_ids.tolist()) <= set(small)
    n_garbage = sum(isinstance(p, bytes) and len(p) > 0 for p in pieces)
    if not n_garbage:
        assert catalog.product_ids.tolist() == list(small)
    elif len(catalog) < len(small):
        assert len(catalog.problems)


def test_problems_of_single_documents_are_named_and_every_id_gets_a_row(write_bson):
    picture = {"picture": make_photo(1)}
    catalog = Catalog(
        write_bson(
            {"_id": 1, "imgs": []},
            {"_id": 2, "imgs": [picture] * 6},
            {"_id": 3, "imgs": [{"pic": 1}, picture, "x"]},
            {"_id": 4, "imgs": [{"picture": b""}]},
            {"_id": 2, "imgs": [picture]},
            {"_id": 5, "imgs": "none"},
            {"_id": 6, "category_id": 12.5, "imgs": [picture]},
            {"_id": 7, "category_id": True, "imgs": [picture]},
            {"_id": 8.5, "imgs": [picture]},
            {"_id": True, "imgs": [picture]},
            {"imgs": [picture]},
            {"_id": 9},
        )
    )
    assert catalog.product_ids.tolist() == [1, 2, 3, 4, 5, 6, 7, 9]
    assert catalog.n_images.tolist() == [0, 4, 1, 1, 0, 1, 1, 0]
    assert catalog[1].images == (picture["picture"],) * 4
    assert kinds(catalog) == {
        "NO_PHOTO": 3, "TOO_MANY_PHOTOS": 1, "BAD_PHOTO_ENTRY": 3, "REPEATED_ID": 1,
        "BAD_CATEGORY": 2, "BAD_DOCUMENT": 3,
    }  # fmt: skip
    repeated = next(p for p in catalog.problems.named if p.kind is ProblemKind.REPEATED_ID)
    assert repeated.product_id == 2
    with pytest.raises(ValueError, match="13 problems, and --strict"):
        catalog.problems.require_none("x")


def test_hopeless_files_say_what_was_expected(tmp_path, write_bson):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        Catalog(tmp_path / "none.bson")
    with pytest.raises(ValueError, match="is empty"):
        Catalog(write_bson(b""))
    with pytest.raises(ValueError, match="no usable product"):
        Catalog(write_bson(bytes(range(200))))
    with pytest.raises(ValueError, match="is a folder"):
        Catalog(tmp_path)


def test_the_index_is_kept_and_rebuilt_when_the_file_changes(write_bson, monkeypatch):
    path = write_bson(make_product(1), make_product(2))
    first = Catalog(path)
    calls = []
    good = bson_file.scan
    monkeypatch.setattr(bson_file, "scan", lambda *a, **options: calls.append(1) or good(*a, **options))
    again = Catalog(path)
    assert not calls
    assert again.fingerprint == first.fingerprint
    assert again.product_ids.tolist() == [1, 2]
    write_bson(make_product(3), make_product(4), make_product(5))
    changed = Catalog(path)
    assert calls
    assert changed.product_ids.tolist() == [3, 4, 5]
    assert changed.fingerprint != first.fingerprint


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"RAYONNAGE-SIDECAR-2\n" + b"\xff" * 40])
def test_a_damaged_index_is_rebuilt(write_bson, damage):
    path = write_bson(make_product(1))
    Catalog(path)
    sidecar_path(path, ".index").write_bytes(damage)
    assert Catalog(path).product_ids.tolist() == [1]


def test_a_read_only_folder_is_left_alone(write_bson, tmp_path):
    path = write_bson(make_product(1))
    tmp_path.chmod(0o555)
    try:
        catalog = Catalog(path)
        catalog.md5s()
        assert sorted(p.name for p in tmp_path.iterdir()) == ["products.bson"]
        assert len(Catalog(path)) == 1
    finally:
        tmp_path.chmod(0o755)


def ids_in_worker(catalog: Catalog) -> list[int]:
    return [product.product_id for product in catalog]


def test_a_catalogue_travels_to_workers_as_its_path(write_bson):
    catalog = Catalog(write_bson(*[make_product(i) for i in range(5)]))
    assert len(pickle.dumps(catalog)) < 1000
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(ids_in_worker, (catalog,)) == [0, 1, 2, 3, 4]


def test_a_worker_does_not_look_through_the_source_again(write_bson, monkeypatch):
    catalog = Catalog(write_bson(*[make_product(i) for i in range(5)]))
    packed = pickle.dumps(catalog)
    monkeypatch.setattr(bson_file.BsonFile, "stamp", lambda self: pytest.fail("asked again"))
    assert pickle.loads(packed).product_ids.tolist() == [0, 1, 2, 3, 4]


def test_a_worker_notices_that_the_source_has_changed(write_bson):
    packed = pickle.dumps(Catalog(write_bson(make_product(1), make_product(2))))
    # without its sidecar a worker reads anew; only what holds the same products will do
    path = write_bson(make_product(1), make_product(2))
    sidecar_path(path, ".index").unlink()
    assert pickle.loads(packed).product_ids.tolist() == [1, 2]
    write_bson(make_product(2), make_product(1))
    Catalog(path)
    with pytest.raises(ValueError, match="changed while it was in use"):
        pickle.loads(packed)


def test_the_real_example(shared_data: Path):
    catalog = Catalog(shared_data / "cdiscount" / "train_example.bson")
    assert len(catalog) == 82
    assert np.bincount(catalog.n_images)[1:].tolist() == [67, 7, 3, 5]
    assert len(np.unique(catalog.md5s(), axis=0)) == 109
    assert len(np.unique(catalog.category_ids)) == 36


def test_columns_are_copied_once_and_cannot_be_changed(write_bson):
    catalog = Catalog(write_bson(*(make_product(i, 11, 2) for i in range(3))))
    for name, expected in (("product_ids", [0, 1, 2]), ("category_ids", [11] * 3), ("n_images", [2] * 3)):
        column = getattr(catalog, name)
        assert column.tolist() == expected
        assert getattr(catalog, name) is column
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 7


def test_a_position_that_is_not_there_is_refused_in_a_sentence(tiny_catalog):
    assert tiny_catalog[-60].product_id == tiny_catalog[0].product_id
    assert len(tiny_catalog[58:4000]) == 2
    for index in (60, 4000, -61):
        with pytest.raises(IndexError, match=rf"holds 60 products, counted from 0: there is no \[{index}\]"):
            tiny_catalog[index]


def test_ids_whose_file_a_disk_has_damaged_are_read_from_the_source_again(write_bson):
    ids = ["MH01-gray", "007", "\u00e9t\u00e9"]
    path = write_bson(*({**make_product(0), "_id": one} for one in ids))
    assert Catalog(path).shop_ids() == ids
    kept = sidecar_path(path, ".ids")
    whole = kept.read_bytes()
    for place in range(len(whole)):
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert Catalog(path).shop_ids() == ids
