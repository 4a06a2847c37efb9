"""What `POST /v1/search` and `GET /v1/similar/ID` take and give."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from catalog.product import MAX_IMAGES
from catalog.tree.taxonomy import Taxonomy
from rayonnage.web.api.predict_types import LANG, MAX_TITLE, PATH, PHOTO, ProductProblem
from rayonnage.web.api.web_id import WebId, id_for_web, id_from_web
from rayonnage.web.finding.similar_products import SimilarFound, WantedProducts
from rayonnage.web.finding.similar_view import path_of

MOST_FOUND, USUAL = 100, 10
MOST_WITHOUT = 1000
SearchedId = WebId | None
EXAMPLE: dict[str, JsonValue] = {
    "found": [{"product_id": 1000015716, "score": 0.94, "photo": 0, "category_id": 1000004, "path": PATH}],
    "network": "mosaic-any-20261126-210043", "n_products": 12195, "problems": [],
}  # fmt: skip


class SearchWanted(BaseModel):
    """Which products are looked for, and how many."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(USUAL, ge=1, le=MOST_FOUND, description="How many, at most.")
    category_id: SearchedId = Field(None, description="Only products that have this label.")
    n_images: int | None = Field(None, ge=1, le=MAX_IMAGES, description="Only products with so many photos.")
    without: list[WebId] = Field(default_factory=list, max_length=MOST_WITHOUT, description="None of these products.")
    lang: str | None = Field(
        None, pattern=LANG, description="Language of the category names; default: as the tree has them."
    )

    def wanted(self) -> WantedProducts:
        """As the search takes it; raises RequestRefused (422) where an id is none."""
        category = None if self.category_id is None else id_from_web(self.category_id, "category_id")
        without = [id_from_web(one, f"without[{place}]") for place, one in enumerate(self.without)]
        return WantedProducts(self.k, category, self.n_images, tuple(without))


class ProductSearched(SearchWanted):
    """One product: one to four photos, and what the shop calls it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"photos": [PHOTO], "title": "Grand mug bleu", "k": 10, "n_images": 2}]},
    )

    photos: list[str] = Field(
        min_length=1, max_length=MAX_IMAGES, description="Encoded photos (JPEG, PNG, WebP, ...) in base64."
    )
    title: Annotated[str | None, Field(max_length=MAX_TITLE)] = None


class ProductFound(BaseModel):
    """A product of the index.

    `score`: how alike, at most 1: the mean over the photos that were given of the cosine with the photo of the product
    that is most like it. `photo`: that photo of the product, from 0. `category_id`: its label, null for none; `path`:
    of that label.
    """

    product_id: WebId
    score: float
    photo: int
    category_id: SearchedId
    path: list[str]


class ProductsFound(BaseModel):
    """Similar products, the most alike first; a title that was given counts in that, where the index compares titles.

    `network`: whose vectors were compared; `n_products`: that can be found; `problems`: photos that were given and
    could not be used.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    found: list[ProductFound]
    network: str
    n_products: int
    problems: list[ProductProblem]

    @classmethod
    def of(cls, similar: SimilarFound, tree: Taxonomy | None) -> ProductsFound:
        """What a search has found; `tree`: with its names in the language of the answer, None where there is none."""
        found = [
            ProductFound(
                product_id=id_for_web(one.product_id), score=min(round(one.similarity, 4), 1.0), photo=one.photo,
                category_id=None if one.category_id is None else id_for_web(one.category_id),
                path=list(path_of(one.category_id, tree)),
            )
            for one in similar.products
        ]  # fmt: skip
        problems = [
            ProductProblem(kind=one.kind.name.lower(), photo=one.photo, detail=one.detail or one.kind.value)
            for one in similar.problems
        ]
        return cls(found=found, network=similar.network, n_products=similar.n_products, problems=problems)
