"""Ids in lists of products: to the letter as programs write them, and as sheets have marked them."""

from __future__ import annotations

import csv
import uuid

import bson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.files.sheet_ids import id_among, id_cell
from catalog.ids.shop_id import id_number
from catalog.runs.lookup import named_product
from catalog.runs.workspace import Workspace
from catalog.split.given_groups import GivenGroups
from catalog.split.labels import true_leaves
from catalog.tree.taxonomy import Taxonomy
from curation.cli import main as catalog_command
from tests.support.command_line import call
from tests.support.products import make_product

IDS = ["12.0", "'007", "2,87E+18", "=1+1", "MARCH1", "nan", "1,00", 7, "x"]
TREE = Taxonomy([("X", ("X",)), ("Y", ("Y",))])


@pytest.fixture
def shop(tmp_path):
    documents = [{**make_product(place), "_id": one, "category_id": "X"} for place, one in enumerate(IDS)]
    (tmp_path / "shop.bson").write_bytes(b"".join(map(bson.encode, documents)))
    return Catalog(tmp_path / "shop.bson")


@pytest.mark.parametrize("cell_of", [str, id_cell])
def test_labels_groups_and_subsets_find_every_id(shop, tmp_path, cell_of):
    path = tmp_path / "list.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["_id", "category", "group"], *([cell_of(one), "Y", one] for one in IDS)])
    assert TREE.leaf_ids[true_leaves(shop, TREE, path)].tolist() == [id_number("Y")] * len(IDS)
    groups = GivenGroups.of_file(shop, path)
    assert len(set(groups.group.tolist())) == len(IDS)
    assert not len(groups.unknown)
    call(catalog_command, "subset", tmp_path / "shop.bson", tmp_path / "some.bson", "--products", path)
    assert Catalog(tmp_path / "some.bson").shop_ids() == IDS


def test_what_is_no_id_of_the_catalogue_is_read_as_spreadsheets_write_it():
    assert [id_among(cell, {7, 1000}) for cell in ("1000.0", "'1000", "'7.0", "8,00", " 7 ")] == [1000, 1000, 7, 8, 7]
    assert [id_among(cell, set()) for cell in ("", "2,87E+18", "'x")] == [None, None, "'x"]


def test_a_product_is_asked_for_to_the_letter(shop, tmp_path):
    for one in ("12.0", "1,00", "x", "7"):
        product, _ = named_product(one, Workspace(tmp_path / "runs"), tmp_path / "shop.bson")
        assert str(product.product_id) == one


@pytest.mark.parametrize("cells", ["uuids", "decimals"])
def test_a_tables_own_column_is_grouped_whatever_its_ids_are(tmp_path, cells):
    ids = {
        "uuids": pa.array([uuid.UUID(int=one).bytes for one in range(4)], pa.binary(16)),
        "decimals": pa.array(range(4)).cast(pa.decimal128(22, 3)),
    }[cells]
    photos = [make_product(place)["imgs"][0]["picture"] for place in range(4)]
    table = pa.table({"product_id": ids, "image": photos, "supplier": ["a", "a", "b", "b"]})
    pq.write_table(table, tmp_path / "shop.parquet")
    group = GivenGroups.of_column(Catalog(tmp_path / "shop.parquet"), "supplier").group
    assert group[0] == group[1] != group[2] == group[3]


def test_a_marked_id_of_a_table_is_grouped(tmp_path):
    (tmp_path / "1.jpg").write_bytes(make_product(1)["imgs"][0]["picture"])
    (tmp_path / "shop.csv").write_text("product_id,photo,supplier\n'12.0,1.jpg,a\nx,1.jpg,a\n")
    groups = GivenGroups.of_column(Catalog(tmp_path / "shop.csv"), "supplier")
    assert len(set(groups.group.tolist())) == 1
    assert not len(groups.unknown)
