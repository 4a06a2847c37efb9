"""Names of folders: how people count, ids that are the same everywhere, categories by number or name."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.ids.shop_id import id_number, why_no_id
from catalog.sources.folder.folder_names import CategoryFolders, folder_name, id_of_name, natural_key
from catalog.tree.taxonomy import Taxonomy


@given(st.lists(st.integers(0, 10**30), unique=True), st.sampled_from(["", "a-1-"]), st.sampled_from(["", ".jpg"]))
def test_numbers_in_names_are_ordered_as_numbers(numbers, before, after):
    names = [f"{before}{n}{after}".encode() for n in numbers]
    assert sorted(names, key=natural_key) == [f"{before}{n}{after}".encode() for n in sorted(numbers)]


@given(st.lists(st.binary(max_size=6), unique=True))
def test_no_two_names_are_equal_in_order(names):
    assert len({natural_key(name) for name in names}) == len(names)


def test_order_of_usual_names():
    names = [b"2.jpg", b"10.jpg", b"1.jpg", b"01.jpg", b"a10b2", b"a9b11", b"a10b1"]
    assert sorted(names, key=natural_key) == [
        b"01.jpg", b"1.jpg", b"2.jpg", b"10.jpg", b"a9b11", b"a10b1", b"a10b2",
    ]  # fmt: skip


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_name_is_the_id(i):
    assert id_of_name(str(i)) == i


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_other_names_give_the_digest_of_the_composed_name(name):
    product_id = id_of_name(name)
    if name == name.strip() and name == str(product_id) and not isinstance(product_id, int):
        encoded = unicodedata.normalize("NFC", name).encode()
        assert id_number(product_id) == int(hashlib.blake2b(encoded, digest_size=8).hexdigest(), 16) % 2**63
        assert id_number(id_of_name(unicodedata.normalize("NFD", name))) == id_number(product_id)


@given(st.text(min_size=1, max_size=2000))
def test_every_name_is_an_id(name):
    assert why_no_id(str(id_of_name(name))) == ""


def test_a_number_beyond_64_bits_is_a_name():
    assert id_of_name(str(2**63)) == str(2**63)


@pytest.fixture
def folders(tree_csv: Path) -> CategoryFolders:
    more = ["41,PC / MAC,ÉCRANS,24''", "42,A,B,C ", "43,A,B,C", "44,X,Y,Z", "45,X,Y,Z", "51,JEUX,2048,PUZZLE"]
    tree_csv.write_text(tree_csv.read_text() + "\n".join(more) + "\n")
    return CategoryFolders(Taxonomy.from_csv(tree_csv))


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("1000010653", 1000010653),
        ("LIBRAIRIE/12/shard 3", 12),
        ("11/12", 12),
        ("11/2024", 11),
        ("JEUX/2048/PUZZLE", 51),
        ("2048/11/JEUX/2048/PUZZLE", 11),
        ("4711/2024", 2024),
        ("LIBRAIRIE/LITTERATURE/ROMAN", 11),
        ("all/LIBRAIRIE/LITTERATURE/ROMAN", 11),
        ("librairie/Litterature/roman ", 11),
        ("PC - MAC/ÉCRANS/24''", 41),
        (unicodedata.normalize("NFD", "PC _ MAC/écrans/24''"), 41),
        ("A/B/C", 43),
        ("A/B/C ", 42),
        ("unlabelled", None),
    ],
)
def test_class_folders_that_name_a_category(folders, path, category):
    assert folders.category_of(path.encode().split(b"/")) == (category, "")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("LIBRAIRIE/ROMAN", "LIBRAIRIE > ROMAN is not in the tree"),
        ("LIBRAIRIE", "LIBRAIRIE is a Cat I of the tree: products stand below a Cat III"),
        ("shop/librairie/LITTERATURE", "librairie > LITTERATURE is a Cat II of the tree"),
        ("X/Y/Z", "the name of 44, 45"),
        ("a/b/c", "the name of 42, 43"),
    ],
)
def test_class_folders_that_name_none_say_why(folders, path, why):
    category, said = folders.category_of(path.encode().split(b"/"))
    assert category is None
    assert why in said


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("11", True),
        ("shop/11", True),
        ("LIBRAIRIE/11", True),
        ("LIBRAIRIE", True),
        ("librairie/LITTERATURE", True),
        ("all/LIBRAIRIE/LITTERATURE/ROMAN", True),
        ("4711", False),
        # products: what stands above them is a category already
        ("12/11", False),
        ("4711/11", False),
        ("LIBRAIRIE/LITTERATURE/ROMAN/11", False),
        ("LIBRAIRIE/LITTERATURE/ROMAN/LIBRAIRIE", False),
        ("LITTERATURE", False),
    ],
)
def test_folders_that_are_categories_themselves(folders, path, answer):
    assert folders.is_category(path.encode().split(b"/")) is answer
    assert not CategoryFolders(None).is_category(path.encode().split(b"/"))


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("MUSIQUE/CD", "MUSIQUE > CD"),
        ("0012", "0012"),
        ("MUSIQUE/12/CD", 12),
        ("MUSIQUE/unlabelled", None),
        ("a\nb/c", "a\\x0ab > c"),
    ],
)
def test_without_a_tree_the_path_is_the_category(path, category):
    assert CategoryFolders(None).category_of(path.encode().split(b"/")) == (category, "")


def test_a_path_that_is_too_long_for_an_id_says_so():
    category, why = CategoryFolders(None).category_of([b"n" * 255] * 4)
    assert category is None
    assert "is longer than the 1000 characters" in why


def test_class_folders_named_by_ids_that_are_texts(tmp_path):
    (tmp_path / "tree.csv").write_text(
        "category_id,category_level1,category_level2\nC-1,Men,Tops\n007,Men,Hats\n7,Bags,\n"
    )
    folders = CategoryFolders(Taxonomy.from_csv(tmp_path / "tree.csv"))
    for path, category in (("C-1", "C-1"), ("Men/007", "007"), ("7", 7), ("all/Men/Tops", "C-1"), ("Bags", 7)):
        assert folders.category_of(path.encode().split(b"/")) == (category, "")
    assert folders.is_category([b"C-1"])
    assert folders.category_of([b"c-1"])[0] is None


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_category_name_makes_a_folder(name):
    safe = folder_name(name)
    assert not set("/\0") & set(safe)
    assert not safe.startswith(".")
    assert 0 < len(safe.encode()) <= 200


def test_a_leaf_further_up_may_lie_in_folders_that_the_tree_does_not_know():
    folders = CategoryFolders(Taxonomy([(1, ("Men",)), (2, ("Men", "Tees", "Long")), (4, ("Toys",))]))
    assert folders.category_of((b"photos", b"Toys"))[0] == 4
    assert folders.category_of((b"photos", b"new", b"men"))[0] == 1
    # another place in the tree was meant
    assert folders.category_of((b"Men", b"Toys"))[0] is None
