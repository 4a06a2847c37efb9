"""What each choice is expected to bring, in points of leaf accuracy: a table of measurements, for ranking plans.

Every figure is of docs/results.md, or, where that has none, cautious; a catalogue of another kind gains otherwise. They
are good for one thing: to say what the next minute is best spent on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from catalog.runs.config import section
from mosaic.config import MosaicConfig
from ocr.config import OcrConfig
from rayonnage.fitting.looking.survey import CatalogSurvey, ShelfSize
from rayonnage.fitting.measuring.speed import KNOWN, MachineSpeed
from rayonnage.fitting.planning.parts import HeldOutParts, photos_of, products_of, with_photos
from rayonnage.fitting.planning.reading_costs import shelves_read
from rayonnage.fitting.recipe import Network

FINE_TUNED = 9.0
"""A network that has learnt for long, against frozen features: 4 points on held-out groceries, 11 on those that were
photographed elsewhere."""
ENOUGH = 1500
"""Products that are told by photos from which on that is so, as of the groceries; of fewer, a share of it: at the
clothes shop, with 423, half a point."""
BREAK_EVEN = 120.0
"""Photos of a leaf, all epochs together, from which on that pays. With 25 the network lost 17 points, with 225 it won
half a point at the clothes shop, with 340 on the groceries 4 and more."""
WORST = -20.0
BIGGER_BACKBONE, BIGGER_FROZEN = 1.0, 0.3
"""Lite2 in the place of Lite0, where it learns and where only its head does, at its own size."""
SECOND_BACKBONE = 2.5
"""Another architecture that sees single photos: 83 % of the groceries, where mosaics have 78; fused half of it."""
SECOND_FROZEN = 1.0
"""Where neither has learnt anything but its head: one and a half at the clothes shop."""
SPECIALIST = 0.3
"""A network for each image count: +0.5 (-0.8 to +1.6), not shown to be more than nothing."""
MIRRORED = 0.3
SIDES = {96: -4.0, 112: -2.5, 128: -1.5, 160: 0.0}
"""Photos of so many pixels a side, against 160."""
NATIVE = {"tf_efficientnet_lite0": 224, "tf_efficientnet_lite1": 240, "tf_efficientnet_lite2": 260}
"""Sides of the photos that the packaged backbones have learnt at."""
NATIVE_OF_OTHERS = 224
NATIVE_FROZEN, ENLARGED = 3.0, 0.5
"""Frozen features at the size that the network has learnt at, against 160: 82.5 % of the clothes, where 160 has 79.4;
little of it is expected of photos that have to be enlarged. Lite2 has 83.2 at 260 and 80.6 at 224."""
UNSURE = 3.0
"""By how many points (one standard deviation) it may be otherwise than expected which of two methods is better."""
NEIGHBOURS = 0.8
"""+2.3 (0.8 to 3.7) where the network had learnt for a short time, none on the demo; they are kept where they prove to
help."""
READ = 43.0
"""The words of a book's photos against its photos alone, with `READ_TEXTS` texts a leaf: 4 % right, 47 with them."""
READ_TEXTS = 104.0
READ_GROWTH = 0.4
"""Exponent of the texts a leaf: 25 of them had 24 points."""
READ_MOST = 55.0
NO_WORDS, MANY_WORDS = 2.0, 6.0
"""Words per photo that bring nothing (fruit has 0.1, packages 2.4), and as much as those of books (6.9)."""
WORDY = 4.0
"""Words per photo from which on a leaf is told by its words rather than by its photo."""
PERHAPS = 0.25
"""Of what is expected where a sample has to show first that it pays: beside networks that learn, packages did not."""
FEW = 1000
"""Products below which a single held-out part proves too little."""
FOLDS = {5: 3.0, 4: 2.7, 3: 2.0, 2: 1.0}
"""Every product held out once: thresholds that are proved, and a head that has learnt from five times as many. Against
one held-out fifth, of a catalogue of `FEW` products; less for larger ones."""
SMALLER_PART = 0.5
"""Lost with each halving of a held-out part below a fifth."""


@dataclass(frozen=True)
class Words:
    """Words that were read in a trial, by the name of a node of the highest level.

    Attributes:
        each: per photo, of those that were read. overall: the mean of these. survey: whose nodes they are.
    """

    each: Mapping[str, float]
    overall: float
    survey: CatalogSurvey

    @classmethod
    def of(cls, speed: MachineSpeed, survey: CatalogSurvey) -> Words:
        """As this machine has read them; of shelves that are known for their words, as of books."""
        usual = section("ocr")["shelves"]
        known = {shelf.name: MANY_WORDS for shelf in survey.shelves if shelf.name in usual}
        return cls({**known, **speed.words_of_shelf}, speed.words_per_photo, survey)

    def on(self, shelf: ShelfSize) -> float:
        """Per photo of a node; where nothing was read on it, as on the others."""
        return self.each.get(shelf.name, self.overall)

    def is_wordy(self, shelf: ShelfSize) -> bool:
        """Whether its leaves are told by words rather than by photos, by what was read on it or is known of it."""
        return self.survey.can_be_told(shelf) and self.each.get(shelf.name, 0.0) >= WORDY


def seen_share(survey: CatalogSurvey, words: Words) -> float:
    """Share of the products whose leaf a photo tells: those that words tell have nothing of better networks."""
    total = sum(shelf.n_products for shelf in survey.shelves)
    told = sum(shelf.n_products for shelf in survey.shelves if words.is_wordy(shelf))
    return 1 - told / total if total else 1.0


