"""How fast photos are read, by an engine that reads their colour."""

from __future__ import annotations

import pytest

from catalog.files.time_budget import TimeBudget
from catalog.runs.config import load_config
from ocr import reading_speed as module
from ocr.config import OcrConfig
from ocr.engines.base import EngineMissing
from ocr.reading_speed import ReadingSpeed, reading_speed
from tests.ocr.test_reader import FakeEngine, png

ENGINE = load_config(OcrConfig, "ocr").engine


class PacedEngine(FakeEngine):
    """Needs ten seconds to start, and one for each photo."""

    def __init__(self, config):
        super().__init__()
        self.now, self.closed, self.time_limit_s = 0.0, False, config.time_limit_s

    def read(self, photos):
        self.now += len(photos) + (0 if self.batches else 10)
        return super().read(photos)

    def close(self):
        self.closed = True


@pytest.fixture
def engines(monkeypatch) -> list[PacedEngine]:
    """Those that were made, on two cores."""
    made: list[PacedEngine] = []
    monkeypatch.setattr(module, "n_cores", lambda: 2)
    monkeypatch.setattr(module, "make_engine", lambda config: made.append(PacedEngine(config)) or made[-1])
    return made


def clock_of(engines: list[PacedEngine]):
    return lambda: engines[0].now if engines else 0.0


def test_the_first_photos_start_the_engine_and_are_not_counted(engines):
    # the fifth cannot be decoded, the sixth not be read
    photos = [png(20), png(30), png(40), png(50), b"no photo", png(13), *[png(60)] * 30]
    found = reading_speed(photos, ENGINE, TimeBudget(24, clock_of(engines)))
    # 14 s for the first four, three and four for two rounds more; a fourth would end after 24
    assert found == ReadingSpeed(3.5 / 4, 14.0, (1, 1, 1, 1, None, None, 1, 1, 1, 1, 1, 1))
    assert engines[0].batches == [4, 3, 4]
    assert engines[0].closed
    assert engines[0].time_limit_s == min(ENGINE.time_limit_s, 24)


def test_some_are_read_in_any_case(engines):
    found = reading_speed([png(20)] * 9, ENGINE, TimeBudget(0, clock_of(engines)))
    assert found == ReadingSpeed(1.0, 14.0, (1,) * 8)
    assert engines[0].time_limit_s == 1


def test_where_nothing_can_be_read(monkeypatch):
    def missing(config):
        raise EngineMissing("not installed")

    monkeypatch.setattr(module, "make_engine", missing)
    assert reading_speed([png(20)], ENGINE, TimeBudget(5)) is None
    assert reading_speed([], ENGINE, TimeBudget(5)) is None
