"""Which files of a folder are photos: by their ending, else by their first bytes."""

from __future__ import annotations

import os
import shutil

import pytest

from catalog.catalog import Catalog
from catalog.ids.shop_id import id_number
from catalog.sources.folder import walk
from catalog.sources.folder.folder_names import id_of_name
from tests.support.photo_files import kinds, put, said
from tests.support.products import make_photo

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
FILES = {
    201: ("1.jfif", make_photo(201)),
    202: ("1.JPG", make_photo(202)),
    203: ("1.jpe", make_photo(203)),
    204: ("photo", make_photo(204)),
    205: ("1.avif", make_photo(205, kind="AVIF")),
    206: ("1.jpg!d", make_photo(206)),
    207: ("1.bin", make_photo(207, kind="AVIF")),
    208: ("cam.mpo", make_photo(208)),
    209: ("1.heic", HEIC),
    210: ("1.jpg.webp", make_photo(210, kind="WEBP")),
    211: ("1.pjpeg", make_photo(211)),
    212: ("photo.php", HEIC),
    213: ("1", make_photo(213, kind="TIFF")),
}
"""Products by id: a file's name, and its content."""


@pytest.fixture
def shop(tmp_path):
    """A folder with these products, and `Thumbs.db` beside one of them."""
    for product_id, (name, photo) in FILES.items():
        put(tmp_path / "shop" / "1000010653" / str(product_id) / name, photo)
    put(tmp_path / "shop" / "1000010653" / "212" / "Thumbs.db", b"\xd0\xcf\x11\xe0")
    return tmp_path / "shop"


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that are looked into, in order."""
    names = []
    good = walk.first_bytes

    def noted(path):
        names.append(os.path.basename(path).decode())
        return good(path)

    monkeypatch.setattr(walk, "first_bytes", noted)
    return names


def test_every_photo_is_one_whatever_its_name(shop):
    catalog = Catalog(shop)
    assert {product.product_id: product.images for product in catalog} == {
        product_id: (photo,) for product_id, (_, photo) in FILES.items()
    }
    assert said(catalog) == ["1000010653/212/Thumbs.db: file that is not a photo (left alone)"]


def test_real_files_under_every_name(shared_data, tmp_path):
    case = shared_data / "cases" / "endings"
    if not case.is_dir():
        pytest.skip("the case `endings` is not among the real data of this machine")
    catalog = Catalog(shutil.copytree(case, tmp_path / "endings"))
    assert catalog.product_ids.tolist() == [*range(201, 207), *range(208, 213)]
    assert catalog.n_images.tolist() == [1] * 11
    assert said(catalog) == ["1000010653/212/Thumbs.db: file that is not a photo (left alone)"]


def test_only_files_whose_names_say_nothing_are_opened_and_only_once(shop, opened):
    put(shop / "1000010653" / "201" / "notes.TXT", make_photo())
    put(shop / "1000010653" / "201" / ".photo", make_photo())
    put(shop / "category_names.csv", b"category_id,category_level1,category_level2,category_level3\n1,A,B,C\n")
    first = Catalog(shop)
    assert opened == ["photo", "1.jpg!d", "1.bin", "photo.php", "1"]
    opened.clear()
    second = Catalog(shop)
    assert not opened
    assert second.fingerprint == first.fingerprint
    assert kinds(second) == kinds(first) == {"STRAY_FILE": 2, "PASSED_OVER": 1}


@pytest.mark.parametrize("place", ["1000010653/204/2", "1000010653/2", "2"])
def test_a_file_that_becomes_a_photo_is_noticed(shop, place):
    put(shop / place, b"text")
    assert f"{place}: file that is not a photo (left alone)" in said(Catalog(shop))
    put(shop / place, make_photo(1))
    catalog = Catalog(shop)
    assert kinds(catalog).get("STRAY_FILE") == 1
    if place.startswith("1000010653/204"):
        assert catalog.n_images[catalog.product_ids == 204] == [2]
    else:
        assert kinds(catalog)["STRAY_PHOTO"] == 1
    put(shop / place, b"text again")
    assert kinds(Catalog(shop)) == {"STRAY_FILE": 2}


def test_a_photo_without_ending_that_changes_is_noticed(shop):
    before = Catalog(shop)
    changed = put(shop / "1000010653" / "204" / "photo", make_photo(1, size=(50, 40)))
    after = Catalog(shop)
    assert after.fingerprint != before.fingerprint
    assert after[after.product_ids.tolist().index(204)].images == (changed,)


def test_photos_of_one_product_keep_their_order(tmp_path):
    photos = [put(tmp_path / "shop" / "7" / "1" / name, make_photo(i)) for i, name in enumerate(
        ["1", "2.jpg", "3.avif", "10.jpg!d"]
    )]  # fmt: skip
    assert Catalog(tmp_path / "shop")[0].images == tuple(photos)


def test_what_is_no_photo_is_named_by_its_kind_where_that_is_known(tmp_path, monkeypatch):
    product = tmp_path / "shop" / "7" / "1"
    put(product / "1.jpg")
    put(product / "drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    put(product / "empty", b"")
    put(product / "letter", b"Dear shop")
    put(product / "locked", b"anything")
    os.mkfifo(product / "pipe")
    (product / "broken").symlink_to("nowhere")
    good = walk.first_bytes

    def refuse(path):
        if path.endswith(b"/locked"):
            raise PermissionError(13, "Permission denied", path)
        return good(path)

    monkeypatch.setattr(walk, "first_bytes", refuse)
    assert said(Catalog(tmp_path / "shop")) == [
        f"7/1/{name}: file that is not a photo (left alone){why}"
        for name, why in (
            ("broken", ""),
            ("drawing.svg", " (an SVG drawing)"),
            ("empty", " (an empty file)"),
            ("letter", ""),
            ("locked", " (Permission denied)"),
            ("pipe", ""),
        )
    ]


def test_loose_photos_are_products_named_without_a_photos_ending(tmp_path):
    for number, name in enumerate(("12.jpg!d", "13", "bottle 1.5 l", "bottle 1.5 cl")):
        put(tmp_path / "loose" / name, make_photo(number))
    names = ("12", "13", "bottle 1.5 cl", "bottle 1.5 l")
    assert Catalog(tmp_path / "loose").product_ids.tolist() == [id_number(id_of_name(name)) for name in names]


def test_a_folder_of_anything_is_not_opened_to_its_end(tmp_path, monkeypatch, opened):
    monkeypatch.setattr(walk, "NOT_YET", 50)
    for i in range(200):
        put(tmp_path / "zoo" / f"{i}.dat", b"text")
    with pytest.raises(ValueError, match="without photos"):
        Catalog(tmp_path / "zoo")
    assert len(opened) == 50


def test_a_folder_of_photos_without_endings_is_opened_again(tmp_path, monkeypatch, opened):
    monkeypatch.setattr(walk, "NOT_YET", 50)
    for i in range(60):
        put(tmp_path / "shop" / "7" / str(i) / "photo", make_photo(i))
    assert len(Catalog(tmp_path / "shop")) == 60
    opened.clear()
    assert len(Catalog(tmp_path / "shop")) == 60
    assert not opened
