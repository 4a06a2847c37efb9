"""Who gets what, who holds it, what stands, and what is taken back: one by one, many at once, from several servers."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.runs.workspace import Workspace
from fusion.prediction.columns import schema_of
from fusion.prediction.predicted_products import PredictedProducts
from fusion.review.act import UNJUDGED
from fusion.review.journal import Journal, apply_files
from rayonnage.web.problem import RequestRefused
from rayonnage.web.reviewing.desk import Desk
from rayonnage.web.reviewing.leases import FEW, MOST, Leases
from rayonnage.web.reviewing.many_answers import ManyAnswers
from rayonnage.web.reviewing.review_state import Verdict
from rayonnage.web.reviewing.reviewer import Reviewer
from rayonnage.web.visitor import Visitor
from tests.support.predictions import TREE, fill, predicted
from tests.support.review_client import workspace_of
from tests.support.standing_clock import StandingClock

ADA, BOB = Visitor("Ada", "a"), Visitor("Bob", "b")
NOVEL, POETRY = Verdict(1000), Verdict(1001)


def desk_of(runs: Path, clock: StandingClock | None = None) -> Desk:
    """A server's desk over the predictions beside a workspace."""
    room = Workspace(runs)
    products = PredictedProducts.open(runs.parent / "predictions", room)
    return Desk(products, Journal(room), clock=clock or StandingClock())


def labels(runs: Path) -> dict[int, int]:
    given = Journal(Workspace(runs)).labels()
    return dict(zip(given.product_ids.tolist(), given.category_ids.tolist(), strict=True))


@pytest.fixture
def runs(tmp_path) -> Path:
    return workspace_of(tmp_path)


def test_two_reviewers_never_get_one_product_nor_copies_of_it(runs):
    clock = StandingClock()
    desk = desk_of(runs, clock)
    # the copies 3 and 4 bring most, and stand together
    first = desk.next(ADA, 1).positions
    assert first == [3]
    assert desk.next(BOB, 3).positions == [0, 1, 2]
    assert desk.next(ADA, 2, [3]).positions == [4, 5]
    # among them is one of the audit sample
    assert [one for one in desk.next(BOB, 9, [0, 1, 2]).positions if one < 10] == [6, 7, 8, 9]
    clock.now = 119
    assert desk.next(ADA, 0, [3, 4, 5]).lost == []
    clock.now = 230
    # Bob's time is over, Ada's was renewed
    looked = desk.next(ADA, 3, [3, 4, 5])
    assert [one for one in looked.positions if one < 10] == [0, 1, 2]
    assert desk.next(BOB, 0, [0, 6]).lost == [0]
    desk.release(ADA, [3])
    assert desk.next(BOB, 1).positions == [3]


def test_who_comes_too_late_is_told_who_when_what(runs):
    desk = desk_of(runs)
    desk.answer(ADA, 0, POETRY)
    with pytest.raises(RequestRefused, match=r"Ada answered product 0 at .* UTC: category 1001") as refused:
        desk.answer(BOB, 0, NOVEL)
    assert refused.value.problem.status == 409
    assert labels(runs) == {0: 1001}
    desk.answer(BOB, 0, NOVEL, anew=True)
    assert labels(runs) == {0: 1000}
    # what stood before stands again
    desk.undo(BOB, None)
    assert labels(runs) == {0: 1001}
    assert not desk.state.waiting.waits(0)


def test_the_same_answer_sent_twice_is_one_act_and_ones_own_is_replaced(runs):
    desk = desk_of(runs)
    assert desk.answer(ADA, 0, POETRY) == desk.answer(ADA, 0, POETRY)
    desk.answer(ADA, 0, NOVEL)
    assert labels(runs) == {0: 1000}
    assert desk.state.outcomes.answered == 1


def test_what_is_skipped_again_and_again_takes_no_room():
    reviewer = Reviewer("session", "Ada")
    for _ in range(1000):
        assert reviewer.last_skip(0) == (reviewer.skip(4, 0) + 1 or None)
    assert len(repr(reviewer)) < 300


def test_skips_come_last_and_are_taken_back_in_turn(runs):
    desk = desk_of(runs)
    desk.answer(ADA, 3, NOVEL)
    skip = desk.skip(ADA, 4).act
    assert skip < 0
    assert 4 not in desk.next(ADA, 5).positions
    assert desk.next(BOB, 1).positions == [4]
    desk.release(BOB, [4])
    assert desk.undo(ADA, None) == (skip, [4])
    assert desk.next(ADA, 1).positions == [4]
    act, back = desk.undo(ADA, None)
    assert (act > 0, back) == (True, [3])
    with pytest.raises(RequestRefused, match="nothing to take back"):
        desk.undo(ADA, None)
    for one in range(10):
        desk.skip(ADA, one)
    assert [one for one in desk.next(ADA, 30).positions if one < 10] == list(range(10))


