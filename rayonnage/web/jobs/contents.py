"""What was sent: a table, a table with its photos beside it, or folders of photos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.files.file_kinds import PARQUET_ENDINGS
from catalog.files.progress import Progress
from catalog.files.wording import listed
from catalog.sources.folder.folder import TREE_NAMES
from catalog.sources.opening import keep_layout
from catalog.sources.table.confinement import confine
from catalog.sources.table.rows import CSV_ENDINGS
from rayonnage.web.jobs.archive import unpack
from rayonnage.web.jobs.limits import JobLimits
from rayonnage.web.jobs.record import INPUT, JobRecord

TABLES = (*CSV_ENDINGS, *PARQUET_ENDINGS)
UNPACKED = "unpacked"
TITLES_ALONE = (
    "this table comes without a photo, and titles alone are of little use: send a zip with the table and the photos "
    "that it names beside it, or a Parquet table that holds the photos themselves"
)


@dataclass(frozen=True)
class SentCatalogue:
    """Where the products lie that were sent; unpacked: bytes that were in a zip, None where nothing was unpacked."""

    path: Path
    unpacked: int | None = None

    @property
    def is_table(self) -> bool:
        """Whether it is a table, not folders."""
        return self.path.suffix.lower() in TABLES and self.path.is_file()


def lay_out(folder: Path, job: JobRecord, limits: JobLimits, progress: Progress | None = None) -> SentCatalogue:
    """Unpack what was sent, where it is a zip, and find the catalogue in it; the second time everything lies there.

    Raises:
        ArchiveRefused: see `unpack`. ValueError: two tables, of which either may be meant.
    """
    upload, target, n_bytes = folder / INPUT / job.file, folder / INPUT / UNPACKED, None
    if job.ending != ".zip":
        return SentCatalogue(upload)
    if not target.is_dir():
        n_bytes = unpack(upload, target, limits, progress)
    # what has been unpacked is never needed again, and takes its room twice
    upload.unlink(missing_ok=True)
    tables = sorted(_tables_in(target))
    if len(tables) > 1:
        names = listed([table.relative_to(target) for table in tables], 3)
        raise ValueError(f"the zip holds more than one table ({names}): leave the one with the products")
    if tables:
        confine(tables[0])
        return SentCatalogue(tables[0], n_bytes)
    if job.layout is not None:
        keep_layout(target, job.layout)
    return SentCatalogue(target, n_bytes)


def _tables_in(folder: Path) -> Iterator[Path]:
    """At the top of the zip, or in the one folder that everything in it lies in."""
    inside = list(folder.iterdir())
    for top in (folder, *(path for path in inside if len(inside) == 1 and path.is_dir())):
        for path in top.iterdir():
            if path.suffix.lower() in TABLES and path.is_file() and path.name not in TREE_NAMES:
                yield path
