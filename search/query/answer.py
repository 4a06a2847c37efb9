"""What a search has found, for people: a table, JSON, a page with photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from catalog.files.wording import aligned
from catalog.ids.shop_id import ShopId
from catalog.photos.photo_index import photo_md5
from catalog.product import Product
from search.query.index_search import FoundProduct
from search.query.showcase import Showcase

SAME_PHOTO = "same photo"
MAX_TITLE = 60
"""Characters of a title in a line; pages and JSON have all of it."""


@dataclass(frozen=True)
class AnswerProduct:
    """A product that was found, with what its catalogue says of it.

    Attributes:
        product: None where the catalogue has it no more. category: path of its label, "" where it has none.
        same_photo: it has a photo of the query, byte for byte.
    """

    found: FoundProduct
    product: Product | None
    category: str
    same_photo: bool

    @property
    def title(self) -> str:
        """What the shop calls it, "" where it does not say."""
        return "" if self.product is None else self.product.title

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        found = self.found
        return {
            "product_id": found.product_id,
            "score": round(found.score, 4),
            "similarity": round(found.similarity, 4),
            "photo": found.photo + 1,
            "same_photo": self.same_photo,
            "category_id": found.category_id,
            "category": self.category,
            "title": self.title,
        }


@dataclass(frozen=True)
class SearchAnswer:
    """What was asked, and the products that were found, the most alike first.

    Attributes:
        asked: in words. photos: encoded, of the query. query_id: where the query is a product of the index.
        remarks: what is to be known, such as photos that could not be read.
    """

    asked: str
    photos: Sequence[bytes]
    products: Sequence[AnswerProduct]
    query_id: ShopId | None = None
    remarks: Sequence[str] = ()

    @classmethod
    def of(
        cls, asked: str, photos: Sequence[bytes], found: Sequence[FoundProduct], showcase: Showcase,
        query_id: ShopId | None = None, remarks: Sequence[str] = (),
    ) -> SearchAnswer:  # fmt: skip
        """Look the found products up."""
        known = set(map(photo_md5, photos))
        shown = []
        for one in found:
            product = showcase.product(one.product_id)
            same = product is not None and not known.isdisjoint(map(photo_md5, product.images))
            shown.append(AnswerProduct(one, product, showcase.category(one.category_id), same))
        return cls(asked, photos, shown, query_id, remarks)

    @property
    def counts_text(self) -> bool:
        """Whether text has ordered the products, so that scores are log-odds; cosines of the photos otherwise."""
        return any(one.found.score != one.found.similarity for one in self.products)

    def table(self) -> str:
        """A line per product: score (where text counts, how alike the photos are), id, photo, category and title."""
        if not self.products:
            return "no product found"
        head, sides = ["", "score", "photos alike", "product", "photo", "", "category", "title"], ">>><><<<"
        rows = [
            [
                str(place), f"{one.found.score:.3f}", f"{one.found.similarity:.3f}" if self.counts_text else "",
                str(one.found.product_id), str(one.found.photo + 1),
                SAME_PHOTO if one.same_photo else "",
                one.category, _shortened(one.title),
            ]
            for place, one in enumerate(self.products, start=1)
        ]  # fmt: skip
        # a column that nobody fills takes no room
        kept = [column for column in range(len(head)) if any(row[column] for row in rows)]
        cells = [[row[column] for column in kept] for row in [head, *rows]]
        return aligned(cells, "".join(sides[column] for column in kept))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "query": {"product_id": self.query_id, "photos": len(self.photos), "remarks": list(self.remarks)},
            "counts_text": self.counts_text,
            "products": [one.to_json() for one in self.products],
        }


def _shortened(title: str) -> str:
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"
