"""Counts as people read them."""

from __future__ import annotations


def plural(n: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 photo`, `12,371 photos`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
