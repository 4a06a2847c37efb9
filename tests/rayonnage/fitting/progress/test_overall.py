"""The time that is left is an honest one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from rayonnage.fitting.progress.overall import Overall, StageShare, TrainingSteps
from rayonnage.fitting.stages import Stage
from tests.support.standing_clock import StandingClock

SECONDS = some.floats(0, 10_000)


def stage(key: str, seconds: float) -> Stage:
    return Stage(key, key, (key.partition("-")[0],), seconds)


def test_before_anything_is_known_what_is_left_is_what_was_estimated() -> None:
    assert Overall([stage("split", 10), stage("mosaic-any", 90)]).left == pytest.approx(100)


def test_a_machine_that_is_slower_than_measured_is_believed_more_with_every_stage() -> None:
    overall = Overall([stage("split", 2), stage("mosaic-any", 100), stage("fusion", 100)])
    overall.taken["split"] = 4
    assert overall.left == pytest.approx(200 * 14 / 12), "two seconds say little"
    overall.taken["mosaic-any"] = 200
    assert overall.left == pytest.approx(100 * 214 / 112)


def test_how_slow_one_room_is_says_nothing_of_another() -> None:
    overall = Overall([stage("split", 2), stage("mosaic-any", 100), stage("mosaic-2", 50), stage("ocr", 100)])
    overall.taken.update({"split": 2, "mosaic-any": 200})
    assert overall.slowness_of("mosaic") == pytest.approx(210 / 110)
    assert overall.slowness_of("ocr") == 1


def test_within_a_stage_its_own_speed_counts_more_and_more() -> None:
    clock = StandingClock()
    overall = Overall([stage("mosaic-any", 100), stage("fusion", 10)], clock=clock)
    report = overall.begin(overall.stages[0], TrainingSteps((1.0,))).bar("train any number of photos")
    report(0, 100)
    clock.now = 5
    report(1, 100)
    assert overall.left == pytest.approx(95 + 10), "one per cent says nothing"
    clock.now = 200
    report(50, 100)
    assert overall.left == pytest.approx(200 + 10), "half is done in 200 s"


def test_a_training_that_is_taken_up_is_as_fast_as_it_goes_now() -> None:
    clock = StandingClock()
    share = StageShare(clock, TrainingSteps((0.5, 0.5)))
    report = share.bar("train any number of photos")
    report(80, 100)
    clock.now = 10
    report(90, 100)
    # 0.05 of the stage in 10 s: 0.05 more take as long
    assert share.left(0) == pytest.approx(10)


def test_fits_of_parts_that_an_earlier_session_did_are_done() -> None:
    clock = StandingClock()
    share = StageShare(clock, TrainingSteps((0.25, 0.25, 0.5)))
    report = share.bar("train any number of photos (without part 1)")
    report(0, 10)
    clock.now = 30
    report(10, 10)
    trust = 0.25 / 0.4
    assert share.left(0) == pytest.approx(trust * 60)


def test_a_bar_of_any_stage_has_its_own_time_left_at_least() -> None:
    clock = StandingClock()
    share = StageShare(clock)
    report = share.bar("read training shelves")
    report(0, 100)
    clock.now = 50
    report(10, 100)
    assert share.left(60) == pytest.approx(450)
    share.bar("encode texts")
    assert share.left(60) == pytest.approx(10)


def test_what_takes_longer_than_estimated_has_never_no_time_left() -> None:
    clock = StandingClock()
    share = StageShare(clock)
    clock.now = 100
    assert share.left(60) == pytest.approx(10)


def test_where_nothing_is_estimated_stages_are_counted() -> None:
    overall = Overall([stage("split", 0), stage("mosaic-any", 0), stage("fusion", 0)], {"split": 1.0})
    assert not overall.is_estimated
    overall.begin(overall.stages[1], TrainingSteps((1.0,))).bar("train any number of photos")(1, 2)
    assert overall.share_of_stages == pytest.approx(0.5)
    assert Overall([stage("split", 1)]).is_estimated


def test_a_stage_that_is_left_out_takes_no_time() -> None:
    overall = Overall([stage("mosaic-any", 100), stage("ocr", 50)])
    overall.leave_out("ocr")
    assert overall.left == pytest.approx(100)
    assert [later.key for later in overall.to_come] == ["mosaic-any"]


@given(
    some.lists(some.tuples(SECONDS, SECONDS), min_size=1, max_size=6),
    some.lists(some.tuples(some.floats(0, 100), some.integers(-5, 120), some.integers(0, 100)), max_size=20),
)
def test_whatever_is_reported_the_time_left_is_a_number_that_is_not_negative(
    stages: list[tuple[float, float]], reports: list[tuple[float, int, int]]
) -> None:
    clock = StandingClock()
    overall = Overall([stage(f"mosaic-{i}", seconds) for i, (seconds, _) in enumerate(stages)], clock=clock)
    for number, (_, taken) in enumerate(stages[:-1]):
        overall.taken[f"mosaic-{number}"] = taken
    report = overall.begin(overall.stages[-1], TrainingSteps((0.3, 0.7))).bar(
        "train any number of photos (without part 0)"
    )
    for seconds, done, total in reports:
        clock.now += seconds
        report(done, total)
        assert 0 <= overall.left < float("inf")
    before = overall.left
    overall.end(1)
    assert overall.left == 0
    assert before >= 0


def training(*overrides: str) -> MosaicConfig:
    return load_config(MosaicConfig, "mosaic", None, overrides)


@given(some.sampled_from([None, 2, 5, 10]), some.integers(1, 20), some.sampled_from(["fine-tune", "linear"]))
def test_the_steps_of_a_training_are_all_of_it(n_parts: int | None, epochs: int, method: str) -> None:
    config = training(f"training.epochs={epochs}", f"method={method}")
    steps = TrainingSteps.of(stage("mosaic-any", 1), config, n_parts)
    assert len(steps.fits) == (n_parts or 1) + 1
    assert sum(steps.fits) + steps.looks == pytest.approx(1)
    before, width = steps.place("train any number of photos")
    assert before + width == pytest.approx(1), "the deployed network comes last"
    assert TrainingSteps.of(stage("ocr", 1), config, n_parts) == TrainingSteps()


def test_the_deployed_network_goes_on_from_the_measured_one_in_fewer_epochs() -> None:
    config = training("training.head_epochs=0", "training.epochs=10", "specialist.epochs=2")
    assert TrainingSteps.of(stage("mosaic-any", 1), config, None).fits == pytest.approx((8 / 10, 2 / 10))
    assert TrainingSteps.of(stage("mosaic-2", 1), config, None).fits == pytest.approx((1.6 / 3.6, 2 / 3.6))


def test_a_frozen_backbone_looks_before_heads_are_fitted() -> None:
    steps = TrainingSteps.of(stage("mosaic-any", 1), training("method=linear"), 2)
    assert steps.place("look at any count") == (0, steps.looks)
    assert steps.place("fit any count (without part 0)")[0] == steps.looks
    assert steps.place("held-out part") == (0, 0)
