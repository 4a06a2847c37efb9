"""What is chosen for catalogues that figures are known of, and the sentences where nothing can be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mosaic.linear_limits import MAX_LEAVES_OF_PRODUCTS, MAX_PRODUCTS, is_small_enough
from rayonnage.fitting.planning.choosing import LONGEST, PLANNED, candidates, choose
from rayonnage.fitting.planning.gains import Words
from rayonnage.fitting.planning.needs import peak_memory
from rayonnage.fitting.planning.options import LITE0, LITE2, photo_options
from rayonnage.fitting.recipe import Overlays, Recipe
from tests.rayonnage.fitting.known_catalogues import (
    CDISCOUNT,
    CLOTHES,
    READS_BOOKS,
    SHELF,
    SIXTY,
    machine,
    survey,
)


def seconds_of(recipe: Recipe) -> float:
    return sum(choice.seconds for choice in recipe.fit.choices.values())


def of_shelf(minutes: float) -> Recipe:
    return choose(SHELF, READS_BOOKS, catalog="train.bson", time_s=60 * minutes)


def test_a_shop_of_some_hundred_products_is_held_out_in_turn_and_learns_its_heads_alone():
    recipe = choose(CLOTHES, machine(), catalog="products.csv", time_s=600)
    assert recipe.fit.folds == 5
    assert recipe.photo_config.method == "linear"
    # two backbones that have learnt nothing of the shop see best at the size at which the larger one has learnt
    assert {recipe.photo_config.backbone.name, recipe.photo_config.second_backbone} == {LITE0, LITE2}
    assert recipe.photo_config.photo_size == 260
    assert recipe.fit.read is False
    assert recipe.fit.choices["titles"].chosen == "titles are heard"
    assert recipe.decision_config.title_encoder == "auto"
    assert seconds_of(recipe) <= PLANNED * 600


def test_with_time_for_both_heads_on_frozen_features_and_fine_tuning_compete():
    recipe = choose(CLOTHES, machine(), catalog="products.csv", time_s=2 * 3600)
    assert recipe.photo_config.method == "auto"
    assert recipe.photo_config.photo_size >= 224
    assert "products that are held out decide" in recipe.fit.choices["mosaic-any"].why
    # what a ready-made network sees serves all counts; a count's own network is made where learning is sure
    assert set(recipe.fit.networks) == {"any", "photos"}
    assert recipe.photo_config.train_photo_size == recipe.photo_config.photo_size


def test_the_time_that_is_advised_is_enough_for_what_was_left_out():
    short = of_shelf(5)
    assert short.fit.wanted_s is not None
    longer = of_shelf(short.fit.wanted_s / PLANNED / 60)
    assert {longer.photo_config.backbone.name, longer.photo_config.second_backbone} == {LITE0, LITE2}
    assert longer.photo_config.training.epochs == 12
    assert longer.fit.wanted_s is None or longer.fit.wanted_s > short.fit.wanted_s
    assert not any("asking labelled" in choice.instead for choice in longer.fit.choices.values())


def test_little_memory_chooses_what_it_holds_and_not_what_would_be_best():
    recipe = choose(CLOTHES, machine(), catalog="products.csv", time_s=2 * 3600, memory_bytes=10**9)
    assert recipe.photo_config.method == "linear"
    assert peak_memory(recipe, machine(), CLOTHES) <= 10**9


def test_words_that_were_read_on_one_shelf_are_not_believed_of_the_others():
    """The time for reading was over after the photos of the largest."""
    recipe = choose(SHELF, machine({"BOOKS": 6.9}, words_per_photo=6.9), catalog="train.bson", time_s=1800)
    limits = recipe.photo_config.training.shelf_limits
    assert not {"FRUIT", "VEGETABLES", "PACKAGES"} & set(limits)
    assert "FRUIT" not in recipe.fit.choices["ocr"].why


@pytest.mark.parametrize("method", ["linear", "auto"])
def test_a_method_that_is_settled_is_done_as_it_is_chosen_by_itself(method):
    given = Overlays(mosaic={"method": method})
    recipe = choose(SHELF, READS_BOOKS, catalog="train.bson", time_s=9000, given=given)
    assert recipe.photo_config.method == method
    assert recipe.photo_config.training.shelf_limits == {"BOOKS": 20}
    assert set(recipe.fit.networks) <= {"any", "photos"}


def test_a_second_network_that_is_settled_has_a_backbone_or_is_refused():
    given = Overlays(fit={"networks": ["any", "photos"]})
    recipe = choose(SHELF, READS_BOOKS, catalog="train.bson", time_s=900, given=given)
    assert recipe.photo_config.second_backbone in (LITE0, LITE2)
    one = replace(READS_BOOKS, backbones={LITE0: READS_BOOKS.backbones[LITE0]})
    with pytest.raises(ValueError, match=r"no other backbone .* give mosaic\.second_backbone"):
        choose(SHELF, one, catalog="train.bson", time_s=900, given=given)


def test_a_size_that_is_settled_is_the_size_of_training_too():
    given = Overlays(mosaic={"photo_size": 224, "method": "fine-tune"})
    config = choose(CLOTHES, machine(), catalog="products.csv", time_s=7200, given=given).photo_config
    assert (config.photo_size, config.train_photo_size, config.source_size) == (224, 224, 252)
    given = Overlays(mosaic={"source_size": 180, "method": "fine-tune"})
    config = choose(CLOTHES, machine(), catalog="products.csv", time_s=7200, given=given).photo_config
    assert (config.photo_size, config.train_photo_size, config.source_size) == (160, 160, 180)


def test_books_are_read_first_and_more_of_them_the_more_time_there_is():
    five, fifteen, forty_five = map(of_shelf, (5, 15, 45))
    for recipe in (five, fifteen, forty_five):
        assert recipe.fit.read
        assert recipe.fit.folds is None
    assert five.reading_config.shelves == ["BOOKS"]
    assert five.reading_config.text.texts_per_leaf < 130 <= fifteen.reading_config.text.texts_per_leaf
    assert five.fit.choices["ocr"].instead.startswith("reading more of the photos: about")
    # a head needs few of what words tell
    assert five.photo_config.method == "linear"
    assert five.photo_config.training.shelf_limits == {"BOOKS": 20}
    # as configs/shelf.yaml
    assert forty_five.photo_config.method == "fine-tune"
    assert {forty_five.photo_config.backbone.name, forty_five.photo_config.second_backbone} == {LITE0, LITE2}
    assert forty_five.fit.networks == ("any", "photos")
    assert forty_five.photo_config.training.shelf_limits["BOOKS"] < 10


def test_where_there_is_no_time_to_read_many_books_a_few_of_each_genre_are_read():
    slow = {name: speed.times(2.0) for name, speed in READS_BOOKS.backbones.items()}
    half_as_fast = replace(READS_BOOKS, backbones=slow, read_s=0.18, decode_s=0.002, start_s=10.0, slowness=2.0)
    recipe = choose(SHELF, half_as_fast, catalog="train.bson", time_s=270)
    assert recipe.fit.read
    assert recipe.reading_config.text.texts_per_leaf <= 10
    assert seconds_of(recipe) <= PLANNED * 270


def test_shelves_known_for_their_words_are_read_though_no_trial_was_made():
    recipe = choose(SHELF, machine(read_s=0.0), catalog="train.bson", time_s=2700)
    assert recipe.fit.read
    assert "BOOKS" in recipe.fit.choices["ocr"].chosen


def test_where_some_words_were_seen_a_sample_tells_whether_reading_pays():
    words = machine({"Men": 0.2, "Women": 3.5})
    recipe = choose(CLOTHES, words, catalog="products.csv", quality="best")
    assert recipe.reading_config.shelves == "auto"
    assert recipe.fit.choices["ocr"].chosen.startswith("a sample of each category is read")


def test_what_there_is_no_time_for_is_told_with_what_it_would_bring():
    recipe = choose(SHELF, machine(READS_BOOKS.words_of_shelf, read_s=3.0), catalog="train.bson", time_s=600)
    assert not recipe.fit.read
    note = recipe.fit.choices["reading"]
    assert "there is no time for it" in note.why
    assert note.instead.startswith("reading the photos: about")
    assert note.instead.endswith("more")


@pytest.mark.parametrize("n", [12, 24, 60])
def test_some_dozens_of_products_are_all_held_out_and_learnt_from(n):
    few = survey((0, n, 0, 0, 0), [("a", n // 2, n // 2, 2), ("b", n // 2, n // 2, 2)], [n // 4] * 4)
    recipe = choose(few, machine(), catalog="few.csv")
    assert recipe.fit.folds == 5
    # a part may be smaller than the others
    assert recipe.photo_config.min_products <= 0.8 * n * 0.8
    assert recipe.decision_config.head_folds == (2 if n < 40 else 5)
    assert recipe.fit.networks[0] == "any"
    assert not {"1", "2", "3", "4"} & set(recipe.fit.networks)


def test_of_seven_million_products_a_part_is_learnt_from_in_a_night_and_the_weeks_for_more_are_told():
    recipe = choose(CDISCOUNT, machine(), catalog="train.bson")
    config = recipe.photo_config
    assert seconds_of(recipe) <= LONGEST
    assert config.method == "fine-tune"
    assert config.training.products_per_leaf is not None
    assert (recipe.fit.folds, recipe.decision_config.neighbours) == (None, "off")
    assert "weeks more" in recipe.fit.choices["mosaic-any"].instead
    with pytest.raises(ValueError, match=r"60 min are too short: .* 7,069,896 products .* takes about \d+ h"):
        choose(CDISCOUNT, machine(), catalog="train.bson", time_s=3600)


def test_what_takes_longer_than_a_night_at_the_least_is_not_begun_without_a_time():
    slow = machine(slowness=100.0, decode_s=1.0)
    with pytest.raises(ValueError, match=r"7,069,896 products with .* photos take \d+ .* at the least .*--time"):
        choose(CDISCOUNT, slow, catalog="train.bson")


def test_one_photo_each_needs_no_network_for_a_count():
    single = survey((0, 3000, 0, 0, 0), [("a", 3000, 3000, 30)], [100] * 30)
    recipe = choose(single, machine(), catalog="c", quality="best")
    assert set(recipe.fit.networks) <= {"any", "photos"}


def test_titles_without_photos_are_refused():
    titled = survey((500, 0, 0, 0, 0), [], [50] * 10, n_titled=500, n_distinct_titles=500)
    with pytest.raises(ValueError, match=r"shop\.csv: no product with a category has a photo"):
        choose(titled, machine(), catalog="shop.csv")


def test_too_short_a_time_is_refused_with_the_least_that_can_be_done():
    with pytest.raises(ValueError, match=r"10 s are too short: the least .* takes about .* give --time \d+"):
        of_shelf(1 / 6)


def test_what_is_given_is_obeyed_and_what_is_chosen_fits_around_it():
    given = Overlays(
        fit={"folds": 3, "read": False, "networks": ["any", 2]},
        mosaic={"method": "fine-tune", "photo_size": 64, "train_photo_size": 64, "training": {"epochs": 2}},
        fusion={"neighbours": "off", "target_precision": 0.7},
    )
    recipe = choose(SHELF, READS_BOOKS, catalog="c", time_s=3600, given=given)
    assert (recipe.fit.folds, recipe.fit.held_out, recipe.fit.read) == (3, None, False)
    assert recipe.fit.networks == ("any", "2")
    config = recipe.photo_config
    assert (config.photo_size, config.training.epochs, config.method) == (64, 2, "fine-tune")
    assert (recipe.decision_config.neighbours, recipe.decision_config.target_precision) == ("off", 0.7)
    longer = given.model_copy(update={"mosaic": {**given.mosaic, "training": {"epochs": 4}}})
    other = choose(SHELF, READS_BOOKS, catalog="c", time_s=3600, given=longer)
    # the estimate is of what is given: twice the rounds
    assert other.fit.choices["mosaic-any"].seconds > 1.5 * recipe.fit.choices["mosaic-any"].seconds


def test_a_network_for_one_image_count_that_is_given_is_one_that_learns():
    recipe = choose(CLOTHES, machine(), catalog="c", time_s=3600, given=Overlays(fit={"networks": ["any", 2]}))
    assert recipe.photo_config.method != "linear"
    assert recipe.fit.networks == ("any", "2")


def test_reading_that_is_given_and_does_not_fit_into_the_memory_is_refused_with_what_it_takes():
    with pytest.raises(ValueError, match=r"reading is asked for, and takes .* GB of memory where 500 MB may be used"):
        choose(CLOTHES, machine(), catalog="c", memory_bytes=500 * 10**6, given=Overlays(fit={"read": True}))


def test_products_of_one_title_are_split_as_they_were_looked_at():
    assert choose(replace(CLOTHES, titles_apart=True), machine(), catalog="c").fit.titles_apart
    assert not choose(CLOTHES, machine(), catalog="c").fit.titles_apart


def test_reading_that_is_given_is_planned_though_no_words_were_seen():
    given = Overlays(fit={"read": True}, ocr={"shelves": ["Men"]})
    recipe = choose(CLOTHES, machine(), catalog="c", given=given)
    assert recipe.fit.read
    assert recipe.reading_config.shelves == ["Men"]
    assert recipe.fit.choices["ocr"].seconds > 0


@pytest.mark.parametrize(
    ("quality", "mosaic", "measured"),
    [
        ("fast", {}, (LITE0,)),
        ("best", {}, (LITE0, LITE2)),
        ("best", {"backbone": {"name": "resnet50.tv_in1k"}}, ("resnet50.tv_in1k",)),
        ("fast", {"second_backbone": LITE2}, (LITE0, LITE2)),
    ],
)
def test_what_may_be_chosen_is_what_has_to_be_measured(quality, mosaic, measured):
    assert candidates(quality, Overlays(mosaic=mosaic)) == measured


def test_the_group_is_the_one_that_is_given_or_was_found():
    assert choose(SIXTY, machine(), catalog="c", group="supplier").fit.group == "supplier"
    found = replace(SIXTY, group_column="article")
    recipe = choose(found, machine(), catalog="c")
    assert recipe.fit.group == "article"
    assert "article" in recipe.fit.choices["group"].chosen


def test_every_choice_says_why():
    for recipe in (of_shelf(5), of_shelf(45), choose(CLOTHES, machine(), catalog="c")):
        for key, choice in recipe.fit.choices.items():
            assert choice.chosen, key
            assert choice.why, key


def test_heads_on_frozen_features_are_planned_for_as_many_products_as_are_accepted():
    assert (MAX_PRODUCTS, MAX_LEAVES_OF_PRODUCTS) == (50_000, 40_000_000)
    assert is_small_enough(50_000, 800)
    assert not is_small_enough(50_001, 1)
    assert not is_small_enough(50_000, 801)
    for catalogue, accepted in ((SHELF, True), (CDISCOUNT, False)):
        planned = photo_options(catalogue, machine(), Words.of(machine(), catalogue), is_read=False)
        assert any(overlay["method"] == "linear" for overlay, _ in planned) is accepted


@pytest.mark.parametrize(("lots", "parts"), [(60, 5), (9, 3), (4, 2), (2, 2)])
def test_there_are_no_more_parts_than_lots_of_linked_products(lots, parts):
    assert choose(replace(SIXTY, n_groups=lots), machine(), catalog="shop.csv").fit.folds == parts


def test_a_large_shop_of_four_lots_is_dealt_into_two_parts():
    fit = choose(replace(SHELF, n_groups=4), READS_BOOKS, catalog="shop.csv").fit
    assert (fit.folds, fit.held_out) == (2, None)
