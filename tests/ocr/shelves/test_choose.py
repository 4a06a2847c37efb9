"""`shelves: auto`: a sample is read, and what pays is chosen."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from catalog.cli_options import no_bar
from catalog.files.id_lookup import positions_of
from catalog.probabilities import Silence
from catalog.runs.config import checked, load_config, plain
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from ocr import loading, training
from ocr.cli import main as ocr
from ocr.config import OcrConfig
from ocr.details import OcrDetails
from ocr.shelves import sample, sample_size
from ocr.shelves.choice import ShelfChoice
from ocr.shelves.choose import choose_shelves
from tests.support.command_line import invoke, refused
from tests.support.readable_shop import UNREADABLE, Shop, open_shop
from tests.support.trees import FLAT, of_texts

WORDS = {
    1: "roman passion destin", 2: "poemes sonnets rimes", 3: "guide voyage plages", 4: "recettes cuisine fours",
    10: "made in france", 11: "ne pas laver",
}  # fmt: skip
"""Numbers 1 to 4: what stands on the leaves of books; 10 and 11 may stand on anything."""
TREES = {
    "two levels": of_texts("BOOKS a", "BOOKS b", "BOOKS c", "BOOKS d", "TOYS a", "TOYS b", "TOYS c", "TOYS d"),
    "three levels": of_texts("BOOKS a a", "BOOKS a b", "BOOKS b a", "BOOKS c a", "TOYS a a", "TOYS a b", "TOYS b a",
                             "TOYS c a"),
    "ragged, labels on inner nodes": of_texts("BOOKS", "BOOKS a", "BOOKS a b c d", "BOOKS a b c e", "TOYS", "TOYS a",
                                              "TOYS a b", "TOYS c"),
    "a category that is a leaf": of_texts("BOOKS a", "BOOKS b", "BOOKS c", "BOOKS d", "TOYS a", "TOYS b", "TOYS c d",
                                          "VASES"),
}  # fmt: skip
BOOKS, TOYS = [0, 1, 2, 3], [4, 5, 6]


def config(*overrides: str) -> OcrConfig:
    return load_config(OcrConfig, "ocr", "debug", ["shelves=auto", *overrides])


def words_of_books(product: int, leaf: int) -> int:
    """Books show their leaf's words; the others, which no photo tells apart either, any words."""
    return leaf + 1 if leaf in BOOKS else 10 + product // 8 % 2


@pytest.fixture
def shop(tmp_path, monkeypatch):
    def make(tree=TREES["two levels"], n_products=400, number_of=words_of_books, texts=WORDS, **more) -> Shop:
        made = open_shop(tmp_path / "shop", tree, n_products, number_of, texts, seen_alike=(BOOKS, TOYS), **more)
        monkeypatch.setattr(loading, "make_engine", lambda _: made.engine)
        return made

    return make


def chosen(shop: Shop, *overrides: str) -> ShelfChoice:
    return choose_shelves(shop.room, config(*overrides), shop.photo, no_bar)


@pytest.mark.parametrize("name", TREES)
def test_words_that_decide_are_worth_reading_and_others_are_not(shop, name):
    choice = chosen(shop(TREES[name]))
    assert choice.chosen == ["BOOKS"]
    gains = {gain.category: gain for gain in choice.categories}
    books, toys = gains["BOOKS"], gains["TOYS"]
    assert books.put_there == books.judged == books.photos == 200
    assert books.words == 3 * 200
    assert books.with_text == 1.0
    assert books.without_text < 0.5
    # one photo each: as many products more per 100 photos as points of accuracy
    assert books.gain == pytest.approx(100 * (books.with_text - books.without_text))
    assert books.low < books.gain < books.high
    assert (toys.low <= 1, toys.why[:3]) == (True, "no ")
    if "VASES" in gains:
        assert gains["VASES"].why == "there is nothing below it to tell apart"
        assert gains["VASES"].photos == 0


def test_in_a_tree_of_one_level_words_tell_the_chosen_categories_from_each_other(shop):
    choice = chosen(shop(FLAT))
    assert sorted(choice.chosen) == ["A", "B", "C", "D"]
    gains = {gain.category: gain for gain in choice.categories}
    assert all(gains[name].with_text == 1.0 for name in "ABCD")
    assert not any(gains[name].chosen for name in "EFGH")


def test_of_more_categories_than_can_be_measured_together_nothing_is_read(shop, monkeypatch):
    made = shop(FLAT)
    # 8 categories of 8 leaves in all, and 19 products of each
    monkeypatch.setattr(sample_size, "MAX_SCORES", 8 * 8 * 19)
    choice = chosen(made)
    assert {gain.why for gain in choice.categories} == {"too many categories to read enough of each"}
    assert made.engine.n_read == 0
    monkeypatch.setattr(sample_size, "MAX_SCORES", 8 * 8 * 20)
    assert all(gain.is_measured for gain in chosen(made).categories)


