"""The whole way of a review: predict, fill, apply, export, split; and back again."""

from __future__ import annotations

import shlex
import shutil

import bson
import numpy as np
import pytest

from catalog.runs.workspace import Workspace
from curation.cli import main as catalog
from fusion.cli import main as fusion
from fusion.review.journal import Journal
from tests.support.command_line import call, invoke, refused
from tests.support.predictions import fill, read_rows
from tests.support.trained import document

pytestmark = pytest.mark.slow


@pytest.fixture
def room(trained, tmp_path):
    """A copy of the trained workspace, for a journal of its own, and a file of 30 new products."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    new = [document(i, labelled=False) for i in range(1000, 1030)]
    new[4]["imgs"] = new[3]["imgs"]
    (tmp_path / "new.bson").write_bytes(b"".join(bson.encode(d) for d in new))
    return tmp_path / "runs"


def test_answers_become_labels_and_undo_takes_them_back(trained, room, tmp_path):
    at = ("--workspace", room)
    printed = call(fusion, "predict", tmp_path / "new.bson", "--output", tmp_path / "out", *at)
    assert str(tmp_path / "out" / "review.csv") in printed
    files = [tmp_path / "out" / name for name in ("review.csv", "audit.csv")]
    answers = {i: i % 5 + 1 for i in range(1000, 1030, 3)}
    for path in files:
        assert all(row["corrected_category_id"] == "" for row in read_rows(path))
        fill(path, answers)
    # the next command as it is printed, for the workspace that was named
    call(fusion, *shlex.split(printed.splitlines()[-1].partition("fusion ")[2]))
    given = Journal(Workspace(room)).labels()
    labels = dict(zip(given.product_ids.tolist(), given.category_ids.tolist(), strict=True))
    assert {i: labels[i] for i in answers} == answers
    made = tmp_path / "next.bson"
    export = ("review", "export", "--catalog", tmp_path / "new.bson", "--train", trained / "train.bson")
    call(fusion, *export, "--output", made, *at)
    assert made.read_bytes().startswith((trained / "train.bson").read_bytes())
    call(catalog, "split", made, "--tree", trained / "tree.csv", "--workspace", tmp_path / "later")
    later = Workspace(tmp_path / "later").training_catalog()
    found = dict(zip(later.product_ids.tolist(), later.category_ids.tolist(), strict=True))
    assert found == {**{i: i % 5 + 1 for i in range(200)}, **labels}
    undone = call(fusion, "review", "undo", *at)
    assert f"`fusion review redo 1 --workspace {room}`" in undone
    assert "no active review" in refused(fusion, *export, "--output", tmp_path / "none.bson", *at)
    assert not (tmp_path / "none.bson").exists()


def test_a_reviewers_answers_are_not_lost_unasked(room, tmp_path):
    at = ("--output", tmp_path / "out", "--workspace", room)
    call(fusion, "predict", tmp_path / "new.bson", *at)
    names = [name for name in ("review.csv", "audit.csv") if read_rows(tmp_path / "out" / name)]
    filled = fill(tmp_path / "out" / names[0], {int(read_rows(tmp_path / "out" / names[0])[0]["product_id"]): "ok"})
    content = filled.read_bytes()

    overwrite = ("predict", tmp_path / "new.bson", "--overwrite", *at)
    assert f"{filled} holds a reviewer's answers" in refused(fusion, *overwrite)
    assert filled.read_bytes() == content
    # the same when the last step of a prediction was lost, asked for or not
    summary = tmp_path / "out" / "problems.json"
    kept = summary.read_bytes()
    summary.unlink()
    assert "holds a reviewer's answers" in refused(fusion, "predict", tmp_path / "new.bson", *at)
    assert filled.read_bytes() == content
    summary.write_bytes(kept)
    # a file that cannot be read any more may hold answers
    content = b"PK\x03\x04 a spreadsheet"
    filled.write_bytes(content)
    assert "holds a reviewer's answers" in refused(fusion, *overwrite)
    assert filled.read_bytes() == content
    call(fusion, *overwrite, "--discard-answers")
    rows = read_rows(filled)
    assert {row["corrected_category_id"] for row in rows} == {""}
    # answers that the journal holds are not lost
    fill(filled, {int(rows[0]["product_id"]): "ok"})
    call(fusion, "review", "apply", filled, "--workspace", room)
    call(fusion, *overwrite)
    assert {row["corrected_category_id"] for row in read_rows(filled)} == {""}


def test_what_has_no_room_in_the_queue_is_counted(room, tmp_path, monkeypatch):
    run = Workspace(room).require("fusion")
    text = (run.folder / "config.yaml").read_text().replace("review_rows: 100000", "review_rows: 3")
    (run.folder / "config.yaml").write_text(text)
    # nothing is sure enough
    monkeypatch.setattr(
        "fusion.prediction.predictor.decide", lambda paths, *_: np.zeros((len(paths.nodes), 2), np.int64)
    )
    arguments = ("predict", tmp_path / "new.bson", "--output", tmp_path / "out", "--workspace", room)
    for _ in range(2):
        result = invoke(fusion, *arguments)
        assert "27 more wait for review in" in result.stderr
        assert "(3 products)" in result.stdout
    assert len(read_rows(tmp_path / "out" / "review.csv")) == 3


def test_predictions_of_another_version_are_refused_plainly(room, tmp_path):
    arguments = ("predict", tmp_path / "new.bson", "--output", tmp_path / "out", "--workspace", room)
    call(fusion, *arguments)
    (tmp_path / "out" / "problems.json").write_text('{"n_products": 30, "decisions": {}, "problems": {}}')
    assert "another version" in refused(fusion, *arguments)
