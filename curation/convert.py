"""`catalog convert`: the products of one place written to another."""

from dataclasses import dataclass
from pathlib import Path

from catalog.catalog import READ_AHEAD, Catalog
from catalog.files.progress import Progress, in_batches
from catalog.files.wording import plural
from catalog.product import LEFT_OUT, ProblemLog
from catalog.sources.address import Address, is_uri
from catalog.sources.address import shown as shown_address
from catalog.sources.folder.folder import PhotoFolder
from catalog.sources.opening import is_table, open_source
from catalog.sources.photo_sinks import Contents
from catalog.sources.sinks import open_sink
from catalog.tree.taxonomy import Taxonomy


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        problems: all of the source, and what the destination cannot hold.
    """

    destination: str
    n_products: int
    problems: ProblemLog

    def summary(self) -> str:
        """One line for people."""
        n_left = sum(self.problems.counts[kind] for kind in LEFT_OUT)
        left = f"; {n_left} documents, rows or folders were no products of their own and are left out" if n_left else ""
        return f"{self.destination}: {plural(self.n_products, 'product')}{left}"


def convert(
    source: Address,
    destination: Address,
    *,
    tree: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Converted:
    """Write all products of `source` to `destination`, in their order.

    From BSON to BSON every document stays as it is, byte for byte, and so do all fields on the way to MongoDB. Tables
    hold ids, categories, titles, descriptions and photos, folders no texts; ids stay what they are, to the letter.
    Memory stays bounded; a kill leaves nothing under the final name.

    Args:
        tree: CSV of the category tree: reads class folders by name, and names those of a folder that is written.

    Raises:
        FileExistsError: the destination exists, and `overwrite` is off.
        ValueError: one lies in the other, or `tree` has no use.
    """
    opened = open_source(source, tree)
    from_folder, to_path = isinstance(opened, PhotoFolder), not is_uri(destination)
    if to_path:
        _check_apart(opened.address, Path(destination))
    to_folder = to_path and not Path(destination).suffix
    if tree is not None and not (from_folder or to_folder):
        raise ValueError("--tree tells the names of class folders: neither SOURCE nor DESTINATION is a folder")
    taxonomy = Taxonomy.from_csv(tree) if tree is not None and to_folder else None
    # before a large source is looked through: what lies there may not be replaced
    sink_of = open_sink(destination, taxonomy, overwrite)
    catalog = Catalog(opened, progress)
    if to_path:
        sink_of = open_sink(destination, taxonomy, overwrite, _contents(catalog, destination, progress))
    with sink_of as sink:
        for positions in in_batches(range(len(catalog)), READ_AHEAD, progress):
            for document in catalog.raw(positions):
                sink.write(document)
    problems = ProblemLog()
    problems.merge(catalog.problems)
    problems.merge(sink.problems)
    return Converted(shown_address(destination), len(catalog), problems)


def _contents(catalog: Catalog, destination: Address, progress: Progress | None) -> Contents:
    return Contents(
        texts=is_table(destination) and catalog.titles(progress).any,
        text_ids=catalog.ids.name_any(catalog.product_ids),
        text_categories=catalog.ids.name_any(catalog.category_ids),
    )


def _check_apart(source: str, destination: Path) -> None:
    if is_uri(source):
        return
    read, written = Path(source), destination.resolve()
    if read == written or written in read.parents or read in written.parents:
        raise ValueError(f"{destination} and {read} lie in one another: choose another DESTINATION")
