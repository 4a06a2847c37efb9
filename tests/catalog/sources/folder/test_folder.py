"""A folder of photos as a catalogue."""

from __future__ import annotations

import os
import pickle
import shutil

import bson
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.problem_places import name_files
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.sources.folder import walk
from catalog.sources.folder.folder import PhotoFolder
from catalog.sources.folder.folder_names import id_of_name
from catalog.sources.folder.layout import Layout
from catalog.sources.opening import open_source
from tests.support.photo_files import kinds, put, said
from tests.support.products import TREE, make_product


def test_class_folders_and_product_folders_by_number(tmp_path):
    root = tmp_path / "shop"
    photos = [put(root / "1000010653" / "12" / name) for name in ("1.jpg", "2.PNG", "10.webp")]
    other = put(root / "1000010653" / str(2**40) / "a.jpeg")
    third = put(root / "99" / "5" / "1.jpg")
    catalog = Catalog(root)
    assert catalog.product_ids.tolist() == [5, 12, 2**40]
    assert catalog.category_ids.tolist() == [99, 1000010653, 1000010653]
    assert catalog.n_images.tolist() == [1, 3, 1]
    assert [product.images for product in catalog] == [(third,), tuple(photos), (other,)]
    assert (catalog.name, catalog.address, str(catalog)) == ("shop", str(root), str(root))
    assert not kinds(catalog)


def test_what_is_kept_lies_beside_the_folder_not_in_it(tmp_path):
    put(tmp_path / "shop" / "7" / "mug" / "1.jpg")
    Catalog(tmp_path / "shop").md5s()
    assert sorted(path.name for path in (tmp_path / "shop").iterdir()) == ["7"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "shop", "shop.ids", "shop.index", "shop.manifest", "shop.md5",
    ]  # fmt: skip


def test_the_tree_in_the_folder_tells_the_categories_of_names(tmp_path):
    for number, names in enumerate(("LIBRAIRIE/LITTERATURE/ROMAN", "MUSIQUE/VINYLE/JAZZ", "MUSIQUE/VINYLE/POLKA"), 1):
        put(tmp_path / names / str(number) / "1.jpg")
    put(tmp_path / "MUSIQUE" / "VINYLE" / "POLKA" / "4" / "1.jpg")
    without = Catalog(tmp_path)
    jazz, polka = "MUSIQUE > VINYLE > JAZZ", "MUSIQUE > VINYLE > POLKA"
    assert [product.category_id for product in without] == ["LIBRAIRIE > LITTERATURE > ROMAN", jazz, polka, polka]
    assert not kinds(without)
    (tmp_path / "tree.csv").write_text(TREE)
    catalog = Catalog(tmp_path)
    assert catalog.product_ids.tolist() == [1, 2, 3, 4]
    assert catalog.category_ids.tolist() == [11, 22, -1, -1]
    assert said(catalog) == [
        "MUSIQUE/VINYLE/POLKA: folder that names no category (taken as unlabelled) "
        "(MUSIQUE > VINYLE > POLKA is not in the tree)"
    ]


def test_the_names_of_product_folders_are_their_ids_to_the_letter(tmp_path):
    root = tmp_path / "shop"
    for name in ("mug, bleu", "tasse-é", "12", "0012"):
        put(root / "7" / name / "1.jpg")
    # left by an earlier version
    (tmp_path / "shop.product_ids.csv").write_text("product_id,name\n")
    catalog = Catalog(root)
    ids = ["0012", 12, "mug, bleu", "tasse-é"]
    assert sorted(catalog.shop_ids(), key=str) == [product.product_id for product in catalog] == ids
    # as an earlier version numbered them, so that its runs know them
    assert catalog.product_ids.tolist()[2:] == [8053762300352841496, 522341077503721086]
    assert [bson.decode(raw)["_id"] for raw in catalog.raw(range(4))] == ids
    assert (tmp_path / "shop.product_ids.csv").read_text() == "product_id,name\n"


def test_names_that_no_id_may_have_are_written_out(tmp_path):
    for name in (b"a\nb", b"caf\xe9", b" ", b" x "):
        put(tmp_path / "shop" / "7" / os.fsdecode(name) / "1.jpg")
    catalog = Catalog(tmp_path / "shop")
    assert sorted(catalog.shop_ids()) == ["\\x20", "a\\x0ab", "caf\\xe9", "x"]
    assert catalog.n_images.tolist() == [1] * 4


def test_folders_without_classes_and_photos_without_folders_are_unlabelled(tmp_path):
    for path in ("flat/3/1.jpg", "flat/4/1.jpg", "loose/10.jpg", "loose/9.jpg"):
        put(tmp_path / path)
    flat, loose = Catalog(tmp_path / "flat"), Catalog(tmp_path / "loose")
    assert (flat.product_ids.tolist(), loose.product_ids.tolist()) == ([3, 4], [9, 10])
    assert flat.category_ids.tolist() == loose.category_ids.tolist() == [-1, -1]
    assert not kinds(flat)
    assert not kinds(loose)


