"""An index that is there, checked against what it is to be used for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Self

from catalog.catalog import Catalog
from mosaic.inference.embedding import Embedder
from search.contract import VectorIndex
from search.indexing.backend import QdrantPlace, kind_of, open_index
from search.indexing.photo_encoder import PhotoEncoder
from search.indexing.place import IndexPlace
from search.indexing.record import IndexedProducts
from search.indexing.texts import text_channel
from search.ranking.text_channel import TextChannel


@dataclass
class OpenIndex:
    """An index with what it was made of and, where photos are to be compared with it, what encodes them.

    Attributes:
        encoder: None where nothing is embedded.
    """

    place: IndexPlace
    index: VectorIndex
    known: IndexedProducts
    encoder: PhotoEncoder | None = None

    @classmethod
    def at(cls, place: IndexPlace, embedder: Embedder | None = None) -> Self:
        """Open what lies there.

        Raises:
            FileNotFoundError: no index.
            ValueError: it is damaged, or its vectors are by another network than the embedder's.
        """
        place.require()
        index = open_index(place)
        try:
            opened = cls(place, index, IndexedProducts.load(place.products))
            if embedder is not None:
                with place.naming_what_replaces_it():
                    opened.encoder = PhotoEncoder.at(embedder, place.whitening)
                opened._require_network(embedder)
        except BaseException:
            index.close()
            raise
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.index.close()

    @cached_property
    def text(self) -> TextChannel | None:
        """What compares texts, see `text_channel`."""
        with self.place.naming_what_replaces_it():
            return text_channel(self.place)

    @cached_property
    def catalog(self) -> str:
        """Address of the catalogue that it was made of."""
        return self.known.addresses[0]

    def require_catalog(self, catalog: Catalog) -> None:
        """Raise ValueError unless the index was made of this catalogue, perhaps in another state or place."""
        identity = self.index.identity
        if catalog.address != self.catalog and not catalog.matches(identity.fingerprint):
            raise ValueError(
                f"{self.place.folder} is an index of {self.catalog}, not of {catalog}: add its products with "
                f"`rayonnage search add {catalog}{self.place.option}`, replace the index with --overwrite, or give "
                "another folder (--output)"
            )

    def require_options(self, *, kind: str, whiten: str, read: bool, server: QdrantPlace | None) -> None:
        """Raise ValueError where the index is made otherwise than it is asked for; `auto`, False, None ask nothing."""
        is_whitened = self.place.whitening.is_file()
        otherwise = [
            said
            for said, is_wrong in (
                (f"its search is {kind_of(self.index)}", kind not in ("auto", kind_of(self.index))),
                ("its vectors are elsewhere", server not in (None, QdrantPlace.load(self.place.server))),
                ("its vectors are not whitened", whiten == "on" and not is_whitened),
                ("its vectors are whitened", whiten == "off" and is_whitened),
                ("its photos are not read", read and not self.place.reads),
            )
            if is_wrong
        ]
        if otherwise:
            raise ValueError(f"{self.place.folder}: {' and '.join(otherwise)}: --overwrite makes it anew")

    def _require_network(self, embedder: Embedder) -> None:
        assert self.encoder is not None, "the embedder's"
        identity = self.index.identity
        if identity.digest != self.encoder.digest:
            raise ValueError(
                f"{self.place.folder} has vectors by {identity.network}, which cannot be compared with those by "
                f"{embedder.name}: make the index anew with `{self.place.command_of_making(self.catalog)} --overwrite`"
            )
