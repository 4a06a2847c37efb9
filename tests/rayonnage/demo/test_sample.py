import csv
import hashlib
import io
from collections import Counter, defaultdict
from pathlib import Path

import bson
import numpy as np
import pytest
from PIL import Image

from rayonnage.demo.categories import LEAVES, apportion, siblings
from rayonnage.demo.copies import Picture, components
from rayonnage.demo.draw import draw_picture
from rayonnage.demo.lettering import TITLE_FONTS, font
from rayonnage.demo.objects import SHAPES
from rayonnage.demo.plan import PHOTO_COUNTS, DemoPlan, plan_sample
from rayonnage.demo.sample import SampleSummary, write_sample
from rayonnage.demo.titles import compose
from rayonnage.demo.words import GENRES, HOUSES, SHARED

N_TRAIN, N_TEST = 60, 20


@pytest.fixture(scope="module")
def plan() -> DemoPlan:
    return plan_sample(1500, 400, 0)


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> SampleSummary:
    return write_sample(tmp_path_factory.mktemp("sample"), n_train=N_TRAIN, n_test=N_TEST, seed=3)


def documents(path: Path) -> list[dict[str, object]]:
    return list(bson.decode_all(path.read_bytes()))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}


# The plan, at the default size


def test_tree_has_three_levels_and_one_homonymous_pair() -> None:
    assert len(LEAVES) == 40
    assert len({leaf.category_id for leaf in LEAVES}) == len({leaf.path for leaf in LEAVES}) == 40
    assert [n for n in Counter(leaf.path[2] for leaf in LEAVES).values() if n > 1] == [2]
    assert {leaf.path[0] for leaf in LEAVES if leaf.kind == "book"} == {"LIBRAIRIE"}
    assert {leaf.path[0] for leaf in LEAVES if leaf.kind == "cd"} == {"MUSIQUE"}
    assert len({leaf.path[:2] for leaf in LEAVES}) > len({leaf.path[0] for leaf in LEAVES}) >= 8


def test_every_leaf_has_a_shape_or_words() -> None:
    assert {leaf.motif for leaf in LEAVES if leaf.kind == "object"} == set(SHAPES)
    assert {leaf.motif for leaf in LEAVES if leaf.kind != "object"} == set(GENRES)


def test_apportion_sums_and_stays_within_one() -> None:
    parts = apportion(101, [1, 2, 4])
    assert sum(parts) == 101
    assert all(abs(part - 101 * w / 7) < 1 for part, w in zip(parts, [1, 2, 4], strict=True))


@pytest.mark.parametrize(("split", "size"), [("train", 1500), ("test", 400)])
def test_sizes_and_photo_counts(plan: DemoPlan, split: str, size: int) -> None:
    products = [product for product in plan.products if product.split == split]
    assert len(products) == size
    counts = Counter(len(product.pictures) for product in products)
    for n_images, times in enumerate(PHOTO_COUNTS, start=1):
        assert abs(counts[n_images] - size * times / sum(PHOTO_COUNTS)) < 1
    covers = sum(product.leaf.kind != "object" for product in products)
    assert 0.30 <= covers / size <= 0.37


def test_leaves_are_skewed_but_none_is_starved(plan: DemoPlan) -> None:
    sizes = Counter(product.leaf for product in plan.products if product.split == "train")
    assert len(sizes) == len(LEAVES)
    assert min(sizes.values()) >= 12
    assert max(sizes.values()) > 5 * min(sizes.values())


def test_ids_are_unique_and_splits_are_mixed(plan: DemoPlan) -> None:
    ids = [product.product_id for product in plan.products]
    assert ids == sorted(set(ids))
    assert {product.split for product in plan.products[:50]} == {"train", "test"}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_wrong_labels_mostly_name_a_sibling(seed: int) -> None:
    train = [p for p in plan_sample(1500, 400, seed).products if p.split == "train"]
    wrong = [p for p in train if p.label is not p.leaf]
    assert 0.07 <= len(wrong) / len(train) <= 0.13
    assert sum(p.label in siblings(p.leaf) for p in wrong) > len(wrong) / 2


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_copied_photos(seed: int) -> None:
    plan = plan_sample(1500, 400, seed)
    n_photos = sum(len(product.pictures) for product in plan.products)
    assert 0.25 <= sum(plan.copied_photos().values()) / n_photos <= 0.35
    assert plan.largest_component() <= 0.02 * len(plan.products)
    assert all(2 <= len(group.members) <= 8 for group in plan.groups)
    assert abs(sum(group.one_leaf for group in plan.groups) - len(plan.groups) / 2) <= 1


def test_groups_are_what_they_say(plan: DemoPlan) -> None:
    splits = set()
    for group in plan.groups:
        members = [plan.products[place] for place in group.members]
        assert len(set(group.members)) == len(members)
        assert (len({member.leaf for member in members}) == 1) == group.one_leaf
        assert all(member.pictures[group.picture.rank - 1] == group.picture for member in members)
        splits.add(frozenset(member.split for member in members))
    assert frozenset({"train", "test"}) in splits


def test_components_against_a_flood_fill() -> None:
    rng = np.random.default_rng(0)
    pictures = [[Picture(int(o), 1) for o in rng.integers(0, 30, size=2)] for _ in range(25)]
    left, sizes = set(range(25)), []
    while left:
        found = {min(left)}
        while True:
            seen = {picture for place in found for picture in pictures[place]}
            more = {place for place in left if seen & set(pictures[place])}
            if more == found:
                break
            found = more
        sizes.append(len(found))
        left -= found
    assert sorted(components(pictures)) == sorted(sizes)


def test_plan_is_deterministic(plan: DemoPlan) -> None:
    assert plan_sample(1500, 400, 0) == plan
    assert plan_sample(1500, 400, 1).products != plan.products


