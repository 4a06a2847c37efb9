"""Small pictures that were made before: the last ones, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

MAX_BYTES = 64 * 2**20
"""Some five thousand photos of 480 pixels."""


class ThumbnailCache:
    """Encoded pictures by the MD5 of their photo and their size; safe in threads."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes, self.n_bytes = max_bytes, 0
        self._pictures: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, md5: str, side: int) -> bytes | None:
        """The picture, None where it is not kept (any more)."""
        with self._lock:
            picture = self._pictures.get((md5, side))
            if picture is not None:
                self._pictures.move_to_end((md5, side))
            return picture

    def keep(self, md5: str, side: int, picture: bytes) -> None:
        """Keep one, in the place of those that nobody has asked for the longest."""
        with self._lock:
            self.n_bytes -= len(self._pictures.pop((md5, side), b""))
            self._pictures[md5, side] = picture
            self.n_bytes += len(picture)
            while self.n_bytes > self.max_bytes:
                self.n_bytes -= len(self._pictures.popitem(last=False)[1])
