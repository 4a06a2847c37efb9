"""A desk for each folder of predictions that is reviewed."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from fusion.prediction.predicted_products import PredictedProducts
from fusion.review.journal import Journal
from rayonnage.web.reviewing.desk import Desk

KEPT_DESKS = 3


class Desks:
    """The desks that were asked for last."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._open: OrderedDict[int, Desk] = OrderedDict()
        self._lock = Lock()

    def of(self, products: PredictedProducts) -> Desk:
        """The desk of these predictions; the queue is put in order when it is asked for first."""
        with self._lock:
            desk = self._open.get(id(products))
            # a number may be that of a folder that is gone
            if desk is None or desk.products is not products:
                desk = self._open[id(products)] = Desk(products, self.journal)
            self._open.move_to_end(id(products))
            while len(self._open) > KEPT_DESKS:
                self._open.popitem(last=False)
            return desk
