"""The text branch as an expert: products in, `Probabilities` and what was read out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import photo_md5
from catalog.probabilities import Probabilities, Silence
from catalog.product import Problem, ProblemKind, Product
from ocr.reader import PhotoReader
from ocr.transcript import OcrFailure, PhotoReading, Transcript
from text.model import TextModel
from text.normalize import ProductText

NAME = "text"


@dataclass(frozen=True)
class Reading:
    """What was read on one product's photos, in the seller's order."""

    photos: tuple[PhotoReading, ...] = ()

    @property
    def transcripts(self) -> tuple[Transcript, ...]:
        """Of the photos that could be read."""
        return tuple(photo for photo in self.photos if isinstance(photo, Transcript))

    @property
    def failures(self) -> dict[int, str]:
        """Why a photo could not be read, by its position from 0."""
        return {position: photo.reason for position, photo in enumerate(self.photos) if isinstance(photo, OcrFailure)}

    @property
    def text(self) -> str:
        """Words of all photos, as people read them; photos are separated by ` | `."""
        return " | ".join(t.text.replace("\n", " ") for t in self.transcripts if t.text)

    @property
    def product_text(self) -> ProductText:
        """What the text model sees."""
        return ProductText.of([transcript.text for transcript in self.transcripts])

    @property
    def n_words(self) -> int:
        """Words on all photos."""
        return sum(len(transcript.words) for transcript in self.transcripts)

    @property
    def confidence(self) -> float:
        """Mean confidence of the words, in [0, 1]; NaN where nothing was read."""
        words = [word.confidence for transcript in self.transcripts for word in transcript.words]
        return sum(words) / len(words) if words else math.nan


def read_products(
    reader: PhotoReader, products: Sequence[Product], md5s: Sequence[Sequence[bytes]] | None = None
) -> list[Reading]:
    """Read every photo of some products, each distinct photo once; `md5s`: those of each product's photos, if known."""
    keys = [[photo_md5(photo) for photo in product.images] for product in products] if md5s is None else md5s
    # 45 % of Cdiscount's photos are copies of another
    encoded: dict[bytes, bytes] = {}
    for product_keys, product in zip(keys, products, strict=True):
        encoded.update(zip(product_keys, product.images, strict=True))
    results = reader.read(encoded)
    return [Reading(tuple(results[key] for key in product_keys)) for product_keys in keys]


def unread_photos(readings: Mapping[int, Reading]) -> list[Problem]:
    """The photos that could not be read, by product_id and position."""
    return [
        Problem(ProblemKind.UNREAD_TEXT, "", product_id, why, position)
        for product_id, reading in readings.items()
        for position, why in reading.failures.items()
    ]


@dataclass
class TextExpert:
    """Reads routed products and tells their leaf below the categories that are read.

    Attributes:
        model: the text model; frequency: `(S,)` training share of each of its classes; k: leaves kept.
    """

    model: TextModel
    reader: PhotoReader
    frequency: NDArray[np.float64]
    k: int
    taxonomy: str
    plan: str = ""
    readings: dict[int, Reading] = field(default_factory=dict)

    def predict(
        self, products: Sequence[Product], routed: NDArray[np.bool_], md5s: Sequence[Sequence[bytes]] | None = None
    ) -> Probabilities:
        """One row per product; `routed` is `(N,)` bool, `md5s` as in `read_products`.

        Silence: not routed, nothing read, or failed.

        `readings` then holds what was read on each routed product of this call, by product_id.
        """
        asked = np.flatnonzero(routed).tolist()
        wanted = [products[row] for row in asked]
        readings = read_products(self.reader, wanted, None if md5s is None else [md5s[row] for row in asked])
        self.readings = {product.product_id: reading for product, reading in zip(wanted, readings, strict=True)}
        silence = np.full(len(products), Silence.NOT_ROUTED, np.uint8)
        texts: dict[int, ProductText] = {}
        for row, reading in zip(asked, readings, strict=True):
            text = reading.product_text
            if text.tokens:
                silence[row] = Silence.SPEAKS
                texts[row] = text
            else:
                # one photo that was read, and shows no words, is enough to say that there are none
                unread = bool(reading.failures) and not reading.transcripts
                silence[row] = Silence.FAILED if unread else Silence.NOTHING_READ
        dense = np.full((len(products), len(self.model.classes_)), np.nan, np.float32)
        if texts:
            dense[list(texts)] = self.model.predict_proba(list(texts.values()))
        return Probabilities.from_dense(
            NAME,
            np.array([p.product_id for p in products], np.int64),
            np.array([len(p.images) for p in products], np.int8),
            dense,
            silence,
            support=self.model.classes_.astype(np.int32),
            frequency=self.frequency,
            k=self.k,
            taxonomy=self.taxonomy,
            plan=self.plan,
        )
