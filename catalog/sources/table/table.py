"""A table of photo paths: CSV or Parquet with product_id, photos and perhaps a category; or of photos themselves."""

import errno
import hashlib
import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.atomic import write_text
from catalog.files.full_disk import names_full_disk
from catalog.files.progress import Progress
from catalog.files.sidecar import place_to_write, source_stamp
from catalog.product import Problem, ProblemKind, ProblemLog, text_problems
from catalog.product_text import FIELDS
from catalog.sources.photo_file import MAX_BYTES
from catalog.sources.photo_files import PhotoFiles, PhotoState, photo_state
from catalog.sources.photo_manifest import Listed, Manifest
from catalog.sources.source import OF_TEXTS
from catalog.sources.table.confinement import is_confined, is_inside, names_other_place
from catalog.sources.table.parquet import PhotosOfCells
from catalog.sources.table.photo_cells import MARK, CellPhoto
from catalog.sources.table.reading import columns_of, read_table
from catalog.sources.table.rows import WHAT
from catalog.sources.table.spool import ProductRows, Spool

TEXT_COLUMNS = ".text_columns"
"""Ending of the file that keeps which columns of a table are texts, where somebody has said it."""
RUN_BYTES = 64 * 2**20
"""Photos in the table itself that are read together."""
WEB = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*://|www\.|//[^/]+\.", re.IGNORECASE)
OUTSIDE = PhotoState(fault=(ProblemKind.OUTSIDE_PATH, ""))
NOT_SENT = PhotoState(fault=(ProblemKind.OUTSIDE_UPLOAD, ""))
ON_THE_WEB = PhotoState(fault=(ProblemKind.WEB_ADDRESS, ""))


