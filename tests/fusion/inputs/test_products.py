"""Whatever users have becomes the same products; their own ids are kept; what is none is refused in a sentence."""

from __future__ import annotations

import base64
import io
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog.photos.decode import decode_photo
from catalog.product import Product
from fusion.inputs.products import CHUNK, InputProducts
from tests.support.ids import IDS
from tests.support.products import make_photo


@pytest.fixture
def files(tmp_path) -> list[Path]:
    """Four photos."""
    paths = [tmp_path / f"{number}.jpg" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(make_photo(number))
    return paths


def read(products: object, text_columns: list[str] | str | None = None) -> tuple[list[object], list[Product]]:
    """Own ids and products, all chunks together."""
    given = InputProducts.of(products, text_columns)
    return list(given.ids), [product for chunk in given.chunks() for product in chunk.products]


def test_lists_of_photos_single_photos_and_products_may_stand_together(files):
    a, b, c, d = (path.read_bytes() for path in files)
    ids, products = read([[files[0], str(files[1])], files[2], bytearray(d), Product(9, (a,)), ()])
    assert ids == [0, 1, 2, 9, 4]
    assert [product.images for product in products] == [(a, b), (c,), (d,), (a,), ()]
    assert [product.product_id for product in products] == ids


def test_a_flat_list_is_a_product_of_each_photo(files):
    ids, products = read([str(path) for path in files])
    assert ids == [0, 1, 2, 3]
    assert [product.images for product in products] == [(path.read_bytes(),) for path in files]


def test_pictures_are_seen_as_their_files_are():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    _, [in_array, in_pillow, together] = read([pixels, Image.fromarray(pixels), [pixels, pixels[..., 0]]])
    for photo in (in_array.images[0], in_pillow.images[0], together.images[0]):
        assert (decode_photo(photo).pixels == decode_photo(out.getvalue()).pixels).all()
    assert len(together.images) == 2


def test_ids_of_a_dict_come_back_and_integers_are_used_as_they_are(files):
    key = uuid.uuid4()
    ids, products = read({"A-17": files[0], key: [files[1], files[2]]})
    assert ids == ["A-17", key]
    assert [product.product_id for product in products] == [0, 1]
    ids, products = read({70: files[0], -3: files[1]})
    assert ids == [product.product_id for product in products] == [70, -3]


@pytest.mark.parametrize(
    ("own", "known_as"),
    [
        (["MH01-gray", "00123", -5], ["MH01-gray", "00123", -5]),
        # a number written out is that number in every catalogue
        (["17", "a"], [17, "a"]),
        # where they cannot be told apart, or are no shop's ids, nothing is taken for a catalogue's product
        (["17", 17], [0, 1]),
        (["\u00e9", "e\u0301"], [0, 1]),
        (["a\nb", "c"], [0, 1]),
        ([("a", 1), "c"], [0, 1]),
        ([True, 2], [0, 1]),
        (["", "c"], [0, 1]),
    ],
)
def test_own_ids_come_back_to_the_letter_whatever_products_are_known_by(own, known_as):
    ids, products = read({own_id: [] for own_id in own})
    assert list(map(type, ids)) == list(map(type, own))
    assert ids == own
    assert [product.product_id for product in products] == known_as


@given(st.lists(st.one_of(IDS, st.text(), st.tuples(st.integers()), st.booleans(), st.floats()), max_size=8))
def test_whatever_own_ids_are_they_come_back_and_products_are_told_apart(own):
    by_id = dict.fromkeys(own, ())
    ids, products = read(by_id)
    assert list(map(id, ids)) == list(map(id, by_id))
    assert len({product.number for product in products}) == len(by_id)


def test_integers_of_more_than_64_bits_come_back():
    ids, products = read({2**70: [], 1: []})
    assert ids == [2**70, 1]
    assert len({product.number for product in products}) == 2


def tables(files: list[Path]) -> dict[str, object]:
    """The products x (photos 0, 1) and y (photo 2), in every form that tables have."""
    names, photos = [str(path) for path in files], [path.read_bytes() for path in files]
    lists = {"product_id": ["x", "y"], "photos": [photos[:2], [photos[2]]]}
    as_rows = {"product_id": ["x", "y", "x"], "photo": [photos[0], photos[2], photos[1]]}
    one_column = pa.array([names[0], names[2], names[1]]).dictionary_encode()
    structs = [[{"bytes": None, "path": names[0]}, {"bytes": photos[1], "path": "gone.jpg"}], [{"bytes": photos[2]}]]
    return {
        "lists of bytes": pa.table(lists),
        "a DataFrame": pd.DataFrame(lists),
        "ids as index": pd.DataFrame(lists).set_index("product_id"),
        "paths in one text": pa.table({"_id": ["x", "y"], "photos": [" | ".join(names[:2]), names[2]]}),
        "numbered columns": pa.table({"_id": ["x", "y"], "photo1": [names[0], names[2]], "photo2": [names[1], None]}),
        "a row per photo": pa.table(as_rows),
        "a batch": pa.RecordBatch.from_pydict(as_rows),
        "a stream": pa.table(as_rows).to_reader(),
        "structures": pa.table({"product_id": ["x", "y"], "images": structs}),
        "a dictionary": pa.table({"product_id": ["x", "y", "x"], "path": one_column}),
    }  # fmt: skip


def test_every_form_of_a_table_gives_the_same_products(files):
    a, b, c, _ = (path.read_bytes() for path in files)
    for name, table in tables(files).items():
        ids, products = read(table)
        assert ids == ["x", "y"], name
        assert [product.images for product in products] == [(a, b), (c,)], name


def test_ids_of_a_table_come_back_as_they_are(files):
    keys = [uuid.UUID(int=5), uuid.UUID(int=3)]
    for own, expected, numbers in (
        (keys, keys, [0, 1]),
        (["MH01-gray", "007"], ["MH01-gray", "007"], ["MH01-gray", "007"]),
        ([2**62, -5], [2**62, -5], [2**62, -5]),
        # what pandas makes of integers where some are missing elsewhere
        ([7.0, 8.0], [7, 8], [7, 8]),
    ):
        ids, products = read(pd.DataFrame({"product_id": own, "photo": [str(path) for path in files[:2]]}))
        assert ids == expected
        assert [product.product_id for product in products] == numbers


TITLES = [("Chaz Hoodie", "warm"), ("", "")]


def titled(photo: str) -> dict[str, tuple[object, list[str] | None]]:
    """The products a, with title and description, and b, without; in every form that has titles."""
    rows = {"product_id": ["a", "b"], "photo": [photo] * 2, "title": ["Chaz Hoodie", None]}
    both = {**rows, "description": ["warm", None]}
    per_photo = {
        "product_id": ["a", "a", "b", "a"], "photo": [photo, None, photo, None],
        "Title": [None, "Chaz Hoodie", "", "another"], "description": [None, "warm", None, None],
    }  # fmt: skip
    return {
        "dicts by id": ({"a": {"photos": photo, "title": "Chaz Hoodie", "description": "warm"}, "b": [photo]}, None),
        "dicts in a list": (
            [
                {"product_id": "a", "photos": [photo], "title": "Chaz\nHoodie ", "description": ["warm"]},
                {"product_id": "b", "photos": [photo], "title": float("nan")},
            ],
            None,
        ),
        "products": (
            [
                Product("a", (Path(photo).read_bytes(),), None, "Chaz Hoodie", "warm"),
                {"product_id": "b", "photos": photo},
            ],
            None,
        ),
        "Arrow": (pa.table(both), None),
        "pandas": (pd.DataFrame(both), None),
        "a row per photo": (pa.table(per_photo), None),
        "named columns": (
            pa.table({**rows, "name": ["Chaz Hoodie", None], "long": ["warm", None], "title": ["no", "no"]}),
            ["name", "long"],
        ),
    }


def test_titles_and_descriptions_are_taken_in_every_form(files):
    for form, (products, columns) in titled(str(files[0])).items():
        ids, read_products = read(products, columns)
        assert ids == ["a", "b"], form
        assert [(product.title, product.description) for product in read_products] == TITLES, form
        assert [product.images for product in read_products] == [(files[0].read_bytes(),)] * 2, form


def test_products_may_have_a_title_and_no_photo():
    for products in (
        [{"title": "Chaz Hoodie"}],
        {0: {"title": "Chaz Hoodie", "photos": None}},
        pa.table({"product_id": [0], "title": ["Chaz Hoodie"]}),
    ):
        ids, [product] = read(products)
        assert (ids, product.images, product.title) == ([0], (), "Chaz Hoodie")
    [product] = read(pa.table({"product_id": [0], "name": ["Chaz Hoodie"]}), ["name"])[1]
    assert product.title == "Chaz Hoodie"


def test_a_title_that_is_cut_or_none_is_named():
    given = [{"title": "x" * 1001}, {"title": {"fr": "Bol"}}, {"title": 7, "description": [True]}]
    [chunk] = InputProducts.of(given).chunks()
    assert [product.title for product in chunk.products] == ["x" * 1000, "", "7"]
    assert [(problem.product_id, problem.detail) for problem in chunk.problems] == [
        (0, "title of 1,001 characters, the first 1,000 are used"),
        (1, "title is dict, expected a text"),
        (2, "description is a list with bool, expected a text"),
    ]


def test_a_catalogue_is_read_by_the_chunk(tiny_catalog, monkeypatch):
    given = InputProducts.of(tiny_catalog)
    monkeypatch.setattr("fusion.inputs.products.CHUNK", 25)
    chunks = list(given.chunks())
    assert [chunk.positions for chunk in chunks] == [range(25), range(25, 50), range(50, 60)]
    assert [product for chunk in chunks for product in chunk.products] == list(tiny_catalog)
    assert given.ids == tiny_catalog.product_ids.tolist()


def test_photos_are_read_only_when_their_chunk_is(files):
    chunks = InputProducts.of([files[0]] * CHUNK + ["absent.jpg"]).chunks()
    assert len(next(chunks).products) == CHUNK
    with pytest.raises(FileNotFoundError, match=f"product {CHUNK}, photo 1: absent.jpg does not exist"):
        next(chunks)


@pytest.mark.parametrize(
    "single", ["a.jpg", Path("a.jpg"), b"photo", np.zeros((4, 4, 3), np.uint8), Image.new("L", (3, 3))]
)
def test_a_single_photo_is_no_list(single):
    with pytest.raises(TypeError, match=r"a single photo is given: give a list .* model\.predict\(\[photo\]\)"):
        InputProducts.of(single)


@pytest.mark.parametrize(
    ("products", "error", "message"),
    [
        (Product(1, (b"",)), TypeError, r"a single product is given: give a list of products"),
        (iter([[b""]]), TypeError, "products are given as list_iterator: give a list of products, a dict"),
        (np.zeros((2, 4, 4, 3), np.uint8), TypeError, "products are given as ndarray"),
        (7, TypeError, "products are given as int"),
        ([None], TypeError, "product 0 is given as NoneType: give a Product, its one to four photos in a list"),
        ({"K-9": {b""}}, TypeError, "product K-9 is given as set"),
        ([Product(3, (b"",) * 5)], ValueError, "product 3 has 5 photos: a product has at most 4"),
        ([Product(3, (7,))], ValueError, "product 3, photo 1: a photo is a path, .*, got int"),
        ([[b""], [b""] * 5], ValueError, "product 1 has 5 photos: a product has at most 4"),
        ({"K-9": [b"", 7]}, ValueError, "product K-9, photo 2: a photo is a path, .*, got int"),
        ({"K-9": [b"", np.zeros((4, 4))]}, ValueError, r"product K-9, photo 2: an array \(4, 4\) of float64"),
        ({"K-9": [b"", Path("absent.jpg")]}, FileNotFoundError, "product K-9, photo 2: absent.jpg does not exist"),
        ({"K-9": ["."]}, ValueError, "product K-9, photo 1: . is a folder"),
        ({"K-9": ["x" * 5000]}, ValueError, "product K-9, photo 1: .*name too long"),
        ([base64.b64encode(make_photo(1)).decode()], ValueError, r"product 0, photo 1: photo given as text.*b64decode"),
        ({"photos": ["a.jpg"], "title": "Bol"}, TypeError, "a single product is given: give a list of products"),
        ([{"titel": "Bol"}], ValueError, "product 0 is a dict with the key titel: its keys are product_id, photos"),
        ([{"photos": 7}], TypeError, "the photos of product 0 are given as int: give a Product"),
        ([{"product_id": ["a"]}], TypeError, "the product_id of product 0 is list: expected an integer or a text"),
        ([{"product_id": "a"}] * 2, ValueError, "product_id a was given twice"),
        ([Product(3, ()), Product(3, ())], ValueError, "product_id 3 was given twice: every"),
        ([[b""], Product(0, ())], ValueError, r"product_id 0 was given twice \(the product at place 0 has none"),
        ([{"product_id": 1}, [b""]], ValueError, r"product_id 1 was given twice \(the product at place 1 has none"),
    ],
)  # fmt: skip
def test_what_cannot_be_predicted_is_refused_in_a_sentence(products, error, message):
    with pytest.raises(error, match=message):
        read(products)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"product_id": [1], "name": ["a"]}, "the table: expected the columns product_id"),
        ({"product_id": [1], "photo": [3.5]}, "the table: the column photo holds double, expected paths"),
        ({"product_id": [1, None], "photo": ["a", "b"]}, "row 2 of the table has no product_id"),
        ({"product_id": [1.5, float("nan")], "photo": ["a", "b"]}, "row 2 of the table has no product_id"),
        ({"product_id": [[1]], "photo": ["a"]}, "the ids of the table are list<"),
        ({"product_id": ["k"] * 2, "photo1": ["a", "b"], "photo2": ["c", "d"]}, "product k has several rows: with the"),
        ({"product_id": ["k"], "photos": ["a|b|c|d|e"]}, "product k has 5 photos"),
    ],
)
def test_a_table_that_says_too_little_is_refused_in_a_sentence(columns, message):
    with pytest.raises(ValueError, match=message):
        read(pa.table(columns))


def test_columns_of_texts_are_those_of_a_table():
    with pytest.raises(ValueError, match="the table has no column nom, it has product_id, photo"):
        read(pa.table({"product_id": [1], "photo": ["a"]}), ["nom"])
    with pytest.raises(ValueError, match="text_columns names columns of a table, and the products are given as list"):
        read([["a.jpg"]], ["name"])
    # a single one may be named alone, as everywhere in Python
    _, products = read(pa.table({"product_id": [1], "nom": ["Grand mug"]}), "nom")
    assert products[0].title == "Grand mug"


def test_a_table_with_two_columns_of_one_name_is_refused_in_a_sentence():
    table = pa.Table.from_arrays([pa.array([1]), pa.array(["a"]), pa.array(["b"])], ["product_id", "photo", "photo"])
    with pytest.raises(ValueError, match=r"the table has two columns of one name \(product_id, photo, photo\)"):
        read(table)


def test_a_frame_that_arrow_cannot_hold_is_refused_in_a_sentence():
    frame = pd.DataFrame({"product_id": [1], "photo": [Image.new("L", (3, 3))]})
    with pytest.raises(ValueError, match=r"DataFrame cannot be read as a table .*: give columns of paths or"):
        read(frame)
