"""What is asked of the model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from catalog.photos.photo_index import photo_md5


@dataclass(frozen=True)
class AskedProduct:
    """One product as a client gives it: its encoded photos in the seller's order, and what is written of it."""

    photos: tuple[bytes, ...]
    title: str | None = None
    description: str | None = None

    @cached_property
    def md5s(self) -> tuple[bytes, ...]:
        """Of its photos."""
        return tuple(map(photo_md5, self.photos))
