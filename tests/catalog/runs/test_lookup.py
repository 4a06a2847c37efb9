"""A product named on the command line."""

import re

import pytest

from catalog.catalog import Catalog
from catalog.runs.lookup import named_product
from catalog.runs.workspace import Workspace
from tests.support.products import make_photo, make_product


@pytest.fixture
def data(write_bson):
    return write_bson(make_product(12, 11), {**make_product(3, 11), "_id": -3})


@pytest.mark.parametrize("name", ["12", "-3"])
def test_an_id_is_one_even_where_a_photo_is_called_so(data, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(make_photo(1))
    product, catalog = named_product(name, Workspace(tmp_path / "runs"), data)
    assert product.product_id == int(name)
    assert isinstance(catalog, Catalog)
    product, catalog = named_product(f"./{name}", Workspace(tmp_path / "runs"), data)
    assert (product.images, catalog) == ((make_photo(1),), None)


@pytest.mark.parametrize("name", ["1.jpg!d", "photo", "1.avif", "1.jfif"])
def test_a_photo_is_one_whatever_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(make_photo(2))
    product, catalog = named_product(str(tmp_path / name), Workspace(tmp_path / "runs"))
    assert (product.product_id, product.images, catalog) == (0, (make_photo(2),), None)


def test_what_is_neither_is_said(data, tmp_path):
    room = Workspace(tmp_path / "runs")
    (tmp_path / "page").write_bytes(b"<!DOCTYPE html><html>")
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path}/page is no photo, but a web page")):
        named_product(str(tmp_path / "page"), room, data)
    with pytest.raises(FileNotFoundError, match=r"absent\.avif does not exist"):
        named_product(str(tmp_path / "absent.avif"), room, data)
    for name in ("13", "mug", "9" * 30):
        with pytest.raises(ValueError, match=f"has no product {name}"):
            named_product(name, room, data)


@pytest.mark.parametrize("name", ["=1+1", "../x", "007", "1.jpg", "x" * 400, "a\N{BALLOON}"])
def test_any_text_may_be_an_id(write_bson, tmp_path, name):
    data = write_bson({**make_product(1, 11), "_id": name}, make_product(2, 11))
    product, catalog = named_product(name, Workspace(tmp_path / "runs"), data)
    assert product.product_id == name
    assert isinstance(catalog, Catalog)


def test_an_id_that_lost_its_zeros_is_told_the_one_that_is_there(write_bson, tmp_path):
    data = write_bson({**make_product(1, 11), "_id": "007"})
    with pytest.raises(ValueError, match="has no product 7, but 007: give"):
        named_product("7", Workspace(tmp_path / "runs"), data)


@pytest.mark.parametrize("name", ["", "x" * 2000, "a\x07b"])
def test_what_can_be_no_id_is_refused(data, tmp_path, name):
    with pytest.raises(ValueError, match="give a product's _id, or a photo"):
        named_product(name, Workspace(tmp_path / "runs"), data)
