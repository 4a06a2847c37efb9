"""Categories in a table: their ids, or the paths to them in one cell or a level in each."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from tests.conftest import SHARED
from tests.support.photo_files import kinds, put, said


@pytest.fixture
def shop(tmp_path):
    """A CSV, or columns of a Parquet table, beside the photo a.jpg; opened as a catalogue."""
    put(tmp_path / "a.jpg")

    def write(content) -> Catalog:
        if isinstance(content, str):
            (tmp_path / "shop.csv").write_text(content, encoding="utf-8")
            return Catalog(tmp_path / "shop.csv")
        n = len(next(iter(content.values())))
        pq.write_table(pa.table({"_id": range(n), "photo": ["a.jpg"] * n, **content}), tmp_path / "shop.parquet")
        return Catalog(tmp_path / "shop.parquet")

    return write


def categories(catalog: Catalog) -> list[object]:
    return [product.category_id for product in catalog]


@pytest.mark.parametrize("column", ["category_path", "Category", " CATEGORY_PATH "])
def test_a_path_is_the_category_as_it_is_written(shop, column):
    catalog = shop(f"product_id,photo,{column}\n1,a.jpg, Men > Tops \n2,a.jpg,Women/Bags\n3,a.jpg,\n4,a.jpg,17\n")
    assert categories(catalog) == ["Men > Tops", "Women/Bags", None, 17]
    assert catalog.ids.take(catalog.category_ids) == ["Men > Tops", "Women/Bags", -1, 17]
    assert not kinds(catalog)


def test_columns_of_levels_are_a_path(shop):
    text = (
        "category_level10,category_level2,category_level1,_id,photo\n,Tops,Men,1,a.jpg\n,,Gifts,2,a.jpg\n,,,3,a.jpg\n"
    )
    assert categories(shop(text)) == ["Men > Tops", "Gifts", None]
    gap = shop("category_level1,category_level2,category_level3,_id,photo\nMen,,Hats,1,a.jpg\n")
    assert (categories(gap), kinds(gap)) == ([None], {"BAD_CATEGORY": 1})
    assert "(category_level2 is empty, but a level below it is not)" in said(gap)[0]


def test_a_path_of_eight_long_names_has_room(shop):
    path = " > ".join("n" * 100 for _ in range(8))
    assert categories(shop(f"_id,photo,category_path\n1,a.jpg,{path}\n")) == [path]


def test_ids_win_over_paths_and_an_empty_one_is_told_by_the_path(shop):
    catalog = shop("_id,photo,category_id,category_path\n1,a.jpg,C-12,Men > Tops\n2,a.jpg,,Men > Hats\n")
    assert categories(catalog) == ["C-12", "Men > Hats"]
    assert catalog.source.category_choice() == "category_id counts; category_path only where that is empty"
    # with ids, columns that contradict each other are passed over as ever
    both = shop("_id,photo,category_id,category,category_level1\n1,a.jpg,5,Tops,Men\n2,a.jpg,,Hats,Men\n")
    assert categories(both) == [5, None]
    choice = "category_id counts; category and category_level1 contradict each other and are not read"
    assert both.source.category_choice() == choice


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("category_path,category_level1", "columns category_path and category_level1, and either may be the path"),
        ("category,Category_Path", "columns Category_Path and category, and either may be the path"),
        ("category_level1,category_level_1", "columns category_level_1 and category_level1 for one level"),
    ],
)
def test_two_columns_that_could_be_the_path_are_refused(shop, columns, message):
    with pytest.raises(ValueError, match=message):
        shop(f"product_id,photo,{columns}\n1,a.jpg,Men,Men\n")


def test_lists_of_paths(shop):
    cells = ['["A >> B >> C"]', "['A > B', 'D > E']", "['A', 'B']", "['A", "[]"]
    rows = "".join(f'{n};a.jpg;"{cell.replace(chr(34), chr(34) * 2)}"\n' for n, cell in enumerate(cells))
    catalog = shop(f"_id;photo;category_path\n{rows}")
    assert categories(catalog) == ["A >> B >> C", "A > B", None, None, None]
    assert kinds(catalog) == {"TWO_CATEGORIES": 1, "BAD_CATEGORY": 2}
    assert "'A, B' may be the names of one path, or several categories" in said(catalog)[1]


def test_lists_in_parquet(shop):
    lists = [["A >> B"], None, [], ["A > B", "C > D"], [None, "E"]]
    catalog = shop({"category_path": lists})
    assert categories(catalog) == ["A >> B", None, None, "A > B", "E"]
    assert kinds(catalog) == {"TWO_CATEGORIES": 1}


@pytest.mark.parametrize("named", ["photos", "product_id", "Category_Path"])
def test_columns_that_say_something_else_are_no_titles(tmp_path, shop, named):
    put(tmp_path / "p.jpg")
    catalog = shop("product_id,photos,category_path\n1,a.jpg,Men\n")
    with pytest.raises(ValueError, match=r"the column \w+ is that of the \w+, and no title or description: name anoth"):
        catalog.source.keep_text_columns([named])
    assert not list(tmp_path.glob("*.text_columns"))


def test_a_real_shop_with_text_ids_and_paths(tmp_path):
    source = SHARED / "gallery"
    if not source.exists():
        pytest.skip(f"{source} is not there")
    (tmp_path / "products.csv").write_bytes((source / "products.csv").read_bytes())
    (tmp_path / "photos").symlink_to(source / "photos")
    catalog = Catalog(tmp_path / "products.csv")
    assert len(catalog) == 423
    assert (catalog[0].product_id, catalog[0].category_id) == ("MH01-black", "Men > Tops > Hoodies & Sweatshirts")
    assert int(catalog.n_images.sum()) == 677
    assert not kinds(catalog)