def test_held_out_products_are_judged_where_the_photos_put_them(shop):
    made = shop(mode="heldout")
    n_held_out = len(made.photo)
    # the photos take every toy for a book
    dense = made.photo.dense(np.arange(n_held_out), 8)
    dense[:, :4] += 0.95
    moved = replace(made, photo=made.photo.from_dense(
        "mosaic", made.photo.product_ids, made.photo.n_images, dense / dense.sum(axis=1, keepdims=True),
        np.zeros(n_held_out, np.uint8), support=made.photo.support, frequency=made.photo.frequency, k=8,
        taxonomy=made.photo.taxonomy, plan=made.photo.plan,
    ))  # fmt: skip
    books, toys = sorted(chosen(moved).categories, key=lambda gain: gain.category)
    truly_books = int((made.leaf[made.photo.product_ids] < 4).sum())
    assert (books.judged, books.put_there) == (n_held_out, n_held_out)
    # words say which book, never that it is none
    assert books.with_text == pytest.approx(truly_books / n_held_out)
    assert toys.why == "0 products that the photos put there, 20 are needed"
    # what could not be judged was not read: of the toys none but those among the held out
    assert toys.photos == 0
    # products beside those held out were read, to have more to learn from
    assert books.products > books.judged


def test_products_judged_share_no_photo_with_those_learnt_from(shop):
    # every photo stands on two products of one leaf, and no other shows its word
    texts = {number: f"word{number}" for number in range(160)}
    made = shop(
        n_products=320, number_of=lambda product, leaf: product // 16 * 8 + product % 8, texts=texts, seeds=lambda _: 0
    )
    choice = chosen(made)
    assert choice.chosen == []
    books = next(gain for gain in choice.categories if gain.category == "BOOKS")
    # of two copies one is judged
    assert (books.products, books.judged) == (160, 80)
    assert books.with_text < 0.5


def test_what_is_gained_is_counted_by_photos_not_by_products(shop):
    books = chosen(shop(n_blank=2)).categories[0]
    assert (books.judged, books.photos, books.judged_photos) == (200, 600, 600)
    points = 100 * (books.with_text - books.without_text)
    assert books.gain == pytest.approx(points / 3)
    assert books.low < points / 3 < books.high < points


def test_photos_that_cannot_be_read_are_counted_and_named(shop):
    made = shop(number_of=lambda product, leaf: UNREADABLE if product % 16 == 0 else words_of_books(product, leaf))
    choice = chosen(made)
    assert {gain.category: gain.unread for gain in choice.categories} == {"BOOKS": 25, "TOYS": 0}
    assert len(choice.problems) == 25
    books = choice.categories[0]
    # they cost their reading, and gain nothing
    assert (books.photos, books.judged_photos) == (200, 200)
    assert 0.8 < books.with_text < 0.95


def test_a_sample_is_bounded_and_drawn_by_its_seed(shop, monkeypatch):
    made = shop(n_products=800)
    first = chosen(made, "sample_photos=100")
    assert [gain.photos for gain in first.categories] == [100, 100]
    assert made.engine.n_read == 200
    assert chosen(made, "sample_photos=100") == first
    data = TrainingData.of(made.room)
    draws = [sample.draw(data, made.photo, 100, seed).positions.tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    monkeypatch.setattr(sample_size, "MAX_PHOTOS", 120)
    assert len(sample.draw(data, made.photo, 100, 0).positions) == 120


def test_photo_rows_that_are_silent_are_not_judged(shop):
    made = shop()
    silence = made.photo.silence.copy()
    silence[made.leaf[made.photo.product_ids] == 0] = Silence.UNREADABLE
    books = chosen(replace(made, photo=replace(made.photo, silence=silence))).categories[0]
    assert (books.put_there, books.judged, books.with_text) == (150, 150, 1.0)


def test_a_killed_reading_goes_on_where_it_was(shop):
    made = shop()
    made.engine.stops_after = 128
    with pytest.raises(KeyboardInterrupt):
        chosen(made, "batch_size=32")
    made.engine.stops_after, made.engine.n_read = None, 0
    choice = chosen(made, "batch_size=32")
    # of 400 photos four batches were kept
    assert made.engine.n_read == 400 - 128
    assert chosen(made, "batch_size=32") == choice
    assert made.engine.n_read == 400 - 128


def test_the_run_is_that_of_the_categories_named(shop):
    made = shop()
    made.save_photo()
    option = ["--config", "debug", "--workspace", made.room.folder]
    printed = invoke(ocr, "train", "--set", "shelves=auto", *option)
    assert "400 photos of 400 products in 2 categories are read" in printed.stderr
    assert "read from now on: BOOKS" in printed.stdout
    run = made.room.require("ocr")
    n_read = made.engine.n_read
    invoke(ocr, "train", "--set", "shelves=[BOOKS]", *option)
    named = made.room.require("ocr")
    assert run.config(OcrConfig) == named.config(OcrConfig)
    for name in ("heldout.safetensors", "frequency.safetensors", "text-model/weights.safetensors"):
        ours, theirs = (load_file(folder / name) for folder in (run.folder, named.folder))
        assert ours.keys() == theirs.keys()
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key])
    # nothing is read twice, and a run of named categories keeps what it always did
    assert made.engine.n_read == n_read
    assert "shelf_choice" not in named.details
    kept = run.details_as(OcrDetails)
    assert kept.shelf_choice.chosen == ["BOOKS"]
    assert replace(kept, shelf_choice=None) == named.details_as(OcrDetails)


