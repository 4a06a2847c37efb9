"""The usual document `{_id: int32, category_id: int32, imgs: [{picture: bytes} x 1-4]}`, read without decoding it."""

from __future__ import annotations

import struct

from catalog.product import MAX_IMAGES
from catalog.sources.source import NO_CATEGORY

Spans = list[tuple[int, int]]
Walked = tuple[int, int, int, Spans]
"""Length, product_id, category_id (or `NO_CATEGORY`), first and last + 1 byte of each picture."""

_INT32, _ARRAY, _BINARY = b"\x10", b"\x04", b"\x05"
_ID, _CATEGORY, _IMGS, _PICTURE = (
    _INT32 + b"_id\0",
    _INT32 + b"category_id\0",
    _ARRAY + b"imgs\0",
    _BINARY + b"picture\0",
)
_LABELLED = struct.Struct(f"<i{len(_ID)}si{len(_CATEGORY)}si{len(_IMGS)}si")
_UNLABELLED = struct.Struct(f"<i{len(_ID)}si{len(_IMGS)}si")
_ENTRY = struct.Struct(f"<3si{len(_PICTURE)}siB")
_AROUND = _ENTRY.size - 3 + 1
"""Bytes of an entry's document beside its picture."""
_RANKS = tuple(f"\x03{rank}\0".encode() for rank in range(MAX_IMAGES))


def walk(data: memoryview, at: int) -> Walked | None:
    """The document at byte `at` of `data`, or None when it is not of the usual form or does not end in `data`.

    What is returned is what `parse_document` says of the same bytes, without a problem.
    """
    try:
        length, first, product_id, second, category_id, third, n_array = _LABELLED.unpack_from(data, at)
        here = at + _LABELLED.size
        if second != _CATEGORY:
            length, first, product_id, third, n_array = _UNLABELLED.unpack_from(data, at)
            category_id, here = NO_CATEGORY, at + _UNLABELLED.size
        last = here - 4 + n_array - 1
        # nothing follows the photos: the array's and the document's final zeros end both
        if first != _ID or third != _IMGS or last + 2 != at + length or data[last] or data[last + 1]:
            return None
        spans: Spans = []
        for rank in _RANKS:
            key, n_entry, name, n, subtype = _ENTRY.unpack_from(data, here)
            start = here + _ENTRY.size
            here = start + n + 1
            if key != rank or name != _PICTURE or subtype or n < 0 or n_entry != n + _AROUND or here > last:
                return None
            if data[here - 1]:
                return None
            spans.append((start, here - 1))
            if here == last:
                return length, product_id, category_id, spans
    except (struct.error, IndexError):
        pass
    return None
