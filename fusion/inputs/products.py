"""From what users have to `Product`s, a chunk at a time; their own ids are kept beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from catalog.catalog import Catalog
from catalog.files.progress import in_batches
from catalog.ids.shop_id import ShopId, id_number, shop_id
from catalog.product import MAX_IMAGES, Problem, Product, text_problems
from fusion.inputs.given import ID, ONE_PRODUCT, GivenProduct, OneProduct, is_record
from fusion.inputs.photos import encoded_photo, is_photo_given
from fusion.inputs.tables import TableInMemory, TableOfProducts, is_table

CHUNK = 256
"""Products that are read and predicted at a time: a whole catalogue costs no more memory."""
WHAT = "give a list of products, a dict of them by id, a table, a DataFrame or a catalogue"

Products: TypeAlias = Sequence[OneProduct] | Mapping[Any, OneProduct] | TableInMemory
"""What is predicted: products in a sequence or by id; any table that hands itself over as Arrow data."""


@dataclass(frozen=True)
class InputChunk:
    """Products that are predicted together, their photos read.

    Attributes:
        positions: theirs among all.
        problems: texts of theirs that were cut, or are none.
    """

    positions: range
    products: Sequence[Product]
    problems: Sequence[Problem] = ()


@dataclass(frozen=True)
class InputProducts:
    """Products that were given, none of them read yet.

    Attributes:
        ids: each product's own id, to the letter; where it was given none, its position.
        read: the products at some positions; their `product_id` is their own where all of them have such as a shop
            may have, else their position.
        catalog: the catalogue that was given, if it was one.
    """

    ids: Sequence[Hashable]
    read: Callable[[range], InputChunk]
    catalog: Catalog | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def chunks(self) -> Iterator[InputChunk]:
        """`CHUNK` products at a time."""
        for positions in in_batches(range(len(self)), CHUNK):
            yield self.read(positions)

    @classmethod
    def of(cls, products: Products, text_columns: Sequence[str] | None = None) -> InputProducts:
        """Look at what was given; photos are read later, chunk by chunk.

        Args:
            text_columns: of a table: its columns of titles, and perhaps of descriptions; None: by their names.

        Raises:
            TypeError: no products; the message says what may be given.
            ValueError: two of one id; a table without the columns that are needed; columns named of what is no table.
        """
        if isinstance(products, Product) or is_record(products):
            raise TypeError("a single product is given: give a list of products, model.predict([product])")
        if is_photo_given(products):
            raise TypeError("a single photo is given: give a list of products, model.predict([photo])")
        if is_table(products):
            # a text is a sequence of letters, too
            named = [text_columns] if isinstance(text_columns, str) else text_columns or ()
            table = TableOfProducts(products, named)
            return cls._by_id(table.ids, table.product)
        if text_columns is not None:
            raise ValueError(
                f"text_columns names columns of a table, and the products are given as {type(products).__name__}: "
                "in a dict the title stands under the key title"
            )
        if isinstance(products, Catalog):
            return cls(products.shop_ids(), lambda positions: InputChunk(positions, products.take(positions)), products)
        if isinstance(products, Mapping):
            return cls._by_id(list(products), list(products.values()).__getitem__)
        if not isinstance(products, Sequence):
            raise TypeError(f"products are given as {type(products).__name__}: {WHAT}; each is {ONE_PRODUCT}")
        own_ids = [_own_id(product, position) for position, product in enumerate(products)]
        ids: list[Hashable] = [position if own_id is None else own_id for position, own_id in enumerate(own_ids)]
        repeated = Counter(ids).most_common(1)
        if repeated and repeated[0][1] > 1:
            twice = repeated[0][0]
            counted = isinstance(twice, int) and 0 <= twice < len(ids) and own_ids[twice] is None
            why = f" (the product at place {twice} has none and got its place, from 0, for one)" if counted else ""
            raise ValueError(f"product_id {twice} was given twice{why}: every product needs its own")
        return cls._by_id(ids, products.__getitem__)

    @classmethod
    def _by_id(cls, ids: Sequence[Hashable], given: Callable[[int], object]) -> InputProducts:
        known_as = _shop_ids(ids)

        def read(positions: range) -> InputChunk:
            products: list[Product] = []
            problems: list[Problem] = []
            for position in positions:
                one = GivenProduct.of(given(position), ids[position])
                product_id, photos = known_as[position], _encoded(one.photos, ids[position])
                products.append(Product(product_id, photos, one.category_id, one.text.title, one.text.description))
                problems += text_problems(one.text, product_id)
            return InputChunk(positions, products, problems)

        return cls(ids, read)


def _own_id(product: object, position: int) -> Hashable:
    """The id that a product of a list has; None where it has none. `position`: for messages."""
    if isinstance(product, Product):
        return product.product_id
    own_id = product.get(ID) if isinstance(product, Mapping) else None
    if not isinstance(own_id, Hashable):
        raise TypeError(f"the {ID} of product {position} is {type(own_id).__name__}: expected an integer or a text")
    return own_id


def _shop_ids(ids: Sequence[Hashable]) -> Sequence[ShopId]:
    """The ids that products are known by, different from each other; their positions where these cannot be."""
    shop_ids: list[ShopId] = []
    for own_id in ids:
        try:
            if isinstance(own_id, bool) or not isinstance(own_id, (int, str)):
                return range(len(ids))
            shop_ids.append(shop_id(str(own_id)))
        except ValueError:
            return range(len(ids))
    return shop_ids if len(set(map(id_number, shop_ids))) == len(ids) else range(len(ids))


def _encoded(photos: Sequence[object], own_id: Hashable) -> tuple[bytes, ...]:
    if len(photos) > MAX_IMAGES:
        raise ValueError(f"product {own_id} has {len(photos)} photos: a product has at most {MAX_IMAGES}")
    return tuple(encoded_photo(photo, f"product {own_id}, photo {n}") for n, photo in enumerate(photos, start=1))
