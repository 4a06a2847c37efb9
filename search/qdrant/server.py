"""The connection to a Qdrant server, and its faults as sentences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from search.contract import IndexIdentity

KEY = "QDRANT_API_KEY"
"""Environment variable with the key, where the server asks for one: on a command line everybody would see it."""
IN_MEMORY = ":memory:"
"""Instead of an address: points in this process, for tests."""
TIMEOUT = 60
"""Seconds that the server may take for an answer: while it takes in vectors, it is slow to find any."""
NOT_FOUND = 404


def connect(address: str) -> QdrantClient:
    """A client of the server at an address (`http://qdrant:6333`), which is not asked anything yet."""
    if address == IN_MEMORY:
        return QdrantClient(location=IN_MEMORY)
    # its check of versions would print a warning where the server is down, which is told below
    return QdrantClient(url=address, api_key=os.environ.get(KEY) or None, timeout=TIMEOUT, check_compatibility=False)


@contextmanager
def faults_told(address: str) -> Iterator[None]:
    """Raise ConnectionError where no server answers, PermissionError, OSError where it refuses: plain sentences."""
    try:
        yield
    except ResponseHandlingException as error:
        raise ConnectionError(
            f"no Qdrant server answers at {address} ({error}): start one, see docs/search.md, or correct the address"
        ) from None
    except UnexpectedResponse as error:
        if error.status_code in (401, 403):
            raise PermissionError(f"the Qdrant server at {address} wants a key: set {KEY}") from None
        said = error.content.decode("utf-8", "replace")[:300]
        raise OSError(f"the Qdrant server at {address} refuses ({error.status_code}): {said}") from None


def named(address: str, collection: str) -> str:
    """A collection, for people."""
    return f"collection {collection} of {address}"


def identity_there(client: QdrantClient, address: str, collection: str) -> IndexIdentity | None:
    """Of the index in a collection, None where there is no such; raises ValueError where it holds something else."""
    with faults_told(address):
        if not client.collection_exists(collection):
            return None
        metadata = client.get_collection(collection).config.metadata
    try:
        return IndexIdentity(**(metadata or {}))
    except TypeError:
        raise ValueError(
            f"{named(address, collection)} holds something else than an index, which stays: give another name "
            "(--qdrant http://HOST:6333/NAME)"
        ) from None