def test_everything_that_is_no_photo_of_a_product_is_named(tmp_path, monkeypatch):
    root = tmp_path / "shop"
    for path in ("7/1/1.jpg", "7/1/notes.txt", "7/1/.hidden.jpg", ".git/9/1.jpg", "7/stray.jpg", "8/1/1.jpg"):
        put(root / path)
    (root / "8" / "2").mkdir()
    for number in range(6):
        put(root / "8" / "3" / f"{number}.jpg")
    (root / "8" / "3" / "x.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(root / "8" / "3" / "y.jpg")
    (root / "8" / "loop").symlink_to(root)
    monkeypatch.setattr("catalog.sources.photo_files.MAX_BYTES", 100)
    put(root / "8" / "3" / "z.jpg", b"x" * 101)
    catalog = Catalog(root)
    assert catalog.product_ids.tolist() == [1, 2, 3]
    assert catalog.category_ids.tolist() == [7, 8, 8]
    assert catalog.n_images.tolist() == [1, 0, 4]
    assert kinds(catalog) == {
        "STRAY_FILE": 1, "STRAY_PHOTO": 1, "REPEATED_ID": 1, "NO_PHOTO": 1, "TOO_MANY_PHOTOS": 1,
        "MISSING_PHOTO": 1, "UNREADABLE_FILE": 2, "UNREADABLE_FOLDER": 1, "PASSED_OVER": 2,
    }  # fmt: skip
    text = "\n".join(said(catalog))
    for place in ("7/1/notes.txt", "7/stray.jpg", "8/1/1.jpg, product 1", "8/3/x.jpg", "8/3/y.jpg", "8/loop"):
        assert place in text
    assert "101 bytes, more than 100" in text


def test_an_emptied_category_folder_is_no_product(tmp_path):
    root = tmp_path / "shop"
    put(root / "tree.csv", TREE.encode())
    put(root / "11" / "1" / "1.jpg")
    put(root / "MUSIQUE" / "57" / "1.jpg")
    put(root / "MUSIQUE" / "CD" / "JAZZ" / "notes.txt")
    (root / "12").mkdir()
    (root / "11" / "12").mkdir()
    catalog = Catalog(root)
    assert dict(zip(catalog.product_ids.tolist(), catalog.category_ids.tolist(), strict=True)) == {
        1: 11,
        12: 11,
        57: -1,
    }
    assert sorted(said(catalog)) == [
        "11/12, product 12: no photo",
        "12: category folder without products (left alone)",
        "MUSIQUE/CD/JAZZ/notes.txt: file that is not a photo (left alone)",
        "MUSIQUE/CD/JAZZ: category folder without products (left alone)",
        "MUSIQUE: folder that names no category (taken as unlabelled) "
        "(MUSIQUE is a Cat I of the tree: products stand below a Cat III)",
    ]


def test_an_unreadable_folder_is_named(tmp_path, monkeypatch):
    put(tmp_path / "7" / "1" / "1.jpg")
    put(tmp_path / "7" / "2" / "1.jpg")
    good = os.scandir

    def refuse(path):
        if os.fsencode(path).endswith(b"/2"):
            raise PermissionError(13, "Permission denied", path)
        return good(path)

    monkeypatch.setattr(os, "scandir", refuse)
    catalog = Catalog(tmp_path)
    assert catalog.n_images.tolist() == [1, 0]
    assert kinds(catalog) == {"UNREADABLE_FOLDER": 1, "NO_PHOTO": 1}


@pytest.mark.parametrize("change", ["content", "new photo", "gone photo", "renamed", "category"])
def test_any_change_is_noticed(tmp_path, change):
    root = tmp_path / "shop"
    for i in range(4):
        put(root / "7" / str(i) / "1.jpg")
    first = Catalog(root)
    assert Catalog(root).fingerprint == first.fingerprint
    if change == "content":
        put(root / "7" / "2" / "1.jpg", b"\xff\xd8\xffother")
    elif change == "new photo":
        put(root / "7" / "2" / "2.jpg")
    elif change == "gone photo":
        (root / "7" / "2" / "1.jpg").unlink()
    elif change == "renamed":
        (root / "7" / "2").rename(root / "7" / "22")
    else:
        (root / "7").rename(root / "8")
    assert Catalog(root).fingerprint != first.fingerprint


def test_a_copy_elsewhere_is_the_same_catalogue(tmp_path):
    for root in ("a", "b"):
        put(tmp_path / root / "7" / "1" / "1.jpg")
    assert Catalog(tmp_path / "a").fingerprint == Catalog(tmp_path / "b").fingerprint


def test_a_worker_does_not_walk_again_and_notices_change(tmp_path, monkeypatch):
    root = tmp_path / "shop"
    photo = put(root / "7" / "1" / "1.jpg")
    # two of them: each maps the manifest when it first reads
    catalog, late = Catalog(root), Catalog(root)
    packed = pickle.dumps(late)
    assert len(packed) < 1000
    with monkeypatch.context() as patch:
        patch.setattr(walk.Walk, "folders", lambda *a: pytest.fail("walked"))
        assert pickle.loads(packed)[0].images == (photo,)
    assert catalog[0].images == (photo,)
    put(root / "7" / "0" / "1.jpg")
    assert Catalog(root).product_ids.tolist() == [0, 1]
    assert catalog[0].images == (photo,)
    with pytest.raises(ValueError, match="changed while it was in use"):
        pickle.loads(packed)
    with pytest.raises(ValueError, match="changed while they were in use"):
        late[0]


def test_a_photo_that_vanishes_is_unreadable_and_shifts_no_other(tmp_path, caplog):
    root = tmp_path / "shop"
    put(root / "7" / "1" / "1.jpg")
    second = put(root / "7" / "1" / "2.jpg")
    catalog = Catalog(root)
    (root / "7" / "1" / "1.jpg").unlink()
    assert catalog[0].images == (b"", second)
    assert "7/1/1.jpg cannot be read any more" in caplog.text
    with pytest.raises(FileNotFoundError):
        list(catalog.raw([0]))


def test_a_photo_that_vanishes_is_told_once_and_a_lost_drive_in_few_lines(tmp_path, caplog):
    root = tmp_path / "shop"
    for number in range(30):
        put(root / "7" / str(number) / "1.jpg")
    catalog = Catalog(root)
    (root / "7" / "0" / "1.jpg").unlink()
    for _epoch in range(3):
        catalog.take(range(30))
    assert [record.message for record in caplog.records] == [
        "7/0/1.jpg cannot be read any more: No such file or directory"
    ]
    shutil.rmtree(root)
    for _epoch in range(3):
        catalog.take(range(30))
    assert len(caplog.records) == 21
    assert caplog.records[-1].message.endswith("further photos that vanish are not named")


def test_a_lost_manifest_is_written_again(tmp_path):
    photo = put(tmp_path / "shop" / "7" / "1" / "1.jpg")
    Catalog(tmp_path / "shop")
    (tmp_path / "shop.manifest").unlink()
    assert Catalog(tmp_path / "shop")[0].images == (photo,)


def test_a_manifest_listed_with_another_tree_is_written_again(tmp_path, tree_csv):
    root = tmp_path / "shop"
    (root / "11").mkdir(parents=True)
    photo = put(root / "12" / "1" / "1.jpg")
    Catalog(open_source(root, tree_csv))
    index = (tmp_path / "shop.index").read_bytes()
    assert len(Catalog(root)) == 2
    # as a kill leaves it between the two files
    (tmp_path / "shop.index").write_bytes(index)
    assert [product.images for product in Catalog(open_source(root, tree_csv))] == [(photo,)]


def test_a_folder_that_is_no_catalogue_leaves_nothing_beside_it(tmp_path):
    (tmp_path / "shop" / "7" / "mug").mkdir(parents=True)
    with pytest.raises(ValueError, match="without photos"):
        Catalog(tmp_path / "shop")
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]
    photo = put(tmp_path / "shop" / "7" / "mug" / "1.jpg")
    Catalog(tmp_path / "shop")
    (tmp_path / "shop" / "7" / "mug" / "1.jpg").unlink()
    with pytest.raises(ValueError, match="without photos"):
        Catalog(tmp_path / "shop")
    put(tmp_path / "shop" / "7" / "mug" / "1.jpg", photo)
    (tmp_path / "shop" / "7" / "mug").rename(tmp_path / "shop" / "7" / "12")
    assert Catalog(tmp_path / "shop").product_ids.tolist() == [12]


