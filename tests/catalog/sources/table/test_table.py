"""A table of photo paths as a catalogue."""

from __future__ import annotations

import pickle
import unicodedata

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.sources.table import table as photo_table
from tests.support.photo_files import kinds, put, said


@pytest.fixture
def photos(tmp_path):
    """a.jpg ... f.jpg in a folder `p`."""
    return {name: put(tmp_path / "p" / f"{name}.jpg") for name in "abcdef"}


def names_of(catalog, photos):
    """Products as `{id: (category, photo names)}`."""
    back = {content: name for name, content in photos.items()}
    return {p.product_id: (p.category_id, "".join(back[i] for i in p.images)) for p in catalog}


EXPECTED = {2**40: (1000010653, "ab"), 7: (None, "c"), -3: (12, "fed")}


@pytest.mark.parametrize(
    "text",
    [
        "product_id,photos,category_id\n1099511627776,p/a.jpg|p/b.jpg,1000010653\n"
        "7,p/c.jpg,\n-3,p/f.jpg| p/e.jpg |p/d.jpg,12\n",
        "\ufeffcategory_id;_id;Images\n1000010653.0;1099511627776;p/a.jpg|p/b.jpg\n"
        ';7;p/c.jpg\n 12 ;-3;"p/f.jpg|p/e.jpg|p/d.jpg"\n',
        "photo2\tphoto1\tproduct_id\tphoto10\tcategory_id\tnote\n"
        "p/b.jpg\tp/a.jpg\t1099511627776\t\t1000010653\tx\n\tp/c.jpg\t7\n"
        "p/e.jpg\tp/f.jpg\t-3.0\tp/d.jpg\t12\n",
        "product_id,photo,category_id\n1099511627776,p/a.jpg,1000010653\n7,p/c.jpg,\n-3,p/f.jpg,\n"
        "1099511627776,p/b.jpg,1000010653\n-3,p/e.jpg,12\n-3,p\\d.jpg,12\n",
    ],
)
def test_csv_in_any_of_its_shapes(tmp_path, photos, text):
    (tmp_path / "shop.csv").write_text(text, encoding="utf-8", newline="")
    catalog = Catalog(tmp_path / "shop.csv")
    assert names_of(catalog, photos) == EXPECTED
    assert catalog.product_ids.tolist() == list(EXPECTED)
    assert catalog.name == "shop"
    assert not kinds(catalog)


@pytest.mark.parametrize("shape", ["list", "cell", "columns", "rows", "doubles"])
def test_parquet_in_any_of_its_shapes(tmp_path, photos, shape):
    ids, categories = list(EXPECTED), [c for c, _ in EXPECTED.values()]
    paths = [[f"p/{name}.jpg" for name in names] for _, names in EXPECTED.values()]
    columns = {"product_id": ids, "category_id": categories, "photos": paths}
    if shape == "cell":
        columns["photos"] = ["|".join(p) for p in paths]
    elif shape == "columns":
        del columns["photos"]
        columns |= {f"image_{k}": [p[k] if k < len(p) else None for p in paths] for k in range(3)}
    elif shape == "rows":
        flat = [(i, c, path) for i, c, p in zip(ids, categories, paths, strict=True) for path in p]
        columns = dict(zip(("product_id", "category_id", "path"), map(list, zip(*flat, strict=True)), strict=True))
    elif shape == "doubles":
        columns["category_id"] = pa.array([None if c is None else float(c) for c in categories], pa.float64())
    pq.write_table(pa.table(columns), tmp_path / "shop.parquet")
    catalog = Catalog(tmp_path / "shop.parquet")
    assert names_of(catalog, photos) == EXPECTED
    assert not kinds(catalog)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_no_name_of_a_photo_is_refused(tmp_path, ending):
    names = ["1.jpg!d", "photo", "1.avif", "1.heic", "1.txt", "1.jpg.webp", "1.5"]
    photos = [put(tmp_path / name) for name in names]
    path = tmp_path / f"shop{ending}"
    if ending == ".csv":
        path.write_text("product_id,photos\n" + "".join(f"{i},{name}\n" for i, name in enumerate(names)))
    else:
        pq.write_table(pa.table({"product_id": range(len(names)), "photos": [[name] for name in names]}), path)
    catalog = Catalog(path)
    assert [product.images for product in catalog] == [(photo,) for photo in photos]
    assert not kinds(catalog)


