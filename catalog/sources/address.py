"""What a user gives as a catalogue."""

from __future__ import annotations

from pathlib import Path

Address = str | Path
"""A path, or `mongodb://host/database.collection`."""
URI_SCHEMES = ("mongodb://", "mongodb+srv://")


def is_uri(address: Address) -> bool:
    """Whether an address names a database, not a path."""
    return isinstance(address, str) and address.startswith(URI_SCHEMES)
