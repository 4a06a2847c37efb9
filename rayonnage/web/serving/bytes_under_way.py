"""How much of clients' bodies is in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rayonnage.web.serving.micro_batcher import QueueFull

AT_MOST = 384 * 2**20
"""Bytes of all requests under way: each may have 96 MiB, and a hundred clients must not fill the memory."""


class BytesUnderWay:
    """For one event loop."""

    def __init__(self, at_most: int = AT_MOST) -> None:
        self._at_most, self._n_bytes = at_most, 0

    @contextmanager
    def held(self, n_bytes: int) -> Iterator[None]:
        """Count a body for as long as the block lasts; raises `QueueFull` where there is no room."""
        if self._n_bytes + n_bytes > self._at_most:
            raise QueueFull(2)
        self._n_bytes += n_bytes
        try:
            yield
        finally:
            self._n_bytes -= n_bytes
