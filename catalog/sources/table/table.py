"""A table of photo paths: CSV or Parquet with product_id, photos and perhaps category_id."""

import hashlib
import os
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalog.files.progress import Progress
from catalog.files.sidecar import source_stamp
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.sources.photo_files import PhotoFiles, PhotoState, photo_state
from catalog.sources.photo_manifest import Listed, Manifest
from catalog.sources.table.rows import WHAT, ProductRows, Spool, read_table

OUTSIDE = PhotoState(fault=(ProblemKind.OUTSIDE_PATH, ""))


class PhotoTable(PhotoFiles):
    """A row per product, its photos in a list, a cell `a.jpg|b.jpg` or columns `photo1, photo2`; or a row per photo.

    Relative paths start from the table's folder and stay in it; a photo elsewhere has an absolute path. A path that
    does not exist to the letter is looked for in the Unicode forms NFC and NFD, and with `/` for `\\`.
    """

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError when there is no such file."""
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: {WHAT}")
        super().__init__(path, path.parent)
        self._table = source_stamp(path)
        self._digest = hashlib.blake2b(digest_size=16)

    def __reduce__(self) -> tuple[Any, ...]:
        return PhotoTable, (self.path.absolute(),)

    def stamp(self) -> dict[str, Any]:
        """The table's size and time, and a digest of those of its photos, where they were listed before."""
        self._table, self._digest = source_stamp(self.path), hashlib.blake2b(digest_size=16)
        try:
            manifest = Manifest(self.sidecar(".manifest"))
        except (OSError, ValueError):
            return dict(self._table)
        if manifest.header != self.header():
            return dict(self._table)
        for photos, missing in manifest:
            for path in (*photos, *missing):
                self._look_for(os.fsdecode(path))
        return self.listing_stamp()

    def header(self) -> dict[str, Any]:
        """The table's size and time."""
        return {"table": self._table}

    def listing_stamp(self) -> dict[str, Any]:
        """The stamp of the listing just done."""
        return {**self._table, "photos": self._digest.hexdigest()}

    def nothing(self, problems: ProblemLog) -> str:
        """Say where the photos were looked for."""
        return f"{self.path} names no photo that exists below {self.path.parent}: {WHAT}\n{problems.summary()}"

    def list_products(self, problems: ProblemLog, progress: Progress | None) -> Iterator[Listed]:
        """One product per id, in the order of its first row."""
        self._table, self._digest = source_stamp(self.path), hashlib.blake2b(digest_size=16)
        with tempfile.TemporaryFile() as file:
            columns, cells = read_table(self.path)
            spool = Spool(file, columns)
            spool.fill(cells, problems)
            for rows in spool.products(problems, progress):
                yield self._product(rows, problems)

    def _product(self, rows: ProductRows, problems: ProblemLog) -> Listed:
        product = Listed(rows.product_id, rows.category_id, f"row {rows.first}")
        for text in rows.paths:
            path, state = self._look_for(text)
            if state.fault is None:
                product.photos.append(path)
                product.sizes.append(state.size)
            else:
                product.missing.append(path)
                detail = f"{text}: {state.fault[1]}" if state.fault[1] else text
                problems.add(Problem(state.fault[0], f"row {rows.first}", rows.product_id, detail))
        return product

    def _look_for(self, text: str) -> tuple[bytes, PhotoState]:
        """The path under which a photo exists, or as it was given; and the photo's state."""
        path = os.fsencode(text)
        state = OUTSIDE if _leaves(text) else photo_state(self.absolute(path))
        if state.fault is not None and state.fault[0] is ProblemKind.MISSING_PHOTO:
            slashed = text.replace("\\", "/")
            if _leaves(slashed):
                state = OUTSIDE
            elif (other := self._other_form(slashed)) is not None:
                path, state = other, photo_state(self.absolute(other))
        self._digest.update(b"%d %d\0" % (state.size, state.mtime_ns))
        return path, state

    def _other_form(self, text: str) -> bytes | None:
        """The path as the file system spells it: macOS decomposes accents, spreadsheets compose them."""
        path_so_far = "/" if text.startswith("/") else ""
        for part in text.split("/"):
            forms = (part, unicodedata.normalize("NFC", part), unicodedata.normalize("NFD", part))
            here = (os.path.join(path_so_far, form) for form in forms)
            there = next((path for path in here if os.path.lexists(self.absolute(os.fsencode(path)))), None)
            if there is None:
                return None
            path_so_far = there
        return os.fsencode(path_so_far)


def _leaves(path: str) -> bool:
    """Whether a relative path leads out of the folder that it starts from."""
    return not os.path.isabs(path) and os.path.normpath(path).split(os.sep)[0] == os.pardir
