"""`catalog convert`."""

from pathlib import Path

import click

from catalog.cli_options import SOURCE, note_problems, progress_bar, say, source_options, tree_option
from catalog.sources.address import Address


@click.command("convert")
@source_options("source")
@click.argument("source", type=SOURCE)
@click.argument("destination", type=SOURCE)
@tree_option
@click.option("--overwrite", is_flag=True, help="Replace what was written there before.")
def convert_command(source: Address, destination: Address, tree: Path | None, overwrite: bool) -> None:
    """Write the products of SOURCE to DESTINATION.

    Each is a BSON file (NAME.bson), a folder of photos (class/.../product/1.jpg), a table of photo paths (NAME.csv or
    NAME.parquet) or a MongoDB collection (mongodb://HOST/DATABASE.COLLECTION).
    """
    from curation.convert import convert

    with progress_bar("convert") as progress:
        written = convert(source, destination, tree=tree, overwrite=overwrite, progress=progress)
    note_problems(written.problems)
    say(written.summary())
    say(f"next: catalog info {written.destination}")
