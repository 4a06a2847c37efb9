"""Nothing that is done is done twice, and no kill makes time go back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from rayonnage.fitting.progress.journal import Asked, FitJournal, LeftOutStage, signature
from rayonnage.fitting.stages import Stage
from tests.support.products import TAXONOMY
from tests.support.standing_clock import StandingClock

ASKED = Asked(
    catalog="a.bson", tree=None, names=None, group=None, time_s=600, quality="fast", memory_bytes=None, recipe=None
)
SPLIT = Stage("split", "split", ("catalog", "split", "a.bson"), 1)
OCR = Stage("ocr", "read", ("ocr", "train"), 10, optional=True)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def room(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "runs")


def begun(room: Workspace, clock: StandingClock) -> FitJournal:
    journal = FitJournal(room, clock)
    journal.folder.mkdir(parents=True, exist_ok=True)
    journal.begin_anew(ASKED, "data")
    return journal


def made(room: Workspace, kind: str) -> Run:
    run = Run.create(room.folder, kind, kind, plan="plan", data="data", config={}, tree=TAXONOMY)
    run.save()
    room.register(run)
    return run


def test_a_stage_that_is_done_is_known_to_the_next_session(room: Workspace, clock: StandingClock) -> None:
    journal = begun(room, clock)
    journal.begin(SPLIT, "as is")
    assert journal.seconds_of("split", "as is") is None
    journal.end("split", 3)
    later = FitJournal(room, clock)
    assert later.seconds_of("split", "as is") == 3
    assert later.seconds_of("split", "of something else") is None
    assert later.seconds_of("ocr", "as is") is None


def test_what_a_stage_made_and_is_gone_is_made_again(room: Workspace, clock: StandingClock) -> None:
    journal = begun(room, clock)
    journal.begin(OCR, "s")
    run = made(room, "ocr")
    journal.end("ocr", 3)
    assert FitJournal(room, clock).seconds_of("ocr", "s") == 3
    (run.folder / "run.json").unlink()
    assert FitJournal(room, clock).seconds_of("ocr", "s") is None


def test_a_kill_between_the_end_of_a_stage_and_the_word_of_it(room: Workspace, clock: StandingClock) -> None:
    made(room, "ocr")
    journal = begun(room, clock)
    journal.begin(OCR, "s")
    assert FitJournal(room, clock).seconds_of("ocr", "s") is None, "the run is of before"
    made(room, "ocr")
    clock.now = 7
    journal.tick()
    later = FitJournal(room, clock)
    assert later.seconds_of("ocr", "s") == 7
    assert FitJournal(room, clock).state == later.state


def test_the_clock_goes_on_where_a_kill_stopped_it_and_not_while_nothing_ran(
    room: Workspace, clock: StandingClock
) -> None:
    journal = begun(room, clock)
    clock.now = 30
    journal.tick()
    clock.now = 1000
    later = FitJournal(room, clock)
    later.go_on()
    clock.now = 1010
    assert later.seconds == 40
    later.begin_anew(ASKED, "other data")
    later = FitJournal(room, clock)
    later.go_on()
    assert later.seconds == 10, "of what was done for something else nothing counts"


def test_the_clock_is_not_written_all_the_time(room: Workspace, clock: StandingClock) -> None:
    journal = begun(room, clock)
    clock.now = 1
    journal.tick()
    assert json.loads(journal.path.read_text())["seconds"] == 0


def test_two_fits_do_not_work_in_one_workspace(room: Workspace) -> None:
    first, second = FitJournal(room).held(), FitJournal(room).held()
    with first, pytest.raises(OSError, match=r"another `rayonnage fit`.*--workspace"), second:
        pass
    with FitJournal(room).held():
        pass


def test_what_was_left_out_stays_so_until_something_else_is_asked_for(room: Workspace, clock: StandingClock) -> None:
    journal = begun(room, clock)
    journal.leave_out(LeftOutStage(key="ocr", why="9 min would be needed", signature="s", time_s=600))
    left_out = FitJournal(room, clock).left_out("ocr", "s", 600)
    assert left_out is not None
    assert (left_out.why, left_out.refused) == ("9 min would be needed", False)
    assert FitJournal(room, clock).left_out("ocr", "s", 900) is None
    assert FitJournal(room, clock).left_out("ocr", "of something else", 600) is None
    journal.begin_anew(ASKED, "data")
    assert FitJournal(room, clock).left_out("ocr", "s", 600) is None


def test_a_refusal_depends_on_no_time_and_the_last_word_counts(room: Workspace, clock: StandingClock) -> None:
    journal = begun(room, clock)
    for why in ("no such shelf", "too few texts"):
        journal.leave_out(LeftOutStage(key="ocr", why=why, refused=True, signature=why))
    assert journal.left_out("ocr", "too few texts", 900) is not None
    assert journal.left_out("ocr", "no such shelf", 900) is None


def test_the_clock_of_a_fit_that_was_only_found_stays_as_it_is(room: Workspace, clock: StandingClock) -> None:
    journal = begun(room, clock)
    clock.now = 1200
    journal.close()
    later = FitJournal(room, clock)
    clock.now = 1206
    later.tick()
    later.close()
    assert FitJournal(room, clock).state == journal.state
    later.go_on()
    later.close()
    assert json.loads(journal.path.read_text())["seconds"] == 1206


@pytest.mark.parametrize("text", ["", "{", "[]", '{"asked": 1}', '{"asked": {}}'])
def test_a_damaged_journal_is_refused_with_the_way_out(room: Workspace, clock: StandingClock, text: str) -> None:
    begun(room, clock).path.write_text(text)
    with pytest.raises(ValueError, match=r"journal\.json is damaged.*delete it"):
        FitJournal(room)


def chained(stages: list[Stage], sections: dict, data: str) -> list[str]:
    """Signatures of the stages, one behind the other."""
    chain, signatures = data, []
    for stage in stages:
        chain = signature(chain, stage, sections.get(stage.room), {"a.bson", "b.bson"})
        signatures.append(chain)
    return signatures


def test_a_stage_depends_on_its_section_and_on_all_before_it() -> None:
    stages = [SPLIT, OCR, Stage("fusion", "fuse", ("fusion", "train"), 1)]
    plain = chained(stages, {"ocr": {"a": 1}}, "data")
    other_words = chained(stages, {"ocr": {"a": 2}}, "data")
    assert [a == b for a, b in zip(plain, other_words, strict=True)] == [True, False, False]
    other_head = chained(stages, {"ocr": {"a": 1}, "fusion": {"b": 1}}, "data")
    assert [a == b for a, b in zip(plain, other_head, strict=True)] == [True, True, False]
    assert not set(plain) & set(chained(stages, {"ocr": {"a": 1}}, "other data"))


def test_the_same_catalogue_in_another_place_is_the_same_work() -> None:
    moved = replace(SPLIT, command=("catalog", "split", "b.bson"))
    folds = replace(SPLIT, command=("catalog", "split", "a.bson", "--folds", "5"))
    assert chained([SPLIT], {}, "data") == chained([moved], {}, "data") != chained([folds], {}, "data")
