"""What a user gives as a catalogue."""

from pathlib import Path
from typing import TypeGuard

Address = str | Path
"""A path, or `mongodb://host/database.collection`."""
URI_SCHEMES = ("mongodb://", "mongodb+srv://")


def is_uri(address: Address) -> TypeGuard[str]:
    """Whether an address names a database, not a path."""
    return isinstance(address, str) and address.startswith(URI_SCHEMES)


def shown(address: Address) -> str:
    """An address for messages and files: a URI without credentials. Raises ValueError when it names no collection."""
    from catalog.sources.mongo.address import MongoAddress

    return str(MongoAddress.parse(address)) if is_uri(address) else str(address)
