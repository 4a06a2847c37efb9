"""How fast this machine reads photos, now, and how much there is to read on them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from catalog.files.cores import n_cores
from catalog.files.time_budget import TimeBudget, typical
from ocr.config import EngineConfig
from ocr.engines.base import EngineMissing
from ocr.engines.registry import make_engine
from ocr.reader import decoded
from ocr.transcript import OcrFailure, Transcript

ROUND = 2
"""Photos for each core that are read together: of one each, all would wait for the slowest."""


@dataclass(frozen=True)
class ReadingSpeed:
    """Of photos that were read.

    Attributes:
        photo_s: seconds per photo, all processes together. start_s: until the first photos were read.
        words: on each of the first photos, as far as the time went; None where one could not be read.
    """

    photo_s: float
    start_s: float
    words: tuple[int | None, ...]


def reading_speed(photos: Sequence[bytes], config: EngineConfig, budget: TimeBudget) -> ReadingSpeed | None:
    """Read encoded photos, some at a time, until the budget is used; the first two times in any case.

    None where there are none, or the engine is not installed. The first ones start its processes: of more photos than
    these, theirs is not counted.
    """
    if not photos:
        return None
    # one photo that takes for ever must not hold the others up
    limited = config.model_copy(update={"time_limit_s": min(config.time_limit_s, max(1.0, budget.left))})
    words: list[int | None] = []
    try:
        with closing(make_engine(limited)) as engine:
            step = ROUND * n_cores()

            def read() -> None:
                some = [decoded(photo, engine.max_side) for photo in photos[len(words) : len(words) + step]]
                good = [photo.pixels for photo in some if not isinstance(photo, OcrFailure)]
                found = iter(engine.read(good))
                for photo in some:
                    reading = photo if isinstance(photo, OcrFailure) else next(found)
                    words.append(len(reading.words) if isinstance(reading, Transcript) else None)

            whole_rounds = max(1, len(photos) // step)
            seconds = budget.times(read, whole_rounds)
    except EngineMissing:
        return None
    return ReadingSpeed(typical(seconds) / min(step, len(photos)), seconds[0], tuple(words))
