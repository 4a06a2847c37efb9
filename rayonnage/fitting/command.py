"""`rayonnage fit`."""

from __future__ import annotations

from typing import Any

import click

from catalog.cli_options import SOURCE, names_option, source_options, tree_option, workspace_option
from rayonnage.fitting.amounts import bytes_of, seconds_of


class _Time(click.ParamType[float]):
    """`30m`, see `seconds_of`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return seconds_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Memory(click.ParamType[int]):
    """`4GB`, see `bytes_of`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return bytes_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


INTERRUPTED = 128 + 2
"""Exit status of what Ctrl-C has ended."""


@click.command()
@source_options("catalog")
@click.argument("catalog", type=SOURCE)
@tree_option
@names_option
@click.option("--group", metavar="COLUMN",
              help="Keep products of equal COLUMN (article, supplier) together when some are set aside to be tested "
              "on; default: a column that seems to name the article, else titles.")  # fmt: skip
@click.option("--time", "time_s", type=_Time(), metavar="TIME",
              help="How long it may take: 30m, 1h30, 90s. Default: as long as what pays takes.")  # fmt: skip
@click.option("--quality", type=click.Choice(["fast", "balanced", "best"]), default="balanced", show_default=True,
              help="How much is done where time is not what limits it.")  # fmt: skip
@click.option("--memory", "memory_bytes", type=_Memory(), metavar="SIZE",
              help="Memory that may be used: 4GB. Default: what is free.")  # fmt: skip
@click.option("--recipe", metavar="NAME|FILE",
              help="Obey this: a recipe.yaml of an earlier fit, changed or not, or any configuration; what it does not "
              "say is chosen as ever.")  # fmt: skip
@workspace_option
@click.option("--overwrite", is_flag=True, help="A plan of another catalogue in the workspace gives way; runs stay.")
@click.option("--dry-run", is_flag=True, help="Look, measure and choose, tell, and write nothing.")
def fit(dry_run: bool, **options: Any) -> None:
    """Make a working model of the labelled CATALOG: one command, within the time that is given.

    Looks at the catalogue, says what it will do and how long that takes here, trains the networks that pay, reads where
    that pays, weighs all opinions, and ends with how good it is and what would help most. Killed or stopped, the same
    command goes on from there.
    """
    from rayonnage.fitting.fit import fit_catalog, try_fit
    from rayonnage.fitting.request import FitRequest

    request = FitRequest(**options)
    if dry_run:
        try_fit(request)
        return
    try:
        fit_catalog(request)
    except KeyboardInterrupt:
        click.get_current_context().exit(INTERRUPTED)
