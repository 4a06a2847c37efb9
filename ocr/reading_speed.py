"""How fast this machine reads photos, now, and how much there is to read on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from catalog.files.cores import n_cores
from catalog.files.time_budget import TimeBudget
from ocr.config import EngineConfig
from ocr.engines.base import EngineMissing
from ocr.engines.registry import make_engine
from ocr.reader import decoded
from ocr.transcript import OcrFailure, Transcript

ROUND = 2
"""Photos for each core that are read together: of one each, all would wait for the slowest."""


@dataclass(frozen=True)
class ReadLot:
    """Photos that were read together.

    Attributes:
        seconds: that they took, all processes together. words: on each; None where one could not be read.
    """

    seconds: float
    words: tuple[int | None, ...]


@dataclass(frozen=True)
class ReadingSpeed:
    """Of lots of photos, as far as the time went; the engine's processes start with the first one."""

    lots: tuple[ReadLot, ...]

    @property
    def photo_s(self) -> float:
        """Seconds per photo of the lots but the first; of that one where there is no other."""
        return seconds_per_photo(self.lots[1:] or self.lots)


def seconds_per_photo(lots: Sequence[ReadLot]) -> float:
    """Of one lot or more, broken photos among them: of the full ones, since in the others cores have waited."""
    full = max(len(lot.words) for lot in lots)
    counted = [lot for lot in lots if len(lot.words) == full]
    return sum(lot.seconds for lot in counted) / (full * len(counted))


def lot_size() -> int:
    """Photos of a lot that keeps all cores busy."""
    return ROUND * n_cores()


def reading_speed(
    n_lots: int, lot: Callable[[int], Sequence[bytes]], config: EngineConfig, budget: TimeBudget
) -> ReadingSpeed | None:
    """Read lots of encoded photos, one after the other, until the budget is used; the first two in any case.

    None where there are none, or the engine is not installed.

    Args:
        lot: gives the photos of a lot by its number, which are asked for when their turn comes.
    """
    if not n_lots:
        return None
    # one photo that takes for ever must not hold the others up
    limited = config.model_copy(update={"time_limit_s": min(config.time_limit_s, max(1.0, budget.left))})
    words: list[tuple[int | None, ...]] = []
    try:
        with closing(make_engine(limited)) as engine:

            def read() -> None:
                photos = [decoded(photo, engine.max_side) for photo in lot(len(words))]
                found = iter(engine.read([photo.pixels for photo in photos if not isinstance(photo, OcrFailure)]))
                readings = [photo if isinstance(photo, OcrFailure) else next(found) for photo in photos]
                words.append(tuple(_n_words(reading) for reading in readings))

            seconds = budget.times(read, n_lots)
    except EngineMissing:
        return None
    return ReadingSpeed(tuple(ReadLot(*each) for each in zip(seconds, words, strict=True)))


def _n_words(reading: Transcript | OcrFailure) -> int | None:
    return len(reading.words) if isinstance(reading, Transcript) else None