def photo_points(
    config: MosaicConfig, networks: tuple[Network, ...], parts: HeldOutParts, survey: CatalogSurvey, words: Words
) -> float:
    """Of the photo networks, against frozen features of Lite0 at 160 pixels."""
    seen = seen_share(survey, words)
    learnt = min(1.0, seen * with_photos(survey) / ENOUGH)
    points = SIDES.get(config.photo_size, _side_between(config.photo_size)) + MIRRORED * config.inference.flip
    tuned = frozen = -math.inf
    if config.method != "linear":
        tuned = _tuned_points(config, networks, survey, learnt, shown_per_leaf(config, parts, survey, words))
    if config.method != "fine-tune":
        frozen = _frozen_points(config, networks, survey)
    return seen * (points + expected_best(tuned, frozen))


def native_side(backbone: str) -> int:
    """Pixels of a side of the photos that it has learnt at."""
    return NATIVE.get(backbone, NATIVE_OF_OTHERS)


def neighbour_points(survey: CatalogSurvey, words: Words) -> float:
    """Of the labelled products that look alike."""
    return NEIGHBOURS * seen_share(survey, words)


def reading_points(config: OcrConfig, survey: CatalogSurvey, words: Words, expected: tuple[str, ...]) -> float:
    """Of reading."""
    total = sum(shelf.n_products for shelf in survey.shelves)
    points = 0.0
    for shelf in shelves_read(config, survey, expected):
        if not survey.can_be_told(shelf):
            continue
        full = (min(MANY_WORDS, words.on(shelf)) - NO_WORDS) / (MANY_WORDS - NO_WORDS)
        texts = min(config.text.texts_per_leaf, shelf.n_products / shelf.n_leaves)
        told = min(READ_MOST, READ * (texts / READ_TEXTS) ** READ_GROWTH)
        sure = 1.0 if words.is_wordy(shelf) else PERHAPS
        points += sure * max(0.0, full) * told * shelf.n_products / total
    return points


def part_points(parts: HeldOutParts, survey: CatalogSurvey) -> float:
    """Of what is held out."""
    n = with_photos(survey)
    if parts.folds:
        few = min(3.0, FEW / max(1, n))
        return FOLDS.get(parts.n, FOLDS[5]) * few * (few >= 1)
    return min(0.0, SMALLER_PART * math.log2(parts.of / 0.2))


def shown_per_leaf(config: MosaicConfig, parts: HeldOutParts, survey: CatalogSurvey, words: Words) -> float:
    """Photos of a leaf that photos tell, which the measured network is shown in all its epochs."""
    told_by_photos = [shelf for shelf in survey.shelves if not words.is_wordy(shelf)]
    photos = sum(shelf.n_photos for shelf in told_by_photos) or photos_of("any", survey)
    leaves = sum(shelf.n_leaves for shelf in told_by_photos) or len(survey.leaf_sizes)
    each = photos / max(1, leaves) * (1 - parts.of)
    limit = config.training.products_per_leaf
    if limit:
        each = min(each, limit * photos_of("any", survey) / max(1, with_photos(survey)))
    return config.training.epochs * each


def _tuned_points(
    config: MosaicConfig, networks: tuple[Network, ...], survey: CatalogSurvey, learnt: float, shown: float
) -> float:
    """Of networks that learn; `learnt`: share of what there is to gain, `shown`: photos of a leaf."""
    points = _fine_tuned(shown, learnt) + BIGGER_BACKBONE * (config.backbone.name != KNOWN)
    of_count = sum(products_of(each, survey) for each in networks if each.isdigit())
    points += learnt * SPECIALIST * of_count / with_photos(survey)
    return points + learnt * SECOND_BACKBONE * min(1.0, shown / (2 * BREAK_EVEN)) * ("photos" in networks)


def _frozen_points(config: MosaicConfig, networks: tuple[Network, ...], survey: CatalogSurvey) -> float:
    """Of heads on frozen features."""
    points = 0.0
    native = native_side(config.backbone.name)
    if "photos" in networks and config.second_backbone and config.photo_size >= native_side(config.second_backbone):
        points += SECOND_FROZEN
    if config.photo_size >= native:
        points += NATIVE_FROZEN if survey.megapixels_per_photo * 1e6 >= native**2 else ENLARGED
        points += BIGGER_FROZEN * (config.backbone.name != KNOWN)
    return points


def expected_best(one: float, other: float) -> float:
    """What is expected of the better one of two, -inf where one is not tried.

    More than the better one of what is expected of each: the mean of the larger of two normal variables, of Clark, "The
    greatest of a finite set of random variables" (1961), where their difference has a standard deviation of `UNSURE`.
    """
    if math.isinf(one) or math.isinf(other):
        return max(one, other)
    z = abs(one - other) / UNSURE
    density, beyond = math.exp(-z * z / 2) / math.sqrt(2 * math.pi), math.erfc(z / math.sqrt(2)) / 2
    return max(one, other) + UNSURE * (density - z * beyond)


def _fine_tuned(shown: float, learnt: float) -> float:
    gain = 1 - BREAK_EVEN / max(shown, 1.0)
    # what is lost with too few rounds is lost whatever could be won
    return max(WORST, FINE_TUNED * gain * (learnt if gain > 0 else 1))


def _side_between(side: int) -> float:
    """Beyond the largest that was looked at nothing is expected."""
    below = [value for known, value in SIDES.items() if known <= side]
    return below[-1] if below else min(SIDES.values()) - 4
