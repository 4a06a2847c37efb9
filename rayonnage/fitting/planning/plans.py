"""Plans for a catalogue on a machine, each with its seconds and the points that it is expected to bring."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.runs.config import checked, overlaid
from fusion.config import FusionConfig
from mosaic.config import MosaicConfig
from ocr.config import OcrConfig
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import MachineSpeed
from rayonnage.fitting.planning.costs import n_experts, opening_seconds, split_seconds
from rayonnage.fitting.planning.decision_costs import asks_neighbours, decision_seconds
from rayonnage.fitting.planning.gains import Words, neighbour_points, part_points, photo_points, reading_points
from rayonnage.fitting.planning.needs import least_learning_bytes
from rayonnage.fitting.planning.options import of_one_size, part_options, photo_options, reading_options
from rayonnage.fitting.planning.parts import HeldOutParts
from rayonnage.fitting.planning.photo_costs import network_seconds
from rayonnage.fitting.planning.reading_costs import reading_seconds
from rayonnage.fitting.recipe import NO_SECOND_BACKBONE, FitSection, Network, Overlays, defaults
from text.encoders import with_installed_encoders


@dataclass(frozen=True)
class PhotoPart:
    """What is learnt from photos, and the head with it.

    Attributes:
        overlay: of `mosaic`. networks: that are trained. neighbours: whether they are asked.
        seconds: of the networks and of `fusion`. points, neighbour_points: that are expected.
        memory: bytes that the smallest batches take.
    """

    overlay: Mapping[str, Any]
    networks: tuple[Network, ...]
    neighbours: bool
    seconds: Mapping[str, float]
    points: float
    neighbour_points: float
    memory: float

    @property
    def total(self) -> float:
        """Seconds."""
        return sum(self.seconds.values())

    @property
    def all_points(self) -> float:
        """Neighbours included."""
        return self.points + self.neighbour_points


@dataclass(frozen=True)
class ReadingPart:
    """What is read; `overlay`: of `ocr`, None for nothing; `expected`: the shelves."""

    overlay: Mapping[str, Any] | None
    expected: tuple[str, ...]
    seconds: float
    points: float


@dataclass(frozen=True)
class FitPlan:
    """One way to make a model of a catalogue.

    Attributes:
        parts: keys of `FitSection` that say what is held out. part_points: that are expected of it.
        split: seconds of `catalog split`.
    """

    parts: Mapping[str, Any]
    part_points: float
    split: float
    photos: PhotoPart
    reading: ReadingPart

    @property
    def seconds(self) -> float:
        """Of all stages."""
        return self.split + self.photos.total + self.reading.seconds

    @property
    def points(self) -> float:
        """Of leaf accuracy, against frozen features of photos alone: good for ranking only."""
        return self.part_points + self.photos.all_points + self.reading.points

    def worth(self, price: float) -> float:
        """Points, less `price` for each doubling of the time."""
        return self.points - price * math.log2(self.seconds)


def plans(survey: CatalogSurvey, speed: MachineSpeed, given: Overlays, memory: float = math.inf) -> Iterator[FitPlan]:
    """All plans that may be the best for some amount of time.

    Of what is learnt from photos those that `memory` (bytes) holds; where it holds none, those that take least of it.
    """
    words = Words.of(speed, survey)
    split = split_seconds(survey, speed)
    settled = {key: given.fit[key] for key in ("folds", "held_out") if given.fit.get(key) is not None}
    for options in [settled] if settled else part_options(survey):
        parts = HeldOutParts.of_fit(FitSection(catalog="", **options))
        readings = _readings(parts, survey, speed, words, given)
        for is_read in {reading.overlay is not None for reading in readings}:
            photos = list(_photo_parts(parts, survey, speed, words, given, is_read=is_read))
            if not photos:
                raise ValueError(NO_SECOND_BACKBONE)
            least = min(photo.memory for photo in photos)
            for photo in _undominated([photo for photo in photos if photo.memory <= max(memory, least)]):
                for reading in readings:
                    if (reading.overlay is not None) == is_read:
                        yield FitPlan(options, part_points(parts, survey), split, photo, reading)


def _photo_parts(
    parts: HeldOutParts, survey: CatalogSurvey, speed: MachineSpeed, words: Words, given: Overlays, *, is_read: bool
) -> Iterator[PhotoPart]:
    settled = FitSection(catalog="", **given.fit).networks if "networks" in given.fit else None
    options = list(photo_options(survey, speed, words, is_read=is_read))
    # what was made for another method than the one that is settled is none of its options
    methods = {given.mosaic["method"]} if "method" in given.mosaic else {"linear", "fine-tune", "auto"}
    if any(network.isdigit() for network in settled or ()):
        # no head on frozen features is made for one image count
        methods -= {"linear"}
    for own, trained in [option for option in options if option[0]["method"] in methods] or options:
        networks = settled or trained
        overlay = overlaid(of_one_size(own, given.mosaic), given.mosaic)
        config = _mosaic(json.dumps(overlay, sort_keys=True))
        seconds = {
            f"mosaic-{network}": opening_seconds(speed) + network_seconds(network, config, parts, survey, speed)
            for network in networks
        }
        if "photos" in networks and config.second_backbone is None:
            continue
        points = photo_points(config, networks, parts, survey, words)
        memory = least_learning_bytes(config, speed, survey)
        for asked in (False, True):
            fusion = _fusion(json.dumps(dict(given.fusion), sort_keys=True), asked=asked)
            if asks_neighbours(fusion, survey) != asked:
                continue
            experts = n_experts(networks, is_read=is_read)
            decided = opening_seconds(speed) + decision_seconds(fusion, config, experts, parts, survey, speed)
            gain = neighbour_points(survey, words) if asked else 0.0
            yield PhotoPart(overlay, networks, asked, {**seconds, "fusion": decided}, points, gain, memory)


def _readings(
    parts: HeldOutParts, survey: CatalogSurvey, speed: MachineSpeed, words: Words, given: Overlays
) -> list[ReadingPart]:
    found = []
    options = list(reading_options(survey, words))
    if given.fit.get("read") is False:
        options = options[:1]
    elif given.fit.get("read"):
        # where no words were seen, what is configured is read all the same
        options = options[1:] or [({}, tuple(shelf.name for shelf in survey.shelves))]
    for own, expected in options:
        if own is None:
            found.append(ReadingPart(None, (), 0.0, 0.0))
            continue
        overlay = overlaid(own, given.ocr)
        config = checked(OcrConfig, overlaid(defaults("ocr"), overlay), "section ocr")
        encoders = tuple(with_installed_encoders(config.text).encoders)
        seconds = opening_seconds(speed) + reading_seconds(config, encoders, parts, survey, speed, expected)
        found.append(ReadingPart(overlay, expected, seconds, reading_points(config, survey, words, expected)))
    return found


def _undominated(photos: Sequence[PhotoPart]) -> list[PhotoPart]:
    """Those than which none is both as cheap and as good, the cheapest first."""
    kept: list[PhotoPart] = []
    for part in sorted(photos, key=lambda part: (part.total, -part.all_points)):
        if not kept or part.all_points > kept[-1].all_points:
            kept.append(part)
    return kept


@functools.lru_cache(4096)
def _mosaic(overlay: str) -> MosaicConfig:
    return checked(MosaicConfig, overlaid(defaults("mosaic"), json.loads(overlay)), "section mosaic")


@functools.lru_cache(16)
def _fusion(given: str, *, asked: bool) -> FusionConfig:
    own = {"neighbours": "auto" if asked else "off"}
    return checked(FusionConfig, overlaid({**defaults("fusion"), **own}, json.loads(given)), "section fusion")
