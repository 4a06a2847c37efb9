"""How fast photos are read, by an engine that reads their colour."""

from __future__ import annotations

import pytest

from catalog.files.time_budget import TimeBudget
from catalog.runs.config import load_config
from ocr import reading_speed as module
from ocr.config import OcrConfig
from ocr.engines.base import EngineMissing
from ocr.reading_speed import ReadingSpeed, ReadLot, lot_size, reading_speed, seconds_per_photo
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


def test_the_first_lot_starts_the_engine_and_does_not_count(engines):
    # of the second one cannot be decoded, and one not be read
    lots = [[png(20), png(30), png(40), png(50)], [b"no photo", png(13), png(60), png(60)], *[[png(60)] * 4] * 30]
    asked: list[int] = []
    found = reading_speed(len(lots), lambda n: asked.append(n) or lots[n], ENGINE, TimeBudget(24, clock_of(engines)))
    # 14 s for the first four, three and four for two lots more; a fourth would end after 24
    assert found is not None
    assert [lot.seconds for lot in found.lots] == [14.0, 3.0, 4.0]
    assert [lot.words for lot in found.lots] == [(1, 1, 1, 1), (None, None, 1, 1), (1, 1, 1, 1)]
    # broken photos are photos: they are counted where it is told how long all take
    assert found.photo_s == 7 / 8
    # no photo is taken from the catalogue before its lot is read
    assert asked == [0, 1, 2]
    assert engines[0].batches == [4, 2 + 1, 4]
    assert engines[0].closed
    assert engines[0].time_limit_s == min(ENGINE.time_limit_s, 24)


def test_two_are_read_in_any_case(engines):
    found = reading_speed(9, lambda _: [png(20)], ENGINE, TimeBudget(0, clock_of(engines)))
    assert found == ReadingSpeed((ReadLot(11.0, (1,)), ReadLot(1.0, (1,))))
    assert found.photo_s == 1.0
    assert engines[0].time_limit_s == 1


def test_a_single_lot_is_what_there_is(engines):
    # of shorter ones nobody knows how many cores had nothing to do
    assert seconds_per_photo([ReadLot(2.0, (1, 1, 1)), ReadLot(1.9, (1,)), ReadLot(4.0, (5, 5, 5))]) == 1.0
    found = reading_speed(1, lambda _: [png(20)] * 2, ENGINE, TimeBudget(60, clock_of(engines)))
    assert found is not None
    assert found.photo_s == 6.0


def test_a_lot_keeps_all_cores_busy(monkeypatch):
    monkeypatch.setattr(module, "n_cores", lambda: 16)
    assert lot_size() == 32


def test_where_nothing_can_be_read(monkeypatch):
    def missing(config):
        raise EngineMissing("not installed")

    monkeypatch.setattr(module, "make_engine", missing)
    assert reading_speed(1, lambda _: [png(20)], ENGINE, TimeBudget(5)) is None
    assert reading_speed(0, lambda _: [], ENGINE, TimeBudget(5)) is None
