"""The text branch as an expert."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from catalog.chunk import Chunk
from catalog.experts import Opinion, PhotoBox, Quote
from catalog.ids.shop_id import ShopId
from catalog.photos.batch import PhotoDecoder
from catalog.photos.photo_index import photo_md5
from catalog.probabilities import Probabilities, Silence
from catalog.product import Problem, ProblemKind, Product
from ocr.reader import PhotoReader
from ocr.route import Route
from ocr.transcript import OcrFailure, PhotoReading, Transcript
from text.model import TextModel
from text.normalize import ProductText

NAME = EVIDENCE = "text"
SHOWN_WORDS = 200
"""Words of a product that are shown on its photos; a page of a book has more than anybody looks at."""


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
    def boxes(self) -> tuple[PhotoBox, ...]:
        """Where each word stands, in reading order; the first `SHOWN_WORDS`."""
        found = (
            PhotoBox(position, word.box, word.text, word.confidence)
            for position, photo in enumerate(self.photos)
            if isinstance(photo, Transcript)
            for word in photo.words
        )
        return tuple(islice(found, SHOWN_WORDS))

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


def unread_photos(readings: Mapping[ShopId, Reading]) -> list[Problem]:
    """The photos that could not be read, by product_id and position."""
    return [
        Problem(ProblemKind.UNREAD_TEXT, "", product_id, why, position)
        for product_id, reading in readings.items()
        for position, why in reading.failures.items()
    ]


@dataclass(frozen=True)
class TextBranch:
    """Reads the products that it is told to read, and tells their leaf below the categories that are read.

    Attributes:
        model: the text model; frequency: `(S,)` training share of each of its classes; k: leaves kept.
    """

    model: TextModel
    reader: PhotoReader
    frequency: NDArray[np.float64]
    k: int
    taxonomy: str
    plan: str = ""

    def read(
        self, products: Sequence[Product], routed: NDArray[np.bool_], md5s: Sequence[Sequence[bytes]] | None = None
    ) -> tuple[Probabilities, dict[int, Reading]]:
        """One row per product, and what was read on each that is routed, by row.

        `routed` is `(N,)` bool, `md5s` as in `read_products`.
        """
        readings = self.fetch(products, routed, md5s)
        return self.predict(products, readings), {row: one for row, one in enumerate(readings) if one is not None}

    def fetch(
        self, products: Sequence[Product], routed: NDArray[np.bool_], md5s: Sequence[Sequence[bytes]] | None = None
    ) -> list[Reading | None]:
        """What can be read on each product, None where it is not routed: other processes read.

        `routed` is `(N,)` bool, `md5s` as in `read_products`.
        """
        asked = np.flatnonzero(routed).tolist()
        wanted = [products[row] for row in asked]
        found = read_products(self.reader, wanted, None if md5s is None else [md5s[row] for row in asked])
        readings: list[Reading | None] = [None] * len(products)
        for row, reading in zip(asked, found, strict=True):
            readings[row] = reading
        return readings

    def predict(self, products: Sequence[Product], readings: Sequence[Reading | None]) -> Probabilities:
        """One row per product, from what was read on each. Silence: not routed, nothing read, or failed."""
        silence = np.full(len(products), Silence.NOT_ROUTED, np.uint8)
        texts: dict[int, ProductText] = {}
        for row, reading in enumerate(readings):
            if reading is None:
                continue
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
            np.array([p.number for p in products], np.int64),
            np.array([len(p.images) for p in products], np.int8),
            dense,
            silence,
            support=self.model.classes_.astype(np.int32),
            frequency=self.frequency,
            k=self.k,
            taxonomy=self.taxonomy,
            plan=self.plan,
        )


@dataclass(frozen=True)
class TextExpert:
    """The text branch as an expert, see `Expert`: it reads what the photos' expert takes for a category that is read.

    Four photos take 322 ms with reading, 102 ms without (bench/results/predict.txt).
    """

    branch: TextBranch
    route: Route
    name: str = NAME
    photo_side: int = 0
    photo_decoder: PhotoDecoder | None = None

    def waits_on(self, so_far: Sequence[Opinion]) -> NDArray[np.bool_]:
        """`(N,)` bool: products whose photos are read, by processes that take their time."""
        return self.route.of(so_far[0].probabilities)

    def fetch(self, chunk: Chunk, so_far: Sequence[Opinion]) -> list[Reading | None]:
        """What is read on each product, None where it is not read; the first opinion so far is the photos'."""
        return self.branch.fetch(chunk.products, self.waits_on(so_far), chunk.md5s)

    def predict(self, chunk: Chunk, so_far: Sequence[Opinion]) -> Opinion:
        """What the text says; `so_far` as in `fetch`."""
        return self.predict_fetched(chunk, so_far, self.fetch(chunk, so_far))

    def predict_fetched(self, chunk: Chunk, so_far: Sequence[Opinion], fetched: Sequence[Reading | None]) -> Opinion:
        """What the text that was read says."""
        readings = {row: reading for row, reading in enumerate(fetched) if reading is not None}
        unread = unread_photos({chunk.products[row].product_id: reading for row, reading in readings.items()})
        # a photo that cannot be decoded was named already
        undecoded = {(problem.product_id, problem.photo) for problem in chunk.problems}
        return Opinion(
            self.branch.predict(chunk.products, fetched),
            EVIDENCE,
            {row: (Quote(reading.text), *reading.boxes) for row, reading in readings.items()},
            [problem for problem in unread if (problem.product_id, problem.photo) not in undecoded],
        )

    def close(self) -> None:
        """End the processes that read."""
        self.branch.reader.close()
