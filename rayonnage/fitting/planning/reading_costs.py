"""Seconds that reading takes: what `ocr train` reads, counted, times what a photo takes on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ocr.config import OcrConfig
from ocr.shelves.sample_size import photos_of_each
from rayonnage.fitting.looking.survey import CatalogSurvey, ShelfSize
from rayonnage.fitting.measuring.speed import MachineSpeed
from rayonnage.fitting.planning.parts import HeldOutParts
from rayonnage.fitting.planning.photo_costs import slowness

USUAL_S = 0.1
"""A photo on two cores, where reading was not measured."""
STRAY = 0.15
"""Share of the other held-out products that photos put on a shelf that is read: from 1 % of probability on it is."""
ENGINE_S = 4.0
"""The engine's processes start."""
TEXT_S = 0.003
"""A text of a fit: its words, its place in the inner folds, as 3,900 took and 14,300. Vectors of a sentence encoder
come on top, once."""
ENCODE_S = {"use": 0.001, "minilm": 0.006, "e5": 0.023}
"""A text of 57 characters on one thread (docs/results.md)."""


@dataclass(frozen=True)
class ReadPhotos:
    """Photos that `ocr train` reads, and texts that it learns from.

    Attributes:
        of_shelf: photos by the name of their node of the highest level: of the sample that finds out where reading
            pays, of products to learn from, of others to be measured on; a photo that was read before, on this or on
            another product, is not read again. texts: that are learnt from.
    """

    of_shelf: Mapping[str, float]
    texts: float


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
    photos, texts = {}, 0.0
    for shelf in survey.shelves:
        # those that are leaves themselves are measured together
        n_leaves, n_together = (survey.n_flat, survey.n_flat) if shelf.n_leaves == 1 else (shelf.n_leaves, 1)
        wanted = config.sample_photos if isinstance(config.shelves, str) else 0
        there = shelf.n_distinct_photos
        sample = float(min(there, photos_of_each(wanted, len(survey.shelves), n_leaves, n_together)))
        held_out = parts.held_out * there
        # the sample is drawn of held-out products first, so that theirs are known by then
        if shelf in read:
            capped = min(1.0, config.text.texts_per_leaf * shelf.n_leaves / max(1, shelf.n_products))
            texts += capped * shelf.n_products
            learnt = min(float(there), capped * shelf.n_photos)
            photos[shelf.name] = min(float(there), learnt + (1 - capped) * max(sample, held_out))
        else:
            photos[shelf.name] = sample + STRAY * max(0.0, held_out - sample) * bool(read)
    return ReadPhotos(photos, texts)


def reading_seconds(
    config: OcrConfig, encoders: tuple[str, ...], parts: HeldOutParts, survey: CatalogSurvey, speed: MachineSpeed,
    expected: tuple[str, ...] = (),
) -> float:  # fmt: skip
    """What the stage `ocr train` takes, its start not counted; `encoders`: that are used."""
    read = photos_to_read(config, parts, survey, expected)
    fits = parts.n * (1 - parts.of) + 1
    encoded = read.texts * (1 + parts.held_out) * sum(ENCODE_S.get(name, max(ENCODE_S.values())) for name in encoders)
    learnt = ENGINE_S + fits * read.texts * TEXT_S + encoded
    usual = speed.read_s or USUAL_S * slowness(speed)
    reading = sum(n * speed.read_s_of_shelf.get(name, usual) for name, n in read.of_shelf.items())
    return reading + slowness(speed) * learnt
