"""`catalog`: what it prints, and one plain message for whatever cannot be done."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

import pytest
from click.testing import CliRunner

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from catalog.split.plan import HELD_OUT_SHARE
from curation.cli import main
from tests.support.command_line import output_of
from tests.support.products import make_product

call = partial(output_of, main)


def test_info_counts_and_names(write_bson, tree_csv):
    documents = [make_product(i, 11 if i < 5 else 21, 1 + i % 2) for i in range(8)]
    path = write_bson(*documents, {**make_product(9, 4711), "imgs": documents[0]["imgs"]}, b"\x01garbage")
    said = call("info", path, "--tree", tree_csv)
    rows = {" ".join(line.split()) for line in said.splitlines()}
    assert {"products 9 labelled 9", "photos 13 distinct 12", "1 photo 5 55.6%", "2 photos 4 44.4%"} <= rows
    assert "Cat I 2 of 3 in the tree" in rows
    assert "5 LIBRAIRIE > LITTERATURE > ROMAN" in rows
    assert any("product 9" in row and "4711" in row for row in rows)
    assert any(row.startswith(f"offset {path.stat().st_size - 8}") for row in rows)
    assert "no problems" in call("info", write_bson(make_product(1, 11), name="good.bson"))


def test_info_counts_titles_and_names_those_that_are_none(write_bson):
    path = write_bson(
        {**make_product(1), "title": "Mug", "description": "White"},
        {**make_product(2), "title": "Bowl"},
        {**make_product(3), "title": {"en": "Cup"}},
        make_product(4),
    )
    said = call("info", path, "--strict", code=1)
    assert "  titles                   2   descriptions 1\n" in said
    assert "product 3: title or description that is no text (left out) (title is dict, expected a text)" in said
    assert "descriptions" not in call("info", write_bson(make_product(1), name="bare.bson"))


def test_info_names_categories_in_the_language_asked_for(write_bson, tree_csv, tmp_path):
    path = write_bson(*[make_product(i, 11) for i in range(4)])
    names = tmp_path / "names.csv"
    names.write_text("name\tlang\tcategory_id\tlevel\nBooks\ten\t12\t1\nNovels\ten\t11\t\n", encoding="utf-8")
    given = ("info", path, "--tree", tree_csv, "--names", names)
    said = call(*given)
    assert "4  LIBRAIRIE > LITTERATURE > ROMAN" in said
    assert "names in en: --lang shows them" in said
    assert "--lang shows them" not in call(*given, "--lang", "en") + call(*given[:4])
    assert "4  Books > LITTERATURE > Novels" in call(*given, "--lang", "en")
    assert "--tree" in call("info", path, "--lang", "en", code=1)
    room = tmp_path / "runs"
    more = write_bson(*[make_product(i, 11) for i in range(20)], name="more.bson")
    said = call("split", more, "--tree", tree_csv, "--names", names, "--workspace", room)
    assert "names in en: --lang shows them" in said
    assert Workspace(room).taxonomy("en").shown_path(1, 1) == ("Books",)
    names.write_text("category_id,lang,level,name\n11,en,1,Books\n13,en,1,Library\n")
    said = call(*given, "--lang", "en", code=1)
    assert "lines 2 and 3: LIBRAIRIE is called 'Books' and 'Library' in en" in said


@pytest.mark.parametrize("command", ["index", "info"])
def test_strict_fails_and_names_every_problem_once(write_bson, command):
    shop = write_bson(make_product(1, 11), {"_id": 2, "category_id": 11, "imgs": []}, make_product(1, 12))
    said = call(command, shop, "--strict", code=1)
    assert f"{Catalog(shop)}: 2 problems, and --strict was given" in said
    for problem in Catalog(shop).problems.named:
        assert said.count(str(problem)) == 1
        assert call(command, shop).count(str(problem)) == 1
    one = write_bson(make_product(1, 11), make_product(1, 12), name="one.bson")
    said = call(command, one, "--strict", code=1)
    assert f"{one}: 1 problem, and --strict was given" in said
    assert command == "info" or f"{one}: 1 product, 1 photo\n" in said
    said = call(command, write_bson(make_product(1, 11), name="good.bson"), "--strict")
    assert command == "info" or "good.bson: 1 product, 1 photo\n" in said


def test_folds_and_a_held_out_share_exclude_each_other(tiny_catalog, tree_csv, tmp_path):
    room = tmp_path / "runs"
    arguments = ("split", tiny_catalog.address, "--tree", tree_csv, "--workspace", room)
    said = call(*arguments, "--folds", 3, "--held-out", 0.2, code=1)
    assert "--folds 3 holds out every one of 3 parts in turn, --held-out 0.2 one share once: give one" in said
    assert not room.exists()
    call(*arguments, "--held-out", 0.34)
    assert Workspace(room).plan().n_parts == 3
    call(*arguments)
    assert Workspace(room).plan().n_parts == round(1 / HELD_OUT_SHARE)
    assert f"default: {HELD_OUT_SHARE}" in " ".join(call("split", "--help").split())


def test_a_tree_of_other_products_is_doubted(write_bson, tree_csv, tmp_path):
    strangers = [make_product(i, 11 if i < 5 else 4700 + i) for i in range(11)]
    shop = write_bson(*strangers, make_product(90), make_product(91))
    room = tmp_path / "runs"
    arguments = ("split", shop, "--tree", tree_csv, "--workspace", room, "--held-out", 0.5)
    said = call(*arguments, code=1)
    assert "only 5 of 11 labelled products have a category of this tree: is it the right one (--tree)?" in said
    assert "product 5: " in said
    assert not room.exists()
    match = "only 5 of 11 labelled products have a category of this tree: is it the right tree?"
    assert match in call("info", shop, "--tree", tree_csv)
    # the way out that the message names
    rest, smaller = tmp_path / "rest.bson", tmp_path / "rest.tree.csv"
    call("subset", shop, rest, "--tree", tree_csv, "--labelled")
    call("split", rest, "--tree", smaller, *arguments[4:])
    assert len(Workspace(room).plan().positions) == 5
    # half is enough: more products that no tree knows
    half = write_bson(*strangers[:10], name="half.bson")
    assert "right tree?" not in call("info", half, "--tree", tree_csv)
    call("split", half, "--tree", tree_csv, *arguments[4:])


def test_split_writes_a_plan_and_names_the_next_command(tiny_catalog, tree_csv, tmp_path):
    room = tmp_path / "runs"
    said = call("split", tiny_catalog.address, "--tree", tree_csv, "--workspace", room, "--folds", 3)
    plan = Workspace(room).plan()
    sizes = [len(plan.held_out_positions(i)) for i in range(3)]
    assert f"plan {plan.plan_id}: 60 products, held out {', '.join(map(str, sizes))}" in said
    assert sum(sizes) == 60
    assert f"next: mosaic train --workspace {room}" in said
    call("split", tiny_catalog.address, "--tree", tree_csv, "--workspace", room, "--held-out", 0.25)
    assert Workspace(room).plan().n_parts == 4
    assert json.loads((room / "workspace.json").read_text()) == {"latest": {}}


@pytest.mark.parametrize(("n", "share", "folds"), [(8, 0.5, 4), (12, 0.2, 5)])
def test_a_plan_that_holds_nothing_out_says_so_and_names_the_way_out(write_bson, tmp_path, n, share, folds):
    tree, room = tmp_path / "own.csv", tmp_path / "runs"
    leaves = "".join(f"{leaf},SHOES,SHOES,MODEL {leaf}\n" for leaf in range(n))
    tree.write_text("category_id,category_level1,category_level2,category_level3\n" + leaves)
    shop = write_bson(*[make_product(i, i) for i in range(n)])
    arguments = ("split", shop, "--tree", tree, "--workspace", room)
    said = call(*arguments, "--held-out", share)
    assert "nothing is held out: every category has a single product" in said
    assert said.splitlines()[-1] == f"next: catalog split {shop} --tree {tree} --folds {folds} --workspace {room}"
    said = call(*arguments, "--folds", folds)
    assert "nothing is held out" not in said
    assert sum(len(Workspace(room).plan().held_out_positions(i)) for i in range(folds)) == n


def test_a_plan_that_holds_nothing_out_of_some_categories_counts_them(write_bson, tree_csv, tmp_path):
    # two categories of a single product each
    shop = write_bson(*[make_product(i, 11) for i in range(20)], make_product(90, 12), make_product(91, 31))
    arguments = ("split", shop, "--tree", tree_csv, "--workspace", tmp_path / "runs")
    said = call(*arguments)
    assert "of 2 categories nothing is held out: a category's only product is learnt from" in said
    assert "--folds 5 --workspace" in said
    assert "holds out every product in turn" in said
    assert said.splitlines()[-1].startswith("next: mosaic train")
    assert "nothing is held out" not in call(*arguments, "--folds", 5)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("inof",), 2, "'info'"),
        (("info",), 2, "Missing argument 'FILE'"),
        (("split", "x.bson"), 1, "x.bson does not exist"),
        (("info", "x.bson", "--tee", "y.csv"), 2, "--tree"),
        (("split", "x.bson", "--tree", "y.csv", "--folds", "1"), 2, "2<=x<=100"),
        (("split", "x.bson", "--tree", "y.csv", "--held-out", "0.9"), 2, "0.01<=x<=0.5"),
        (("split", "x.bson", "--tree", "y.csv"), 1, "y.csv does not exist"),
        (("info", "x.bson"), 1, "x.bson does not exist"),
        (("info", "/"), 1, "is a folder"),
    ],
)
def test_wrong_calls_get_one_plain_message(arguments, code, message):
    assert message in call(*arguments, code=code)


@pytest.mark.parametrize("command", [("info",), ("explore", "--output", "out"), ("convert", "out.bson")])
def test_an_empty_name_is_not_the_current_folder(tmp_path, monkeypatch, command):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "1.jpg").write_bytes(make_product(1)["imgs"][0]["picture"])
    monkeypatch.chdir(tmp_path)
    assert "the name of the catalogue is empty" in call(command[0], "", *command[1:], code=2)


def test_bad_files_get_one_plain_message(write_bson, tree_csv, tmp_path):
    good = write_bson(*[make_product(i, 11) for i in range(20)])
    assert "no usable product" in call("info", write_bson(b"nonsense" * 9, name="bad.bson"), code=1)
    said = call("info", good, "--tree", good, code=1)
    assert "is no text, so no CSV file: give the CSV of the category tree (--tree)" in said
    assert "is a category tree, not a catalogue: give it with --tree" in call("info", tree_csv, code=1)
    said = call("info", tmp_path / "none", code=1)
    assert "none does not exist: give a BSON file, a folder of photos, a CSV or Parquet table" in said
    tree_csv.write_text(tree_csv.read_text() + "41,,X,Y\n")
    assert "line 10: leaf 41 has no category_level1" in call("info", good, "--tree", tree_csv, code=1)
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "plan.json").write_text("{")
    with pytest.raises(ValueError, match="the plan is damaged"):
        Workspace(tmp_path).plan()


def test_verbose_lets_the_error_through_for_developers(tmp_path):
    result = CliRunner().invoke(main, ["--verbose", "info", str(tmp_path / "none.bson")])
    assert isinstance(result.exception, FileNotFoundError)


def test_warnings_are_sentences_and_name_modules_to_those_who_ask_for_every_step(write_bson, tree_csv):
    shop = write_bson(make_product(1, 11))
    asked = ["catalog", "info", str(shop), "--tree", str(tree_csv), "--lang", "de"]
    for verbose, beginning in ((), "WARNING: no category names in 'de'"), (("--verbose",), "WARNING catalog.tree."):
        command = [sys.executable, "-m", "rayonnage", *verbose, *asked]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        (warning,) = (line for line in said.splitlines() if line.startswith("WARNING"))
        assert warning.startswith(beginning)
