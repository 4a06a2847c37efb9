"""A desk for each folder of predictions that is reviewed."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

from fusion.prediction.predicted_products import PredictedProducts
from fusion.review.journal import Journal
from rayonnage.web.problem import RequestRefused
from rayonnage.web.reviewing.desk import Desk
from rayonnage.web.reviewing.many_answers import ManyAnswers

KEPT_DESKS = 3
MOMENT_S = 0.2
PATIENCE_S = 15.0
"""Seconds that a request waits for a queue to be put in order: a million products take about as long."""


@dataclass(frozen=True)
class OpenDesk:
    """A desk, and its part for many products at once."""

    desk: Desk
    many: ManyAnswers


class Desks:
    """The desks that were asked for last."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._open: OrderedDict[int, tuple[PredictedProducts, Future[OpenDesk]]] = OrderedDict()
        self._lock = Lock()
        self._opening = ThreadPoolExecutor(1, "queue")

    def of(self, products: PredictedProducts) -> OpenDesk:
        """The desk of these predictions; the queue is put in order when it is asked for first.

        Raises:
            RequestRefused: 503, it is not yet.
            ValueError: the predictions or the journal are damaged.
        """
        try:
            return self._asked(products).result(PATIENCE_S)
        except TimeoutError:
            raise RequestRefused(
                503, "the queue is being put in order", f"{len(products)} products: ask again soon", retry_after=5
            ) from None

    def soon(self, products: PredictedProducts) -> OpenDesk | None:
        """The desk of these predictions for who can do without: None where it is not there in a moment."""
        try:
            return self._asked(products).result(MOMENT_S)
        except (TimeoutError, OSError, ValueError):
            return None

    def _asked(self, products: PredictedProducts) -> Future[OpenDesk]:
        with self._lock:
            known = self._open.get(id(products))
            # a number may be that of predictions that are gone
            if known is None or known[0] is not products or (known[1].done() and known[1].exception()):
                known = self._open[id(products)] = products, self._opening.submit(self._desk, products)
            self._open.move_to_end(id(products))
            while len(self._open) > KEPT_DESKS:
                self._open.popitem(last=False)
            return known[1]

    def _desk(self, products: PredictedProducts) -> OpenDesk:
        desk = Desk(products, self.journal)
        return OpenDesk(desk, ManyAnswers(desk))
