"""The `rayonnage` command line: every command of every room behind one door."""

from importlib import import_module
from typing import cast

import click

from catalog.cli_options import PlainErrors, command_line

COMMANDS = {
    "demo": "rayonnage.commands:demo",
    "fit": "rayonnage.fitting.command:fit",
    "predict": "fusion.cli:predict",
    "evaluate": "fusion.cli:evaluate",
    "serve": "rayonnage.web.command:serve",
    "token": "rayonnage.web.command:token",
    "report": "rayonnage.commands:report",
    "doctor": "rayonnage.commands:doctor",
    "catalog": "curation.cli:main",
    "mosaic": "mosaic.cli:main",
    "ocr": "ocr.cli:main",
    "search": "search.cli:main",
    "fusion": "fusion.cli:main",
}
"""Where each command is defined, in the order in which a newcomer meets them."""


class Doors(PlainErrors):
    """Commands that are imported when they are called: one room that cannot be imported closes no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of that name; `click.NoSuchCommand` names the ones that are spelt alike."""
        if cmd_name not in COMMANDS:
            raise click.NoSuchCommand(cmd_name, possibilities=COMMANDS, ctx=ctx)
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        return cast(click.Command, getattr(import_module(module), attribute))


@command_line(Doors)
def main(verbose: bool) -> None:
    """Put every product of a shop on its shelf: from its photos, and the text on them, to its category.

    See the whole job on a drawn catalogue: rayonnage demo. On your own: rayonnage fit, then rayonnage predict, evaluate
    and serve.
    """
