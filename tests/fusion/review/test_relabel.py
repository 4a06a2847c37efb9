"""The next training catalogue: documents byte for byte but for the answers, nothing overwritten, nothing unnamed."""

from __future__ import annotations

import datetime

import bson
import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from fusion.cli import main as fusion
from fusion.prediction.folder import PredictionFolder
from fusion.review.answers import settle
from fusion.review.journal import Journal
from fusion.review.relabel import export
from tests.support.command_line import call, refused
from tests.support.predictions import TREE, fill, predicted, write_predictions
from tests.support.products import make_product


@pytest.fixture
def journal(tmp_path) -> Journal:
    """Products 0-5 reviewed: 0-3 of the predicted file, 4 of the training file, 5 of neither."""
    write_predictions(tmp_path / "p", [predicted(i) for i in range(10)])
    fill(tmp_path / "p" / "review.csv", {0: "ok", 1: 1001, 2: 2000, 3: 1002, 4: 2000, 5: 1001})
    journal = Journal(Workspace(tmp_path / "runs"))
    files = [tmp_path / "p" / "review.csv"]
    journal.add(settle(files, PredictionFolder(tmp_path / "p"), TREE), files)
    return journal


def test_training_documents_stay_and_reviewed_products_join_them(journal, write_bson, tmp_path):
    first = {
        **make_product(4, 1000, 2),
        "seller": {"name": "é", "since": datetime.datetime(2020, 1, 2)},
        "n": bson.Int64(3),
    }
    train = [make_product(20, 1000), first, make_product(21, 1001)]
    left, right = bson.encode(train[0]), bson.encode(train[2])
    path = write_bson(left, bson.encode(first), b"\x07garbage", right, right, name="train.bson")
    new = write_bson(*[make_product(i) for i in range(4)], make_product(4), make_product(30), name="new.bson")
    said = call(
        fusion, "review", "export", "--catalog", new, "--train", path, "--output", tmp_path / "out" / "next.bson",
        "--workspace", tmp_path / "runs",
    )  # fmt: skip
    assert "2 training documents as they were, 1 relabelled, 4 reviewed products added" in said
    assert f"next: catalog split {tmp_path / 'out' / 'next.bson'} --tree TREE.csv" in said
    expected = [
        left, bson.encode({**first, "category_id": 2000}), right,
        *[bson.encode({**make_product(i), "category_id": c}) for i, c in enumerate([1000, 1001, 2000, 1002])],
    ]  # fmt: skip
    made = Catalog(tmp_path / "out" / "next.bson")
    assert [bson.decode(raw) for raw in made.raw(range(len(made)))] == [bson.decode(raw) for raw in expected]
    assert next(made.raw([0])) == left
    assert next(made.raw([1])) == expected[1]
    assert next(made.raw([2])) == right
    assert [p.name for p in (tmp_path / "out").iterdir() if p.suffix == ".tmp"] == []


def test_the_next_split_is_told_to_count_small_categories_as_before(journal, write_bson, tmp_path):
    new = write_bson(*[make_product(i) for i in range(4)], name="new.bson")
    at = ("--catalog", new, "--output", tmp_path / "next.bson", "--workspace", tmp_path / "runs")
    small = {one: len(path) - 1 for one, path in zip(TREE.shop_ids, TREE.paths, strict=True) if one == 1002}
    for tree, option in ((TREE, ""), (TREE.counting(small), " --min-leaf N")):
        tree.save(tmp_path / "runs" / "tree.csv")
        (tmp_path / "next.bson").unlink(missing_ok=True)
        said = call(fusion, "review", "export", *at)
        assert f"--tree {tmp_path / 'runs' / 'tree.csv'}{option} --workspace" in said


def test_what_is_not_there_is_named(journal, write_bson, tmp_path):
    new = Catalog(write_bson(*[make_product(i) for i in (0, 1, 9)], name="new.bson"))
    train = Catalog(write_bson(make_product(4, 1), make_product(4, 1), b"garbage", name="train.bson"))
    exported = export(journal, [new], train, tmp_path / "next.bson")
    assert exported.missing == [2, 3, 5]
    said = "\n".join(exported.warnings())
    assert "3 reviewed products stand in none of the files: 2, 3, 5" in said
    assert "review 1 was made on another catalogue" in said
    assert "1 x repeated _id" in said
    assert "1 x bytes that are not a BSON document" in said


def test_nothing_is_overwritten_and_nothing_written_without_an_answer(journal, write_bson, tmp_path):
    new = write_bson(make_product(0), name="new.bson")
    other = write_bson(make_product(100), name="other.bson")
    at = ("--workspace", tmp_path / "runs")
    before = new.read_bytes()
    for target in (new, other):
        assert "choose another --output" in refused(
            fusion, "review", "export", "--catalog", new, "--output", target, *at
        )
    assert new.read_bytes() == before
    missing = tmp_path / "next.bson"
    assert "none of the 6 reviewed products" in refused(
        fusion, "review", "export", "--catalog", other, "--output", missing, *at
    )
    journal.undo()
    assert "no active review" in refused(fusion, "review", "export", "--catalog", new, "--output", missing, *at)
    assert not missing.exists()


def test_several_catalogues_and_a_kill_leaves_nothing(journal, write_bson, tmp_path):
    one, two = (Catalog(write_bson(make_product(i), make_product(5), name=f"{i}.bson")) for i in (0, 1))
    seen = []
    export(journal, [one, two], None, tmp_path / "next.bson", lambda done, total: seen.append((done, total)))
    assert Catalog(tmp_path / "next.bson").product_ids.tolist() == [0, 5, 1]
    assert seen[-1] == (4, 4)

    def killed(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(journal, [one, two], None, tmp_path / "cut.bson", killed)
    assert not list(tmp_path.glob("*cut.bson*"))


def test_labels_of_several_entries(tmp_path):
    """Later answers win, whatever the products' order; against a dictionary."""
    journal, expected = Journal(Workspace(tmp_path / "runs")), {}
    rng = np.random.default_rng(0)
    for i in range(4):
        folder = tmp_path / str(i)
        write_predictions(folder, [predicted(int(p)) for p in rng.permutation(30)])
        answers = {int(p): int(rng.choice([1000, 1001, 2000])) for p in rng.choice(30, 12, replace=False)}
        files = [fill(folder / "review.csv", answers)]
        journal.add(settle(files, PredictionFolder(folder), TREE), files)
        if i != 2:
            expected |= answers
    journal.undo(3)
    labels = journal.labels()
    assert dict(zip(labels.product_ids.tolist(), labels.category_ids.tolist(), strict=True)) == expected
