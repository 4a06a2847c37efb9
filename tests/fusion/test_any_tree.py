"""All commands of fusion on a tree of one level, and on one of four whose leaves lie at each of them."""

from __future__ import annotations

import csv
import json
import re
from itertools import pairwise
from types import SimpleNamespace

import bson
import numpy as np
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from catalog.tree.level_names import LEVEL_NAMES
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.cli import main as catalog
from fusion.cli import main as fusion
from fusion.experts import all_experts
from fusion.model import Model
from fusion.prediction.answers import answers_to_table
from fusion.prediction.explanation import explain
from fusion.prediction.publish import FIELD, Publication
from tests.fusion.small import FLAT, RAGGED
from tests.support.command_line import call
from tests.support.made_up_experts import MadeUpExperts, train_made_up
from tests.support.mongo_server import uri_of
from tests.support.pages import text_of
from tests.support.predictions import read_rows
from tests.support.products import make_product

pytestmark = pytest.mark.slow


def products(tree: Taxonomy, ids: range, labelled: bool) -> bytes:
    labels = (int(tree.leaf_ids[i % len(tree)]) if labelled else None for i in ids)
    return b"".join(bson.encode(make_product(i, label, 1 + i % 2)) for i, label in zip(ids, labels, strict=True))


@pytest.fixture(scope="module", params=[FLAT, RAGGED], ids=["one level", "four levels"])
def shop(request, tmp_path_factory) -> SimpleNamespace:
    """A workspace `runs` with a fusion run of experts that are no networks, and what its commands have said."""
    tree, folder = request.param, tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(all_experts, "KINDS", (MadeUpExperts,))
        tree.to_csv(folder / "tree.csv")
        (folder / "train.bson").write_bytes(products(tree, range(200), labelled=True))
        (folder / "labelled.bson").write_bytes(products(tree, range(1000, 1090), labelled=True))
        unusable = bson.encode({"_id": 2060, "imgs": [{"picture": b"no photo"}]})
        (folder / "test.bson").write_bytes(products(tree, range(2000, 2060), labelled=False) + unusable)
        room = ("--workspace", folder / "runs")
        call(catalog, "split", folder / "train.bson", "--tree", folder / "tree.csv", *room)
        trained = train_made_up(folder / "runs", tree)
        call(fusion, "predict", folder / "test.bson", "--output", folder / "out", *room)
        yield SimpleNamespace(tree=tree, folder=folder, room=room, trained=trained)


def test_training_tells_what_is_proved_at_each_level(shop):
    names = [LEVEL_NAMES[level] for level in shop.tree.levels]
    header = shop.trained.partition("what is given unseen, in percent of the products:\n")[2].split("\n")[0]
    assert re.split("  +", header)[1:] == [*names[::-1], "must be looked at"]
    assert f"\n{names[-1]}: proved, " in shop.trained
    listed = call(fusion, "experts", *shop.room)
    assert listed.split("\n")[2].split("  ")[-len(names) :] == names


def test_the_table_has_a_column_for_each_level_and_no_value_below_a_path(shop):
    tree, depth = shop.tree, shop.tree.depth
    table = pq.read_table(shop.folder / "out" / "predictions.parquet")
    path, along = [f"cat{level}" for level in tree.levels], [f"p_cat{level}" for level in tree.levels]
    assert table.column_names[: 2 + 2 * depth] == ["product_id", "category_id", *path, *along]
    rows = table.to_pylist()
    assert {row["decision"] for row in rows} == {"accept", "review", *(["parent"] if depth > 1 else [])}
    for row in rows:
        leaf = int(tree.leaf_index(row["category_id"]))
        names, missing = tree.paths[leaf], [None] * (depth - len(tree.paths[leaf]))
        assert [row[name] for name in path] == [*names, *missing]
        assert [row[name] for name in along[len(names) :]] == missing
        assert all(row[a] >= row[b] - 1e-6 for a, b in pairwise(along[: len(names)]))
        assert -1e-5 <= row["expected_distance"] <= depth
        assert (row["given"] == path_text(names)) >= (row["decision"] == "accept")
        # told where the category stands, however deep the tree is
        if row["decision"] == "accept":
            assert row["reason"].startswith(f"{LEVEL_NAMES[len(names)]} ")
    predicted = {row["category_id"] for row in rows}
    assert predicted == set(tree.leaf_ids.tolist())


def test_answers_and_probabilities_are_those_of_the_table(shop):
    run, test = Workspace(shop.folder / "runs").require("fusion"), shop.folder / "test.bson"
    table = pq.read_table(shop.folder / "out" / "predictions.parquet")
    given = Catalog(test)
    with Model.load(run.folder, shop.folder / "runs") as model:
        answers = model.predict(given)
        levels = [model.predict_proba(given, level) for level in shop.tree.levels]
        with pytest.raises(ValueError, match=f"level is {shop.tree.depth + 1}: give 1.* for Cat I"):
            model.predict_proba(given, shop.tree.depth + 1)
    assert [dense.shape[1] for dense in levels] == [shop.tree.n_nodes(level) for level in shop.tree.levels]
    mine = answers_to_table(answers)
    for name in mine.column_names[:-1]:
        ours, theirs = mine[name].to_pylist(), table[name].to_pylist()
        assert ours == pytest.approx(theirs) if name.startswith("p_cat") and None not in ours else ours == theirs
    assert [answer.decision.value for answer in answers] == table["decision"].to_pylist()
    assert [len(answer.probabilities) for answer in answers] == [len(answer.best.path) for answer in answers]


