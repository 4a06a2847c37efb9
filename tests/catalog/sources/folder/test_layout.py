"""`class/photo.jpg` and `class/product/1.jpg`: told apart by the tree, else asked for, and never guessed."""

from __future__ import annotations

import pickle
from functools import partial

import pytest

import rayonnage
from catalog.catalog import Catalog
from catalog.ids.shop_id import id_number
from catalog.sources.folder import layout
from catalog.sources.folder.layout import Layout
from catalog.sources.opening import keep_layout, open_source
from curation.cli import main
from tests.support.command_line import output_of
from tests.support.photo_files import kinds, put, said
from tests.support.products import make_photo

call = partial(output_of, main)
PATHS = ("LIBRAIRIE/LITTERATURE/ROMAN", "MUSIQUE/VINYLE/JAZZ")


@pytest.fixture
def thirteen(tmp_path):
    """13 photos in two folders, as the issue has them: nothing but a tree tells what they are."""
    for number in range(13):
        put(tmp_path / "shop" / ("bowls" if number < 5 else "mugs") / f"IMG_{number}.jpg", make_photo(number))
    return tmp_path / "shop"


def test_without_a_tree_both_readings_are_shown_and_one_is_asked_for(thirteen):
    text = call("info", thirteen, code=1)
    assert "13 photos in 2 folders can be read in two ways, and nothing tells which" in text
    assert "--layout product  each folder is a product: 2 products (bowls: 5 photos, mugs: 8 photos)" in text
    assert "--layout photo    each photo is a product: 13 products in 2 categories (bowls, mugs)" in text
    assert sorted(path.name for path in thirteen.parent.iterdir()) == ["shop"]
    with pytest.raises(ValueError, match="two ways"):
        rayonnage.open_catalog(thirteen)


