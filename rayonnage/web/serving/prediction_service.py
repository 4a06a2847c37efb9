"""Answers for requests: from those that are known, those under way, or the next batch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from catalog.tree.taxonomy import Taxonomy
from fusion.prediction.answers import Answer
from rayonnage.web.serving.answer_cache import AnswerCache, AnswerKey
from rayonnage.web.serving.answering import BATCH, Answering, AskedOfModel, WaitingProduct
from rayonnage.web.serving.asked_product import AskedProduct
from rayonnage.web.serving.loaded_model import LoadedModel
from rayonnage.web.serving.micro_batcher import MicroBatcher
from rayonnage.web.serving.serving_metrics import ServingMetrics
from rayonnage.web.settings import RequestLimits


class TookTooLong(Exception):
    """No answer within the time that a request has; is_begun: the model was at it."""

    def __init__(self, seconds: float, *, is_begun: bool) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.is_begun = is_begun


@dataclass(frozen=True)
class ServedAnswer:
    """An answer, the name of the run that gave it, and whether it was known already; tree: with the names shown."""

    answer: Answer
    tree: Taxonomy
    run: str
    is_cached: bool


@dataclass(eq=False)
class _Flight:
    """A product under way, and how many requests wait for it."""

    waiting: WaitingProduct
    n_requests: int = 0


class PredictionService:
    """One for the server; for one event loop."""

    def __init__(self, limits: RequestLimits, metrics: ServingMetrics) -> None:
        self._limits, self._metrics = limits, metrics
        self._answering, self._cache = Answering(limits, metrics), AnswerCache()
        self._flights: dict[AnswerKey, _Flight] = {}
        self._batcher = MicroBatcher(
            self._answering.work, at_most=BATCH, most_waiting=limits.waiting, on_batch=self._on_batch,
            patience_s=self._answering.begin_patience_s,
        )  # fmt: skip
        metrics.watch_queue(lambda: len(self._batcher))

    async def answers(
        self, loaded: LoadedModel, products: Sequence[AskedProduct], top: int | None, lang: str | None
    ) -> list[ServedAnswer]:
        """See `ServedModel.served`; `loaded` is not closed meanwhile."""
        start = time.monotonic()
        tree = loaded.tree(lang)
        keys = [AnswerKey.of(product, loaded.digest, lang) for product in products]
        known = {key: answer for key in keys if (answer := self._cache.get(key)) is not None}
        by_key = dict(zip(keys, products, strict=True))
        missing = {key: AskedOfModel(by_key[key], loaded, lang) for key in by_key if key not in known}
        computed = await self._computed(missing)
        n = top or loaded.model.predictor.top_leaves
        served = []
        for position, key in enumerate(keys):
            is_cached = key in known
            answer = known[key] if is_cached else computed[key]
            self._metrics.answered(answer.decision, is_cached=is_cached)
            self._metrics.waited(time.monotonic() - start)
            answer = replace(answer, product_id=position, candidates=answer.candidates[:n])
            served.append(ServedAnswer(answer, tree, loaded.folder.name, is_cached))
        return served

    def close(self) -> None:
        """End what was started."""
        self._answering.close()

    async def _computed(self, missing: dict[AnswerKey, AskedOfModel]) -> dict[AnswerKey, Answer]:
        flights = self._joined(missing)
        try:
            async with asyncio.timeout(self._limits.seconds):
                # shielded: other requests may wait for the same product
                answers = await asyncio.gather(*(asyncio.shield(flight.waiting.told) for flight in flights.values()))
        except TimeoutError:
            is_begun = all(flight.waiting.begun is not None for flight in flights.values())
            raise TookTooLong(self._limits.seconds, is_begun=is_begun) from None
        finally:
            for key, flight in flights.items():
                self._leave(key, flight)
        return dict(zip(flights, answers, strict=True))

    def _joined(self, missing: dict[AnswerKey, AskedOfModel]) -> dict[AnswerKey, _Flight]:
        new = [key for key in missing if key not in self._flights]
        asked = [missing[key] for key in new]
        kinds = [id(one.loaded) for one in asked]
        for key, waiting in zip(new, self._batcher.submit(asked, kinds), strict=True):
            self._flights[key] = _Flight(waiting)
            waiting.told.add_done_callback(partial(self._landed, key))
        flights = {key: self._flights[key] for key in missing}
        for flight in flights.values():
            flight.n_requests += 1
        return flights

    def _leave(self, key: AnswerKey, flight: _Flight) -> None:
        flight.n_requests -= 1
        if not flight.n_requests and not flight.waiting.told.done():
            flight.waiting.told.cancel()
            self._flights.pop(key, None)

    def _landed(self, key: AnswerKey, told: asyncio.Future[Answer]) -> None:
        if key in self._flights and self._flights[key].waiting.told is told:
            del self._flights[key]
        if not told.cancelled() and told.exception() is None:
            self._cache.put(key, told.result())

    def _on_batch(self, batch: Sequence[WaitingProduct]) -> None:
        self._metrics.batch_products.observe(len(batch))
        for waiting in batch:
            self._metrics.seconds.labels("queue").observe((waiting.begun or waiting.since) - waiting.since)