def test_what_is_wrong_is_named_and_the_product_stays(tmp_path, photos):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "t.csv").write_text(
        "product_id,photo1,photo2,category_id\n"
        f"1,gone.jpg,{tmp_path}/p/a.jpg,12\n"
        '2,../p/a.jpg,,"1\n2"\n'
        f"1.5E+10,{tmp_path}/p/b.jpg,,12\n"
        f",{tmp_path}/p/b.jpg,,12\n"
        f"1,{tmp_path}/p/c.jpg,,12\n"
        f"4,{tmp_path}/p,,{'9' * 1001}\n"
    )
    catalog = Catalog(tmp_path / "shop" / "t.csv")
    assert names_of(catalog, photos) == {1: (12, "a"), 2: (None, ""), 4: (None, "")}
    assert catalog.n_images.tolist() == [1, 0, 0]
    assert kinds(catalog) == {
        "MISSING_PHOTO": 1, "OUTSIDE_PATH": 1, "BAD_ROW": 2, "REPEATED_ID": 1, "BAD_CATEGORY": 2,
        "NO_PHOTO": 2, "UNREADABLE_FILE": 1,
    }  # fmt: skip
    text = "\n".join(said(catalog))
    assert "row 2, product 1: photo file that does not exist (gone.jpg)" in text
    assert "row 7, product 1: repeated" in text
    assert "row 5: row without a product_id that can be used ('1.5E+10' is rounded" in text
    assert "category that cannot be used (taken as unlabelled) ('1\\n2' has control characters" in text
    assert "../p/a.jpg" in text


@pytest.mark.parametrize(
    "cell", ["..\\secret\\a.jpg", ".\\..\\secret/a.jpg", "p\\..\\..\\secret\\a.jpg", "p/../../secret/a.jpg"]
)
def test_no_spelling_of_a_path_leads_out_of_the_folder(tmp_path, cell):
    put(tmp_path / "secret" / "a.jpg")
    put(tmp_path / "shop" / "a.jpg")
    (tmp_path / "shop" / "t.csv").write_text(f"product_id,photos\n1,a.jpg\n2,{cell}\n")
    catalog = Catalog(tmp_path / "shop" / "t.csv")
    assert catalog.n_images.tolist() == [1, 0]
    assert kinds(catalog) == {"OUTSIDE_PATH": 1, "NO_PHOTO": 1}


