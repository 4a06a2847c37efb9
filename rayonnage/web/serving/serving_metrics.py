"""What the server counts and times, for Prometheus."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from fusion.decide import Decision

LATEST = 1000
"""Answers over which the share that was accepted is told, and how long they took."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class ServingMetrics:
    """In a registry of its own: several servers in one process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._accepted: deque[bool] = deque(maxlen=LATEST)
        self._waited: deque[float] = deque(maxlen=LATEST)
        self.seconds = Histogram(
            "rayonnage_seconds",
            "Time of a product, or of its batch, by stage: queue, predict (decoding, networks), read, conclude, total; "
            "and of a search for similar products: search",
            ["stage"], buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.batch_products = Histogram(
            "rayonnage_batch_products", "Products in a batch", buckets=SIZES, registry=self.registry
        )
        self.queue = Gauge("rayonnage_queue_products", "Products that wait for the model", registry=self.registry)
        self.decisions = Counter("rayonnage_answers", "Answers by decision", ["decision"], registry=self.registry)
        self.cached = Counter("rayonnage_cached_answers", "Answers that were known already", registry=self.registry)
        self.refused = Counter(
            "rayonnage_refused_requests", "Requests for predictions and searches that were refused, by HTTP status",
            ["status"], registry=self.registry,
        )  # fmt: skip
        accepted = Gauge(
            "rayonnage_accepted_share", f"Of the latest {LATEST} answers, the share accepted", registry=self.registry
        )
        accepted.set_function(self.accepted_share)

    def watch_queue(self, length: Callable[[], float]) -> None:
        """`length`: of the queue, asked when somebody looks."""
        self.queue.set_function(length)

    def answered(self, decision: Decision, *, is_cached: bool) -> None:
        """Count an answer."""
        self.decisions.labels(decision.value).inc()
        self._accepted.append(decision is Decision.ACCEPT)
        if is_cached:
            self.cached.inc()

    def waited(self, seconds: float) -> None:
        """Note how long a product took, waiting included."""
        self.seconds.labels("total").observe(seconds)
        self._waited.append(seconds)

    def median_s(self) -> float | None:
        """Of the latest answers; None before the first one."""
        return statistics.median(tuple(self._waited)) if self._waited else None

    def accepted_share(self) -> float:
        """In [0, 1]; NaN before the first answer."""
        return sum(self._accepted) / len(self._accepted) if self._accepted else float("nan")
