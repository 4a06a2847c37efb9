"""What a user gives as a catalogue."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def signed_in(address: Address) -> Iterator[None]:
    """Meanwhile commands that are told `shown(address)` have the user name and password that stand in a URI.

    They are in the environment of this process, and of those that it starts, alone.
    """
    from catalog.sources.mongo.address import PASSWORD, USERNAME, MongoAddress

    given = MongoAddress.parse(address) if is_uri(address) else None
    names = {} if given is None else {USERNAME: given.username, PASSWORD: given.password}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: value for name, value in names.items() if value is not None})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
