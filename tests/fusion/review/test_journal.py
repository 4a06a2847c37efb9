"""Corrected CSVs go into the journal whole or not at all, are recognised, undone and redone; later answers win."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.files.answer_sheet import has_answers, read_answers
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from fusion.cli import main as fusion
from fusion.review.journal import Journal, apply_files
from fusion.review.sheet import columns_of
from tests.support.command_line import call, refused
from tests.support.predictions import TREE, fill, predicted, read_rows, write_predictions

CATEGORIES = [int(i) for i in TREE.leaf_ids]


@pytest.fixture
def room(tmp_path) -> Workspace:
    """A workspace with the fusion run that the hand-made predictions name, and no network in it."""
    run = Run.create(tmp_path / "runs", "fusion", "made", plan="p", data="d", config={}, tree=TREE)
    run.save()
    run.folder.rename(tmp_path / "runs" / "fusion-1")
    return Workspace(tmp_path / "runs")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Ten products that wait (0-9), of which 3 and 4 show the same photos, and ten accepted ones (10-19)."""
    rows = [predicted(i, 1000, "review", 2 - i / 10) for i in range(10)]
    rows[4]["photos_md5"] = rows[3]["photos_md5"]
    rows += [predicted(i, 1001, "accept", 0.1) for i in range(10, 20)]
    write_predictions(tmp_path / "predictions", rows)
    return tmp_path / "predictions"


def labels(room: Workspace) -> dict[int, int]:
    given_ = Journal(room).labels()
    assert (np.diff(given_.product_ids) > 0).all()
    return dict(zip(given_.product_ids.tolist(), given_.category_ids.tolist(), strict=True))


def test_a_review_calls_the_levels_as_the_tree_does(room, folder):
    TREE.with_level_names(["Floor", "Aisle", "Shelf"]).save(room.folder / "fusion-1" / "taxonomy.csv")
    fill(folder / "audit.csv", {10: "ok", 11: 1000})
    said = call(fusion, "review", "apply", folder / "audit.csv", "--workspace", room.folder)
    assert ": Shelf 50.0 (1.3 to 98.7), Aisle 100" in said
    assert "precision at Shelf in %" in call(fusion, "review", "list", "--workspace", room.folder)


def test_long_ids_reach_the_journal_whole(room, tmp_path):
    """Of a folder of photos the ids have 19 digits, which spreadsheets would round."""
    ids = [2873375804257147987, -2873375804257147000]
    write_predictions(tmp_path / "p", [predicted(i) for i in ids])
    review = tmp_path / "p" / "review.csv"
    rows = read_rows(review)
    assert sorted(row["product_id"] for row in rows) == sorted(f"'{i}" for i in ids)
    assert not has_answers(review)
    whole = review.read_text(encoding="utf-8-sig")
    review.write_text(whole.replace(f"'{ids[0]},", "2873375804257150000,1001"), encoding="utf-8-sig")
    said = refused(fusion, "review", "apply", review, "--workspace", room.folder)
    assert "2873375804257150000 was not predicted" in said
    assert "fill the sheet as it was written" in said
    review.write_text(whole.replace(f"{ids[0]},", f"{ids[0]},1001"), encoding="utf-8-sig")
    call(fusion, "review", "apply", review, "--workspace", room.folder)
    assert labels(room) == {ids[0]: 1001}


def test_what_a_product_got_from_a_copy_yields_to_its_own_answer(room, folder):
    fill(folder / "review.csv", {3: 1000})
    call(fusion, "review", "apply", folder / "review.csv", "--workspace", room.folder)
    # unasked, an answer holds for its own product alone
    assert labels(room) == {3: 1000}
    # another reviewer's sheet, on the same predictions, answers the copy only
    fill(folder / "review.csv", {3: "", 4: 2000})
    call(fusion, "review", "apply", folder / "review.csv", "--copies", "--workspace", room.folder)
    assert labels(room) == {3: 1000, 4: 2000}