def test_categories_of_several_levels_are_asked_for_too(tmp_path):
    """`Men/Tops/Tees/photo.jpg`: read as products, four photos of each would be left of a whole shop."""
    for number in range(24):
        level = ("Men", "Women")[number % 2]
        put(
            tmp_path / "shop" / level / "Tops" / ("Tees", "Tanks")[number // 2 % 2] / f"{number}.jpg",
            make_photo(number),
        )
    text = call("info", tmp_path / "shop", code=1)
    assert "each folder is a product: 4 products" in text
    assert "each photo is a product: 24 products in 4 categories" in text
    assert "products 24 " in " ".join(call("info", tmp_path / "shop", "--layout", "photo").split())


def test_products_below_folders_are_not_asked_for(tmp_path):
    for number in range(12):
        put(
            tmp_path / "shop" / ("Men", "Women")[number % 2] / f"shirt {number // 3}" / f"{number}.jpg",
            make_photo(number),
        )
    assert "--layout" not in call("info", tmp_path / "shop")


@pytest.mark.parametrize(("said_layout", "n_products"), [("product", 2), ("photo", 13)])
def test_the_answer_is_kept_for_later_commands_and_workers(thirteen, said_layout, n_products):
    assert f"products {n_products} " in " ".join(call("info", thirteen, "--layout", said_layout).split())
    later = Catalog(thirteen)
    assert len(later) == len(pickle.loads(pickle.dumps(later))) == n_products
    assert open_source(thirteen).stamp() == later.stamp
    other = {"product": "photo", "photo": "product"}[said_layout]
    assert len(rayonnage.open_catalog(thirteen, layout=other)) == 15 - n_products


def test_a_layout_is_of_folders_alone(thirteen, write_bson, tmp_path):
    keep_layout(thirteen, Layout.PHOTO)
    assert "products.bson: 13 products" in call("convert", thirteen, tmp_path / "products.bson", "--layout", "photo")
    text = call("info", tmp_path / "products.bson", "--layout", "photo", code=1)
    assert "products.bson is no folder of photos: leave out --layout" in text
    assert "nowhere does not exist" in call("info", tmp_path / "nowhere", "--layout", "photo", code=1)


@pytest.mark.parametrize(
    "folders",
    [PATHS, ("11", "22"), ("ROMAN", "Vinyle/Jazz"), ("photos/roman", "photos/mug"), ("11", "unlabelled"), PATHS[:1]],
)
def test_a_tree_that_names_the_folders_is_enough(tmp_path, tree_csv, folders):
    for folder in folders:
        for number in range(6):
            put(tmp_path / "shop" / folder / f"{folder[-2:]}{number}.jpg")
    catalog = Catalog(open_source(tmp_path / "shop", tree_csv))
    n_folders = len(folders)
    assert len(catalog) == 6 * n_folders
    second = {"unlabelled": {-1}, "photos/mug": {31}, PATHS[0]: set()}.get(folders[-1], {22})
    assert set(catalog.category_ids.tolist()) == {11} | second
    assert kinds(catalog) == {"EACH_PHOTO": 1}
    text = f"{n_folders} of {n_folders} folder{'s' * (n_folders > 1)} are categories of the tree; if each folder is one"
    assert text in catalog.problems.summary()
    assert len(catalog.problems.summary().splitlines()) == 1
    catalog.problems.require_none("shop")


@pytest.mark.parametrize("outside", ["", "photos/"])
def test_photos_of_a_category_lie_beside_the_folders_of_those_below_it(tmp_path, outside):
    (tmp_path / "tree.csv").write_text("category_id,category_path\n1,Men\n2,Men > Tees\n3,Men > Tees > Long\n4,Toys\n")
    for folder in ("Men", "Men/Tees", "Men/Tees/Long", "Toys"):
        for number in range(2):
            put(tmp_path / "shop" / f"{outside}{folder}" / f"{folder[-4:]}{number}.jpg")
    catalog = Catalog(open_source(tmp_path / "shop", tmp_path / "tree.csv"))
    assert sorted(catalog.category_ids.tolist()) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert kinds(catalog) == {"EACH_PHOTO": 1}


def test_products_of_a_category_lie_beside_the_folders_of_those_below_it(tmp_path):
    (tmp_path / "tree.csv").write_text("category_id,category_path\n1,Men\n2,Men > Tees\n")
    for folder in ("Men/12", "Men/Toys", "Men/Tees/13", "Men/Tees/tees"):
        put(tmp_path / "shop" / folder / "1.jpg")
    (tmp_path / "shop" / "Men" / "Tees" / "14").mkdir()
    catalog = Catalog(open_source(tmp_path / "shop", tmp_path / "tree.csv"))
    assert sorted(catalog.category_ids.tolist()) == [1, 1, 2, 2, 2]
    assert catalog.n_images.tolist().count(0) == 1


@pytest.mark.parametrize("with_tree", [True, False])
def test_product_folders_below_classes_stay_products(tmp_path, tree_csv, with_tree):
    for number in range(6):
        put(tmp_path / "shop" / "11" / str(number) / "1.jpg")
        put(tmp_path / "shop" / "11" / str(number) / "2.jpg")
    catalog = Catalog(open_source(tmp_path / "shop", tree_csv if with_tree else None))
    assert (len(catalog), catalog.n_images.tolist(), set(catalog.category_ids.tolist())) == (6, [2] * 6, {11})
    assert not kinds(catalog)


def test_a_tree_that_does_not_name_the_folders_leaves_them_products(tmp_path, tree_csv):
    for name in ("tasse", "tasse bleue", "ROMAN"):
        put(tmp_path / "shop" / name / "1.jpg")
        put(tmp_path / "shop" / name / "2.jpg")
    assert len(Catalog(open_source(tmp_path / "shop", tree_csv))) == 3


def test_the_name_of_two_leaves_names_neither(tmp_path, tree_csv):
    put(tmp_path / "jazz" / "1.jpg")
    put(tmp_path / "LIBRAIRIE" / "mug" / "2.jpg")
    keep_layout(tmp_path, Layout.PHOTO)
    catalog = Catalog(open_source(tmp_path, tree_csv))
    assert catalog.category_ids.tolist() == [-1, -1]
    text = "\n".join(said(catalog))
    assert "jazz is the name of 21, 22: name the folder by its category_id" in text
    # what stands above is of another place in the tree
    assert "LIBRAIRIE > mug is not in the tree" in text


def test_a_folder_around_the_others_changes_nothing(thirteen):
    with pytest.raises(ValueError, match="13 photos in 2 folders"):
        Catalog(thirteen.rename(thirteen.parent / "mugs").parent)


def test_folders_of_one_photo_each_are_products(tmp_path):
    for number in range(3):
        put(tmp_path / str(number) / "1.jpg")
    assert Catalog(tmp_path).product_ids.tolist() == [0, 1, 2]


def test_files_that_only_their_bytes_tell_are_counted_right(tmp_path):
    put(tmp_path / "shop" / "mugs" / "photo", make_photo(1))
    put(tmp_path / "shop" / "mugs" / "other", make_photo(2))
    put(tmp_path / "shop" / "mugs" / "letter", b"Dear shop")
    with pytest.raises(ValueError, match="2 photos in 1 folder can"):
        Catalog(tmp_path / "shop")
    (tmp_path / "shop" / "mugs" / "other").unlink()
    assert len(Catalog(tmp_path / "shop")) == 1


def test_namesakes_in_two_classes_are_two_products(tmp_path):
    photos = [put(tmp_path / "shop" / name, name.encode()) for name in ("11/1.jpg", "11/2.jpg", "22/1.jpg", "22/2.jpg")]
    keep_layout(tmp_path / "shop", Layout.PHOTO)
    catalog = Catalog(tmp_path / "shop")
    assert [product.images for product in catalog] == [(photo,) for photo in photos]
    assert catalog.product_ids.tolist() == [id_number(name) for name in ("11/1", "11/2", "22/1", "22/2")]
    assert catalog.category_ids.tolist() == [11, 11, 22, 22]
    assert catalog.shop_ids() == ["11/1", "11/2", "22/1", "22/2"]
    for product in (1, 2):
        (tmp_path / "shop" / "22" / f"{product}.jpg").rename(tmp_path / "shop" / "22" / f"{product + 2}.jpg")
    assert Catalog(tmp_path / "shop").product_ids.tolist() == [1, 2, 3, 4]


def test_photos_and_empty_folders_anywhere_are_seen_where_each_photo_is_one(tmp_path):
    for name in ("top.jpg", "11/a.jpg", "11/below/b.jpg", "mugs/c.jpg"):
        put(tmp_path / "shop" / name)
    (tmp_path / "shop" / "22").mkdir()
    keep_layout(tmp_path / "shop", Layout.PHOTO)
    catalog = Catalog(tmp_path / "shop")
    ids = {
        id_number(name): category for name, category in (("top", -1), ("a", 11), ("b", 11), ("c", id_number("mugs")))
    }
    assert dict(zip(catalog.product_ids.tolist(), catalog.category_ids.tolist(), strict=True)) == ids
    assert kinds(catalog) == {"EACH_PHOTO": 1, "EMPTY_CATEGORY": 1}
    assert said(catalog)[0] == f"{tmp_path / 'shop'}: each photo is a product"
    put(tmp_path / "shop" / "11" / "below" / "d.jpg")
    assert len(Catalog(tmp_path / "shop")) == 5


def test_a_look_at_the_layout_ends_when_it_is_clear(tmp_path, tree_csv, monkeypatch):
    monkeypatch.setattr(layout, "ENOUGH", 3)
    for number in range(9):
        put(tmp_path / "shop" / "11" / str(number) / "1.jpg")
    source = open_source(tmp_path / "shop", tree_csv)
    from catalog.sources.folder.folder_names import CategoryFolders

    categories = CategoryFolders(source._taxonomy())
    assert len(source._survey(categories, whole=False).deepest) == 3
    assert len(source._survey(categories, whole=True).deepest) == 9
