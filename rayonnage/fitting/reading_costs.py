"""Seconds that reading takes: what `ocr train` reads, counted, times what a photo takes on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from ocr.config import OcrConfig
from rayonnage.fitting.parts import HeldOutParts
from rayonnage.fitting.photo_costs import slowness
from rayonnage.fitting.speed import MachineSpeed
from rayonnage.fitting.survey import CatalogSurvey, ShelfSize

USUAL_S = 0.1
"""A photo on two cores, where reading was not measured."""
STRAY = 0.15
"""Share of the other held-out products that photos put on a shelf that is read: from 1 % of probability on it is."""
ENGINE_S = 4.0
"""The engine's processes start."""
TEXT_S = 0.006
"""A text of a fit: its words, its place in the inner folds. Vectors of a sentence encoder come on top, once."""
ENCODE_S = {"use": 0.001, "minilm": 0.006, "e5": 0.023}
"""A text of 57 characters on one thread (docs/results.md)."""
MAX_SAMPLE = 50_000
"""Photos that a sample of all categories has at most, see `ocr.shelves.sample`."""


@dataclass(frozen=True)
class ReadPhotos:
    """Photos that `ocr train` reads, and texts that it learns from.

    Attributes:
        sample: photos of the sample that finds out where reading pays. shelves: of products to learn from.
        held_out: of products to be measured on, which were not read to learn from.
        texts: that are learnt from.
    """

    sample: float
    shelves: float
    held_out: float
    texts: float

    @property
    def photos(self) -> float:
        """All of them; a photo that was read before is not read again."""
        return self.sample + self.shelves + self.held_out


def shelves_read(config: OcrConfig, survey: CatalogSurvey, expected: tuple[str, ...]) -> tuple[ShelfSize, ...]:
    """Nodes of the highest level that are read; of a deeper path the whole node counts.

    `expected`: those that a sample is expected to choose, where the configuration leaves it to one.
    """
    names = expected if isinstance(config.shelves, str) else tuple(config.shelves)
    tops = {name.split(" > ")[0] for name in names} | set(names)
    return tuple(shelf for shelf in survey.shelves if shelf.name in tops)


def photos_to_read(
    config: OcrConfig, parts: HeldOutParts, survey: CatalogSurvey, expected: tuple[str, ...] = ()
) -> ReadPhotos:
    """What `ocr train` reads."""
    read = shelves_read(config, survey, expected)
    sample = 0.0
    if isinstance(config.shelves, str):
        most = min(config.sample_photos, MAX_SAMPLE // max(1, len(survey.shelves)))
        # a node that is a leaf has nothing below it to read for
        sample = float(sum(min(shelf.n_photos, most) for shelf in survey.shelves if shelf.n_leaves > 1))
    shelves = held_out = texts = 0.0
    for shelf in read:
        capped = min(1.0, config.text.texts_per_leaf * shelf.n_leaves / max(1, shelf.n_products))
        texts += capped * shelf.n_products
        shelves += capped * shelf.n_photos
        held_out += parts.held_out * (1 - capped) * shelf.n_photos
        if sample:
            # the sample's photos of it are known by then
            sample -= min(float(config.sample_photos), shelf.n_photos) * capped
    others = sum(shelf.n_photos for shelf in survey.shelves) - sum(shelf.n_photos for shelf in read)
    return ReadPhotos(max(0.0, sample), shelves, held_out + STRAY * parts.held_out * others * bool(read), texts)


def reading_seconds(
    config: OcrConfig, encoders: tuple[str, ...], parts: HeldOutParts, survey: CatalogSurvey, speed: MachineSpeed,
    expected: tuple[str, ...] = (),
) -> float:  # fmt: skip
    """What the stage `ocr train` takes, its start not counted; `encoders`: that are used."""
    read = photos_to_read(config, parts, survey, expected)
    fits = parts.n * (1 - parts.of) + 1
    encoded = read.texts * (1 + parts.held_out) * sum(ENCODE_S.get(name, max(ENCODE_S.values())) for name in encoders)
    learnt = ENGINE_S + fits * read.texts * TEXT_S + encoded
    return read.photos * (speed.read_s or USUAL_S * slowness(speed)) + slowness(speed) * learnt
