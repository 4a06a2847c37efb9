"""From what a user gives to the source that it names."""

from collections.abc import Sequence
from pathlib import Path

from catalog.files.file_kinds import PARQUET_ENDINGS
from catalog.sources.address import Address, is_uri, shown
from catalog.sources.bson.file import BsonFile
from catalog.sources.folder.folder import PhotoFolder, tree_in
from catalog.sources.folder.layout import Layout
from catalog.sources.source import Source
from catalog.sources.table.rows import CSV_ENDINGS
from catalog.sources.table.table import PhotoTable


def tree_for(address: Address, tree: Path | None = None) -> Path | None:
    """CSV of the category tree that goes with a catalogue: the one given, else the one that lies in the folder."""
    if tree is not None or is_uri(address):
        return tree
    return tree_in(Path(address))


def keep_layout(address: Address, layout: Layout) -> None:
    """Keep beside a folder of photos how it is laid out, see `PhotoFolder.keep_layout`.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: the address is of no folder.
    """
    if not is_uri(address) and not Path(address).exists():
        raise FileNotFoundError(f"{address} does not exist: give a folder of photos, or leave out --layout")
    if is_uri(address) or not Path(address).is_dir():
        raise ValueError(f"{shown(address)} is no folder of photos: leave out --layout")
    PhotoFolder(Path(address)).keep_layout(layout)


def is_table(address: Address) -> bool:
    """Whether an address is that of a table, by its ending."""
    return not is_uri(address) and Path(address).suffix.lower() in (*CSV_ENDINGS, *PARQUET_ENDINGS)


def keep_text_columns(address: Address, names: Sequence[str]) -> None:
    """Keep beside a table which of its columns are texts, see `PhotoTable.keep_text_columns`.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: the address is of no table, or the table has no such column.
    """
    if not is_table(address) or Path(address).is_dir():
        raise ValueError(f"{shown(address)} is no table: leave out --text-columns")
    PhotoTable(Path(address)).keep_text_columns(names)


def open_source(address: Address, tree: Path | None = None) -> Source:
    """The source at an address.

    Args:
        tree: CSV of the category tree, for a folder whose class folders are named by the tree's names.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: it is nothing that holds products.
    """
    if is_uri(address):
        # the driver takes longer to import than the rest of the catalogue
        from catalog.sources.mongo.collection import MongoCollection

        return MongoCollection.at(address)
    path = Path(address)
    if path.is_dir():
        return PhotoFolder(path, tree)
    if is_table(path):
        return PhotoTable(path)
    return BsonFile(path)
