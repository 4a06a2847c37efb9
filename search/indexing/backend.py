"""Where an index keeps its vectors: in its folder, or on a Qdrant server that the folder names."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from catalog.embeddings import Embeddings
from catalog.files.atomic import write_text
from catalog.files.progress import Progress
from catalog.runs.run import read_json
from search.contract import COLLECTION, Entries, IndexIdentity, VectorIndex
from search.index import LocalIndex
from search.index.faiss_library import faiss_library
from search.indexing.place import IndexPlace

Kind = Literal["auto", "exact", "compressed"]
SERVER = "server"
"""Kind of an index that is searched by a server."""


@dataclass(frozen=True)
class QdrantPlace:
    """A collection of a server; `address`: `http://HOST:6333`."""

    address: str
    collection: str

    @classmethod
    def parse(cls, text: str) -> QdrantPlace:
        """What `--qdrant` was given: `http://HOST:6333`, perhaps with `/COLLECTION`; ValueError where it is no such."""
        parts = urlsplit(text)
        collection = parts.path.strip("/")
        if parts.scheme not in ("http", "https") or not parts.hostname or "/" in collection or parts.query:
            raise ValueError(f"--qdrant {text!r}: expected http://HOST:6333 or http://HOST:6333/COLLECTION")
        return cls(f"{parts.scheme}://{parts.netloc}", collection or COLLECTION)

    @classmethod
    def load(cls, path: Path) -> QdrantPlace | None:
        """What `save` wrote; None where there is no such file. Raises ValueError where it is damaged."""
        if not path.is_file():
            return None
        try:
            return cls(**read_json(path))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is damaged ({error}): make the index anew, --overwrite") from None

    def save(self, path: Path) -> None:
        """Keep it."""
        write_text(path, json.dumps(asdict(self)) + "\n")

    def __str__(self) -> str:
        return f"{self.address}/{self.collection}"


def require_backend(server: QdrantPlace | None) -> None:
    """Find out before hours of work whether an index can be made.

    Raises:
        ValueError: a library is not installed, or the server's collection is no index.
        OSError: no server answers.
    """
    if server is None:
        faiss_library()
        return
    from search.qdrant import QdrantIndex

    QdrantIndex.require_replaceable(server.address, server.collection)


def create_index(
    place: IndexPlace, server: QdrantPlace | None, identity: IndexIdentity, embeddings: Embeddings, entries: Entries,
    kind: Kind, progress: Progress,
) -> None:  # fmt: skip
    """Make an index at a place that is being built; raises as `LocalIndex.create` and `QdrantIndex.create` do."""
    if server is None:
        LocalIndex.create(place.vectors, identity, embeddings, entries, kind=kind, progress=progress).close()
        return
    from search.qdrant import QdrantIndex

    QdrantIndex.create(
        server.address, identity, embeddings, entries, collection=server.collection, progress=progress
    ).close()
    server.save(place.server)


def open_index(place: IndexPlace) -> VectorIndex:
    """The index at a place; raises as `LocalIndex.open` and `QdrantIndex.open` do."""
    server = QdrantPlace.load(place.server)
    if server is None:
        # nothing is damaged where it is missing
        faiss_library()
        with place.naming_what_replaces_it():
            return LocalIndex.open(place.vectors)
    from search.qdrant import QdrantIndex

    return QdrantIndex.open(server.address, collection=server.collection)


def kind_of(index: VectorIndex) -> str:
    """How an index searches: `exact`, `compressed`, or by a `server`."""
    return index.kind if isinstance(index, LocalIndex) else SERVER


def n_removed(index: VectorIndex) -> int:
    """Vectors that take room until the index is compacted; a server clears up by itself."""
    return index.n_removed if isinstance(index, LocalIndex) else 0
