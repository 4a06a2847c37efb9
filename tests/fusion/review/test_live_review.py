"""Answers given one by one: none that was confirmed is lost, whoever writes, whatever is killed; later ones win."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.runs.workspace import Workspace
from fusion.cli import main as fusion
from fusion.review.act import ReviewAct
from fusion.review.answers import ROWS, Settled
from fusion.review.entry import table_text
from fusion.review.journal import Journal
from fusion.review.live_review import LiveReview, ReviewedPredictions
from tests.support.command_line import call

REVIEWED = ReviewedPredictions("fusion-1", "catalogue-1", drawn=5, depth=3)


def draft(product: int | str, says: int | str, who: str = "Ada", kind: str = "review", right: int = -1) -> ReviewAct:
    """An answer on one product: a number is a category, a text why there is none, one with `>` a parent."""
    answer: dict = {"category_id": says} if isinstance(says, int) else {"why": says}
    if isinstance(says, str) and ">" in says:
        answer = {"parent": tuple(says.split(">"))}
    return ReviewAct(
        act=0, at="", after=0, who=who, browser="b", how="one", products=(product,), suggested=(1000,),
        decision=("review",), kind=(kind,), right=(right,), **answer,
    )  # fmt: skip


def sheet(answers: dict[int, int], kind: str = "review") -> Settled:
    n = len(answers)
    columns = [list(answers), list(answers.values()), [1000] * n, ["review"] * n, [kind] * n]
    rows = pa.table([pa.array(column) for column in columns], names=ROWS)
    return Settled(rows, "fusion-1", "catalogue-1", n, 0, 0, 0, 5, 0, (0, 0, 0))


class Desk:
    """A process that answers."""

    def __init__(self, folder: Path) -> None:
        self.review = LiveReview(Journal(Workspace(folder)), REVIEWED)

    def add(self, one: ReviewAct) -> ReviewAct:
        with self.review.writing():
            list(self.review.news().happenings)
            return self.review.add(one)

    def undo(self, act: int, who: str = "Ada") -> None:
        with self.review.writing():
            list(self.review.news().happenings)
            self.review.undo(act, who)


def outcome(folder: Path) -> dict[int, object]:
    """What stands on each product, as the journal tells it to whoever reads it anew."""
    journal = Journal(Workspace(folder))
    labels = journal.labels()
    standing: dict[int, object] = dict(zip(labels.product_ids.tolist(), labels.category_ids.tolist(), strict=True))
    for one in journal.without_label():
        assert one.product_id not in standing
        standing[one.product_id] = one.why or ">".join(one.parent)
    return standing


ANSWERS = st.sampled_from([1000, 1001, 2000, "no_product", "BOOKS>FICTION"])
STEPS = st.one_of(
    st.tuples(st.just("answer"), st.integers(0, 4), ANSWERS, st.sampled_from(["Ada", "Bob"]), st.integers(0, 1)),
    st.tuples(st.just("sheet"), st.integers(0, 4), st.sampled_from([1000, 1002])),
    st.tuples(st.just("undo"), st.integers(0, 30)),
    st.tuples(st.just("turn"), st.integers(0, 30)),
    st.tuples(st.just("crash"), st.integers(0, 400)),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_what_stands_is_what_a_slow_model_says(steps):
    """Two servers, sheets between, acts and entries taken back, and lines that were half written when one died."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        desks, n_sheets = [Desk(folder), Desk(folder)], 0
        # each: [product, what, number of its act or None, number of its entry]; undone acts leave it
        said: list[list] = []
        off: set[int] = set()
        for step in steps:
            journal = Journal(Workspace(folder))
            if step[0] == "answer":
                act = desks[step[4]].add(draft(step[1], step[2], step[3]))
                assert act.entry not in off
                said.append([step[1], step[2], act.act, act.entry])
            elif step[0] == "sheet":
                path = folder / f"{n_sheets}.csv"
                path.write_text(str(n_sheets))
                n_sheets += 1
                entry = journal.add(sheet({step[1]: step[2]}), [path])
                said.append([step[1], step[2], None, entry.number])
            elif step[0] == "undo":
                acts = [one for one in said if one[2] is not None and one[3] not in off]
                if acts:
                    taken = acts[step[1] % len(acts)]
                    desks[0].undo(taken[2])
                    said.remove(taken)
            elif step[0] == "turn":
                if numbers := journal.numbers():
                    number = numbers[step[1] % len(numbers)]
                    (journal.redo if number in off else journal.undo)(number)
                    off ^= {number}
            elif files := sorted(folder.glob("reviews/*.jsonl")):
                # what a killed process leaves of a line
                torn = b'{"act":10000099,"at":"2026-11-26T20:00:00.000000+00:00","who":"Ada","brow' * 9
                with files[step[1] % len(files)].open("ab") as file:
                    file.write(torn[: step[1]])
            expected = {one[0]: one[1] for one in said if one[3] not in off}
            assert outcome(folder) == expected


