"""A recipe is read back as it was written, and what is wrong in a changed one is named."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.runs.config import load_config
from catalog.runs.shipped_configs import shipped_configs
from mosaic.config import MosaicConfig
from rayonnage.fitting.recipe import Choice, FitSection, Overlays, Recipe, given_recipe

WORDS = st.text(max_size=300)
SECONDS = st.floats(0, 1e9)
CHOICES = st.dictionaries(
    st.text(max_size=20), st.builds(Choice, chosen=WORDS, why=WORDS, seconds=SECONDS, instead=WORDS), max_size=3
)
PARTS = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"folds": st.integers(2, 20)}),
    st.fixed_dictionaries({"held_out": st.floats(0.01, 0.5)}),
)
SECTIONS = st.builds(
    lambda parts, **keys: FitSection(**parts, **keys),
    PARTS,
    catalog=WORDS, tree=st.none() | WORDS, names=st.none() | WORDS, group=st.none() | WORDS,
    time_s=st.none() | st.floats(0.001, 1e9), quality=st.sampled_from(["fast", "balanced", "best"]),
    networks=st.sampled_from([("any",), ("any", "2", "photos"), ("any", "1", "2", "3", "4")]),
    read=st.booleans(), choices=CHOICES,
)  # fmt: skip
MOSAIC = st.fixed_dictionaries(
    {},
    optional={
        "backbone": st.fixed_dictionaries({"name": WORDS}),
        "second_backbone": st.none() | WORDS,
        "training": st.fixed_dictionaries(
            {"lr": st.floats(1e-300, 1e300)}, optional={"shelf_limits": st.dictionaries(WORDS, st.integers(1, 9))}
        ),
        "photos_per_batch": st.integers(1, 10**6),
    },
)
OCR = st.fixed_dictionaries({}, optional={"shelves": st.lists(WORDS, min_size=1) | st.just("auto")})
FUSION = st.fixed_dictionaries({}, optional={"neighbours": st.sampled_from(["auto", "on", "off"])})
RECIPES = st.builds(Recipe, fit=SECTIONS, mosaic=MOSAIC, ocr=OCR, fusion=FUSION).filter(
    lambda recipe: "photos" not in recipe.fit.networks or recipe.mosaic.get("second_backbone") is not None
)
SMALL = Recipe(fit=FitSection(catalog="train.bson", folds=5), mosaic={"seed": 1})


@given(RECIPES)
@example(Recipe(fit=FitSection(catalog="a\x85b\u2028 c\ud800"), ocr={"shelves": ["\x85"]}))
@settings(max_examples=25, deadline=None)
def test_a_recipe_is_read_back_exactly(tmp_path_factory, recipe):
    path = tmp_path_factory.mktemp("recipes") / "recipe.yaml"
    recipe.save(path)
    assert Recipe.load(path) == recipe
    assert Recipe.load(path).digest() == recipe.digest()


def test_single_commands_take_a_recipe_as_their_configuration(tmp_path):
    SMALL.save(tmp_path / "recipe.yaml")
    assert load_config(MosaicConfig, "mosaic", str(tmp_path / "recipe.yaml")) == SMALL.photo_config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fit: {catalog: a, fold: 3}", r"unknown key 'fit.fold'; did you mean 'folds'"),
        ("fit: {folds: 1}", r"fit.folds: .*got 1"),
        ("fit: {fold: 3}", r"unknown key 'fit.fold'; did you mean 'folds'"),
        ("fit: {catalog: a, folds: 3, held_out: 0.2}", r"folds and held_out are both given"),
        ("fit: {catalog: a, networks: [any, 5]}", r"fit.networks.1: .*got .5"),
        ("fit: {catalog: a, networks: [2]}", r"`any` first"),
        ("fit: {catalog: a, networks: [any, photos]}", r"give mosaic.second_backbone, or leave `photos` out"),
        ("fit: {catalog: a, time_s: -1}", r"fit.time_s: .*got -1"),
        (
            "fit: {catalog: a, choices: {folds: {chosn: b, why: c}}}",
            r"'fit.choices.folds.chosn'; did you mean 'chosen'",
        ),
        ("fit: {catalog: a}\nmosaic: {trainin: {}}", r"section mosaic:\n.*'trainin'; did you mean 'training'"),
        ("ocr: {sample_photos: 3}", r"section ocr:\n.*sample_photos: .*100"),
        ("fusion: {neighbours: perhaps}", r"section fusion:\n.*neighbours"),
        ("fits: {catalog: a}", r"unknown section 'fits'; did you mean 'fit'"),
        ("fit: 3", r"section fit is 3"),
        ("[1", r"not YAML"),
        ("fit: {catalog: " + "a" * 2**20 + "}", r"larger than a configuration"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(tmp_path, text, said):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said) as error:
        given_recipe(str(path))
    assert "mine.yaml" in str(error.value)


def test_networks_may_be_written_as_numbers(tmp_path):
    (tmp_path / "mine.yaml").write_text("fit: {catalog: a, networks: [any, 2]}")
    assert Recipe.load(tmp_path / "mine.yaml").fit.networks == ("any", "2")


@pytest.mark.parametrize("name", shipped_configs())
def test_every_configuration_of_ours_is_a_recipe_that_leaves_the_rest_to_fit(name):
    assert isinstance(given_recipe(name), Overlays)


def test_a_configuration_without_choices_is_not_taken_for_a_recipe(tmp_path):
    (tmp_path / "mine.yaml").write_text("fit: {folds: 3}\nmosaic: {seed: 1}\n")
    assert given_recipe(str(tmp_path / "mine.yaml")) == Overlays(fit={"folds": 3}, mosaic={"seed": 1})
    with pytest.raises(ValueError, match="names no catalogue"):
        Recipe.load(tmp_path / "mine.yaml")


@pytest.mark.parametrize(
    "changed",
    [
        {"choices": {"folds": Choice(chosen="five", why="few")}},
        {"time_s": 600.0},
        {"quality": "best"},
        {"catalog": "elsewhere/train.bson"},
    ],
)
def test_notes_for_people_leave_the_digest_as_it_is(changed):
    fit = SMALL.fit.model_copy(update=changed)
    assert SMALL.model_copy(update={"fit": fit}).digest() == SMALL.digest()


@pytest.mark.parametrize("changed", [{"folds": 4}, {"read": True}, {"networks": ("any", "1")}, {"min_leaf": 3}])
def test_what_changes_the_model_changes_the_digest(changed):
    fit = SMALL.fit.model_copy(update=changed)
    assert SMALL.model_copy(update={"fit": fit}).digest() != SMALL.digest()
    assert SMALL.model_copy(update={"mosaic": {"seed": 2}}).digest() != SMALL.digest()


def test_a_default_that_is_written_out_is_the_same_recipe():
    same = SMALL.model_copy(update={"mosaic": {"seed": 1, "photo_size": 160}})
    assert same.digest() == SMALL.digest()


def test_a_saved_recipe_says_what_it_is_and_reads_downward(tmp_path):
    text = SMALL.to_yaml()
    assert text.startswith("# What `rayonnage fit` does")
    assert list(yaml.safe_load(text)) == ["fit", "mosaic"]
    assert "networks: [any]" in text
