"""Products like one that is given by its photos, or like one of the index: asked in threads, as many as there is room
for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import BoundedSemaphore
from typing import TypeVar

import numpy as np

from catalog.files.id_lookup import UNKNOWN
from catalog.ids.shop_id import ShopId, id_number
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.runs.workspace import Workspace
from rayonnage.web.finding.workspace_index import WorkspaceIndex
from rayonnage.web.serving.asked_product import AskedProduct
from rayonnage.web.serving.micro_batcher import QueueFull
from rayonnage.web.serving.prediction_service import TookTooLong
from rayonnage.web.serving.serving_metrics import ServingMetrics
from rayonnage.web.settings import RequestLimits
from search.contract import Filter
from search.indexing.opening import OpenIndex
from search.query.index_search import FoundProduct, IndexSearch
from search.ranking.rank import PLAIN
from search.ranking.text_channel import TextChannel
from text.encoders import EncoderMissing

log = logging.getLogger(__name__)
T = TypeVar("T")
RETRY_S = 2


class UnknownProduct(Exception):
    """The index has no product of that id."""


class UnknownLabel(Exception):
    """No product of the index is in that category."""


class NothingToCompare(Exception):
    """No photo of the product can be read."""


@dataclass(frozen=True)
class WantedProducts:
    """Which products are looked for, at most k; None: any.

    Attributes:
        category_id: their label. n_images: their number of photos. without: none of these.
    """

    k: int
    category_id: ShopId | None = None
    n_images: int | None = None
    without: tuple[ShopId, ...] = ()

    def filter(self, opened: OpenIndex) -> Filter:
        """As the index takes it; raises `UnknownLabel`."""
        category = None if self.category_id is None else np.array([id_number(self.category_id)], np.int64)
        if category is not None and not np.isin(category, opened.known.category_ids)[0]:
            raise UnknownLabel(f"no product of the index is in the category {self.category_id}")
        return Filter(
            category_ids=category,
            n_images=None if self.n_images is None else frozenset([self.n_images]),
            without=np.array([id_number(one) for one in self.without], np.int64) if self.without else None,
        )


@dataclass(frozen=True)
class SimilarFound:
    """What a search has found, the most alike first.

    Attributes:
        network: whose vectors were compared. n_products: that could be found. is_whitened: the vectors are.
        problems: photos of the query that could not be used, by their place in it.
    """

    products: tuple[FoundProduct, ...]
    network: str
    n_products: int
    is_whitened: bool = False
    problems: tuple[Problem, ...] = ()

    @property
    def unreadable(self) -> tuple[Problem, ...]:
        """The problems for which a photo was left out."""
        return tuple(one for one in self.problems if one.kind is ProblemKind.UNREADABLE_PHOTO)


class SimilarProducts:
    """One for the server. Every search raises, besides what it names:

    `NoIndex`, `UnusableIndex`: see `WorkspaceIndex`. `UnknownLabel`: see `WantedProducts`. `QueueFull`: too many wait.
    `TookTooLong`: no answer in time.
    """

    def __init__(self, workspace: Workspace, limits: RequestLimits, metrics: ServingMetrics) -> None:
        self._limits, self._metrics = limits, metrics
        self.index = WorkspaceIndex(workspace)
        # one: a network has all cores; who asks about a product of the index needs none, and does not wait for it
        self._networks = ThreadPoolExecutor(1, thread_name_prefix="search-network")
        self._lookups = ThreadPoolExecutor(2, thread_name_prefix="search")
        self._room = BoundedSemaphore(limits.searches)

    async def by_photos(self, asked: AskedProduct, wanted: WantedProducts) -> SimilarFound:
        """Products like one that is given by its photos, and perhaps its title."""
        return await self._in_thread(self._networks, lambda: self._like_photos(asked, wanted))

    async def by_product(self, product_id: ShopId, wanted: WantedProducts) -> SimilarFound:
        """Products like one of the index, itself left out.

        Raises:
            UnknownProduct: the index has none of that id. NothingToCompare: none of its photos can be read.
        """
        return await self._in_thread(self._lookups, lambda: self._like_product(product_id, wanted))

    def close(self) -> None:
        """End the threads."""
        for threads in (self._networks, self._lookups):
            threads.shutdown(cancel_futures=True)

    def _like_photos(self, asked: AskedProduct, wanted: WantedProducts) -> SimilarFound:
        opened, problems = self.index.for_photos(), ProblemLog()
        with self.index.told():
            options = replace(PLAIN, text=_text(opened)) if asked.title else PLAIN
            found = IndexSearch(opened.index, opened.encoder, options).by_photos(
                asked.photos, wanted.k, wanted.filter(opened), asked.title or "", problems
            )
            return _found(opened, found, problems)

    def _like_product(self, product_id: ShopId, wanted: WantedProducts) -> SimilarFound:
        opened, number = self.index.for_products(), id_number(product_id)
        with self.index.told():
            if not len(opened.index.rows_of(number)):
                if opened.known.places(np.array([number], np.int64))[0] == UNKNOWN:
                    raise UnknownProduct(f"the index has no product {product_id}")
                raise NothingToCompare(f"no photo of product {product_id} could be read when it was indexed")
            return _found(opened, IndexSearch(opened.index).by_product(product_id, wanted.k, wanted.filter(opened)))

    async def _in_thread(self, threads: ThreadPoolExecutor, search: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise QueueFull(RETRY_S)
        try:
            searching = threads.submit(self._timed, search)
        except BaseException:
            self._room.release()
            raise
        # not when who asked is gone: what a thread is at takes its place until it is over
        searching.add_done_callback(lambda _: self._room.release())
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await asyncio.wrap_future(searching)
        except TimeoutError:
            raise TookTooLong(self._limits.seconds, is_begun=not searching.cancelled()) from None

    def _timed(self, search: Callable[[], T]) -> T:
        start = time.monotonic()
        try:
            return search()
        finally:
            self._metrics.seconds.labels("search").observe(time.monotonic() - start)


def _text(opened: OpenIndex) -> TextChannel | None:
    """What compares titles; None where that has not been learnt, or cannot be done here."""
    try:
        return opened.text
    except EncoderMissing as error:
        log.warning("a search by photos and title goes by the photos alone: %s", error)
        return None


def _found(opened: OpenIndex, found: list[FoundProduct], problems: ProblemLog | None = None) -> SimilarFound:
    identity = opened.index.identity
    named = () if problems is None else tuple(problems.named)
    is_whitened = opened.place.whitening.is_file()
    return SimilarFound(tuple(found), identity.network, opened.index.n_products, is_whitened, named)