@given(st.integers(0, 10_000), st.integers(1, 5))
@settings(max_examples=20, deadline=None)
def test_a_file_cut_at_any_byte_keeps_all_whole_lines(cut, n):
    with TemporaryDirectory() as name:
        folder = Path(name)
        desk = Desk(folder)
        for product in range(n):
            desk.add(draft(product, 1001))
        path = folder / "reviews" / "0001.jsonl"
        whole = path.read_bytes()
        cut %= len(whole) + 1
        path.write_bytes(whole[:cut])
        kept = whole[:cut].count(b"\n")
        assert outcome(folder) == dict.fromkeys(range(kept), 1001)
        act = Desk(folder).add(draft(99, 2000))
        assert act.act == 10_000_001 + kept
        assert outcome(folder) == {**dict.fromkeys(range(kept), 1001), 99: 2000}


KILLED = """
import sys
from pathlib import Path
from tests.fusion.review.test_live_review import Desk, draft
desk = Desk(Path(sys.argv[1]))
for product in range(10_000):
    desk.add(draft(product, 1001))
    print(product, flush=True)
"""


def test_a_killed_process_loses_nothing_that_it_confirmed(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    confirmed = [int(child.stdout.readline()) for _ in range(25)]
    child.kill()
    confirmed += [int(line) for line in child.stdout.read().split()]
    child.wait()
    child.stdout.close()
    standing = outcome(tmp_path)
    assert set(confirmed) <= set(standing)
    # at most the one that was being written is there beside them
    assert len(standing) <= len(confirmed) + 1


def test_what_was_cut_off_is_told(tmp_path, caplog):
    Desk(tmp_path).add(draft(1, 1001))
    with (tmp_path / "reviews" / "0001.jsonl").open("ab") as file:
        file.write(b'{"act":100')
    assert outcome(tmp_path) == {1: 1001}
    assert "its last 10 bytes are no whole answer" in caplog.text


def test_a_line_that_was_whole_and_is_damaged_is_told(tmp_path):
    desk = Desk(tmp_path)
    desk.add(draft(1, 1001))
    desk.add(draft(2, 1001))
    path = tmp_path / "reviews" / "0001.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"act":10000001', b'"art":10000001'))
    with pytest.raises(ValueError, match=r"0001\.jsonl is damaged at byte 0"):
        Journal(Workspace(tmp_path)).labels()
    path.write_bytes(b"")
    assert outcome(tmp_path) == {}


def test_an_answer_that_could_not_be_written_does_not_count(tmp_path, monkeypatch):
    desk = Desk(tmp_path)
    desk.add(draft(1, 1001))

    def fails(file: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("fusion.review.act_file.os.fsync", fails)
        with pytest.raises(OSError, match="Input/output"):
            desk.add(draft(2, 1001))
    assert outcome(tmp_path) == {1: 1001}
    desk.add(draft(3, 1001))
    assert outcome(tmp_path) == {1: 1001, 3: 1001}


def test_many_servers_and_threads_at_once_lose_nothing(tmp_path):
    def answers(server: int) -> list[int]:
        desk = Desk(tmp_path)
        return [desk.add(draft(100 * server + place, 1001, f"reviewer {server % 2}")).act for place in range(15)]

    with ThreadPoolExecutor(4) as pool:
        acts = [act for done in pool.map(answers, range(4)) for act in done]
    assert len(set(acts)) == 60
    assert outcome(tmp_path) == {100 * server + place: 1001 for server in range(4) for place in range(15)}
    news = list(Desk(tmp_path).review.news().happenings)
    assert len(news) == 60
    assert [one.at for one in news] == sorted({one.at for one in news})


def test_a_clock_put_back_changes_no_order(tmp_path, monkeypatch):
    desk = Desk(tmp_path)
    first = desk.add(draft(1, 1001))
    path = tmp_path / "reviews" / "0001.jsonl"
    path.write_bytes(path.read_bytes().replace(first.at[:4].encode(), b"2199"))
    later = Desk(tmp_path).add(draft(1, 2000, "Bob"))
    assert later.at.startswith("2199")
    assert outcome(tmp_path) == {1: 2000}


def test_counts_and_list_and_sheet_of_what_has_no_category(tmp_path):
    desk = Desk(tmp_path)
    desk.add(draft(1, 1000))
    desk.add(draft(2, 1001))
    desk.add(draft(3, "no_product"))
    desk.add(draft(4, "BOOKS>FICTION", kind="audit", right=2))
    desk.add(draft(5, 1000, kind="audit", right=3))
    desk.add(draft(6, "wrong_photos", kind="audit", right=-1))
    desk.add(draft("=1+1", "no_such_category", who="=Eve"))
    desk.undo(desk.add(draft(7, 1000)).act)
    ada, eve = Journal(Workspace(tmp_path)).entries()
    assert (ada.confirmed, ada.corrected, ada.unlabelled, ada.copies) == (2, 1, 3, 0)
    assert (ada.audited, ada.audit_right) == (2, (2, 2, 1))
    assert (eve.confirmed, eve.unlabelled) == (0, 1)
    assert ada.live
    assert "none" in table_text([ada])
    lines = call(fusion, "review", "list", "--workspace", tmp_path).splitlines()
    assert lines[1].split()[3:6] == ["3", "1", "3"]
    made = tmp_path / "none.csv"
    assert "4 products without" in call(fusion, "review", "none", "--output", made, "--workspace", tmp_path)
    rows = [line.split(",") for line in made.read_text(encoding="utf-8-sig").splitlines()]
    assert [row[:3] for row in rows[1:4]] == [
        ["3", "no_product", ""], ["4", "parent", "BOOKS > FICTION"], ["6", "wrong_photos", ""],
    ]  # fmt: skip
    assert rows[4][0] == "'=1+1"
    assert rows[4][4] == "'=Eve"


def test_the_day_of_a_reviewer_is_one_entry_and_an_undone_one_gets_no_more(tmp_path):
    desk = Desk(tmp_path)
    assert [desk.add(draft(one, 1001)).entry for one in (1, 2)] == [1, 1]
    assert desk.add(draft(3, 1001, "Bob")).entry == 2
    call(fusion, "review", "undo", "1", "--workspace", tmp_path)
    assert outcome(tmp_path) == {3: 1001}
    assert desk.add(draft(4, 1001)).entry == 3
    call(fusion, "review", "redo", "1", "--workspace", tmp_path)
    assert outcome(tmp_path) == {1: 1001, 2: 1001, 3: 1001, 4: 1001}
    shutil.rmtree(tmp_path / "reviews")
    assert outcome(tmp_path) == {}
