"""Vectors kept on a local disk, searched exactly or through compressed codes."""

from search.index.local_index import LocalIndex

__all__ = ["LocalIndex"]