def test_answers_are_counted_and_kept_with_what_was_suggested(room, folder):
    fill(folder / "review.csv", {0: "ok", 1: 1000, 2: 2000, 3: 1002})
    fill(folder / "audit.csv", {10: "OK", 11: "1001", 12: 1000, 13: 2000})
    said = call(
        fusion, "review", "apply", folder / "review.csv", folder / "audit.csv", "--reviewer", "Ada", "--copies",
        "--workspace", room.folder,
    )  # fmt: skip
    assert "review 1: 8 answers, 4 confirmed, 4 corrected; 1 more products with the same photos; 12 left blank" in said
    # by hand: 2 of 4 right at Cat III, 3 at Cat II and Cat I
    assert "4 answered of 10 drawn: Cat III 50.0 (6.8 to 93.2), Cat II 75.0 (19.4 to 99.4), Cat I 75.0" in said
    assert "next: fusion review export" in said
    (entry,) = Journal(room).entries()
    assert (entry.run, entry.catalog, entry.history[0].who) == ("fusion-1", "catalogue-1", "Ada")
    rows = {row["product_id"]: row for row in Journal(room).rows(entry).to_pylist()}
    assert labels(room) == {0: 1000, 1: 1000, 2: 2000, 3: 1002, 4: 1002, 10: 1001, 11: 1001, 12: 1000, 13: 2000}
    assert {i: row["kind"] for i, row in rows.items()} == {
        **dict.fromkeys([0, 1, 2, 3], "review"), 4: "copy", **dict.fromkeys([10, 11, 12, 13], "audit"),
    }  # fmt: skip
    assert rows[12] == {
        "product_id": 12, "category_id": 1000, "suggested_category_id": 1001, "decision": "accept", "kind": "audit",
    }  # fmt: skip


def test_names_and_paths_end_in_the_journal_that_ids_end_in(room, folder):
    fill(folder / "review.csv", {0: 1000, 1: 1001, 2: 1002, 3: 2000, 4: "ok"})
    fill(folder / "audit.csv", {10: 1001, 11: 1000})
    sheets = [folder / "review.csv", folder / "audit.csv"]
    by_ids = apply_files(room, sheets, reviewer="Ada")
    fill(folder / "review.csv", {0: "novel", 1: "BOOKS / FICTION / POETRY", 2: "Travel>Guide", 3: "cups|mug", 4: "ok"})
    fill(folder / "audit.csv", {10: "Poetry", 11: "books > fiction > novel"})
    by_names = apply_files(room, sheets, reviewer="Ada")
    assert Journal(room).rows(by_names) == Journal(room).rows(by_ids)
    own = {"number", "files", "history"}
    assert by_names.model_dump(exclude=own) == by_ids.model_dump(exclude=own)
    kept = [(room.folder / "reviews" / f"000{number}.csv").read_bytes() for number in (1, 2)]
    assert kept[0] == kept[1]


def test_a_name_that_another_encoding_garbles_is_not_guessed(room, folder):
    path = folder / "mine.csv"
    path.write_bytes("product_id,corrected_category_id\n0,MUG\n1,POÉTRY\n".encode("cp1252"))
    said = refused(fusion, "review", "apply", path, "--workspace", room.folder)
    assert (
        "line 3: 'PO\N{REPLACEMENT CHARACTER}TRY' has letters that are no UTF-8: save the sheet as 'CSV UTF-8'" in said
    )


def test_answers_about_copies_that_differ_settle_no_third_one(room, tmp_path):
    rows = [predicted(i, photos_md5=["same"]) for i in range(3)]
    write_predictions(tmp_path / "p", rows)
    fill(tmp_path / "p" / "review.csv", {0: 1000, 1: 1001})
    assert apply_files(room, [tmp_path / "p" / "review.csv"], copies=True).copies == 0
    assert labels(room) == {0: 1000, 1: 1001}


def test_an_accepted_product_outside_the_sample_counts_for_no_precision(room, tmp_path):
    write_predictions(tmp_path / "p", [predicted(i, 1000, "accept") for i in range(30)], audit_rows=5)
    drawn = {int(row["product_id"]) for row in read_rows(tmp_path / "p" / "audit.csv")}
    other = next(i for i in range(30) if i not in drawn)
    fill(tmp_path / "p" / "audit.csv", dict.fromkeys(drawn, "ok"))
    with (tmp_path / "p" / "audit.csv").open("a", encoding="utf-8") as file:
        file.write(f"{other},2000\n")
    entry = apply_files(room, [tmp_path / "p" / "audit.csv"])
    assert (entry.audited, entry.audit_right, entry.corrected) == (5, (5, 5, 5), 1)


