"""Products to try the page with: drawn as the demo's are, or taken from a catalogue at random."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel, Field

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from rayonnage.demo.categories import LEAVES
from rayonnage.demo.copies import Picture
from rayonnage.demo.draw import draw_picture
from rayonnage.web.places import KnownPredictions

SEED = 19
MAX_BYTES = 24 * 2**20
"""Of a product's photos together that are sent to the page."""
TRIES = 20


@dataclass(frozen=True)
class ExampleProduct:
    """A made-up product; key: of its name among the page's words."""

    key: str
    category_id: int
    owner: int
    n_photos: int
    title: str = ""

    def photo(self, position: int) -> bytes:
        """One of its photos, a JPEG, drawn anew each time by the same rules."""
        return _drawn(self.category_id, self.owner, position + 1)


EXAMPLES = (
    ExampleProduct("mug", 1000003022, 3, 2),
    ExampleProduct("novel", 1000003211, 3, 2),
    ExampleProduct("backpack", 1000003085, 2, 1),
    ExampleProduct("disc", 1000003253, 3, 2),
    ExampleProduct("saw", 1000003106, 3, 1),
    ExampleProduct("bear", 1000003134, 3, 3),
)
"""The owners are chosen by eye: photos that are neither dim nor noisy."""


class SamplePhoto(BaseModel):
    """A photo for the page's script."""

    name: str
    base64: str


class SampleProduct(BaseModel):
    """A product for the page's script: what somebody could have chosen."""

    title: str = ""
    description: str = ""
    photos: list[SamplePhoto] = Field(default_factory=list)


@cache
def _drawn(category_id: int, owner: int, rank: int) -> bytes:
    leaf = next(leaf for leaf in LEAVES if leaf.category_id == category_id)
    return draw_picture(SEED, leaf, Picture(owner, rank))


def given_example(number: int) -> SampleProduct:
    """An example product; IndexError where there is none of that number."""
    example = EXAMPLES[number]
    photos = [example.photo(position) for position in range(example.n_photos)]
    return SampleProduct(title=example.title, photos=_given(photos, f"{example.key}-"))


def given_at_random(predictions: KnownPredictions, workspace: Workspace) -> SampleProduct:
    """A product of the newest predictions' catalogue, else of the training catalogue.

    Raises:
        FileNotFoundError: there is no catalogue; ValueError: it has changed, or its photos are too large.
    """
    catalog = _catalog(predictions, workspace)
    for _ in range(TRIES):
        product = catalog[secrets.randbelow(len(catalog))]
        if product.images and sum(map(len, product.images)) <= MAX_BYTES:
            photos = _given(product.images, "photo-")
            return SampleProduct(title=product.title, description=product.description, photos=photos)
    raise ValueError(f"{catalog}: {TRIES} products drawn at random have no photos, or too large ones")


def _catalog(predictions: KnownPredictions, workspace: Workspace) -> Catalog:
    try:
        catalog = predictions.open().catalog
    except (FileNotFoundError, ValueError):
        catalog = None
    return workspace.training_catalog() if catalog is None else catalog


def _given(photos: list[bytes] | tuple[bytes, ...], name: str) -> list[SamplePhoto]:
    return [
        SamplePhoto(name=f"{name}{number}.jpg", base64=base64.b64encode(photo).decode())
        for number, photo in enumerate(photos, start=1)
    ]
