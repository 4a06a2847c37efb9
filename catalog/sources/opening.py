"""From what a user gives to the source that it names."""

from __future__ import annotations

from pathlib import Path

from catalog.sources.address import Address, is_uri
from catalog.sources.bson_file import BsonFile
from catalog.sources.source import Source


def open_source(address: Address) -> Source:
    """The source at an address.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: it is nothing that holds products.
    """
    if isinstance(address, str) and is_uri(address):
        # the driver takes longer to import than the rest of the catalogue
        from catalog.sources.mongo import MongoCollection

        return MongoCollection.at(address)
    path = Path(address)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give the BSON file in it")
    return BsonFile(path)
