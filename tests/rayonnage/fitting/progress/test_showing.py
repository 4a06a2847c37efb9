"""Where there is no terminal a line a minute is told; the page's file always says where the fit is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rayonnage.fitting.progress.overall import Overall
from rayonnage.fitting.progress.showing import FitShow
from rayonnage.fitting.progress.stopping import WORDS
from rayonnage.fitting.stages import Stage
from tests.support.standing_clock import StandingClock

STAGES = [Stage("split", "split", ("catalog", "split"), 60), Stage("mosaic-any", "learn", ("mosaic", "train"), 240)]


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def show(clock: StandingClock, monkeypatch: pytest.MonkeyPatch) -> FitShow:
    """A show whose pulse is the test's to give."""
    monkeypatch.setattr("rayonnage.fitting.progress.showing.PULSE_S", 1000)
    show = FitShow(clock)
    show.seconds, show.overall = clock, Overall(STAGES, clock=clock)
    return show


def test_a_line_a_minute_says_the_stage_the_share_of_the_whole_and_the_time_left(
    show: FitShow, clock: StandingClock, capsys: pytest.CaptureFixture
) -> None:
    assert show.overall is not None
    with show.entered(None):
        show.overall.begin(STAGES[0])
        show.begin_stage(STAGES[0], 1)
        clock.now = 59
        show.pulse()
        assert capsys.readouterr().err == ""
        clock.now = 60
        show.overall.end(60)
        show.begin_stage(STAGES[1], 2)
        clock.now = 119
        show.pulse()
        clock.now = 120
        show.pulse()
    assert capsys.readouterr().err.splitlines() == [
        "learn: 20 % of the whole, 4 min left", "learn: 33 % of the whole, 4 min left",
    ]  # fmt: skip


def test_the_share_of_the_whole_never_goes_back_and_is_not_all_before_the_end(
    show: FitShow, clock: StandingClock, tmp_path: Path
) -> None:
    assert show.overall is not None
    with show.entered(tmp_path):
        shares = []
        for seconds in (0, 30, 100, 250, 290, 299, 900, 5000):
            clock.now = seconds
            if seconds == 30:
                show.overall.begin(STAGES[0])
            if seconds == 250:
                # five times as long as estimated: more is left than was believed
                show.overall.end(300)
            if seconds == 5000:
                show.overall.taken["mosaic-any"] = 1000
            show.keep("running")
            shares.append(json.loads((tmp_path / "fit" / "progress.json").read_text())["share"])
        show.keep("done")
    assert shares == sorted(shares)
    assert shares[-1] == 0.99
    assert json.loads((tmp_path / "fit" / "progress.json").read_text())["share"] == 1


def test_the_page_is_told_every_ten_seconds_and_at_a_change_of_stage(
    show: FitShow, clock: StandingClock, tmp_path: Path
) -> None:
    path = tmp_path / "fit" / "progress.json"
    with show.entered(tmp_path):
        show.begin_stage(STAGES[0], 1)
        first = json.loads(path.read_text())
        assert (first["key"], first["title"], first["stage"], first["stages"]) == ("split", "split", 1, 2)
        for clock.now, seconds in ((9, 0), (11, 11), (20, 11), (22, 22)):
            show.pulse()
            assert json.loads(path.read_text())["seconds"] == seconds


def test_what_ctrl_c_is_answered_with_is_said_once(show: FitShow, capsys: pytest.CaptureFixture) -> None:
    with show.entered(None):
        show.stopper.asked = True
        show.pulse()
        show.pulse()
        with pytest.raises(KeyboardInterrupt), show.bar("train"):
            pass
    assert capsys.readouterr().err.splitlines() == [WORDS]


def test_what_would_steer_a_terminal_is_shown_and_kept_as_text(
    show: FitShow, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with show.entered(tmp_path):
        show.tell("a category called \x1b[2J")
    assert "\x1b" not in capsys.readouterr().err
    assert "\x1b" not in (tmp_path / "fit.log").read_text()
