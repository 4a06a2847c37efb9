"""The scans of a JPEG: where they begin, and whether the end follows them (ITU-T T.81, annex B)."""

import re

from catalog.photos.formats import UnreadablePhoto

SCAN, END = 0xDA, 0xD9
MAX_SCANS = 1000
"""Encoders write 4 to 12 scans, the most thorough ones some 60."""
MAX_SEGMENTS = 5 * MAX_SCANS
"""From the first scan on: a scan may bring tables with it."""
# neither a byte of data that looks like a mark (00), nor a restart, nor a byte that fills up
_MARK = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_OF_SOME_LENGTH = frozenset({*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE})
"""Marks that libjpeg reads on behind their segment; behind any other it stops, or looks for the next one."""


def scans_of(photo: bytes, first: int) -> tuple[list[int], bool]:
    """Where each scan's mark stands, from that at `first` on, and whether the end mark follows.

    It goes from mark to mark as libjpeg does. Counting the marks alone would be quicker and can be deceived: by an end
    that stands in a comment, before 500 more scans, or by further pictures behind the end.

    Raises:
        UnreadablePhoto: more scans or segments than a photo has.
    """
    scans: list[int] = []
    place = first
    for _ in range(MAX_SEGMENTS):
        mark = _MARK.search(photo, place)
        if mark is None:
            return scans, False
        place, kind = mark.end(), photo[mark.end() - 1]
        if kind == END:
            return scans, True
        if kind == SCAN:
            scans.append(mark.start())
        if len(scans) > MAX_SCANS:
            raise UnreadablePhoto(f"a JPEG with more than {MAX_SCANS:,} scans")
        if kind in _OF_SOME_LENGTH:
            place += max(2, int.from_bytes(photo[place : place + 2]))
    raise UnreadablePhoto(f"a JPEG with more than {MAX_SEGMENTS:,} segments in its picture")
