"""Where nobody sees a bar a line a minute says how far it is, and nothing is told of what is quick."""

from __future__ import annotations

import pytest

from catalog.cli_options import progress_bar
from catalog.files.progress_lines import ProgressLines, duration_text, says_more
from tests.support.standing_clock import StandingClock


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(1000.0)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def lines(clock, told) -> ProgressLines:
    return ProgressLines("index", told.append, clock)


def work(lines: ProgressLines, clock: StandingClock, steps: range, total: int, seconds: float) -> None:
    for done in steps:
        lines(done, total)
        clock.now += seconds


def test_one_line_a_minute_says_the_share_and_how_long_the_rest_takes(lines, clock, told):
    work(lines, clock, range(200), 200, seconds=3)
    lines(200, 200)
    lines.finish()
    assert told[0] == "index: 20 of 200 (10 %), 9 min left"
    # ten minutes of work
    assert len(told) == 11
    assert told[-2:] == ["index: 200 of 200 (100 %)", "index: done in 10 min"]


def test_what_is_quick_is_told_by_its_result_alone(lines, clock, told):
    work(lines, clock, range(50), 50, seconds=1)
    lines.finish()
    assert told == []


def test_what_was_done_before_does_not_count_as_fast(lines, clock, told):
    work(lines, clock, range(900, 970), 1000, seconds=1)
    assert told == ["index: 960 of 1000 (96 %), 40 s left"]


def test_the_work_adds_its_figures_and_its_milestones(lines, clock, told):
    more = says_more(lines)
    assert more is not None
    more.describe(lambda: "loss 0.5")
    lines(30, 100)
    clock.now += 10
    more.milestone("epoch 1 of 3")
    clock.now += 59
    # a milestone is a line, too: the next one comes a minute later
    lines(40, 100)
    assert told == ["index: epoch 1 of 3, 30 of 100 (30 %), loss 0.5"]
    assert says_more(None) is None
    assert says_more(lambda done, total: None) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (99, "99 s"), (100, "2 min"), (5939, "99 min"), (11100, "3 h 05 min")]
)
def test_durations_are_told_as_people_say_them(seconds, text):
    assert duration_text(seconds) == text


def test_a_bar_that_goes_to_a_file_is_lines_on_the_standard_error(capsys, monkeypatch):
    monkeypatch.setattr("catalog.files.progress_lines.EVERY_S", 0)
    with progress_bar("index") as progress:
        progress(0, 2)
        progress(1, 2)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1].startswith("index: done in")
    assert "index: 1 of 2 (50 %), 0 s left" in said.err
    assert "\x1b" not in said.err