def test_rows_of_one_product_that_disagree_are_named(tmp_path, photos):
    (tmp_path / "t.csv").write_text("product_id,photo,category_id\n1,p/a.jpg,5\n1,p/b.jpg,6\n1,p/c.jpg,\n")
    catalog = Catalog(tmp_path / "t.csv")
    assert names_of(catalog, photos) == {1: (5, "abc")}
    assert said(catalog) == [
        "row 3, product 1: more than one category for a product (the first one is kept) (6, not 5 as row 2)"
    ]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_in_another_unicode_form(tmp_path, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    folder, name = unicodedata.normalize(form, "été"), unicodedata.normalize(other, "café.jpg")
    photo = put(tmp_path / folder / name)
    listed = unicodedata.normalize(other, "été") + "/" + unicodedata.normalize(form, "café.jpg")
    (tmp_path / "t.csv").write_text(f"product_id,photo\n1,{listed}\n", encoding="utf-8")
    catalog = Catalog(tmp_path / "t.csv")
    assert catalog[0].images == (photo,)
    assert not kinds(catalog)


@pytest.mark.parametrize("change", ["table", "content", "gone", "appeared"])
def test_any_change_is_noticed(tmp_path, photos, change):
    (tmp_path / "t.csv").write_text("product_id,photos\n1,p/a.jpg|p/new.jpg\n2,p/b.jpg\n")
    first = Catalog(tmp_path / "t.csv")
    assert first.n_images.tolist() == [1, 1]
    assert Catalog(tmp_path / "t.csv").fingerprint == first.fingerprint
    if change == "table":
        (tmp_path / "t.csv").write_text("product_id,photos\n1,p/a.jpg|p/new.jpg\n3,p/b.jpg\n")
    elif change == "content":
        put(tmp_path / "p" / "b.jpg", b"another")
    elif change == "gone":
        (tmp_path / "p" / "a.jpg").unlink()
    else:
        put(tmp_path / "p" / "new.jpg")
    again = Catalog(tmp_path / "t.csv")
    assert again.fingerprint != first.fingerprint
    assert again.n_images.tolist() == {"gone": [0, 1], "appeared": [2, 1]}.get(change, [1, 1])


def test_opened_again_it_is_not_read_again_and_a_worker_looks_at_nothing(tmp_path, photos, monkeypatch):
    (tmp_path / "t.csv").write_text("product_id,photo\n1,p/a.jpg\n")
    catalog = Catalog(tmp_path / "t.csv")
    monkeypatch.setattr(photo_table, "read_table", lambda path: pytest.fail("read again"))
    assert Catalog(tmp_path / "t.csv")[0].images == (photos["a"],)
    packed = pickle.dumps(catalog)
    monkeypatch.setattr(photo_table, "photo_state", lambda path: pytest.fail("looked at"))
    assert pickle.loads(packed)[0].images == (photos["a"],)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "has no rows"),
        ("t.csv", b"product_id,photos\n", "has no rows"),
        ("t.csv", b"id,photos\n1,a.jpg\n", r"expected the columns product_id .*got id, photos"),
        ("t.csv", b"product_id,title\n1,a.jpg\n", "expected the columns"),
        ("t.csv", b"product_id,photos\n1,a.jpg\n", "names no photo that exists"),
        ("t.csv", "product_id,photos\n1,é.jpg\n".encode("latin-1"), "not UTF-8"),
        ("t.parquet", b"PAR1 or not", "is not a Parquet file"),
    ],
)
def test_tables_that_cannot_be_used_say_why(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Catalog(tmp_path / name)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abcdefx")), min_size=1, max_size=15))
def test_rows_are_put_together_as_by_a_dictionary(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    photos = {name: put(folder / "p" / f"{name}.jpg") for name in "abcdef"}
    (folder / "t.csv").write_text("product_id,photo\n" + "".join(f"{i},p/{name}.jpg\n" for i, name in rows))
    slow: dict[int, list[bytes]] = {}
    for i, name in rows:
        slow.setdefault(i, []).extend([photos[name]] if name in photos else [])
    if not any(slow.values()):
        with pytest.raises(ValueError, match="names no photo"):
            Catalog(folder / "t.csv")
        return
    catalog = Catalog(folder / "t.csv")
    assert [(p.product_id, p.images) for p in catalog] == [(i, tuple(images[:4])) for i, images in slow.items()]
    assert kinds(catalog).get("MISSING_PHOTO", 0) == sum(name == "x" for _, name in rows)


def test_a_photo_s_place_is_its_path_in_the_table(tmp_path):
    put(tmp_path / "shots" / "a.jpg")
    put(tmp_path / "shots" / "b.jpg")
    (tmp_path / "shop.csv").write_text("product_id,photos\n5,shots/a.jpg|shots/gone.jpg|shots/b.jpg\n")
    assert Catalog(tmp_path / "shop.csv").where(0, 2) == "shots/b.jpg"


def test_a_table_without_photos_leaves_nothing_beside_it(tmp_path):
    (tmp_path / "shop.csv").write_text("product_id,photos\n5,gone.jpg\n")
    with pytest.raises(ValueError, match="names no photo that exists"):
        Catalog(tmp_path / "shop.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["shop.csv"]


def test_a_missing_file_is_told_once(tmp_path, photos):
    (tmp_path / "t.csv").write_text("product_id,photo\n1,p/a.jpg\n2,gone.jpg\n3,\n4,lost.jpg\n")
    catalog = Catalog(tmp_path / "t.csv")
    assert kinds(catalog) == {"MISSING_PHOTO": 2, "NO_PHOTO": 3}
    assert catalog.problems.summary().splitlines() == [
        "3 x no photo",
        "    row 4, product 3: no photo",
        "    2 of them because of photo files that are named here",
        "2 x photo file that does not exist",
        "    row 3, product 2: photo file that does not exist (gone.jpg)",
        "    row 5, product 4: photo file that does not exist (lost.jpg)",
    ]