def test_a_class_without_product_folders_gets_a_hint(tmp_path):
    for number in range(6):
        put(tmp_path / "classes" / "mugs" / f"{number}.jpg")
        put(tmp_path / "classes" / "bowls" / f"{number % 4}.jpg")
        put(tmp_path / "classes" / "77" / "1" / f"{number}.jpg")
    many = "more than four photos (the first four are used)"
    assert said(Catalog(tmp_path / "classes")) == [
        f"77/1, product 1: {many} (6 photos)",
        f"mugs, product mugs: {many} (6 photos; if each is a product: --layout photo)",
    ]


def test_folders_that_are_no_catalogue_say_so(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="without photos"):
        Catalog(tmp_path)
    put(tmp_path / "train.bson")
    with pytest.raises(ValueError, match=r"give the file in it, train\.bson"):
        Catalog(tmp_path)
    monkeypatch.setattr(walk, "NOT_YET", 50)
    for i in range(60):
        put(tmp_path / "documents" / f"{i}.txt")
    put(tmp_path / "zoo" / "1" / "1.jpg")
    with pytest.raises(ValueError, match="without photos"):
        Catalog(tmp_path)


NAMES = st.sampled_from(["1", "2", "10", "a", "é", "b c"])
PHOTOS = ("1.jpg", "2.jpg", "10.jpg", "3", "4.jpg!d")
STRAYS = ("x.txt", "letter")
FILES = st.sampled_from([*PHOTOS, *STRAYS, ".y.jpg"])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.lists(NAMES, min_size=1, max_size=3), FILES), min_size=1, max_size=12))
# of a repeated id the first one with a photo is kept
@example([(["1", "2"], "x.txt"), (["2"], "1.jpg")])
def test_no_file_of_any_folder_goes_unmentioned(tmp_path_factory, given_files):
    root = tmp_path_factory.mktemp("any") / "root"
    for folders, name in given_files:
        put(root.joinpath(*folders) / name, b"Dear shop" if name == "letter" else None)
    files = [(where, name) for where, _, names in os.walk(root) for name in names if not name.startswith(".")]
    deepest = [where for where, folders, _ in os.walk(root) if not folders]
    photos_in = [sum(name in PHOTOS for where, name in files if where == folder) for folder in deepest]
    in_products = sum(name in PHOTOS for where, name in files if where in deepest)
    # otherwise folders right below the top one might be categories
    PhotoFolder(root).keep_layout(Layout.PRODUCT)
    if not in_products:
        with pytest.raises(ValueError, match="without photos"):
            Catalog(root)
        return
    catalog = Catalog(root)
    found = kinds(catalog)
    n_ids = len({id_of_name(os.path.basename(where)) for where in deepest})
    assert len(catalog) == n_ids
    assert found.get("REPEATED_ID", 0) == len(deepest) - n_ids
    assert found.get("STRAY_FILE", 0) == sum(name in STRAYS for _, name in files)
    assert found.get("STRAY_PHOTO", 0) == sum(n in PHOTOS for w, n in files if w not in deepest)
    if len(deepest) == n_ids:
        assert catalog.n_images.sum() == np.minimum(photos_in, 4).sum()
    # nothing has changed: what is opened again is not listed again
    source = PhotoFolder(root)
    assert source.stamp() == source.index().stamp


