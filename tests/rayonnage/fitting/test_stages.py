"""The commands of a recipe are those that a person would give."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from rayonnage.cli import main
from rayonnage.fitting.recipe import Choice, FitSection, Recipe
from rayonnage.fitting.stages import Stage, by_hand, stages_of

HERE = Path("runs")


def stages(fit: FitSection, **sections: dict) -> list[Stage]:
    return stages_of(Recipe(fit=fit, **sections), HERE / "recipe.yaml", HERE)


def parsed(stage: Stage) -> click.Context:
    """Its options as the command takes them; fails on one that there is not."""
    command: click.Command = main
    context = click.Context(main)
    arguments = list(stage.command)
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
    return command.make_context(name, arguments, parent=context)


FULL = FitSection(
    catalog="my shop.csv", tree="tree.csv", names="names.csv", folds=5, group="supplier", min_leaf=3,
    networks=("any", "2", "photos"), read=True,
    choices={
        "mosaic-any": Choice(chosen="Lite0", why="fast", seconds=90), "fusion": Choice(chosen="", why="", seconds=20),
    },
)  # fmt: skip


def test_every_network_that_was_chosen_then_the_words_then_the_head() -> None:
    assert [stage.key for stage in stages(FULL, mosaic={"second_backbone": "tf_efficientnet_lite2"})] == [
        "split", "mosaic-any", "mosaic-2", "mosaic-photos", "ocr", "fusion",
    ]  # fmt: skip
    assert [stage.key for stage in stages(FitSection(catalog="a.bson"))] == ["split", "mosaic-any", "fusion"]


def test_a_model_is_whole_without_the_specialists_and_the_words_but_not_without_the_first_network() -> None:
    optional = [stage.key for stage in stages(FULL) if stage.optional]
    assert optional == ["mosaic-2", "mosaic-photos", "ocr"]
    assert not any(stage.optional for stage in stages(FitSection(catalog="a.bson")))


def test_commands_are_typed_as_printed() -> None:
    lines = by_hand(stages(FULL)).splitlines()
    assert lines[0] == (
        "catalog split 'my shop.csv' --tree tree.csv --names names.csv --folds 5 --group supplier --min-leaf 3 "
        "--workspace runs"
    )
    assert lines[1] == "mosaic train --n-images any --config runs/recipe.yaml --resume --workspace runs"
    assert lines[-1] == "fusion train --config runs/recipe.yaml --workspace runs"
    apart = stages(FitSection(catalog="a.bson", titles_apart=True))[0]
    assert str(apart) == "catalog split a.bson --no-titles --workspace runs"
    assert parsed(apart).params["no_titles"]


@pytest.mark.parametrize("place", range(6))
def test_every_command_has_these_options(place: int) -> None:
    stage = stages(FULL, mosaic={"second_backbone": "tf_efficientnet_lite2"})[place]
    options = parsed(stage).params
    assert options["workspace"] == HERE
    if stage.room != "catalog":
        assert options["config"] == "runs/recipe.yaml"
    if stage.key == "mosaic-photos":
        assert (options["position"], options["init_from"]) == ("any", "none")
        assert options["overrides"] == ("backbone.name=tf_efficientnet_lite2",)


def test_estimates_are_those_of_the_choices_of_the_same_key() -> None:
    assert {stage.key: stage.seconds for stage in stages(FULL) if stage.seconds} == {"mosaic-any": 90, "fusion": 20}