def test_the_same_file_is_recognised_wherever_it_lies(room, folder, tmp_path):
    fill(folder / "review.csv", {0: "ok"})
    shutil.copy(folder / "review.csv", tmp_path / "copy.csv")
    at = ("--workspace", room.folder)
    call(fusion, "review", "apply", folder / "review.csv", *at)
    again = ("review", "apply", tmp_path / "copy.csv", "--predictions", folder, *at)
    said = refused(fusion, *again)
    assert "was applied before" in said
    assert "review 1, which is active" in said
    call(fusion, "review", "undo", *at)
    assert "fusion review redo 1" in refused(fusion, *again)
    assert len(Journal(room).entries()) == 1
    # the reviewer goes on in the same file: it is another one now
    fill(folder / "review.csv", {0: "ok", 1: 2000})
    call(fusion, "review", "apply", folder / "review.csv", *at)
    assert labels(room) == {0: 1000, 1: 2000}


def test_undo_takes_answers_back_and_redo_brings_them(room, folder):
    at = ("--workspace", room.folder)
    assert "no review yet" in call(fusion, "review", "list", *at)
    assert "nothing to undo" in refused(fusion, "review", "undo", *at)
    for answer in (1001, 1002):
        call(fusion, "review", "apply", fill(folder / "review.csv", {0: answer}), *at)
    assert labels(room) == {0: 1002}
    call(fusion, "review", "undo", *at)
    assert labels(room) == {0: 1001}
    call(fusion, "review", "undo", *at)
    assert labels(room) == {}
    assert "nothing to undo" in refused(fusion, "review", "undo", *at)
    assert "review 1 is undone already" in refused(fusion, "review", "undo", 1, *at)
    call(fusion, "review", "redo", 2, *at)
    assert "review 2 is active already" in refused(fusion, "review", "redo", 2, *at)
    assert "holds no review 7; it holds 1, 2" in refused(fusion, "review", "redo", 7, *at)
    # an earlier answer that is brought back does not win over a later one
    call(fusion, "review", "redo", 1, *at)
    assert labels(room) == {0: 1002}
    call(fusion, "review", "undo", 2, *at)
    assert labels(room) == {0: 1001}
    lines = call(fusion, "review", "list", *at).splitlines()
    assert [line.split()[0] for line in lines] == ["review", "1", "2"]
    assert [line.endswith("undone") for line in lines] == [False, False, True]
    assert [e.what for e in Journal(room).entries()[1].history] == ["applied", "undone", "redone", "undone"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["0,1003"], ["line 2", "1003 is not in the tree", "the nearest is 100", "BOOKS"]),
        (["0,NOVELLA"], ["line 2", "'NOVELLA' is neither a category_id nor 'ok'", "BOOKS > FICTION > NOVEL (1000)"]),
        (["0,books"], ["line 2", "BOOKS is no category itself", "BOOKS > FICTION > POETRY (1001)"]),
        (["0,novel", "1,", "0,1001"], ["line 4", "product 0 is given 1001, but 1000 in", "line 2"]),
        ([f"{i},what{i}" for i in range(30)], ["30 answers cannot be taken", "what9", "... and 20 more"]),
        (["0,1E+09"], ["line 2", "'1E+09' is neither"]),
        (["77,ok"], ["line 2", "product 77 was not predicted"]),
        ([",1000"], ["line 2", "product_id '' is no id"]),
        (["0,1000", "1,", "0,1001"], ["line 4", "product 0 is given 1001, but 1000 in", "line 2"]),
        (["0,", "1, "], ["no answer in 2 rows"]),
        (['0,"1000'], ["not a CSV file"]),
        ([f"{i},5" for i in range(30)], ["30 answers cannot be taken", "... and 20 more"]),
    ],
)
def test_an_answer_that_cannot_be_taken_is_named_and_nothing_is_applied(room, folder, lines, words):
    path = folder / "mine.csv"
    path.write_text("\n".join(["product_id,corrected_category_id", *lines]) + "\n")
    said = refused(fusion, "review", "apply", path, "--workspace", room.folder)
    assert all(word in said for word in [str(path), *words]), said
    assert Journal(room).entries() == []