def test_a_photo_s_place_is_its_file(tmp_path):
    root = tmp_path / "shop"
    for name in ("1.jpg", "2.jpg", "10.jpg", "11.jpg", "12.jpg"):
        put(root / "7" / "mug" / name)
    (root / "7" / "bowl").mkdir()
    catalog = Catalog(root)
    assert [catalog.photo_file(1, photo) for photo in range(6)] == [
        None, "7/mug/1.jpg", "7/mug/2.jpg", "7/mug/10.jpg", "7/mug/11.jpg", None,
    ]  # fmt: skip
    assert catalog.photo_file(0, 1) is None
    assert catalog.where(1, 3) == "7/mug/10.jpg"
    assert catalog.where(0, 1) == "row 0, photo 1"


def test_the_photos_positions_become_files(tmp_path, write_bson):
    for product in (5, 3):
        put(tmp_path / "shop" / "7" / str(product) / "a.jpg")
        put(tmp_path / "shop" / "7" / str(product) / "b.jpg")
    given = [
        Problem(ProblemKind.UNREADABLE_PHOTO, "", 5, "torn", 1),
        Problem(ProblemKind.UNREAD_TEXT, "", 3, photo=0),
        Problem(ProblemKind.UNREADABLE_PHOTO, "", 3, photo=2),
        Problem(ProblemKind.UNREADABLE_PHOTO, "", 4, photo=0),
        Problem(ProblemKind.NO_CATEGORY, "row 1", 5),
    ]
    log = ProblemLog()
    log.extend(given)
    name_files(Catalog(tmp_path / "shop"), log)
    places = [problem.place for problem in log.named]
    assert places == ["7/5/b.jpg", "7/3/a.jpg", "photo 3", "photo 1", "row 1"]
    assert str(log.named[0]) == "7/5/b.jpg, product 5: photo that cannot be decoded (torn)"
    assert len(log) == 5
    log = ProblemLog()
    log.extend(given)
    name_files(Catalog(write_bson(make_product(5, 7, 2), make_product(3, 7, 2))), log)
    assert log.named == given
