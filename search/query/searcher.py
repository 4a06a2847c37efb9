"""The one door to a search: an index on the disk, which others may add to meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from catalog.files.sheet_ids import likely_ids
from catalog.ids.shop_id import ShopId, id_number
from catalog.product import ProblemLog
from catalog.runs.workspace import Workspace
from mosaic.inference.embedding import Embedder
from search.contract import Filter
from search.indexing.opening import OpenIndex
from search.indexing.place import IndexPlace
from search.query.index_search import FoundProduct, IndexSearch
from search.ranking.rank import PLAIN, RankingOptions


class Searcher:
    """Searches an index that others may add to meanwhile; safe in threads.

    Attributes:
        place: of the index. options: what orders products anew.
    """

    def __init__(self, place: IndexPlace, embedder: Embedder | None = None, options: RankingOptions = PLAIN) -> None:
        """Open the index at a place.

        Args:
            embedder: what its vectors are by; None: only products of the index itself are asked about.
            options: what orders products anew.

        Raises:
            FileNotFoundError: no index there; the message names the command that makes one.
            ValueError: it is damaged, or by another network.
        """
        self.place, self.options = place, options
        self._embedder = embedder
        self._lock = threading.Lock()
        self._stamp = self._stamp_now()
        self._opened = OpenIndex.at(place, embedder)

    @classmethod
    def open(cls, place: Workspace | Path, embedder: Embedder | None = None, options: RankingOptions = PLAIN) -> Self:
        """That of a workspace's index, or of the index in a folder; raises as `Searcher` does."""
        if isinstance(place, Workspace):
            return cls(IndexPlace.of(place), embedder, options)
        return cls(IndexPlace(place, f" --index {place}"), embedder, options)

    def close(self) -> None:
        """Let go of the index."""
        self._opened.index.close()

    @property
    def opened(self) -> OpenIndex:
        """The index as it is now, with what was added since the last call."""
        with self._lock:
            stamp = self._stamp_now()
            # while a new index takes the old one's place there is none for a moment
            if stamp is not None and stamp != self._stamp:
                # what other threads have in use is theirs until they let go of it: it is not closed here
                self._opened, self._stamp = OpenIndex.at(self.place, self._embedder), stamp
            return self._opened

    def by_photos(
        self, photos: Sequence[bytes], k: int, where: Filter | None = None, title: str = "",
        problems: ProblemLog | None = None, read: str = "",
    ) -> list[FoundProduct]:  # fmt: skip
        """See `IndexSearch.by_photos`; title and words count where it has been learnt what texts weigh."""
        opened = self.opened
        options = self._with_text(opened) if title or read else self.options
        search = IndexSearch(opened.index, opened.encoder, options)
        return search.by_photos(photos, k, where, title, problems, read)

    def by_product(self, product_id: ShopId, k: int, where: Filter | None = None) -> list[FoundProduct]:
        """At most k products like one of the index, itself left out; its own text counts as `by_photos` says.

        Raises:
            ValueError: the index has no such product, or none of its photos can be read; says which.
        """
        opened = self.opened
        if not len(opened.index.rows_of(id_number(product_id))):
            raise ValueError(_why_not(opened, product_id))
        return IndexSearch(opened.index, opened.encoder, self._with_text(opened)).by_product(product_id, k, where)

    def _with_text(self, opened: OpenIndex) -> RankingOptions:
        # what else orders anew was not there when the texts' weights were learnt
        return replace(self.options, text=opened.text) if self.options is PLAIN else self.options

    def _stamp_now(self) -> tuple[int, int, int] | None:
        """Another one means that something was committed; None: there is no index."""
        try:
            status = self.place.products.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size


def _why_not(opened: OpenIndex, product_id: ShopId) -> str:
    folder, known = opened.place.folder, opened.known
    if id_number(product_id) in known.product_ids:
        return f"product {product_id} has no readable photo, by which {folder} could compare it"
    likely = likely_ids([product_id], opened.index.ids.take(known.product_ids)) if len(opened.index.ids) else {}
    hint = "".join(f", but {one}" for one in likely.values())
    return f"{folder} has no product {product_id}{hint}: give the id of a product of {' or '.join(known.addresses)}"
