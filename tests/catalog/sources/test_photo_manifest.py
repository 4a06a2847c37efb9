"""The list of photos that is kept beside tables and folders: ids in it, and lists that cannot be used."""

from __future__ import annotations

import pickle

import pytest

from catalog.catalog import Catalog
from catalog.sources.photo_manifest import MAGIC, TAIL, Manifest
from tests.support.photo_files import put

IDS = ["x", 7, "007", "caf\u00e9", "\U0001f600" * 50]


@pytest.fixture
def shop(tmp_path):
    """A table of products with ids of all kinds, opened once."""
    put(tmp_path / "a.jpg")
    rows = [f"{one},C-{n % 2},a.jpg|gone{n}.jpg" for n, one in enumerate(IDS)]
    (tmp_path / "shop.csv").write_text("\n".join(["product_id,category_id,photos", *rows]), encoding="utf-8")
    return Catalog(tmp_path / "shop.csv")


def test_a_list_has_ids_and_photos_that_are_there_and_that_are_not(shop):
    manifest = Manifest(shop.source.sidecar(".manifest"))
    assert manifest.ids.take(shop.product_ids) == IDS
    assert list(manifest) == [([b"a.jpg"], [b"gone%d.jpg" % n]) for n in range(len(IDS))]
    # where it is mapped, no look-up copies the numbers
    assert manifest.ids.numbers.flags.aligned
    assert shop.ids.numbers.flags.aligned


def test_products_have_their_ids_in_other_processes_and_when_opened_again(shop):
    for catalog in (shop, Catalog(shop.address), pickle.loads(pickle.dumps(shop))):
        assert [product.product_id for product in catalog] == catalog.shop_ids() == IDS
        assert [product.category_id for product in catalog] == ["C-0", "C-1", "C-0", "C-1", "C-0"]


@pytest.mark.parametrize("damage", ["earlier", "cut", "no ids", "nowhere"])
def test_a_list_that_cannot_be_used_is_made_anew(shop, damage):
    place = shop.source.sidecar(".manifest")
    data = place.read_bytes()
    place.write_bytes({
        "earlier": data.replace(MAGIC, MAGIC.replace(b"2", b"1")),
        "cut": data[: len(data) // 2],
        "no ids": data[: -TAIL.size - 1] + data[-TAIL.size :],
        "nowhere": data[: -TAIL.size] + TAIL.pack(2**63 + 5),
    }[damage])  # fmt: skip
    assert [product.product_id for product in Catalog(shop.address)] == IDS
    assert place.read_bytes() == data
