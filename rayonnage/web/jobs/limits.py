"""Bounds of what may be sent, and for how long it is kept."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 2**30
DAY_S = 86_400.0


class LimitReached(ValueError):
    """More than the bounds allow; `status` of HTTP: 413 for what never fits, 429 for what fits later, 507 no disk."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class JobLimits:
    """Bounds of jobs.

    Attributes:
        job_bytes: of one upload, and twice that unpacked; all_bytes: of all jobs, unpacked ones included.
        jobs: of one owner; free_bytes: that stay free on the disk.
        chunk_bytes: of one request of an upload.
        files: in a zip; depth: folders above a file of a zip; ratio: unpacked bytes to those of the zip, as photos
            hardly shrink.
        products: in one job, as a table of some megabytes may repeat one row a billion times.
        kept_s: seconds until what has ended is removed; upload_s: until an upload that nobody goes on with is.
    """

    job_bytes: int = 4 * GIB
    all_bytes: int = 16 * GIB
    jobs: int = 20
    free_bytes: int = 2 * GIB
    chunk_bytes: int = 16 * 2**20
    files: int = 200_000
    depth: int = 10
    ratio: int = 30
    products: int = 1_000_000
    kept_s: float = 7 * DAY_S
    upload_s: float = DAY_S


def size_text(n_bytes: float) -> str:
    """Bytes as people read them: `512 kB`, `3.2 GB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{max(n_bytes, 1000) / 1e3:.0f} kB"