def test_what_is_missing_is_named_with_the_way_out(room, folder, tmp_path):
    at = ("--workspace", room.folder)
    assert "none.csv does not exist" in refused(fusion, "review", "apply", tmp_path / "none.csv", *at)
    alone = tmp_path / "alone" / "mine.csv"
    alone.parent.mkdir()
    alone.write_text("product_id,corrected_category_id\n0,ok\n")
    assert "--predictions" in refused(fusion, "review", "apply", alone, *at)
    assert "different folders" in refused(fusion, "review", "apply", alone, folder / "review.csv", *at)
    alone.write_text("product,category\n0,ok\n")
    assert "corrected_category_id, got product, category" in refused(
        fusion, "review", "apply", alone, "--predictions", folder, *at
    )
    assert "--run" in refused(
        fusion, "review", "apply", fill(folder / "review.csv", {0: "ok"}), "--workspace", tmp_path / "x"
    )
    (folder / "problems.json").write_text("{}")
    assert "another version" in refused(fusion, "review", "apply", folder / "review.csv", *at)


def test_a_sheet_of_other_predictions_is_refused(room, folder, tmp_path):
    """What was confirmed is what the reviewer saw, not what a later model suggests."""
    fill(folder / "review.csv", {0: "ok"}, tmp_path / "done.csv")
    write_predictions(folder, [predicted(0, 2000)])
    said = refused(
        fusion, "review", "apply", tmp_path / "done.csv", "--predictions", folder, "--workspace", room.folder
    )
    assert "line 4: the reviewer saw 1000 suggested for product 0, these predictions suggest 2000" in said
    assert Journal(room).entries() == []


def test_a_damaged_entry_is_named(room, folder):
    call(fusion, "review", "apply", fill(folder / "review.csv", {0: "ok"}), "--workspace", room.folder)
    (room.folder / "reviews" / "0001.csv").write_text("product_id\nx\n")
    with pytest.raises(ValueError, match=r"0001\.csv is damaged"):
        Journal(room).labels()
    (room.folder / "reviews" / "0001.json").write_text("{")
    assert "0001.json is damaged" in refused(fusion, "review", "list", "--workspace", room.folder)


@pytest.mark.filterwarnings("error")
@given(
    answers=st.dictionaries(
        st.integers(-5, 10**12), st.sampled_from([*CATEGORIES, "ok", "OK", " Ok ", ""]), max_size=12
    ),
    order=st.permutations([*columns_of(3), "note"]),
    separator=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]),
    ending=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    blank=st.sets(st.integers(0, 12)),
    style=st.sampled_from(["{}", "{}.0", "'{}"]),
)
def test_however_a_spreadsheet_saves_it(
    tmp_path_factory, answers, order, separator, encoding, ending, quoting, blank, style
):
    path = tmp_path_factory.mktemp("sheet") / "saved.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=separator, lineterminator=ending, quoting=quoting)
        writer.writerow(order)
        for i, (product, answer) in enumerate(answers.items()):
            if i in blank:
                file.write(separator * (len(order) - 1) * (i % 2) + ending)
            cells = dict.fromkeys(order, 'é;,\t" 5')
            cells |= {"product_id": style.format(product), "corrected_category_id": answer}
            if isinstance(answer, int):
                cells["corrected_category_id"] = style.format(answer)
            writer.writerow([cells[name] for name in order])
    found, n_blank = read_answers([path])
    given_ = {i: answer for i, answer in answers.items() if answer != ""}
    expected = {i: answer if isinstance(answer, int) else None for i, answer in given_.items()}
    assert {answer.product_id: answer.category_id for answer in found} == expected
    assert n_blank == len(answers) - len(given_)
    assert has_answers(path) == bool(given_)
