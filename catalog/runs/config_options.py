"""`--config` and `--set` of the commands that take a configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from catalog.runs.shipped_configs import EXAMPLES, shipped_configs

F = TypeVar("F", bound=Callable[..., Any])


class ConfigOption(click.Option):
    """An option that takes a configuration: its help names those that ship, of which it need not know beforehand."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The names are looked up when the help is asked for: it is the only one that needs the files."""
        record = super().get_help_record(ctx)
        if record is None:
            return None
        # a paragraph of its own, left as it is: wrapped, names would be broken at their hyphens
        return record[0], "\n\n\b\n".join([record[1], "\n".join(["Shipped:", *shipped_configs()])])


def config_option(**attributes: Any) -> Callable[[F], F]:
    """`--config` alone."""
    return click.option("--config", metavar="NAME|FILE", cls=ConfigOption, **attributes)


def config_options(package: str) -> Callable[[F], F]:
    """`--config` and `--set` of a command that reads one package's section."""
    override = f"Override one key: {EXAMPLES[package]}."

    def decorate(function: F) -> F:
        function = click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=override)(function)
        return config_option(help="A shipped configuration, or a YAML file.")(function)

    return decorate
