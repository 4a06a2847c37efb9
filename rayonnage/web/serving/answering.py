"""What is done with a batch: the networks for all of it, then reading for each product that asks for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from catalog.files.cores import n_cores
from catalog.product import Problem, Product, text_problems
from catalog.product_text import ShopText
from fusion.prediction.answers import Answer, answer_of
from fusion.prediction.predictor import Predictions
from fusion.prediction.stages import BegunPrediction, StagedPrediction
from rayonnage.web.serving.asked_product import AskedProduct
from rayonnage.web.serving.loaded_model import LoadedModel
from rayonnage.web.serving.micro_batcher import MOST_RETRY_S, SMOOTHING, QueueFull, Waiting
from rayonnage.web.serving.serving_metrics import ServingMetrics
from rayonnage.web.settings import RequestLimits

MAX_CANDIDATES = 20
"""Likely leaves of an answer: a client may ask for fewer, and the answer that is kept serves all."""


@dataclass(frozen=True)
class AskedOfModel:
    """A product, the model that it is asked of, and the language of the category names in the answer."""

    product: AskedProduct
    loaded: LoadedModel
    lang: str | None


WaitingProduct = Waiting[AskedOfModel, Answer]


class Answering:
    """Has threads for the networks and for reading; batches are of one model."""

    def __init__(self, limits: RequestLimits, metrics: ServingMetrics) -> None:
        self._limits, self._metrics = limits, metrics
        # one: a batch has all cores, and the next one is the larger for it
        self._networks = ThreadPoolExecutor(1, thread_name_prefix="model")
        # some may wait for a reader that hangs, and the others must not wait for them
        self._n_readers = 4 * n_cores()
        self._readers = ThreadPoolExecutor(self._n_readers, thread_name_prefix="reading")
        self._n_to_read, self._read_s = 0, 0.0

    async def work(self, batch: Sequence[WaitingProduct]) -> None:
        """Tell each product of a batch what `Model.predict` says of it alone; those that are read are told later."""
        loaded = batch[0].asked.loaded
        with loaded.used():
            loop, asked = asyncio.get_running_loop(), [waiting.asked for waiting in batch]
            answers, begun = await loop.run_in_executor(self._networks, self._begin, loaded, asked)
            for row, answer in answers.items():
                _tell(batch[row], answer)
            for one in begun:
                self._finish_later(one, batch[one.rows[0]], loop)

    def close(self) -> None:
        """End the threads."""
        for threads in (self._networks, self._readers):
            threads.shutdown(cancel_futures=True)

    def _begin(
        self, loaded: LoadedModel, asked: Sequence[AskedOfModel]
    ) -> tuple[dict[int, Answer], Sequence[BegunPrediction]]:
        start = time.monotonic()
        # ids that no product of a catalogue has: a known copy is told of unless it is the product itself
        products = [_product(one.product, -1 - row) for row, one in enumerate(asked)]
        staged = StagedPrediction.of(loaded.model.predictor, products, loaded.recent)
        answers = {} if staged.ready is None else _answers(staged.ready, asked)
        self._metrics.seconds.labels("predict").observe(time.monotonic() - start)
        return answers, staged.waiting

    def _require_readers(self) -> None:
        """Raise `QueueFull` where a product would wait for its reader until nobody waits for it any more."""
        wait_s = self._n_to_read * self._read_s / self._n_readers
        if wait_s > self._limits.seconds / 2:
            raise QueueFull(min(MOST_RETRY_S, 1 + int(wait_s / 2)))

    def _finish_later(self, begun: BegunPrediction, waiting: WaitingProduct, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._require_readers()
        except QueueFull as error:
            if not waiting.told.done():
                waiting.told.set_exception(error)
            return
        self._n_to_read += 1
        # it waits again
        waiting.begun = None
        use = ExitStack()
        use.enter_context(waiting.asked.loaded.used())
        reading = self._readers.submit(self._read, begun, waiting)

        def over(done: Future[Answer]) -> None:
            use.close()
            loop.call_soon_threadsafe(self._is_read, done, waiting)

        reading.add_done_callback(over)
        # who asked is gone: it need not be read, if that has not begun
        waiting.told.add_done_callback(lambda told: reading.cancel() if told.cancelled() else None)

    def _read(self, begun: BegunPrediction, waiting: WaitingProduct) -> Answer:
        waiting.begun = start = time.monotonic()
        [answer] = _answers(begun, {begun.rows[0]: waiting.asked}).values()
        seconds = time.monotonic() - start
        self._metrics.seconds.labels("read").observe(seconds)
        self._read_s += SMOOTHING * (seconds - self._read_s)
        return answer

    def _is_read(self, done: Future[Answer], waiting: WaitingProduct) -> None:
        self._n_to_read -= 1
        if done.cancelled() or waiting.told.done():
            return
        error = done.exception()
        if error is None:
            waiting.told.set_result(done.result())
        else:
            waiting.told.set_exception(error)


def _product(asked: AskedProduct, product_id: int) -> Product:
    text = ShopText.of(asked.title, asked.description)
    return Product(product_id, asked.photos, None, text.title, text.description)


def _text_problems(asked: AskedProduct, product_id: int) -> list[Problem]:
    return text_problems(ShopText.of(asked.title, asked.description), product_id)


def _answers(begun: BegunPrediction, asked: Sequence[AskedOfModel] | dict[int, AskedOfModel]) -> dict[int, Answer]:
    predictions: Predictions = begun.finish()
    answers: dict[int, Answer] = {}
    for place, row in enumerate(begun.rows):
        one = asked[row]
        predictions.problems.extend(_text_problems(one.product, -1 - row))
        n = max(MAX_CANDIDATES, begun.predictor.top_leaves)
        answers[row] = answer_of(predictions, place, one.loaded.tree(one.lang), n, 0)
    return answers


def _tell(waiting: WaitingProduct, answer: Answer) -> None:
    if not waiting.told.done():
        waiting.told.set_result(answer)
