"""What a source of evidence is to the head: an expert that gives its opinion on a chunk of products.

Whoever asks knows no kind of expert: an opinion carries its probabilities, what can be shown to people, and how it is
put into words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from catalog.chunk import Chunk
from catalog.ids.shop_id import ShopId
from catalog.photos.batch import PhotoDecoder
from catalog.probabilities import Probabilities
from catalog.product import Problem


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that an expert went by: read on photos, and empty where there were none to read; or a title.

    Attributes:
        is_title: they are the title that the shop wrote; nothing was read.
    """

    text: str
    is_title: bool = False


@dataclass(frozen=True, slots=True)
class OtherProduct:
    """A labelled product that tells something about this one.

    Attributes:
        relation: what this one has of it, as in `same photo as`.
        product_id: as the shop has it; None where there are such products, but none that can be named.
    """

    relation: str
    product_id: ShopId | None


@dataclass(frozen=True, slots=True)
class PhotoBox:
    """A place on one of the product's photos that an expert went by.

    Attributes:
        photo: position of the photo among the product's, from 0.
        box: left, top, right, bottom in pixels of the whole photo, upright.
        text: what stands there; confidence: that it does, in [0, 1], on the expert's own scale.
    """

    photo: int
    box: tuple[float, float, float, float]
    text: str
    confidence: float


Exhibit = Quote | OtherProduct | PhotoBox
"""Something that an expert went by and that people can look at."""


@dataclass(frozen=True)
class Opinion:
    """What one expert says about a chunk of N products.

    Attributes:
        probabilities: a row per product, in order.
        evidence: what the expert goes by, in a word: `photos`. Experts that go by the same are told together.
        exhibits: by row.
        problems: what was wrong with single products, beside what the chunk knows.
    """

    probabilities: Probabilities
    evidence: str
    exhibits: Mapping[int, tuple[Exhibit, ...]] = field(default_factory=dict)
    problems: Sequence[Problem] = ()

    @property
    def expert(self) -> str:
        """Name of the expert."""
        return self.probabilities.expert

    def quote(self, row: int) -> Quote | None:
        """Words that were gone by for a row, None where it was not by words, or nothing was asked to be read."""
        return next((shown for shown in self.exhibits.get(row, ()) if isinstance(shown, Quote)), None)

    def other_product(self, row: int) -> OtherProduct | None:
        """The product that tells about a row, if any."""
        return next(iter(self.other_products(row)), None)

    def other_products(self, row: int) -> list[OtherProduct]:
        """All products that tell about a row."""
        return [shown for shown in self.exhibits.get(row, ()) if isinstance(shown, OtherProduct)]

    def boxes(self, row: int) -> list[PhotoBox]:
        """The places on a row's photos that were gone by."""
        return [shown for shown in self.exhibits.get(row, ()) if isinstance(shown, PhotoBox)]


class Expert(Protocol):
    """A source of evidence. It remembers nothing of what it was asked, and may be asked in several threads at once."""

    @property
    def name(self) -> str:
        """As the head knows it."""

    @property
    def photo_side(self) -> int:
        """Pixels of the longer side that it wants photos to have at most, 0 where it does not look at them."""

    @property
    def photo_decoder(self) -> PhotoDecoder | None:
        """What it wants photos to be decoded by, None where that is all the same to it."""

    def predict(self, chunk: Chunk, so_far: Sequence[Opinion]) -> Opinion:
        """Its opinion; `so_far`: of the experts that were asked before, in their order."""

    def close(self) -> None:
        """End what it has started: child processes. It may be asked again, and starts them anew."""