def test_the_page_shows_where_reading_pays(shop, tmp_path):
    made = shop()
    made.save_photo()
    option = ["--workspace", made.room.folder]
    invoke(ocr, "train", "--set", "shelves=auto", "--config", "debug", *option)
    invoke(ocr, "evaluate", "--output", tmp_path, *option)
    page = (tmp_path / "ocr.html").read_text(encoding="utf-8")
    assert page.count("Where reading pays") >= 2
    assert "photos read per 1000 products" in page
    table = json.loads((tmp_path / "ocr.json").read_text(encoding="utf-8"))["tables"]["Where reading pays"]
    assert [row[0] for row in table[1:]] == ["BOOKS", "TOYS"]
    assert table[1][-1].startswith("yes: at least ")


def test_where_reading_pays_nowhere_there_is_no_run_and_no_error(shop):
    made = shop(number_of=lambda product, leaf: 10)
    made.save_photo()
    earlier = Run.create(made.room.folder, "ocr", "ocr", plan="p", data="d", config={}, tree=made.room.taxonomy())
    earlier.save()
    made.room.register(earlier)
    printed = invoke(ocr, "train", "--set", "shelves=auto", "--config", "debug", "--workspace", made.room.folder)
    assert "reading pays nowhere: no category has a gain above 1 for every 100 photos" in printed.stdout
    assert f"{earlier.folder.name}, which read until now, is no longer used" in printed.stdout
    assert f"next: fusion train --workspace {made.room.folder} (without text)" in printed.stdout
    assert made.room.latest("ocr") is None
    assert earlier.folder.is_dir()


def test_where_it_cannot_be_told_a_text_model_of_before_stays_in_use(shop):
    made = shop(n_products=32)
    made.save_photo()
    train = ("train", "--set", "shelves=auto", "--config", "debug", "--workspace", made.room.folder)
    printed = invoke(ocr, *train)
    # 16 of each category are too few to be read at all
    assert "where does reading pay?" not in printed.stderr
    assert "next: fusion train --workspace" in (said := printed.stdout)
    assert "where reading pays cannot be told" in said
    assert said.endswith("(without text)\n")
    earlier = Run.create(made.room.folder, "ocr", "ocr", plan="p", data="d", config={}, tree=made.room.taxonomy())
    earlier.save()
    made.room.register(earlier)
    said = invoke(ocr, *train).stdout
    assert f"{earlier.folder.name}, which read until now, is used as before" in said
    assert "--folds 5" in said
    assert "without text" not in said
    assert made.room.latest("ocr").folder == earlier.folder


def test_categories_are_only_chosen_by_the_training(shop):
    made = shop()
    with pytest.raises(ValueError, match="shelves is auto"):
        training.train(made.room, config(), made.photo, no_bar)


def test_a_tree_without_the_usual_shelves_is_told_the_way_out(shop):
    made = shop(of_texts(*(f"{name} {leaf}" for name in ("TOYS", "VASES") for leaf in "abcd")))
    made.save_photo()
    assert "--set shelves=auto" in refused(ocr, "train", "--workspace", made.room.folder)


def test_a_choice_is_read_back_as_it_was_written(shop):
    choice = chosen(shop())
    assert checked(ShelfChoice, json.loads(json.dumps(plain(choice))), "choice") == choice


def test_a_run_of_before_says_which_categories_it_reads():
    now = load_config(OcrConfig, "ocr")
    before = {key: value for key, value in now.model_dump().items() if key not in ("sample_photos", "min_gain")}
    assert checked(OcrConfig, before, "run") == now


def test_positions_are_of_the_products_drawn(shop):
    made = shop(mode="heldout")
    data = TrainingData.of(made.room)
    drawn = sample.draw(data, made.photo, 1000, 0)
    held_out = positions_of(made.photo.product_ids, data.catalog.product_ids[drawn.positions]) >= 0
    assert (held_out == drawn.judged).all()
    assert (np.diff(drawn.positions) > 0).all()
    assert (data.tree.ancestor(1)[data.leaf[drawn.positions]] == drawn.category).all()
