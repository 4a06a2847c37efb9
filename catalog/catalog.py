"""A random-access, lazily read, picklable sequence of products."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress, in_batches
from catalog.files.sidecar import read_sidecar
from catalog.files.wording import plural
from catalog.files.workers import in_order
from catalog.ids.shop_id import ShopId
from catalog.kept_index import MD5, KeptIndex, keep_md5s
from catalog.photos.photo_index import PhotoIndex, photo_md5
from catalog.product import ProblemLog, Product
from catalog.sources.opening import open_source
from catalog.sources.source import OF_TEXTS, Source
from catalog.texts import Texts, collect_texts
from catalog.tree.label_leaves import label_leaves
from catalog.tree.taxonomy import Taxonomy

READ_AHEAD = 256
"""Products asked of a source at a time."""
MD5_CHUNK = 1024
"""Products whose photos a process reads at a time."""


class Catalog(Sequence[Product]):
    """Products of a source in its order, each `_id` once.

    An index is kept in a sidecar file and rebuilt when the source changes. Instances pickle as their source and its
    stamp, so that worker processes reopen the sidecar: they copy nothing, and do not look through the source again.

    Attributes:
        stamp: what tells the source's state apart from others; what is derived from it is kept under this, or, where
            it is derived from the photos alone, under `photo_stamp`.
        fingerprint: identity of the content: every `_id`, category and number of photos, and samples of the rest.
        ids: the texts of ids that are no integers, of products and categories: what the numbers below stand for.
        sampled: the source's own fingerprint, by which earlier versions knew the catalogue. Of a large BSON file it is
            made of samples alone: of 1,500 labels that were rewritten in turn it saw 421.
    """

    def __init__(
        self, source: Source | str | Path, progress: Progress | None = None, stamp: dict[str, Any] | None = None
    ) -> None:
        """Open (and on first use index) a source of products, or the one at an address.

        Args:
            stamp: the source's, where it has just been asked.

        Raises:
            FileNotFoundError: nothing lies there.
            ValueError: not one usable product in it.
        """
        self.source = open_source(source) if isinstance(source, str | Path) else source
        kept = None if stamp is None else KeptIndex.read(self.source, stamp)
        if stamp is None or kept is None:
            stamp = self.source.stamp()
            kept = KeptIndex.read(self.source, stamp)
        if kept is None:
            index = self.source.index(progress)
            stamp = index.stamp or stamp
            made = KeptIndex.keep(self.source, stamp, index)
            kept = KeptIndex.read(self.source, stamp) or made
        self.ids = kept.ids
        self.source = self.source.knowing(self.ids)
        self.stamp = stamp
        self._rows: NDArray[np.void] = kept.rows
        self.sampled, self.fingerprint = kept.sampled, kept.fingerprint
        self.problems = ProblemLog.from_json(kept.header["problems"])
        # an index of an earlier version does not say
        self._has_texts: bool | None = kept.header.get("has_texts")
        self._texts: Texts | None = None

    def __str__(self) -> str:
        """The source as people know it."""
        return self.source.title

    @property
    def name(self) -> str:
        """Short name of the source, fit for a file's name."""
        return self.source.name

    @property
    def address(self) -> str:
        """What opens the same catalogue again, from any folder."""
        return self.source.address

    @property
    def is_kept(self) -> bool:
        """Whether the index lies in its sidecar: only then other processes open this catalogue without making one."""
        return KeptIndex.read(self.source, self.stamp) is not None

    @property
    def photo_stamp(self) -> dict[str, Any]:
        """The stamp but for the texts: other titles are no reason to read the photos again."""
        return {name: value for name, value in self.stamp.items() if name != OF_TEXTS}

    def matches(self, fingerprint: str) -> bool:
        """Whether a fingerprint, of this or of an earlier version, was taken of this content, as far as it tells."""
        return fingerprint in (self.fingerprint, self.sampled)

    @cached_property
    def product_ids(self) -> NDArray[np.int64]:
        """`(N,)` int64, unique: the numbers of their ids; read-only, as the other columns."""
        return self._column("product_id")

    @cached_property
    def category_ids(self) -> NDArray[np.int64]:
        """`(N,)` int64 numbers of their ids; -1 where the document has none."""
        return self._column("category_id")

    @cached_property
    def n_images(self) -> NDArray[np.int8]:
        """`(N,)` int8 in 0..4: photos in the document, of which at most four are used."""
        return self._column("n_images")

    def shop_ids(self, positions: Sequence[int] | NDArray[np.integer] | None = None) -> list[ShopId]:
        """The product_id, as the shop has it, of the products at these `(n,)` positions; None: of all."""
        numbers = self.product_ids if positions is None else self.product_ids[np.asarray(positions, np.int64)]
        return self.ids.take(numbers)

    def leaves(self, tree: Taxonomy) -> NDArray[np.int64]:
        """`(N,)` int64 leaf of each product's label, which may be what the tree calls a category; -1 where unknown."""
        return label_leaves(tree, self.category_ids, self.ids)

    def document_ids(self, positions: Sequence[int] | NDArray[np.integer]) -> list[Any]:
        """The `_id`s of the products at these `(n,)` positions, as a database has them.

        Where the source has documents they are of the type that they have there (an ObjectId, a UUID), else as
        `shop_ids`.
        """
        found = self.source.document_ids(self._rows[np.asarray(positions, np.int64)])
        return self.shop_ids(positions) if found is None else found

    def _column(self, name: str) -> NDArray[Any]:
        """A column of the index, copied once: asked of every product, a copy each time would take days."""
        column = np.ascontiguousarray(self._rows[name])
        column.flags.writeable = False
        return column

    def md5s(self, progress: Progress | None = None, n_workers: int = 1) -> NDArray[np.uint8]:
        """`(sum of n_images, 16)` uint8: MD5 of every photo in catalogue order; nothing is decoded.

        Kept in a sidecar file of its own: the first call reads all photos once, in `n_workers` processes.
        """
        kept = read_sidecar(self.source.sidecar(".md5"), self.photo_stamp, MD5)
        if kept is not None and len(kept[1]) == self.n_images.sum(dtype=np.int64):
            return kept[1]
        everything = range(len(self))
        shared = n_workers > 1 and len(self) > MD5_CHUNK and self.is_kept
        tasks = in_batches(everything, MD5_CHUNK)
        with closing(in_order(partial(_md5s_of, self), tasks, n_workers if shared else 1)) as parts:
            done = in_batches(everything, MD5_CHUNK, progress)
            digests = np.concatenate([part for _, part in zip(done, parts, strict=True)])
        keep_md5s(self.source, self.photo_stamp, digests)
        return digests

    def photo_index(self, progress: Progress | None = None, n_workers: int = 1) -> PhotoIndex:
        """Which photo belongs to which products, made anew at each call from `md5s`."""
        return PhotoIndex(self.n_images, self.md5s(progress, n_workers))

    @property
    def has_texts(self) -> bool:
        """Whether any product has a title or a description; the source is asked where the index does not say."""
        return self.titles().any if self._has_texts is None else self._has_texts

    def titles(self, progress: Progress | None = None) -> Texts:
        """What the shop wrote of every product, in catalogue order.

        Kept in a sidecar file of its own: the first call asks the source once, which reads no photos for it. Of a
        catalogue whose index says that it has no texts nothing is asked, and nothing kept.
        """
        if self._texts is None:
            place = self.source.sidecar(".texts")
            if self._has_texts is False:
                self._texts = Texts.none(len(self))
            else:
                kept = Texts.read(place, self.stamp, len(self))
                self._texts = kept or collect_texts(self.source, self._rows, self.ids, place, self.stamp, progress)
        return self._texts

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Product: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Product]: ...
    def __getitem__(self, index: int | slice) -> Product | Sequence[Product]:
        if isinstance(index, slice):
            return self.take(np.arange(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self} holds {plural(len(self), 'product')}, counted from 0: there is no [{index}]")
        return self.take([range(len(self))[index]])[0]

    def __iter__(self) -> Iterator[Product]:
        for _, products in self.batches(READ_AHEAD):
            yield from products

    def take(self, positions: Sequence[int] | NDArray[np.integer]) -> list[Product]:
        """The products at these `(n,)` positions, in their order: one request to a database, not one each."""
        rows = self._rows[np.asarray(positions, np.int64)]
        return [
            Product(one.product_id, one.pictures, one.category_id, one.title, one.description)
            for one in self.source.read(rows)
        ]

    def take_photos(self, positions: NDArray[np.integer], photos: NDArray[np.integer]) -> list[bytes]:
        """A photo of each product at these `(n,)` positions, `photos`: `(n,)` its place there, from 0.

        A product of several of them is read once.
        """
        distinct, row = np.unique(positions, return_inverse=True)
        products = self.take(distinct)
        return [products[i].images[photo] for i, photo in zip(row.tolist(), photos.tolist(), strict=True)]

    def batches(
        self, size: int, progress: Progress | None = None, positions: Sequence[int] | NDArray[np.integer] | None = None
    ) -> Iterator[tuple[NDArray[np.int64], list[Product]]]:
        """`size` products at a time with their `(<= size,)` positions; memory holds one batch.

        Args:
            progress: hears of a batch when it has been dealt with.
            positions: `(n,)` which products, in this order; None: all, the source is read once, from its beginning.
        """
        for batch in in_batches(range(len(self)) if positions is None else positions, size, progress):
            yield np.asarray(batch, np.int64), self.take(batch)

    def raw(self, positions: Sequence[int] | NDArray[np.integer]) -> Iterator[bytes]:
        """BSON documents of the products at these `(n,)` positions; of a BSON file byte for byte as they lie there."""
        rows = self._rows[np.asarray(positions, np.int64)]
        for some in in_batches(rows, READ_AHEAD):
            yield from self.source.raw(some)

    def photo_file(self, position: int, photo: int) -> str | None:
        """The file of a product's photo (from 1) as people know it; None where photos are no files of their own."""
        return self.source.photo_file(self._rows[position], photo)

    def where(self, position: int, photo: int) -> str:
        """A photo's place for messages: its file, else its product's row and its number (from 1)."""
        return self.photo_file(position, photo) or f"row {position}, photo {photo}"

    def __reduce__(self) -> tuple[Any, ...]:
        return reopen, (self.source, self.stamp, self.fingerprint)


def reopen(source: Source, stamp: dict[str, Any], fingerprint: str) -> Catalog:
    """The catalogue that another process has open: from the sidecar of that stamp, else looked through anew.

    Raises:
        ValueError: the source holds something else by now, so that positions would mean other products.
    """
    catalog = Catalog(source, stamp=stamp)
    if catalog.fingerprint != fingerprint:
        raise ValueError(f"{catalog} has changed while it was in use: run the command again")
    return catalog


def _md5s_of(catalog: Catalog, positions: range) -> NDArray[np.uint8]:
    digests = [photo_md5(photo) for product in catalog.take(positions) for photo in product.images]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16)