@pytest.mark.parametrize(("n_train", "n_test", "seed"), [(5, 20, 0), (60, 2, 0), (60, 20, -1)])
def test_senseless_sizes_are_refused(n_train: int, n_test: int, seed: int) -> None:
    with pytest.raises(ValueError, match=r"n_train=|seed="):
        plan_sample(n_train, n_test, seed)


# The words


@pytest.mark.parametrize("genre", sorted(GENRES))
def test_titles_rarely_repeat(genre: str) -> None:
    rng = np.random.default_rng(0)
    titles = [compose(genre, rng).title for _ in range(80)]
    assert len(set(titles)) > 55
    assert all(len(word) <= 15 for title in titles for word in title.split())


def test_genres_share_words() -> None:
    for own in GENRES.values():
        others = {word for genre in GENRES.values() if genre is not own for word in genre.nouns + genre.complements}
        assert others & set(own.nouns + own.complements)


@pytest.mark.parametrize("name", [*TITLE_FONTS, "DejaVuSerif"])
def test_fonts_hold_all_letters(name: str) -> None:
    words = [text for genre in (SHARED, *GENRES.values()) for part in (genre.nouns, genre.phrases) for text in part]
    letters = set("".join([*words, *HOUSES]).upper() + "".join(words)) - {" "}
    face = font(name, 24)
    missing = bytes(face.getmask("\uffff"))
    assert not [letter for letter in letters if bytes(face.getmask(letter)) == missing]


# The files, at a small size


@pytest.mark.slow
def test_products_decode(summary: SampleSummary) -> None:
    train, test = documents(summary.train), documents(summary.test)
    assert (len(train), len(test)) == (summary.n_train, summary.n_test) == (N_TRAIN, N_TEST)
    assert all(set(document) == {"_id", "category_id", "imgs"} for document in train)
    assert all(set(document) == {"_id", "imgs"} for document in test)
    names = {int(row["category_id"]) for row in rows(summary.category_names)}
    assert {document["category_id"] for document in train} <= names == {leaf.category_id for leaf in LEAVES}


def test_photos_are_small_jpegs(summary: SampleSummary) -> None:
    for document in documents(summary.train) + documents(summary.test):
        assert 1 <= len(document["imgs"]) <= 4
        for photo in document["imgs"]:
            with Image.open(io.BytesIO(photo["picture"])) as image:
                assert (image.format, image.size, image.mode) == ("JPEG", (180, 180), "RGB")
                image.load()


def test_truth_agrees_with_the_products(summary: SampleSummary) -> None:
    owners: defaultdict[bytes, set[object]] = defaultdict(set)
    products = {document["_id"]: document for document in documents(summary.train) + documents(summary.test)}
    for product_id, document in products.items():
        for photo in document["imgs"]:
            owners[photo["picture"]].add(product_id)
    leaves = {leaf.category_id: leaf for leaf in LEAVES}
    truth = rows(summary.truth)
    assert [int(row["product_id"]) for row in truth] == sorted(products)
    for row in truth:
        document = products[int(row["product_id"])]
        photos = [photo["picture"] for photo in document["imgs"]]
        assert row["label"] == str(document.get("category_id", ""))
        assert (row["split"] == "train") == ("category_id" in document)
        assert row["wrong_label"] == str(int(row["label"] not in ("", row["category_id"])))
        assert row["kind"] == leaves[int(row["category_id"])].kind
        assert int(row["n_images"]) == len(photos)
        assert int(row["copied_photos"]) == sum(len(owners[photo]) > 1 for photo in photos)
    copied = sum(int(row["copied_photos"]) for row in truth)
    assert summary.copied_photos == pytest.approx(copied / summary.n_photos)
    assert 0 < summary.copied_photos < 0.35
    wrong = sum(row["wrong_label"] == "1" for row in truth)
    assert summary.wrong_labels == pytest.approx(wrong / N_TRAIN)
    assert summary.largest_component <= 3 / (N_TRAIN + N_TEST)
    assert (summary.n_books, summary.n_cds) == tuple(sum(r["kind"] == kind for r in truth) for kind in ("book", "cd"))


@pytest.mark.slow
def test_same_seed_same_bytes(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_sample(tmp_path / name, n_train=20, n_test=10, seed=seed, progress=lambda *call: calls.append(call))
    assert calls == [(i, 30) for i in range(1, 31)] * 3
    a, b, c = (digests(tmp_path / name) for name in "abc")
    assert set(a) == {"train.bson", "test.bson", "category_names.csv", "names.csv", "truth.csv"}
    assert a == b
    assert a["train.bson"] != c["train.bson"]
    assert a["category_names.csv"] == c["category_names.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train.bson", "test.bson", "category_names.csv", "names.csv", "truth.csv"])
def test_nobody_s_file_is_replaced_unasked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=f"already holds {name}: .*--overwrite"):
        write_sample(tmp_path, n_train=20, n_test=10)
    assert digests(tmp_path).keys() == {name}
    assert (tmp_path / name).read_bytes() == b"mine"
    write_sample(tmp_path, n_train=20, n_test=10, overwrite=True)
    assert (tmp_path / name).read_bytes() != b"mine"


@pytest.mark.slow
@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.motif)
def test_every_leaf_is_drawn_from_every_side(leaf) -> None:
    photos = {draw_picture(0, leaf, Picture(owner, rank)) for owner in (1, 2) for rank in (1, 2, 3, 4)}
    assert len(photos) == 8


def test_notices_differ_between_groups() -> None:
    assert len({draw_picture(0, LEAVES[0], Picture(owner, 2, notice=True)) for owner in range(12)}) == 12