def test_others_acts_are_not_taken_back(runs):
    desk = desk_of(runs)
    act = desk.answer(ADA, 0, POETRY).act
    for number, status in ((act, 403), (act + 1, 404)):
        with pytest.raises(RequestRefused) as refused:
            desk.undo(BOB, number)
        assert refused.value.problem.status == status
    desk.undo(ADA, act)
    with pytest.raises(RequestRefused, match="taken back before"):
        desk.undo(ADA, act)


def test_what_sheets_and_other_servers_answer_waits_no_more(runs):
    desk, other = desk_of(runs), desk_of(runs)
    folder = runs.parent / "predictions"
    other.answer(BOB, 1, POETRY)
    entry = apply_files(Workspace(runs), [fill(folder / "review.csv", {0: 2000})], reviewer="Cy")
    assert not {0, 1} & set(desk.next(ADA, 30).positions)
    with pytest.raises(RequestRefused, match=r"Cy answered product 0 at .*: category 2000"):
        desk.answer(ADA, 0, NOVEL)
    Journal(Workspace(runs)).undo(entry.number)
    assert 0 in desk.next(ADA, 30).positions
    desk.answer(ADA, 0, NOVEL)
    Journal(Workspace(runs)).redo(entry.number)
    # what was said while the sheet did not count is later than the sheet
    assert labels(runs) == {0: 1000, 1: 1001}
    anew = desk_of(runs)
    anew.next(ADA, 0)
    assert [anew.state.outcomes.of(one).given for one in (0, 1)] == [0, 1]


def test_the_audit_sample_counts_as_a_sheets_does(runs):
    desk = desk_of(runs)
    drawn = desk.next(ADA, 30, audit=True).positions
    assert sorted(drawn) == list(range(10, 20))
    # they suggest 1001: right, right at Cat II, right at Cat I, nowhere, not to be told, right down to Cat II
    said = [POETRY, NOVEL, Verdict(1002), Verdict(why="no_such_category"), Verdict(why="no_product"),
            Verdict(parent=("BOOKS", "FICTION"))]  # fmt: skip
    for position, verdict in zip(range(10, 16), said, strict=True):
        desk.answer(ADA, position, verdict)
    outcomes = desk.state.outcomes
    assert (outcomes.audited, outcomes.right.tolist()) == (5, [4, 3, 1])
    (entry,) = Journal(Workspace(runs)).entries()
    assert (entry.audited, entry.audit_right, entry.drawn) == (5, (4, 3, 1), 10)
    assert outcomes.answered == 0
    # all are put on POETRY, the second leaf, below the first Cat I and II
    by_level = [[figures[TREE.ancestor(level)[1]] for figures in outcomes.by_node(level)] for level in (1, 2, 3)]
    assert by_level == [[5, 4], [5, 3], [5, 1]]
    assert outcomes.by_node(1)[0].sum() == 5
    desk.answer(ADA, 0, POETRY)
    acts = list(Journal(Workspace(runs)).act_file(entry.number).standing())
    # of no audit sample: there is nothing to judge
    assert [act.right for act in acts] == [(3,), (2,), (1,), (0,), (UNJUDGED,), (2,), (UNJUDGED,)]
    desk.undo(ADA, None)
    for _ in said:
        desk.undo(ADA, None)
    assert (outcomes.audited, outcomes.right.tolist()) == (0, [0, 0, 0])


def test_one_product_in_ten_is_of_the_audit_sample(tmp_path):
    rows = [predicted(i) for i in range(40)] + [predicted(i, 1001, "accept") for i in range(100, 110)]
    desk = desk_of(workspace_of(tmp_path, rows))
    shown = []
    for _ in range(20):
        (position,) = desk.next(ADA, 1).positions
        desk.answer(ADA, position, NOVEL)
        shown.append(position >= 40)
    assert sum(shown) == 2


def test_a_grid_confirms_what_is_right_and_gives_the_wrong_ones_next(runs):
    desk = desk_of(runs)
    many = ManyAnswers(desk)
    shown = many.grid(ADA, 0, 60)
    assert shown == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert many.grid(BOB, 0, 60) == []
    kept = many.answer_grid(ADA, 0, shown[:7], shown[7:])
    assert (kept.count, kept.left_out) == (7, 0)
    assert set(labels(runs)) == set(shown[:7])
    assert desk.next(ADA, 2).positions == [2, 1]
    assert many.grid(ADA, 0, 60) == []
    assert desk.undo(ADA, kept.act)[1] == shown[:7]
    assert labels(runs) == {}


