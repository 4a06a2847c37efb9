"""`--lang`: what people read changes, what is predicted does not; a run folder is enough for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import bson
import pyarrow.parquet as pq
import pytest

from catalog.runs.workspace import Workspace
from curation.cli import main as catalog
from fusion.cli import main as fusion
from fusion.model import Model
from mosaic.cli import main as mosaic
from tests.support.command_line import call, invoke, refused
from tests.support.pages import read_page
from tests.support.predictions import fill, read_rows
from tests.support.trained import document, picture

pytestmark = pytest.mark.slow
NAMES = """category_id;lang;level;name
1;en;1;Books
3;en;1;Kitchen
1;en;2;Literature
3;en;2;Cups
5;en;2;Frying "pans"
1;en;;Novels
2;en;;Poetry
3;en;;Mugs
4;en;;Bowls
5;en;;Pans
1;de;1;Bücher
"""
ENGLISH = {
    1: ("Books", "Literature", "Novels"),
    2: ("Books", "Literature", "Poetry"),
    3: ("Kitchen", "Cups", "Mugs"),
    4: ("Kitchen", "Cups", "Bowls"),
    5: ("Kitchen", 'Frying "pans"', "Pans"),
}
FRENCH = ("LIBRAIRIE", "CUISINE", "LITTERATURE", "TASSES", "ROMAN", "POESIE", "POELE")


@pytest.fixture(scope="module")
def room(trained, tmp_path_factory) -> Path:
    """The trained workspace, its plan given again with names."""
    folder = tmp_path_factory.mktemp("named")
    shutil.copytree(trained / "runs", folder / "runs")
    (folder / "names.csv").write_text(NAMES, encoding="utf-8")
    arguments = ["split", trained / "train.bson", "--tree", trained / "tree.csv", "--names", folder / "names.csv"]
    call(catalog, *arguments, "--workspace", folder / "runs")
    return folder / "runs"


@pytest.fixture(scope="module")
def test_bson(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "test.bson"
    path.write_bytes(b"".join(bson.encode(document(i, labelled=True)) for i in range(1000, 1030)))
    return path


def says_no_french(text: str) -> bool:
    return not any(name in text for name in FRENCH)


def test_a_run_folder_alone_answers_in_english(room, tmp_path):
    alone = shutil.copytree(Workspace(room).require("fusion").folder, tmp_path / "alone")
    french = Model.load(alone, tmp_path / "w")
    english = Model.load(alone, tmp_path / "w", lang="en")
    photos = [[picture(leaf, 7 + leaf)] for leaf in range(5)]
    for ours, theirs in zip(english.predict(photos), french.predict(photos), strict=True):
        assert [(c.category_id, c.probability) for c in ours.candidates] == [
            (c.category_id, c.probability) for c in theirs.candidates
        ]
        assert [c.path for c in ours.candidates] == [ENGLISH[c.category_id] for c in ours.candidates]
        assert ours.given == ENGLISH[ours.best.category_id][: len(ours.given)]
        assert (ours.decision, len(ours.given)) == (theirs.decision, len(theirs.given))
        assert says_no_french(str(ours))
        assert not says_no_french(str(theirs))
    german = Model.load(alone, tmp_path / "w", lang="de").predict(photos[:1])[0]
    assert {c.path[0] for c in german.candidates} <= {"Bücher", "CUISINE"}


def test_predictions_differ_in_names_alone_and_a_folder_keeps_its_language(room, test_bson, tmp_path):
    arguments = ["predict", test_bson, "--workspace", room]
    call(fusion, *arguments, "--output", tmp_path / "fr")
    call(fusion, *arguments, "--output", tmp_path / "en", "--lang", "en")
    ours, theirs = (pq.read_table(tmp_path / lang / "predictions.parquet") for lang in ("en", "fr"))
    shown = ["cat1", "cat2", "cat3", "given", "reason"]
    assert ours.drop_columns(shown).equals(theirs.drop_columns(shown))
    for row in ours.to_pylist():
        assert (row["cat1"], row["cat2"], row["cat3"]) == ENGLISH[row["category_id"]]
        assert says_no_french(row["given"] + row["reason"])
    assert (tmp_path / "en" / "submission.csv").read_bytes() == (tmp_path / "fr" / "submission.csv").read_bytes()
    for name in ("review.csv", "audit.csv"):
        assert says_no_french((tmp_path / "en" / name).read_text(encoding="utf-8-sig"))
    # as it stands is a language of its own; the same one continues, another is refused
    before = (tmp_path / "en" / "predictions.parquet").stat().st_mtime_ns
    call(fusion, *arguments, "--output", tmp_path / "en", "--lang", "EN")
    assert (tmp_path / "en" / "predictions.parquet").stat().st_mtime_ns == before
    for folder, lang in (("en", ()), ("fr", ("--lang", "en")), ("en", ("--lang", "de"))):
        error = refused(fusion, *arguments, "--output", tmp_path / folder, *lang)
        assert "holds predictions with names in another language" in error
    # a language whose names were changed in between is not continued either
    other = shutil.copytree(room, tmp_path / "other")
    names = Workspace(other).require("fusion").folder / "names.csv"
    names.write_text(names.read_text(encoding="utf-8").replace("Novels", "Romances"), encoding="utf-8")
    resumed = ["predict", test_bson, "--workspace", other, "--output", tmp_path / "en", "--lang", "en"]
    assert "or other names" in refused(fusion, *resumed)
    # predictions of before there were languages are in the tree's own names
    whose = json.loads((tmp_path / "fr" / "input.json").read_text())
    del whose["lang"], whose["names"]
    (tmp_path / "fr" / "input.json").write_text(json.dumps(whose))
    call(fusion, *arguments, "--output", tmp_path / "fr")


def test_a_review_in_english_is_taken_back(room, test_bson, tmp_path):
    call(fusion, "predict", test_bson, "--workspace", room, "--output", tmp_path / "out", "--lang", "en")
    name = "review.csv" if read_rows(tmp_path / "out" / "review.csv") else "audit.csv"
    product = int(read_rows(tmp_path / "out" / name)[0]["product_id"])
    wrong = fill(tmp_path / "out" / name, {product: 31})
    error = refused(fusion, "review", "apply", wrong, "--workspace", room)
    assert "category_id 31 is not in the tree; the nearest is" in error
    assert says_no_french(error)
    call(fusion, "review", "apply", fill(wrong, {product: "ok"}), "--workspace", room)


@pytest.mark.parametrize("main", [fusion, mosaic], ids=["fusion", "mosaic"])
def test_reports_say_the_same_in_english(main, room, test_bson, tmp_path):
    pages = {}
    for lang in ((), ("--lang", "en")):
        output = tmp_path / "-".join(("out", *lang))
        said = call(main, "evaluate", test_bson, "--workspace", room, "--output", output, *lang)
        pages[lang] = (said.split("report:")[0], next(output.glob("*.json")), next(output.glob("*.html")))
    (french, french_json, _), (english, english_json, page) = pages.values()
    assert english == french
    ours, theirs = (json.loads(path.read_text()) for path in (english_json, french_json))
    assert [row[0] for row in ours["tables"]["By Cat I"][1:]] == ["Kitchen", "Books"]
    assert [row[1:] for row in ours["tables"]["By Cat I"]] == [row[1:] for row in theirs["tables"]["By Cat I"]]
    assert says_no_french(json.dumps(ours, ensure_ascii=False))
    assert says_no_french(read_page(page))


def test_an_explanation_in_english(room, tmp_path):
    said = call(fusion, "explain", 7, "--workspace", room, "--output", tmp_path / "why.svg", "--lang", "en")
    assert "Cat I: " in said
    assert says_no_french(said)


def test_a_language_that_nobody_gave_is_shown_as_the_tree_stands(room, test_bson, tmp_path):
    invoke(fusion, "predict", test_bson, "--workspace", room, "--output", tmp_path / "it", "--lang", "it")
    assert pq.read_table(tmp_path / "it" / "predictions.parquet")["cat1"].to_pylist()[0] in ("LIBRAIRIE", "CUISINE")
