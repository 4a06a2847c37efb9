"""`rayonnage search index | add | remove | compact | query | similar | evaluate | info`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from catalog.cli_options import (
    PATH,
    SOURCE,
    command_line,
    lang_option,
    note,
    note_problems,
    progress_bar,
    resumable,
    say,
    source_options,
    strict_option,
    workspace_option,
)
from catalog.sources.address import Address
from search.query.commands import query, similar

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.runs.workspace import Workspace
    from search.indexing.catalog_index import Indexed

index_option = click.option(
    "--index", "folder", type=PATH, help="Folder of the index; default: the workspace's, search."
)


@command_line()
def main(verbose: bool) -> None:
    """Find the same or a similar product among millions, by its photos and the text on them."""


@main.command()
@source_options("catalog")
@click.argument("catalog", type=SOURCE)
@click.option("--output", type=PATH, help="Folder for the index; default: the workspace's, search.")
@click.option("--kind", type=click.Choice(["auto", "exact", "compressed"]), default="auto", show_default=True,
              help="Compare with all vectors, or with compressed ones of the likely cells; auto: by size.")  # fmt: skip
@click.option("--whiten", type=click.Choice(["auto", "on", "off"]), default="auto", show_default=True,
              help="Let what the photos of one product have in common count more; auto: if it finds more.")  # fmt: skip
@click.option("--read", is_flag=True, help="Read the words on photos, and compare them if that finds more.")
@click.option("--qdrant", metavar="http://HOST:6333", default=None,
              help="Keep the vectors on this Qdrant server, which the folder remembers.")  # fmt: skip
@click.option("--backbone", is_flag=True, help="By the network before any training: no run is needed.")
@click.option("--overwrite", is_flag=True, help="Make the index anew, whatever lies there.")
@workspace_option
@strict_option
def index(
    catalog: Address, output: Path | None, kind: Literal["auto", "exact", "compressed"],
    whiten: Literal["auto", "on", "off"], read: bool, qdrant: str | None, backbone: bool, overwrite: bool,
    workspace: Path, strict: bool,
) -> None:  # fmt: skip
    """Index the photos of CATALOG, or let the index that is there become like it.

    What is new is added, what has changed replaced, what has gone removed; what was added from other catalogues stays.
    Killed, the same command goes on.
    """
    from catalog.runs.workspace import Workspace
    from search.indexing.backend import QdrantPlace
    from search.indexing.building import IndexOptions
    from search.indexing.catalog_index import index_catalog
    from search.indexing.embedders import embedder_of
    from search.indexing.place import IndexPlace

    room, server = Workspace(workspace), None if qdrant is None else QdrantPlace.parse(qdrant)
    opened = _opened(room, catalog)
    # an index that is there goes on with the network that it was made by
    backbone = backbone or not (overwrite or IndexPlace.of(room, output).is_trained)
    embedder = embedder_of(room, is_trained=not backbone)
    options = IndexOptions(kind, whiten, read, backbone=backbone, overwrite=overwrite, server=server)
    with resumable():
        done = index_catalog(room, opened, embedder, output, options, bar=progress_bar)
    _tell(done, opened, strict=strict)


@main.command()
@source_options("catalog")
@click.argument("catalog", type=SOURCE)
@index_option
@workspace_option
@strict_option
def add(catalog: Address, folder: Path | None, workspace: Path, strict: bool) -> None:
    """Add the products of another CATALOG to the index; one that is there with other photos is replaced."""
    from catalog.runs.workspace import Workspace
    from search.indexing.catalog_index import add_catalog
    from search.indexing.embedders import embedder_of
    from search.indexing.place import IndexPlace

    room = Workspace(workspace)
    place = IndexPlace.of(room, folder)
    place.require()
    opened = _opened(room, catalog)
    embedder = embedder_of(room, is_trained=place.is_trained)
    with resumable():
        done = add_catalog(room, opened, embedder, folder, bar=progress_bar)
    _tell(done, opened, strict=strict)


@main.command()
@click.argument("products", nargs=-1)
@click.option("--file", type=PATH, metavar="CSV", help="Products of this CSV, too: column product_id or _id.")
@index_option
@workspace_option
def remove(products: tuple[str, ...], file: Path | None, folder: Path | None, workspace: Path) -> None:
    """Forget PRODUCTS, given by their ids; the next `search index` of a catalogue that has them takes them in again."""
    from catalog.files.wording import plural
    from catalog.runs.workspace import Workspace
    from search.indexing.catalog_index import products_listed, remove_products
    from search.indexing.place import IndexPlace

    if not products and file is None:
        raise ValueError("give the ids of products, or a CSV of them (--file)")
    place = IndexPlace.of(Workspace(workspace), folder)
    numbers, unknown = products_listed(place, products, file)
    for line in unknown:
        note(line)
    n_removed = remove_products(place, numbers)
    say(f"{plural(n_removed, 'product')} removed: {place.folder}")


@main.command()
@index_option
@workspace_option
def compact(folder: Path | None, workspace: Path) -> None:
    """Write the index anew without what was removed or replaced; searches go on meanwhile."""
    from catalog.runs.workspace import Workspace
    from search.indexing.catalog_index import compact as compact_index
    from search.indexing.place import IndexPlace

    place = IndexPlace.of(Workspace(workspace), folder)
    with progress_bar("compact") as progress:
        before, after = compact_index(place, progress)
    say(f"{before / 1e6:,.1f} MB became {after / 1e6:,.1f} MB: {place.folder}")


@main.command()
@index_option
@workspace_option
def info(folder: Path | None, workspace: Path) -> None:
    """What the index holds: products, network, catalogues, how it searches."""
    from catalog.runs.workspace import Workspace
    from search.indexing.index_info import info as info_of
    from search.indexing.place import IndexPlace

    say(info_of(IndexPlace.of(Workspace(workspace), folder)))


@main.command()
@source_options("queries", "distractors")
@click.argument("queries", type=SOURCE)
@click.option("--truth", type=PATH, required=True, metavar="CSV",
              help="A row for each pair of a query and a true match: query_product_id,match_product_id.")  # fmt: skip
@click.option("--distractors", type=SOURCE, help="A catalogue of products that match no query, searched as well.")
@click.option("--output", type=PATH, help="Folder for the report; default: the workspace's, reports.")
@index_option
@lang_option
@workspace_option
def evaluate(
    queries: Address, truth: Path, distractors: Address | None, output: Path | None, folder: Path | None,
    lang: str | None, workspace: Path,
) -> None:  # fmt: skip
    """Measure the index on the products of a catalogue QUERIES whose matches are known: recall, and a page."""
    from catalog.runs.workspace import Workspace
    from search.evaluation.index_evaluation import evaluate_index
    from search.indexing.place import IndexPlace

    room = Workspace(workspace)
    place = IndexPlace.of(room, folder)
    place.require()
    measured, page = evaluate_index(
        room, place, _opened(room, queries), truth, output or room.folder / "reports",
        distractors=None if distractors is None else _opened(room, distractors), lang=lang, bar=progress_bar,
    )  # fmt: skip
    say(measured.text)
    say(f"report: {page}")


@main.command()
@source_options("queries")
@click.argument("queries", type=SOURCE)
@click.option("--truth", type=PATH, required=True, metavar="CSV",
              help="A row for each pair of a query and a true match: query_product_id,match_product_id.")  # fmt: skip
@index_option
@workspace_option
def learn(queries: Address, truth: Path, folder: Path | None, workspace: Path) -> None:
    """Learn what titles weigh beside photos from QUERIES whose matches are known; kept where it finds more."""
    from catalog.runs.workspace import Workspace
    from search.evaluation.text_learning import learn_titles
    from search.indexing.place import IndexPlace

    room = Workspace(workspace)
    place = IndexPlace.of(room, folder)
    place.require()
    told, problems = learn_titles(room, place, _opened(room, queries), truth, bar=progress_bar)
    note_problems(problems)
    say(told)


main.add_command(query)
main.add_command(similar)


def _opened(workspace: Workspace, address: Address) -> Catalog:
    with progress_bar("read") as progress:
        return workspace.open(address, progress)


def _tell(done: Indexed, catalog: Catalog, *, strict: bool) -> None:
    note_problems(done.problems)
    say(done.text())
    if done.n_removed > done.n_photos:
        note(f"most of the index is what was removed or replaced: rayonnage search compact{done.place.option}")
    say(f"next: rayonnage search query PHOTO{done.place.option}")
    if strict:
        done.problems.require_none(str(catalog), told=True)