def test_a_bulk_answers_what_was_shown_less_what_others_took(runs):
    desk = desk_of(runs)
    many = ManyAnswers(desk, clock := StandingClock())
    ticket, shown = many.show_suggested(ADA, 0, 0.5, NOVEL)
    assert shown == [9, 8, 7, 6, 5]
    desk.answer(BOB, 8, POETRY)
    with pytest.raises(RequestRefused, match="confirmed or is too old"):
        many.confirm(BOB, ticket)
    kept = many.confirm(ADA, ticket)
    assert (kept.count, kept.left_out) == (4, 1)
    assert labels(runs) == {5: 1000, 6: 1000, 7: 1000, 8: 1001, 9: 1000}
    with pytest.raises(RequestRefused, match="confirmed or is too old"):
        many.confirm(ADA, ticket)
    desk.undo(ADA, None)
    assert labels(runs) == {8: 1001}
    late, _ = many.show_suggested(ADA, 0, 0.5, NOVEL)
    clock.now = 601
    with pytest.raises(RequestRefused, match="too old"):
        many.confirm(ADA, late)


def test_copies_get_the_answer_and_yield_to_their_own(runs):
    desk = desk_of(runs)
    many = ManyAnswers(desk)
    ticket, shown = many.show_copies(ADA, 3, POETRY)
    assert shown == [3, 4]
    many.confirm(ADA, ticket)
    (entry,) = Journal(Workspace(runs)).entries()
    assert (entry.corrected, entry.copies) == (1, 1)
    desk.answer(BOB, 4, NOVEL, anew=True)
    assert labels(runs) == {3: 1001, 4: 1000}
    desk.undo(ADA, None)
    assert labels(runs) == {4: 1000}
    assert desk.state.waiting.waits(3)
    assert not desk.state.waiting.waits(4)


def test_ids_of_any_text_and_predictions_without_a_catalogue(tmp_path, monkeypatch):
    # a column that holds any text has the integers as texts, too
    monkeypatch.setattr("tests.support.predictions.SCHEMA", schema_of(TREE.depth, pa.string()))
    rows = [predicted(place) | {"product_id": text} for place, text in enumerate(["17", "MH01/1?é", "017"])]
    runs = workspace_of(tmp_path, rows)
    desk = desk_of(runs)
    assert desk.products.without_photos
    assert desk.products.product_ids([0, 1, 2]) == [17, "MH01/1?é", "017"]
    assert (desk.products.position(17), desk.products.position("017")) == (0, 2)
    desk.answer(ADA, desk.products.position("MH01/1?é"), POETRY)
    given = Journal(Workspace(runs)).labels()
    assert given.ids.take(given.product_ids) == ["MH01/1?é"]
    assert len(desk_of(runs).next(ADA, 9).positions) == 2


def test_a_restarted_server_knows_what_stood_and_what_may_be_taken_back(runs):
    desk = desk_of(runs)
    desk.answer(ADA, 0, POETRY)
    desk.answer(BOB, 1, Verdict(parent=("BOOKS",)))
    again = desk_of(runs)
    again.next(ADA, 0)
    assert (again.state.outcomes.answered, again.state.outcomes.unlabelled) == (2, 1)
    assert (again.state.outcomes.by("Ada"), again.state.waiting.count) == (1, 8)
    assert again.undo(BOB, None)[1] == [1]


def test_threads_on_two_servers_answer_each_product_once(tmp_path):
    n = 80
    runs = workspace_of(tmp_path, [predicted(i, distance=1 + i / 100) for i in range(n)])
    desks = [desk_of(runs), desk_of(runs)]
    kept: list[tuple[int, int]] = []
    errors: list[BaseException] = []
    refused = {409}

    def review(number: int) -> None:
        visitor, chance = Visitor(f"reviewer {number}", str(number)), random.Random(number)
        desk = desks[number % 2]
        try:
            while positions := desk.next(visitor, 2).positions:
                for position in positions:
                    given = chance.choice([1000, 1001, 2000])
                    try:
                        desk.answer(visitor, position, Verdict(given))
                    except RequestRefused as error:
                        # the other server's leases are not known here, its answers are
                        refused.add(error.problem.status)
                    else:
                        kept.append((position, given))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=review, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert refused == {409}
    assert sorted(position for position, _ in kept) == list(range(n))
    assert labels(runs) == dict(kept)


def test_one_session_cannot_hold_everything():
    clock = StandingClock()
    leases = Leases(clock=clock)
    assert all(leases.hold(number, "greedy") for number in range(MOST + 10))
    assert [number for number in range(MOST + 10) if leases.is_free(number, "other")] == list(range(10))
    # what is renewed stays
    leases.hold(10, "greedy")
    leases.hold(0, "greedy")
    assert (leases.holder(10), leases.holder(11)) == ("greedy", None)
    leases.release(10, "greedy")
    clock.now = leases.seconds + 1
    assert leases.hold(12, "other")
    # as many as are remembered before those whose time is over are forgotten
    for number in range(2 * FEW):
        clock.now += 1
        leases.hold(number, f"session {number}")
    assert len(leases._held) <= FEW + 1
    assert sum(map(len, leases._of.values())) == len(leases._held)
