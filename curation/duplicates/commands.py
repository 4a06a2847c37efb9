"""`catalog duplicates`."""

from pathlib import Path

import click

from catalog.cli_options import (
    PATH,
    SOURCE,
    given_tree,
    note_problems,
    progress_bar,
    say,
    source_options,
    strict_option,
    tree_given,
    tree_options,
)
from catalog.sources.address import Address

DISTANCE = 4
"""Bits of 64; `bench/near_copies.py` measures what each finds."""


@click.command()
@source_options("file", "against")
@click.argument("file", type=SOURCE)
@click.option("--against", type=SOURCE, default=None, help="Look for FILE's photos in this catalogue (train and test).")
@click.option("--near", is_flag=True, help="Decode the photos and find those that look alike as well.")
@click.option("--distance", type=click.IntRange(0, 10), default=DISTANCE, show_default=True,
              help="Bits of 64 in which the hashes of near copies may differ.")  # fmt: skip
@click.option("--max-copies", type=click.IntRange(1), default=20, show_default=True,
              help="A photo on more products than this links nothing.")  # fmt: skip
@click.option("--output", type=PATH, default=Path("duplicates"), show_default=True,
              help="Folder for the table, the summary and the page.")  # fmt: skip
@tree_options
@strict_option
def duplicates(
    file: Address, against: Address | None, near: bool, distance: int, max_copies: int, output: Path,
    tree: Path | None, names: Path | None, lang: str | None, strict: bool,
) -> None:  # fmt: skip
    """Find the photos of FILE that several products share, or that another catalogue has as well."""
    from catalog.sources.opening import open_source, tree_for
    from curation.duplicates.findings import find_duplicates
    from curation.duplicates.summary import summary_text
    from curation.duplicates.writing import FILES, write_findings
    from curation.indexing import open_indexed
    from curation.output_folder import check_output
    from curation.split_tree import tree_shown

    check_output(output, FILES)
    tree = tree_for(file, tree)
    taxonomy = given_tree(tree, names, lang)
    sources = [open_source(address, tree) for address in (file, against) if address is not None]
    with progress_bar("index") as progress:
        catalogs = [open_indexed(source, progress) for source in sources]
    with progress_bar("hash") as progress:
        findings = find_duplicates(
            catalogs,
            near=near,
            radius=distance,
            max_copies=max_copies,
            tree=tree_shown(catalogs[0], taxonomy),
            progress=progress,
        )
    paths = write_findings(findings, output)
    say(summary_text(findings.to_json()))
    note_problems(findings.problems)
    say(f"written: {', '.join(map(str, paths))}")
    # labels that are texts make a tree of their own
    with_tree = tree_given(tree) if tree or findings.tree else " --tree TREE.csv"
    say(f"next: rayonnage fit {catalogs[0]}{with_tree}, which keeps copies together")
    if strict:
        findings.problems.require_none(" and ".join(map(str, catalogs)), told=True)
