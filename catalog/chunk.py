"""Some products that are predicted together: each distinct photo decoded once, for all experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.photos.batch import PhotoDecoder, decode_in_threads
from catalog.photos.formats import UnreadablePhoto
from catalog.photos.photo_index import photo_md5
from catalog.product import Problem, ProblemKind, Product
from catalog.recent_rows import RecentRows

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Chunk:
    """N products with their decoded photos.

    Attributes:
        products: as they lie in the catalogue.
        pictures: MD5 -> `(H, W, 3)` uint8 RGB, upright, on white; readable photos only.
        md5s: per product the MD5s of all its photos, in the seller's order; readable: of those that can be decoded.
        problems: photos that cannot be decoded, and those that are damaged but used.
        in_training: the products are of the catalogue that the experts learnt from: none is to be known by itself.
        recent: what was computed on earlier chunks; it belongs to the caller, who may share it between threads.
    """

    products: Sequence[Product]
    pictures: Mapping[bytes, Picture]
    md5s: Sequence[tuple[bytes, ...]]
    problems: Sequence[Problem] = ()
    in_training: bool = False
    recent: RecentRows = field(default_factory=RecentRows)

    @classmethod
    def of(
        cls, products: Sequence[Product], at_most: int, *, in_training: bool = False, recent: RecentRows | None = None,
        decoder: PhotoDecoder = decode_in_threads,
    ) -> Chunk:  # fmt: skip
        """Decode each distinct photo, its longer side at most `at_most` pixels."""
        md5s = [tuple(map(photo_md5, product.images)) for product in products]
        encoded: dict[bytes, bytes] = {}
        for md5s_of_product, product in zip(md5s, products, strict=True):
            encoded.update(zip(md5s_of_product, product.images, strict=True))
        pictures: dict[bytes, Picture] = {}
        faults: dict[bytes, tuple[ProblemKind, str]] = {}
        for md5, decoded in zip(encoded, decoder(list(encoded.values()), at_most), strict=True):
            if isinstance(decoded, UnreadablePhoto):
                faults[md5] = ProblemKind.UNREADABLE_PHOTO, str(decoded)
                continue
            pictures[md5] = decoded.pixels
            if decoded.remark:
                faults[md5] = ProblemKind.DAMAGED_PHOTO, decoded.remark
        problems = [
            Problem(faults[md5][0], "", product.product_id, faults[md5][1], position)
            for product, md5s_of_product in zip(products, md5s, strict=True)
            for position, md5 in enumerate(md5s_of_product)
            if md5 in faults
        ]
        return cls(products, pictures, md5s, problems, in_training, RecentRows() if recent is None else recent)

    @cached_property
    def product_ids(self) -> NDArray[np.int64]:
        """`(N,)` int64 numbers of their ids."""
        return np.array([product.number for product in self.products], np.int64)

    @property
    def titles(self) -> list[str]:
        """`(N,)` what the shop wrote of each product, "" where it wrote nothing: see `Product.text`."""
        return [product.text for product in self.products]

    @cached_property
    def readable(self) -> list[tuple[bytes, ...]]:
        """Per product the MD5s of its readable photos, in the seller's order."""
        return [tuple(md5 for md5 in md5s_of_product if md5 in self.pictures) for md5s_of_product in self.md5s]

    @cached_property
    def n_readable(self) -> NDArray[np.int8]:
        """`(N,)` int8 photos of each product that can be decoded."""
        return np.array([len(md5s_of_product) for md5s_of_product in self.readable], np.int8)
