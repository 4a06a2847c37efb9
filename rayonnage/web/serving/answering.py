"""What is done with a batch: the networks for all of it. What is to be read waits by itself, and ends in a batch."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from catalog.files.cores import n_cores
from catalog.product import Product, text_problems
from catalog.product_text import ShopText
from fusion.prediction.answers import Answer, answer_of
from fusion.prediction.stages import BegunPrediction, StagedPrediction
from rayonnage.web.serving.asked_product import AskedProduct
from rayonnage.web.serving.loaded_model import LoadedModel
from rayonnage.web.serving.micro_batcher import MOST_RETRY_S, SMOOTHING, Asked, MicroBatcher, QueueFull, Waiting
from rayonnage.web.serving.serving_metrics import ServingMetrics
from rayonnage.web.settings import RequestLimits

log = logging.getLogger(__name__)

MAX_CANDIDATES = 20
"""Likely leaves of an answer: a client may ask for fewer, and the answer that is kept serves all."""
BATCH = 16
"""Products that are predicted together at most, and those that are concluded together."""

BEGIN_PATIENCE_S, CONCLUDE_PATIENCE_S = 0.3, 0.4
"""For how long products wait at most for their batch to fill while the readers have enough to do, which then set the
pace. Among eight a product takes 0.7 times the CPU time that it takes by itself to begin, and a third to conclude
(`bench/serve.py`)."""


@dataclass(frozen=True)
class AskedOfModel:
    """A product, the model that it is asked of, and the language of the category names in the answer."""

    product: AskedProduct
    loaded: LoadedModel
    lang: str | None


@dataclass(frozen=True)
class ReadProduct:
    """A product whose photos have been read."""

    asked: AskedOfModel
    begun: BegunPrediction


WaitingProduct = Waiting[AskedOfModel, Answer]


class Answering:
    """Has threads for the networks and for reading; batches are of one model."""

    def __init__(self, limits: RequestLimits, metrics: ServingMetrics) -> None:
        self._limits, self._metrics = limits, metrics
        # one: a batch has all cores, and the next one is the larger for it
        self._networks = ThreadPoolExecutor(1, thread_name_prefix="model")
        # some may wait for a reader that hangs, and the others must not wait for them
        self._n_readers = 4 * n_cores()
        # each core reads one product, and another one waits for it: nobody else's patience lets a core idle
        self._enough_to_read = 2 * n_cores()
        self._readers = ThreadPoolExecutor(self._n_readers, thread_name_prefix="reading")
        self._n_to_read, self._read_s = 0, 0.0
        # each of them counts as waiting where it was asked, which is bounded
        self._read = MicroBatcher(
            self._conclude, at_most=BATCH, most_waiting=sys.maxsize,
            patience_s=lambda: self._patience(CONCLUDE_PATIENCE_S),
        )  # fmt: skip
        self._numbers = itertools.count(1)

    async def work(self, batch: Sequence[WaitingProduct]) -> None:
        """Tell each product of a batch what `Model.predict` says of it alone; those that are read are told later."""
        loaded = batch[0].asked.loaded
        with loaded.used():
            loop, asked = asyncio.get_running_loop(), [waiting.asked for waiting in batch]
            answers, begun = await loop.run_in_executor(self._networks, self._begin, loaded, asked)
            for row, answer in answers.items():
                _tell(batch[row], answer)
            for one in begun:
                self._read_later(one, batch[one.rows[0]], loop)

    def begin_patience_s(self) -> float:
        """For how long a product may wait now for others to be begun with, in seconds."""
        return self._patience(BEGIN_PATIENCE_S)

    def close(self) -> None:
        """End the threads."""
        for threads in (self._networks, self._readers):
            threads.shutdown(cancel_futures=True)

    def _patience(self, most_s: float) -> float:
        # half of it: what waits here is what the readers, or who asks next, are given afterwards
        return min(most_s, self._backlog_s() / 2) if self._n_to_read >= self._enough_to_read else 0.0

    def _backlog_s(self) -> float:
        """How long the readers need for all that waits for them, in seconds."""
        return self._n_to_read * self._read_s / self._n_readers

    def _begin(
        self, loaded: LoadedModel, asked: Sequence[AskedOfModel]
    ) -> tuple[dict[int, Answer], Sequence[BegunPrediction]]:
        start = time.monotonic()
        # ids that no product of a catalogue has: a known copy is told of unless it is the product itself; and no two
        # have the same, as products of different batches are concluded together
        products = [_product(one.product, -next(self._numbers)) for one in asked]
        staged = StagedPrediction.of(loaded.model.predictor, products, loaded.recent)
        answers: dict[int, Answer] = {}
        if staged.ready is not None:
            rows = staged.ready.rows
            answers = dict(zip(rows, _answers(staged.ready, [asked[row] for row in rows]), strict=True))
        self._metrics.seconds.labels("predict").observe(time.monotonic() - start)
        return answers, staged.waiting

    def _require_readers(self) -> None:
        """Raise `QueueFull` where a product would wait for its reader until nobody waits for it any more."""
        if self._backlog_s() > self._limits.seconds / 2:
            raise QueueFull(min(MOST_RETRY_S, 1 + int(self._backlog_s() / 2)))

    def _read_later(self, begun: BegunPrediction, waiting: WaitingProduct, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._require_readers()
        except QueueFull as error:
            _tell(waiting, error)
            return
        self._n_to_read += 1
        # it waits again
        waiting.begun = None
        use = ExitStack()
        use.enter_context(waiting.asked.loaded.used())
        reading = self._readers.submit(self._fetch, begun, waiting)

        def over(done: Future[BegunPrediction]) -> None:
            # from here on who asked holds the model, if anybody still waits
            use.close()
            loop.call_soon_threadsafe(self._is_read, done, waiting)

        reading.add_done_callback(over)
        # who asked is gone: it need not be read, if that has not begun
        waiting.told.add_done_callback(lambda told: reading.cancel() if told.cancelled() else None)

    def _fetch(self, begun: BegunPrediction, waiting: WaitingProduct) -> BegunPrediction:
        waiting.begun = start = time.monotonic()
        fetched = begun.fetch()
        seconds = time.monotonic() - start
        self._metrics.seconds.labels("read").observe(seconds)
        self._read_s += SMOOTHING * (seconds - self._read_s)
        return fetched

    def _is_read(self, done: Future[BegunPrediction], waiting: WaitingProduct) -> None:
        self._n_to_read -= 1
        if done.cancelled() or waiting.told.done():
            return
        error = done.exception()
        if error is not None:
            _tell(waiting, error)
            return
        read = ReadProduct(waiting.asked, done.result())
        [concluding] = self._read.submit([read], [id(waiting.asked.loaded)])
        concluding.told.add_done_callback(lambda told: _pass_on(told, waiting))
        # who asked is gone: it need not be concluded
        waiting.told.add_done_callback(lambda told: concluding.told.cancel())

    async def _conclude(self, batch: Sequence[Waiting[ReadProduct, Answer]]) -> None:
        with batch[0].asked.asked.loaded.used():
            loop, read = asyncio.get_running_loop(), [waiting.asked for waiting in batch]
            for waiting, told in zip(
                batch, await loop.run_in_executor(self._networks, self._concluded, read), strict=True
            ):
                _tell(waiting, told)

    def _concluded(self, read: Sequence[ReadProduct]) -> Sequence[Answer | Exception]:
        start = time.monotonic()
        try:
            joined = BegunPrediction.joined([one.begun for one in read])
            return _answers(joined, [one.asked for one in read])
        except Exception as error:  # one product's fault is not the others'
            if len(read) == 1:
                return [error]
            log.exception("%d products cannot be concluded together: each is by itself", len(read))
            return [told for one in read for told in self._concluded([one])]
        finally:
            self._metrics.seconds.labels("conclude").observe(time.monotonic() - start)


def _product(asked: AskedProduct, product_id: int) -> Product:
    text = ShopText.of(asked.title, asked.description)
    return Product(product_id, asked.photos, None, text.title, text.description)


def _answers(begun: BegunPrediction, asked: Sequence[AskedOfModel]) -> list[Answer]:
    """Finish products, which are `asked` in the same order."""
    predictions = begun.finish()
    answers = []
    for row, (product, one) in enumerate(zip(begun.chunk.products, asked, strict=True)):
        text = ShopText.of(one.product.title, one.product.description)
        predictions.problems.extend(text_problems(text, product.product_id))
        n = max(MAX_CANDIDATES, begun.predictor.top_leaves)
        answers.append(answer_of(predictions, row, one.loaded.tree(one.lang), n, 0))
    return answers


def _tell(waiting: Waiting[Asked, Answer], answer: Answer | BaseException) -> None:
    if waiting.told.done():
        return
    if isinstance(answer, BaseException):
        waiting.told.set_exception(answer)
    else:
        waiting.told.set_result(answer)


def _pass_on(told: asyncio.Future[Answer], waiting: WaitingProduct) -> None:
    if not told.cancelled():
        _tell(waiting, told.exception() or told.result())
