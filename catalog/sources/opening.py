"""From what a user gives to the source that it names."""

from pathlib import Path

from catalog.sources.address import Address, is_uri
from catalog.sources.bson.file import BsonFile
from catalog.sources.folder.folder import PhotoFolder, tree_in
from catalog.sources.source import Source
from catalog.sources.table.rows import CSV_ENDINGS, PARQUET_ENDINGS
from catalog.sources.table.table import PhotoTable


def tree_for(address: Address, tree: Path | None = None) -> Path | None:
    """CSV of the category tree that goes with a catalogue: the one given, else the one that lies in the folder."""
    if tree is not None or is_uri(address):
        return tree
    return tree_in(Path(address))


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
    if path.suffix.lower() in (*CSV_ENDINGS, *PARQUET_ENDINGS):
        return PhotoTable(path)
    return BsonFile(path)