class PhotoTable(PhotoFiles):
    """A row per product, its photos in a list, a cell `a.jpg|b.jpg` or columns `photo1, photo2`; or a row per photo.

    Relative paths start from the table's folder and stay in it; a photo elsewhere has an absolute path. A path that
    does not exist to the letter is looked for in the Unicode forms NFC and NFD, and with `/` for `\\`. The cells of a
    Parquet table may hold the photos themselves: they are read where they lie. The columns `title` and `description`,
    or others that somebody has named (`keep_text_columns`), are what the shop wrote.
    """

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError when there is no such file."""
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: {WHAT}")
        super().__init__(path, path.parent)
        self._table = source_stamp(path)
        self._digest = hashlib.blake2b(digest_size=16)
        self._content = hashlib.blake2b(digest_size=16)
        self._cells = PhotosOfCells(path)
        self._texts: tuple[str | None, str | None] = (None, None)

    def keep_text_columns(self, names: Sequence[str]) -> None:
        """Keep beside the table which columns are the title and, the second one, the description; none: by their names.

        Raises:
            ValueError: there is no such column, or more than two are given.
        """
        if len(names) > len(FIELDS):
            raise ValueError(
                f"{self.path}: {len(names)} columns of texts ({', '.join(names)}): give one of titles, and perhaps one "
                "of descriptions"
            )
        columns_of(self.path, names)
        place = place_to_write(self.sidecar(TEXT_COLUMNS))
        if names:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_text(place, json.dumps(list(names), ensure_ascii=False) + "\n")
        else:
            place.unlink(missing_ok=True)

    def kept_text_columns(self) -> list[str]:
        """The columns that were kept, none where nobody has named any."""
        try:
            kept = json.loads(self.sidecar(TEXT_COLUMNS).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return []
        return kept if isinstance(kept, list) and all(isinstance(name, str) for name in kept) else []

    def category_choice(self) -> str:
        """Whether the id or the path counts where the table has both."""
        return columns_of(self.path, self.kept_text_columns()).category.choice

    def level_names(self) -> tuple[str, ...]:
        """Those of its columns `category_level1: Department`, `category_level2: Aisle`."""
        return columns_of(self.path, self.kept_text_columns()).category.level_names

    def columns_left_alone(self) -> tuple[str, ...]:
        """Those that say neither id, category, photo nor text."""
        return columns_of(self.path, self.kept_text_columns()).left_alone

    @cached_property
    def is_confined(self) -> bool:
        """Whether only photos in the table's own folder may be read, see `catalog.sources.table.confinement`."""
        return is_confined(self.path)

    def __reduce__(self) -> tuple[Any, ...]:
        return PhotoTable, (self.path.absolute(),)

    def stamp(self) -> dict[str, Any]:
        """The table's size and time, and a digest of those of its photos, where they were listed before."""
        self._table, self._digest = source_stamp(self.path), hashlib.blake2b(digest_size=16)
        try:
            manifest = Manifest(self.sidecar(".manifest"))
        except (OSError, ValueError):
            return dict(self._table)
        if not self._is_listed(manifest.header):
            return dict(self._table)
        for photos, missing in manifest:
            for path in (*photos, *missing):
                self._look_for(os.fsdecode(path))
        return self.listing_stamp()

    def header(self) -> dict[str, Any]:
        """The table's size and time, and which columns of texts were asked for and taken."""
        asked = self.kept_text_columns()
        self._texts = columns_of(self.path, asked).texts
        # a list of photos that was made before the table was confined may name any file
        confined = {"confined": True} if self.is_confined else {}
        return {"table": self._table, "asked": asked, "texts": list(self._texts), **confined}

    def _is_listed(self, header: dict[str, Any]) -> bool:
        """Whether a manifest of that header lists the table as it is; its columns of texts are known then."""
        listed = header["table"], header["asked"], header.get("confined", False)
        if listed != (self._table, self.kept_text_columns(), self.is_confined):
            return False
        self._texts = (header["texts"][0], header["texts"][1])
        return True

    def listing_stamp(self) -> dict[str, Any]:
        """The stamp of the listing just done."""
        texts = {} if self._texts == (None, None) else {OF_TEXTS: list(self._texts)}
        return {**self._table, "photos": self._digest.hexdigest(), **texts}

    def nothing(self, problems: ProblemLog) -> str:
        """Say where the photos were looked for."""
        if problems.counts[ProblemKind.WEB_ADDRESS]:
            first = next(problem for problem in problems.named if problem.kind is ProblemKind.WEB_ADDRESS)
            return (
                f"{self.path} has addresses on the web for photos ({first.where}: {first.detail[:80]}), and nothing is "
                "downloaded: download the photos, and give the paths of their files"
            )
        nowhere = f"{self.path} names no photo that exists below {self.path.parent}, and holds none"
        return f"{nowhere}: {WHAT}\n{problems.summary()}"

    def list_products(self, problems: ProblemLog, progress: Progress | None) -> Iterator[Listed]:
        """One product per id, in the order of its first row."""
        self._table, self._digest = source_stamp(self.path), hashlib.blake2b(digest_size=16)
        self._content = hashlib.blake2b(digest_size=16)
        with names_full_disk(Path(tempfile.gettempdir()) / self.path.name), tempfile.TemporaryFile() as file:
            columns, cells = read_table(self.path, self.kept_text_columns(), self._content)
            spool = Spool(file, columns)
            spool.fill(cells, problems)
            for rows in spool.products(problems, progress):
                yield self._product(rows, problems)

    def _product(self, rows: ProductRows, problems: ProblemLog) -> Listed:
        where = f"row {rows.first}"
        product = Listed(rows.product_id, rows.category_id, where, text=rows.text)
        problems.extend(text_problems(rows.text, rows.product_id, where))
        for text in rows.paths:
            path, state = self._look_for(text)
            if state.fault is None:
                product.photos.append(path)
                product.sizes.append(state.size)
            else:
                product.missing.append(path)
                named = "" if CellPhoto.at(path) else text
                detail = ": ".join(part for part in (named, state.fault[1]) if part)
                problems.add(Problem(state.fault[0], where, rows.product_id, detail))
        return product

    def _look_for(self, text: str) -> tuple[bytes, PhotoState]:
        """The path under which a photo exists, or as it was given; and the photo's state."""
        path = os.fsencode(text)
        photo = CellPhoto.at(path)
        if photo is None:
            path, state = self._look_for_file(text)
        else:
            too_large = f"{photo.size} bytes, more than {MAX_BYTES}" if photo.size > MAX_BYTES else ""
            state = PhotoState(photo.size, fault=(ProblemKind.UNREADABLE_FILE, too_large) if too_large else None)
        self._digest.update(b"%d %d\0" % (state.size, state.mtime_ns))
        return path, state

    def _look_for_file(self, text: str) -> tuple[bytes, PhotoState]:
        if not self.is_confined:
            return self._look_anywhere(text)
        if names_other_place(text):
            return os.fsencode(text), NOT_SENT
        path, state = self._look_anywhere(text)
        if state is OUTSIDE or (state.fault is None and not is_inside(self.base, path)):
            return path, NOT_SENT
        return path, state

    def _look_anywhere(self, text: str) -> tuple[bytes, PhotoState]:
        path = os.fsencode(text)
        state = OUTSIDE if _leaves(text) else photo_state(self.absolute(path))
        if state.fault is None or state.fault[0] is not ProblemKind.MISSING_PHOTO:
            return path, state
        slashed = text.replace("\\", "/")
        if WEB.match(text):
            state = ON_THE_WEB
        elif _leaves(slashed):
            state = OUTSIDE
        elif (other := self._other_form(slashed)) is not None:
            path, state = other, photo_state(self.absolute(other))
        return path, state

    def read_ahead(
        self, rows: NDArray[np.void], n_photos: int | None
    ) -> Iterator[tuple[NDArray[np.void], dict[bytes, bytes]]]:
        """The `(n,)` rows, some at a time, with those of their photos that lie in the table itself."""
        start, n_bytes = 0, 0
        wanted: dict[bytes, CellPhoto] = {}
        for end, row in enumerate(rows):
            photos = {path: photo for path in self._photos(row)[:n_photos] if (photo := CellPhoto.at(path))}
            if wanted and n_bytes > RUN_BYTES:
                yield rows[start:end], self._read_cells(wanted)
                start, n_bytes, wanted = end, 0, {}
            wanted |= photos
            n_bytes += sum(photo.size for photo in photos.values())
        yield rows[start:], self._read_cells(wanted)

    def photo_file(self, row: NDArray[np.void], photo: int) -> str | None:
        """The path of a photo of a row, `()`; None where the product has none such, or the table holds it."""
        path = super().photo_file(row, photo)
        return None if path is None or path.startswith(MARK) else path

    def _read_cells(self, photos: dict[bytes, CellPhoto]) -> dict[bytes, bytes]:
        read = self._cells.read(photos.values())
        return {path: read[photo] for path, photo in photos.items() if photo in read}

    def _read(self, path: bytes) -> bytes:
        photo = CellPhoto.at(path)
        if photo is None:
            if self.is_confined and not is_inside(self.base, path):
                raise PermissionError(errno.EPERM, "outside the table's folder", os.fsdecode(path))
            return super()._read(path)
        read = self._cells.read([photo])
        if photo not in read:
            raise OSError(errno.EIO, "the table has changed or is damaged", f"{self.path}, row {photo.row + 1}")
        return read[photo]

    def _sampled_content(self, rows: NDArray[np.void]) -> bytes:
        """Digest of the beginnings of evenly spaced photo files, and of all photos in the table itself."""
        in_cell = np.array([any(map(CellPhoto.at, self._photos(row)[:1])) for row in rows], bool)
        of_files = super()._sampled_content(rows[~in_cell])
        return of_files + self._content.digest() if in_cell.any() else of_files

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
