"""Products whose photos are files: what a folder of photos and a table of paths have in common."""

import hashlib
import logging
import os
import stat
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson
import numpy as np
from numpy.typing import NDArray

from catalog.files.atomic import atomic_path
from catalog.files.progress import Progress
from catalog.files.sidecar import place_to_write
from catalog.ids.shop_id import ShopId
from catalog.product import MAX_IMAGES, Problem, ProblemKind, ProblemLog
from catalog.product_text import FIELDS, ShopText
from catalog.sources.photo_file import MAX_BYTES
from catalog.sources.photo_manifest import Listed, Manifest, ManifestWriter
from catalog.sources.source import NO_CATEGORY, Document, FileSource, Index, first_of_each_id

log = logging.getLogger(__name__)
MOST_VANISHED = 20
"""Photos that are named when they cannot be read any more: a drive that is gone takes all of them with it."""
SAMPLED = 64
"""Photos whose content enters the fingerprint."""


@dataclass(frozen=True, slots=True)
class PhotoState:
    """A photo file as the file system describes it; `fault` says why it cannot be used."""

    size: int = 0
    mtime_ns: int = 0
    fault: tuple[ProblemKind, str] | None = None


def photo_state(path: bytes) -> PhotoState:
    """Look at a photo file without opening it."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return PhotoState(fault=(ProblemKind.MISSING_PHOTO, "broken link" if os.path.islink(path) else ""))
    except (OSError, ValueError) as error:
        return PhotoState(fault=(ProblemKind.UNREADABLE_FILE, getattr(error, "strerror", None) or str(error)))
    why = ""
    if not stat.S_ISREG(status.st_mode):
        why = "not a file"
    elif status.st_size > MAX_BYTES:
        why = f"{status.st_size} bytes, more than {MAX_BYTES}"
    elif not status.st_mode & stat.S_IROTH and not os.access(path, os.R_OK):
        why = "no permission to read it"
    return PhotoState(status.st_size, status.st_mtime_ns, (ProblemKind.UNREADABLE_FILE, why) if why else None)


class PhotoFiles(FileSource):
    """A source that keeps, beside the user's own files, a manifest of the photo files of every product.

    A row's `offset` and `length` are the place of the product's record in the manifest.
    """

    def __init__(self, path: Path, base: Path) -> None:
        """`path`: what the user gave; `base`: the folder that relative photo paths start from."""
        self.path = path
        self.base = os.fsencode(base)
        self._manifest: Manifest | None = None
        self._vanished: set[bytes] = set()

    @abstractmethod
    def list_products(self, problems: ProblemLog, progress: Progress | None) -> Iterator[Listed]:
        """Every product in order, repeated ids included; whatever is wrong goes to `problems`."""

    @abstractmethod
    def listing_stamp(self) -> dict[str, Any]:
        """The stamp of what `list_products` has just gone through."""

    def header(self) -> dict[str, Any]:
        """What the manifest says about its origin."""
        return {}

    def index(self, progress: Progress | None = None) -> Index:
        """List everything once and write the manifest; raises ValueError when there is not one usable product."""
        problems, place = ProblemLog(), place_to_write(self.sidecar(".manifest"))
        place.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(place) as temporary, temporary.open("wb") as file:
            writer = ManifestWriter(file, self.header())
            for product in self.list_products(problems, progress):
                self._log_count(product, problems)
                writer.add(product)
            rows = writer.rows.whole()
            # raised in here, it leaves no list behind of what is no catalogue
            if not rows["n_images"].any():
                raise ValueError(self.nothing(problems))
            ids = writer.finish(rows)
        self._manifest = None
        rows = first_of_each_id(rows, problems, self.repeated)
        writer.content.update(self._sampled_content(rows))
        stamp, content = self.listing_stamp(), writer.content.hexdigest()
        return Index(rows, problems, content, stamp, has_texts=writer.has_texts, ids=ids)

    @abstractmethod
    def nothing(self, problems: ProblemLog) -> str:
        """The message when not one photo was found."""

    def read(self, rows: NDArray[np.void]) -> Iterator[Document]:
        """The products of these `(n,)` rows; a photo that has vanished since the last look is empty, so unreadable."""
        for some, known in self.read_ahead(rows, MAX_IMAGES):
            for row in some:
                paths = self._photos(row)[:MAX_IMAGES]
                pictures = tuple(known[path] if path in known else self._read_or_empty(path) for path in paths)
                text = self._listed().text(row)
                yield Document(*self._ids(row), pictures, title=text.title, description=text.description)

    def texts(self, rows: NDArray[np.void]) -> Iterator[ShopText]:
        """What was listed with these `(n,)` rows: of a folder nothing, it has no place for texts."""
        return map(self._listed().text, rows)

    def photo_file(self, row: NDArray[np.void], photo: int) -> str | None:
        """The path, as folder or table has it, of a photo of a row, `()`; None where the product has no such photo."""
        try:
            photos = self._photos(row)[:MAX_IMAGES]
        except (OSError, ValueError):
            # listed anew by another command: no reason to lose what is to be said about the photo
            return None
        return shown(photos[photo - 1]) if 1 <= photo <= len(photos) else None

    def raw(self, rows: NDArray[np.void]) -> Iterator[bytes]:
        """`(n,)` rows as `{_id, category_id?, title?, description?, imgs: [{picture}]}`.

        Raises:
            OSError: a photo has vanished.
        """
        for some, known in self.read_ahead(rows, None):
            for row in some:
                product_id, category_id = self._ids(row)
                label = {} if category_id is None else {"category_id": category_id}
                paths = self._photos(row)
                images = [{"picture": known[path] if path in known else self._read(path)} for path in paths]
                written = self._listed().text(row)
                # before the photos: whoever looks for them alone does not come by those
                texts = {name: text for name, text in zip(FIELDS, written[: len(FIELDS)], strict=True) if text}
                yield bson.encode({"_id": product_id, **label, **texts, "imgs": images})

    def read_ahead(
        self, rows: NDArray[np.void], n_photos: int | None
    ) -> Iterator[tuple[NDArray[np.void], dict[bytes, bytes]]]:
        """The `(n,)` rows, some at a time, with those of their first `n_photos` photos that are read together."""
        yield rows, {}

    def absolute(self, path: bytes) -> bytes:
        """Where a photo lies."""
        return path if path.startswith(b"/") else self.base + b"/" + path

    def _photos(self, row: NDArray[np.void]) -> list[bytes]:
        return self._listed().photos(row)

    def _ids(self, row: NDArray[np.void]) -> tuple[ShopId, ShopId | None]:
        """Product id and category_id of a row, `()`, to the letter."""
        names, category = self._listed().ids, int(row["category_id"])
        return names.shown(int(row["product_id"])), None if category == NO_CATEGORY else names.shown(category)

    def _listed(self) -> Manifest:
        if self._manifest is None:
            self._manifest = Manifest(self.sidecar(".manifest"))
        return self._manifest

    def _read(self, path: bytes) -> bytes:
        with open(self.absolute(path), "rb") as file:
            return file.read(MAX_BYTES)

    def _read_or_empty(self, path: bytes) -> bytes:
        try:
            return self._read(path)
        except OSError as error:
            place = error.filename if isinstance(error.filename, str) else os.fsdecode(path)
            # the same photo is asked for in every epoch
            if path not in self._vanished and len(self._vanished) < MOST_VANISHED:
                self._vanished.add(path)
                log.warning("%s cannot be read any more: %s", place, error.strerror)
                if len(self._vanished) == MOST_VANISHED:
                    log.warning("%s: further photos that vanish are not named", self.title)
            return b""

    def repeated(self, row: NDArray[np.void], kept: NDArray[np.void]) -> Problem:
        """What to say of a row, `()`, whose product_id another one has, which is kept."""
        return Problem(ProblemKind.REPEATED_ID, self.photo_file(row, 1) or "without photo", self._ids(row)[0])

    def many(self, product: Listed) -> str:
        """What to say of a product with more photos than are used."""
        return f"{len(product.photos)} photos"

    def _log_count(self, product: Listed, problems: ProblemLog) -> None:
        if not product.photos:
            problems.add(Problem(ProblemKind.NO_PHOTO, product.where, product.product_id))
        elif len(product.photos) > MAX_IMAGES:
            problems.add(Problem(ProblemKind.TOO_MANY_PHOTOS, product.where, product.product_id, self.many(product)))

    def _sampled_content(self, rows: NDArray[np.void]) -> bytes:
        """Digest of the beginnings of evenly spaced photos."""
        digest = hashlib.blake2b(digest_size=16)
        with_photo = rows[rows["n_images"] > 0]
        for row in with_photo[:: max(1, len(with_photo) // SAMPLED)]:
            digest.update(self._read_or_empty(self._photos(row)[0])[: 2**16])
        return digest.digest()


def shown(*parts: bytes) -> str:
    """A path for messages, with bytes that are no UTF-8 replaced."""
    return b"/".join(part for part in parts if part).decode("utf-8", "replace")
