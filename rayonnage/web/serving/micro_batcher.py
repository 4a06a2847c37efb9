"""Products of many requests, worked on together: what arrives while the model works makes the next batch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")
SHARE = 4
"""Products of one request that stand in line together; the further ones as if they came a batch later each time: a
request of many products does not keep others waiting, and is not kept waiting for ever by them."""
MOST_RETRY_S = 30
SMOOTHING = 0.2


class QueueFull(Exception):
    """More products wait than are kept waiting; retry_after: seconds in which these are worked on."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many products wait for the model: ask again in {retry_after} s")
        self.retry_after = retry_after


@dataclass(eq=False)
class Waiting(Generic[Asked, Told]):
    """A product that waits for its batch, or is in one.

    Attributes:
        kind: only products of one kind are worked on together. told: what it waits for; cancelled, it leaves the queue.
        since: on the clock `time.monotonic`; begun: when its batch was, None before.
    """

    asked: Asked
    kind: Hashable
    turn: tuple[int, int]
    told: asyncio.Future[Told]
    since: float = field(default_factory=time.monotonic)
    begun: float | None = None


class MicroBatcher(Generic[Asked, Told]):
    """Works on products in batches, one batch at a time; for one event loop.

    It waits for no batch to fill, unless it is told that there is no haste: the first product is worked on at once. The
    one that has waited longest chooses the kind of the next batch, so that each kind has its turn.

    Args:
        work: is given a batch, and sets each product's `told`, perhaps later; while it runs, no other batch begins.
        at_most: products in a batch; most_waiting: products that are not told yet, those in batches included.
        on_batch: is told of each batch when it begins.
        patience_s: for how long a product may now wait for its batch to fill, in seconds; asked again as others come.
    """

    def __init__(
        self, work: Callable[[Sequence[Waiting[Asked, Told]]], Awaitable[None]], *, at_most: int, most_waiting: int,
        on_batch: Callable[[Sequence[Waiting[Asked, Told]]], None] = lambda batch: None,
        patience_s: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        self._work, self._at_most, self._most_waiting, self._on_batch = work, at_most, most_waiting, on_batch
        self._patience_s, self._change = patience_s, asyncio.Event()
        self._queue: list[Waiting[Asked, Told]] = []
        self._n_untold, self._n_arrived, self._n_batches = 0, 0, 0
        self._seconds_each = 0.05
        self._worker: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def submit(self, asked: Sequence[Asked], kinds: Sequence[Hashable]) -> list[Waiting[Asked, Told]]:
        """Let the products of one request wait, all of them or none.

        Raises:
            QueueFull: there is no room.
        """
        if self._n_untold + len(asked) > self._most_waiting:
            raise QueueFull(min(MOST_RETRY_S, 1 + int(self._n_untold * self._seconds_each)))
        loop = asyncio.get_running_loop()
        arrived = []
        for position, (one, kind) in enumerate(zip(asked, kinds, strict=True)):
            turn = (self._n_batches + position // SHARE, self._n_arrived)
            waiting = Waiting[Asked, Told](one, kind, turn, loop.create_future())
            waiting.told.add_done_callback(partial(self._is_told, waiting))
            arrived.append(waiting)
            self._n_arrived += 1
        self._n_untold += len(arrived)
        self._queue += arrived
        self._change.set()
        if self._worker is None and self._queue:
            self._worker = asyncio.create_task(self._work_on_all())
        return arrived

    async def close(self) -> None:
        """Nobody waits any more, and the batch under way is over."""
        for waiting in list(self._queue):
            waiting.told.cancel()
        if self._worker is not None:
            await self._worker

    async def _work_on_all(self) -> None:
        try:
            while self._queue:
                await self._have_patience()
                batch = self._next_batch()
                if not batch:
                    break
                start = time.monotonic()
                try:
                    await self._work(batch)
                except Exception as error:  # each of them is told, and the next batch goes on
                    for waiting in batch:
                        if not waiting.told.done():
                            waiting.told.set_exception(error)
                seconds = (time.monotonic() - start) / len(batch)
                self._seconds_each += SMOOTHING * (seconds - self._seconds_each)
        finally:
            self._worker = None

    async def _have_patience(self) -> None:
        while 0 < len(self._queue) < self._at_most:
            left_s = min(one.since for one in self._queue) + self._patience_s() - time.monotonic()
            if left_s <= 0:
                return
            self._change.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._change.wait(), left_s)

    def _next_batch(self) -> list[Waiting[Asked, Told]]:
        self._n_batches += 1
        # who was cancelled a moment ago is still there
        in_order = sorted((one for one in self._queue if not one.told.done()), key=lambda waiting: waiting.turn)
        batch = [waiting for waiting in in_order if waiting.kind == in_order[0].kind][: self._at_most]
        chosen = set(map(id, batch))
        self._queue = [waiting for waiting in in_order if id(waiting) not in chosen]
        now = time.monotonic()
        for waiting in batch:
            waiting.begun = now
        self._on_batch(batch)
        return batch

    def _is_told(self, waiting: Waiting[Asked, Told], told: asyncio.Future[Told]) -> None:
        self._n_untold -= 1
        if waiting in self._queue:
            self._queue.remove(waiting)
            self._change.set()
