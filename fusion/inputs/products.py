"""From what users have to `Product`s, a chunk at a time; their own ids are kept beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from catalog.catalog import Catalog
from catalog.files.progress import in_batches
from catalog.product import MAX_IMAGES, Product
from fusion.inputs.photos import PHOTO, Photo, encoded_photo, is_photo_given
from fusion.inputs.tables import TableInMemory, TableOfProducts, is_table

CHUNK = 256
"""Products that are read and predicted at a time: a whole catalogue costs no more memory."""
ONE_PRODUCT = f"a Product, its one to four photos in a list, or a single photo ({PHOTO})"
WHAT = "give a list of products, a dict of them by id, a table, a DataFrame or a catalogue"

OneProduct: TypeAlias = Product | Photo | Sequence[Photo]
Products: TypeAlias = Sequence[OneProduct] | Mapping[Any, OneProduct] | TableInMemory
"""What is predicted: products in a sequence or by id; any table that hands itself over as Arrow data."""


@dataclass(frozen=True)
class InputProducts:
    """Products that were given, none of them read yet.

    Attributes:
        ids: each product's own id; where it was given none, its position.
        read: the products at some positions; their `product_id` is their own where all own ids are such numbers,
            else their position.
        catalog: the catalogue that was given, if it was one.
    """

    ids: Sequence[Hashable]
    read: Callable[[range], Sequence[Product]]
    catalog: Catalog | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def chunks(self) -> Iterator[tuple[range, Sequence[Product]]]:
        """`CHUNK` products at a time, and their positions."""
        for positions in in_batches(range(len(self)), CHUNK):
            yield positions, self.read(positions)

    @classmethod
    def of(cls, products: Products) -> InputProducts:
        """Look at what was given; photos are read later, chunk by chunk.

        Raises:
            TypeError: no products; the message says what may be given.
            ValueError: two of one id; a table without the columns that are needed.
        """
        if isinstance(products, Product):
            raise TypeError("a single product is given: give a list of products, model.predict([product])")
        if is_photo_given(products):
            raise TypeError("a single photo is given: give a list of products, model.predict([photo])")
        if isinstance(products, Catalog):
            return cls(products.product_ids.tolist(), products.take, products)
        if isinstance(products, Mapping):
            return cls._by_id(list(products), list(products.values()).__getitem__)
        if is_table(products):
            table = TableOfProducts(products)
            return cls._by_id(table.ids, table.photos)
        if not isinstance(products, Sequence):
            raise TypeError(f"products are given as {type(products).__name__}: {WHAT}; each is {ONE_PRODUCT}")
        ids = [p.product_id if isinstance(p, Product) else position for position, p in enumerate(products)]
        repeated = Counter(ids).most_common(1)
        if repeated and repeated[0][1] > 1:
            raise ValueError(f"product_id {repeated[0][0]} was given twice: every product needs its own")
        return cls._by_id(ids, products.__getitem__)

    @classmethod
    def _by_id(cls, ids: Sequence[Hashable], given: Callable[[int], object]) -> InputProducts:
        numbers: Sequence[int] = [own_id for own_id in ids if type(own_id) is int and -(2**63) <= own_id < 2**63]
        if len(numbers) < len(ids):
            numbers = range(len(ids))

        def read(positions: range) -> list[Product]:
            return [_product(given(position), ids[position], numbers[position]) for position in positions]

        return cls(ids, read)


def _product(given: object, own_id: Hashable, number: int) -> Product:
    photos = given.images if isinstance(given, Product) else [given] if is_photo_given(given) else given
    if not isinstance(photos, Sequence):
        raise TypeError(f"product {own_id} is given as {type(given).__name__}: give {ONE_PRODUCT}")
    if len(photos) > MAX_IMAGES:
        raise ValueError(f"product {own_id} has {len(photos)} photos: a product has at most {MAX_IMAGES}")
    images = tuple(encoded_photo(photo, f"product {own_id}, photo {n}") for n, photo in enumerate(photos, start=1))
    return replace(given, product_id=number, images=images) if isinstance(given, Product) else Product(number, images)