def test_the_evaluation_has_a_figure_for_each_level(shop):
    tree = shop.tree
    call(fusion, "evaluate", shop.folder / "labelled.bson", "--output", shop.folder / "report", *shop.room)
    figures = json.loads((shop.folder / "report" / "fusion.json").read_text(encoding="utf-8"))
    parents = [LEVEL_NAMES[level] for level in tree.levels[-2::-1]]
    decisions = [row[0] for row in figures["tables"]["Decisions"][1:]]
    assert decisions == ["accept", *(f"parent at {name}" for name in parents), "given without review", "review"]
    assert set(figures["systems"]["fused"]["by_image_count"]["all"]["levels"]) == {str(level) for level in tree.levels}
    shown = text_of(shop.folder / "report" / "fusion.html")
    lowest = LEVEL_NAMES[tree.depth]
    assert f"{lowest} is the category itself" in shown
    assert LEVEL_NAMES[tree.depth + 1] not in shown
    for said in ("The right Cat ", "those above it", "by itself, which", "igher category"):
        assert (said in shown) == bool(parents), said
    run = Workspace(shop.folder / "runs").require("fusion").folder
    said = call(fusion, "compare", run, run, "--on", shop.folder / "labelled.bson", *shop.room)
    assert [line.split("right, %")[0].split()[-2:] for line in said.split("\n") if "right, %" in line][
        : tree.depth
    ] == [name.split() for name in (lowest, *parents)]


def test_an_explanation_ends_where_the_path_does(shop):
    tree, given = shop.tree, Catalog(shop.folder / "test.bson")
    run = Workspace(shop.folder / "runs").require("fusion")
    with Model.load(run.folder, shop.folder / "runs") as model:
        explanations = [explain(model.predictor, product) for product in given.take(np.arange(16))]
    lengths = set()
    for found in explanations:
        path = found.answer.best.path
        # where others lie below the node that a leaf is, it is told from them at the next level
        last = len(path) + any(other[: len(path)] == path for other in tree.paths if len(other) > len(path))
        assert [step.level for step in found.steps] == list(range(1, last + 1))
        assert [step.chosen for step in found.steps] == [path[: step.level] for step in found.steps]
        lengths.add(len(path))
    assert lengths == set(tree.path_lengths.tolist())
    picture = shop.folder / "why.png"
    said = call(fusion, "explain", "2003", shop.folder / "test.bson", "--output", picture, *shop.room)
    assert f"\n{explanations[3]}\npicture: " in f"\n{said}"
    assert picture.is_file()


def test_a_review_counts_what_is_right_at_each_level(shop):
    tree, out = shop.tree, shop.folder / "out"
    audit = read_rows(out / "audit.csv")
    columns = [name for name in audit[0] if name.startswith("p_cat")]
    assert columns == [f"p_cat{level}" for level in tree.levels]
    for row in audit:
        names = tree.paths[int(tree.leaf_index(int(row["suggested_category_id"])))]
        assert row["suggested"] == path_text(names)
        assert [bool(row[name]) for name in columns] == [level <= len(names) for level in tree.levels]
    answers = {int(row["product_id"]): int(tree.leaf_ids[int(row["product_id"]) % len(tree)]) for row in audit}
    with (out / "filled.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(audit[0]))
        writer.writeheader()
        writer.writerows({**row, "corrected_category_id": answers[int(row["product_id"])]} for row in audit)
    said = call(fusion, "review", "apply", out / "filled.csv", *shop.room)
    suggested = tree.leaf_index([int(row["suggested_category_id"]) for row in audit])
    truth = tree.leaf_index(list(answers.values()))
    for level in tree.levels:
        share = 100 * (tree.ancestor(level)[suggested] == tree.ancestor(level)[truth]).mean()
        assert f"{LEVEL_NAMES[level]} {share:.1f} (" in said
    assert "level_names" not in (shop.folder / "runs" / "reviews" / "0001.json").read_text(encoding="utf-8")
    assert f"precision at {LEVEL_NAMES[tree.depth]} in %" in call(fusion, "review", "list", *shop.room)


def test_a_published_path_ends_where_the_leaf_does(shop, mongo):
    place, test = Publication.to(uri_of(mongo), inserts=True), Catalog(shop.folder / "test.bson")
    place.write(shop.folder / "out" / "predictions.parquet", test, {"run": "r"})
    for document in mongo.find():
        found = document[FIELD]
        names = shop.tree.paths[int(shop.tree.leaf_index(found["category_id"]))]
        assert tuple(found["path"]) == names
        assert len(found["probabilities"]) == len(names)
