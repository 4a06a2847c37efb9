"""Folders as they come: what systems leave in them is passed over and counted."""

from __future__ import annotations

import shutil

import pytest

from catalog.catalog import Catalog
from catalog.product import ProblemKind
from catalog.sources.folder.folder import PhotoFolder
from tests.conftest import SHARED
from tests.support.photo_files import kinds, put, said

PRODUCTS = (101, 102, 103)


def put_products(folder):
    """Three products of two photos each, in a category's folder."""
    return [
        put(folder / "1000010653" / str(product) / name, f"{product} {name}".encode())
        for product in PRODUCTS
        for name in ("1.jpg", "2.jpg")
    ]


def require_products(catalog, n_passed_over):
    """The three products with their photos, and nothing but what was passed over to say of them."""
    assert catalog.product_ids.tolist() == list(PRODUCTS)
    assert catalog.category_ids.tolist() == [1000010653] * 3
    assert catalog.n_images.tolist() == [2, 2, 2]
    assert kinds(catalog) == {"PASSED_OVER": n_passed_over}


def synology(folder):
    """A folder of thumbnails in each product's, with a folder for each photo."""
    for product in PRODUCTS:
        for photo in ("1.jpg", "2.jpg"):
            for size in "ML":
                put(folder / "1000010653" / str(product) / "@eaDir" / photo / f"SYNOPHOTO_THUMB_{size}.jpg")


def macos_zip(folder):
    """What an archive made on a Mac holds besides: a tree of notes on the files, before them in order."""
    for product in PRODUCTS:
        put(folder / "__MACOSX" / "1000010653" / str(product) / "._1.jpg")
        put(folder / "1000010653" / str(product) / ".DS_Store")


def in_each(name, n=1):
    """A system's folder beside the products, with what looks like one of them in it."""

    def put_in(folder):
        put(folder / name / "1000010653" / "101" / "1.jpg")
        put(folder / "1000010653" / name / "7" / "1.jpg")

    return put_in


LEFT = {
    "synology": (synology, 3),
    "macos": (macos_zip, 4),
    **{
        name: (in_each(name), 2)
        for name in ("#recycle", "lost+found", ".thumbnails", ".git", "$RECYCLE.BIN", "@Recycle", "#snapshot", "@eaDir")
    },
}


@pytest.mark.parametrize("system", LEFT)
def test_what_systems_leave_is_passed_over_and_counted(tmp_path, system):
    photos = put_products(tmp_path / "shop")
    leave, n_passed_over = LEFT[system]
    leave(tmp_path / "shop")
    catalog = Catalog(tmp_path / "shop")
    require_products(catalog, n_passed_over)
    assert [photo for product in catalog for photo in product.images] == photos
    # it is no fault: --strict lets it pass
    catalog.problems.require_none("shop")
    assert "hidden, or the system's own (passed over)" in catalog.problems.summary()
    source = PhotoFolder(tmp_path / "shop")
    assert source.stamp() == source.index().stamp


@pytest.mark.parametrize(("name", "n_passed_over"), [("synology", 3), ("macos-zip", 4)])
def test_real_folders_as_they_come(tmp_path, name, n_passed_over):
    case = SHARED / "cases" / name
    if not case.is_dir():
        pytest.skip(f"{case} is not there")
    shutil.copytree(case, tmp_path / name)
    require_products(Catalog(tmp_path / name), n_passed_over)


def test_what_is_kept_beside_catalogues_is_nobody_s_photo(tmp_path):
    put_products(tmp_path / "shop")
    put(tmp_path / "shop" / "1000010653" / "table.csv", b"product_id,photos\n7,101/1.jpg\n")
    Catalog(tmp_path / "shop" / "1000010653" / "table.csv").md5s()
    for folder in ("101", "."):
        source = PhotoFolder(tmp_path / "shop" / "1000010653" / folder)
        source.keep_layout("photo")
        Catalog(source).md5s()
    beside = {path.name for path in (tmp_path / "shop" / "1000010653").iterdir() if path.is_file()}
    assert {"table.csv.index", "table.csv.manifest", "101.index", "101.layout", "101.md5"} <= beside
    catalog = Catalog(tmp_path / "shop")
    assert catalog.n_images.tolist() == [2, 2, 2]
    assert said(catalog) == ["1000010653/table.csv: file that is not a photo (left alone)"]


@pytest.mark.parametrize("order", [("1", "2"), ("2", "1")])
def test_a_twin_without_photos_never_wins(tmp_path, order):
    empty, full = order
    (tmp_path / "shop" / empty / "12").mkdir(parents=True)
    photo = put(tmp_path / "shop" / full / "12" / "1.jpg")
    put(tmp_path / "shop" / "3" / "12" / "1.jpg")
    catalog = Catalog(tmp_path / "shop")
    assert [product.images for product in catalog] == [(photo,)]
    assert catalog.category_ids.tolist() == [int(full)]
    repeated = [problem.where for problem in catalog.problems.named if problem.kind is ProblemKind.REPEATED_ID]
    assert sorted(repeated) == ["3/12/1.jpg", "without photo"]
