"""`--config` and `--set`: every command's help names the shipped configurations, and a key that is its own."""

from __future__ import annotations

import re

import click
import pytest

from catalog.runs.config import load_config
from catalog.runs.shipped_configs import shipped_configs
from fusion.cli import main as fusion
from fusion.config import FusionConfig
from mosaic.cli import main as mosaic
from mosaic.config import MosaicConfig
from ocr.cli import main as ocr
from ocr.config import OcrConfig
from rayonnage.cli import main as rayonnage
from tests.support.command_line import call

ROOMS = {"mosaic": (mosaic, MosaicConfig), "ocr": (ocr, OcrConfig), "fusion": (fusion, FusionConfig)}


def configured(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    """Names of all commands below a group that take a configuration."""
    found: list[tuple[str, ...]] = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            found += configured(command, *path, name)
        elif command is not None and any("--config" in option.opts for option in command.params):
            found.append((*path, name))
    return found


@pytest.mark.parametrize("words", configured(rayonnage), ids=" ".join)
def test_the_help_of_each_command_names_every_shipped_configuration_and_one_of_its_own_keys(words):
    # in a narrow terminal too, no name is broken
    shown = call(rayonnage, *words, "--help")
    assert set(shipped_configs()) <= set(shown.split())
    if words[0] in ROOMS:
        _, model = ROOMS[words[0]]
        (example,) = re.findall(r"Override one key: (\S+=\S+)\.\s", " ".join(shown.split()) + " ")
        assert load_config(model, words[0], None, [example]) != load_config(model, words[0])


@pytest.mark.parametrize("room", ROOMS)
def test_a_misspelt_override_is_answered_with_a_key_of_that_command(room):
    model = ROOMS[room][1]
    with pytest.raises(ValueError, match="for instance") as refusal:
        load_config(model, room, None, ["3"])
    load_config(model, room, None, [str(refusal.value).rpartition(" ")[2]])
