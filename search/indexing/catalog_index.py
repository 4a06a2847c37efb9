"""`search index | add | remove | compact`: an index is made of a catalogue, or becomes like it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.claim import AlreadyClaimed, claimed
from catalog.files.cores import n_cores
from catalog.files.csv_rows import why_not_id
from catalog.files.id_lookup import SortedNumbers
from catalog.files.listed_ids import listed_ids
from catalog.files.progress import Bar, Progress
from catalog.files.sheet_ids import id_among
from catalog.files.wording import listed, plural
from catalog.ids.shop_id import id_number, id_numbers
from catalog.problem_places import name_files
from catalog.product import ProblemLog
from catalog.runs.workspace import Workspace
from mosaic.inference.embedding import Embedder
from search.index import LocalIndex
from search.indexing.backend import kind_of, n_removed
from search.indexing.building import IndexOptions, build
from search.indexing.index_info import n_bytes
from search.indexing.opening import OpenIndex
from search.indexing.photo_words import PhotoWords, photo_words
from search.indexing.place import IndexPlace
from search.indexing.record import Changes, IndexedProducts
from search.indexing.taking_in import TakingIn
from search.ranking.text_store import TextStore

NAMED = 5


@dataclass(frozen=True)
class Indexed:
    """What `index_catalog` and `add_catalog` have done.

    Attributes:
        n_new, n_changed, n_gone, n_same: products that were added, replaced, removed, and left as they were.
        n_products, n_photos: that can be found now.
        n_known: products that the index has taken in; those without a readable photo cannot be found.
        kind: of the search, `exact` or `compressed`. n_removed: vectors that are passed over until it is compacted.
        problems: of the catalogue, and of the products that were taken in.
        choices: of an index that was made, whether its vectors are whitened and texts compared, and why.
    """

    place: IndexPlace
    n_new: int
    n_changed: int
    n_gone: int
    n_same: int
    n_products: int
    n_photos: int
    n_known: int
    network: str
    kind: str
    n_removed: int
    problems: ProblemLog
    choices: str = ""

    def text(self) -> str:
        """Sentences for people."""
        done = f"{plural(self.n_new, 'product')} added"
        if self.n_changed or self.n_gone or self.n_same:
            done += f", {self.n_changed:,} replaced, {self.n_gone:,} removed, {self.n_same:,} as they were"
        silent = self.n_known - self.n_products
        without = f"; {plural(silent, 'product has', 'products have')} no readable photo" if silent > 0 else ""
        lines = [
            done,
            f"{plural(self.n_products, 'product')} can be found by {plural(self.n_photos, 'photo')}{without}",
            self.choices,
            f"{self.kind} search, vectors by {self.network}: {self.place.folder}",
        ]
        return "\n".join(filter(None, lines))


def index_catalog(
    workspace: Workspace, catalog: Catalog, embedder: Embedder, folder: Path | None = None,
    options: IndexOptions | None = None, *, bar: Bar,
) -> Indexed:  # fmt: skip
    """Make an index of all photos of a catalogue, or let the one that is there become like it.

    What is new is added, what has other photos or another label is replaced, what has gone is removed; products of
    catalogues that were added stay. Killed, the same call goes on.

    Args:
        folder: default: `search` in the workspace.

    Raises:
        ValueError: the folder's index is of another network, or of another catalogue; or the folder holds other files.
        OSError: the disk is full, or another process is at work on the index.
    """
    place, options = IndexPlace.of(workspace, folder), options or IndexOptions()
    place.require_replaceable()
    with _alone(place):
        if options.overwrite or not place.exists:
            with photo_words(workspace, wanted=options.read) as words:
                return _built(place, catalog, embedder, words, options, bar)
        with OpenIndex.at(place, embedder) as opened, photo_words(workspace, wanted=place.reads) as words:
            opened.require_catalog(catalog)
            opened.known = opened.known.moved_to(catalog.address)
            opened.require_options(kind=options.kind, whiten=options.whiten, read=options.read, server=options.server)
            return _updated(opened, catalog, words, bar, removing=True)


def add_catalog(
    workspace: Workspace, catalog: Catalog, embedder: Embedder, folder: Path | None = None, *, bar: Bar
) -> Indexed:
    """Add the products of another catalogue to an index; those that are there with other photos are replaced.

    Raises:
        FileNotFoundError: no index there.
        ValueError, OSError: as `index_catalog` raises them.
    """
    place = IndexPlace.of(workspace, folder)
    place.require()
    with (
        _alone(place), OpenIndex.at(place, embedder) as opened, photo_words(workspace, wanted=place.reads) as words
    ):  # fmt: skip
        return _updated(opened, catalog, words, bar, removing=False)


def remove_products(place: IndexPlace, product_ids: NDArray[np.int64]) -> int:
    """Forget `(n,)` products until their catalogue is indexed again; returns how many were there.

    Raises:
        FileNotFoundError, ValueError, OSError: as `add_catalog` raises them.
    """
    place.require()
    with _alone(place), OpenIndex.at(place) as opened:
        return _taking_in(opened).remove(product_ids)


def compact(place: IndexPlace, progress: Progress | None = None) -> tuple[int, int]:
    """Write an index anew without what was removed; returns bytes that it took, and takes now.

    Raises:
        FileNotFoundError, ValueError, OSError: as `add_catalog` raises them.
    """
    place.require()
    with _alone(place):
        before = n_bytes(place)
        with OpenIndex.at(place) as opened:
            if isinstance(opened.index, LocalIndex):
                opened.index.compact(progress)
            if place.texts.is_dir():
                TextStore.open(place.texts).compact(opened.known.product_ids)
            # whoever searches meanwhile looks at this file, and opens the new index
            opened.known.save(place.products)
        return before, n_bytes(place)


def products_listed(place: IndexPlace, names: Sequence[str], file: Path | None) -> tuple[NDArray[np.int64], list[str]]:
    """`(n,)` numbers of products that are named, and a sentence about those that the index has not.

    `file`: a CSV of more of them, see `catalog.files.listed_ids`.

    Raises:
        FileNotFoundError: no index, or no such file.
        ValueError: what is no id.
    """
    place.require()
    known = SortedNumbers(IndexedProducts.load(place.products).product_ids)
    ids = [id_among(name, known) for name in names]
    if None in ids:
        name = names[ids.index(None)]
        raise ValueError(f"{name!r} is no product id: {why_not_id(name)}")
    given = [one for one in ids if one is not None]
    given += [] if file is None else listed_ids(file, known, "--file")
    unknown = [one for one in dict.fromkeys(given) if id_number(one) not in known]
    n = plural(len(unknown), "product is", "products are")
    told = [f"{n} not in {place.folder}: {listed(unknown, NAMED)}"] if unknown else []
    return np.unique(id_numbers(np.array(given, object))), told


@contextmanager
def _alone(place: IndexPlace) -> Iterator[None]:
    """Hours of work that no other process does at the same time."""
    place.folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with claimed(place.folder):
            yield
    except AlreadyClaimed as other:
        raise OSError(
            f"{place.folder} is being written by {other}: run the command again when it has ended, or choose another "
            "folder"
        ) from None


def _built(
    place: IndexPlace, catalog: Catalog, embedder: Embedder, words: PhotoWords | None, options: IndexOptions, bar: Bar
) -> Indexed:
    md5s = _md5s(catalog, bar)
    why, problems = build(place, catalog, md5s, embedder, words, options, bar)
    with OpenIndex.at(place, embedder) as opened:
        return _told(opened, opened.known, problems, n_new=len(catalog), choices=why)


def _updated(opened: OpenIndex, catalog: Catalog, words: PhotoWords | None, bar: Bar, *, removing: bool) -> Indexed:
    known = opened.known.with_source(catalog)
    changes = Changes.of(catalog, _md5s(catalog, bar), known)
    taking = _taking_in(opened, words)
    # also where nothing has changed but the catalogue's place
    taking.keep(known)
    taking.problems.merge(catalog.problems)
    with bar("embed") as progress:
        taking.take(catalog, np.sort(np.concatenate([changes.new, changes.changed])), changes.signatures, progress)
    n_gone = len(changes.gone) if removing else 0
    if n_gone:
        taking.remove(changes.gone)
    name_files(catalog, taking.problems)
    return _told(
        opened, taking.known, taking.problems,
        n_new=len(changes.new), n_changed=len(changes.changed), n_gone=n_gone, n_same=changes.n_same,
    )  # fmt: skip


def _taking_in(opened: OpenIndex, words: PhotoWords | None = None) -> TakingIn:
    return TakingIn(opened, opened.known, ProblemLog(), words)


def _told(
    opened: OpenIndex, known: IndexedProducts, problems: ProblemLog, *,
    n_new: int, n_changed: int = 0, n_gone: int = 0, n_same: int = 0, choices: str = "",
) -> Indexed:  # fmt: skip
    index = opened.index
    return Indexed(
        opened.place, n_new, n_changed, n_gone, n_same, index.n_products, len(index), len(known),
        index.identity.network, kind_of(index), n_removed(index), problems, choices,
    )  # fmt: skip


def _md5s(catalog: Catalog, bar: Bar) -> NDArray[np.uint8]:
    """`(P, 16)` uint8 of all photos; the first time they are read for it."""
    with bar("read") as progress:
        return catalog.md5s(progress, n_cores())
