"""A shop whose ids are text: what goes in comes out of every command of fusion, letter for letter."""

from __future__ import annotations

import csv
import json
import shutil
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import bson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.files.answer_sheet import plain_cell
from catalog.files.sheet_ids import id_cell, id_of_cell
from catalog.ids.shop_id import ShopId, id_number
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from curation.cli import main as catalog
from fusion.cli import main as fusion
from fusion.experts import all_experts
from fusion.model import Model
from fusion.prediction import predict_catalog as prediction
from fusion.prediction.answers import answers_to_table
from fusion.prediction.explanation import picture_name
from fusion.review.journal import Journal
from tests.fusion.small import RAGGED
from tests.support.command_line import call, refused
from tests.support.made_up_experts import MadeUpExperts, train_made_up
from tests.support.pages import read_page
from tests.support.predictions import read_rows
from tests.support.products import make_product

pytestmark = pytest.mark.slow
TREE = Taxonomy(
    [
        ("books/crime", ("BOOKS", "FICTION", "CRIME")),
        ("001", ("BOOKS", "FICTION", "POETRY")),
        ("=maps", ("BOOKS", "MAPS")),
        ("<i>fruit</i>", ("FOOD", "FRUIT")),
        ("thé", ("FOOD", "TEA")),
        (30, ("TOYS",)),
    ]
)
ODD: list[ShopId] = [
    "550e8400-e29b-41d4-a716-446655440000", "007", "=1+1", "<b>bold</b>", "café", "\N{BALLOON} red", "../x", "'quoted",
    "1E5", "3-4", "a;=2", "-x", "@y", "MARCH1", "x" * 150, 12, 2**62,
]  # fmt: skip
"""What spreadsheets, pages and disks take for something else, and two integers among them."""


def shop_ids(start: int, n: int) -> list[ShopId]:
    return [f"MH{i:04d}-gray" for i in range(start, start + n)]


def document(one: ShopId, tree: Taxonomy | None, *, title: str = "", photo: int | None = None) -> bytes:
    """A product of one photo, its own or that of a number, on the leaf that the made-up experts find likeliest."""
    number = id_number(one)
    label = {} if tree is None else {"category_id": tree.shop_ids[number % len(tree)]}
    product = make_product(number % 2**20 if photo is None else photo)
    return bson.encode({**product, "_id": one, **label, **({"title": title} if title else {})})


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> SimpleNamespace:
    """A workspace `runs` of text ids, one `integers` of integers, and the predictions `out` of odd products."""
    folder = tmp_path_factory.mktemp("shop")
    ids = [*ODD, *shop_ids(3000, 60)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(all_experts, "KINDS", (MadeUpExperts,))
        for name, tree, known in (("runs", TREE, shop_ids(0, 200)), ("integers", RAGGED, range(200))):
            tree.to_csv(folder / f"{name}.csv")
            train = folder / f"{name}.bson"
            train.write_bytes(b"".join(document(one, tree) for one in known))
            call(catalog, "split", train, "--tree", folder / f"{name}.csv", "--workspace", folder / name)
            train_made_up(folder / name, tree)
        # five products each have the same photo
        shown = [*[None] * len(ODD), *(2**21 + place // 5 for place in range(60))]
        documents = (document(one, None, title=f"Title of {one}", photo=n) for one, n in zip(ids, shown, strict=True))
        (folder / "test.bson").write_bytes(b"".join(documents))
        (folder / "labelled.bson").write_bytes(b"".join(document(one, TREE, title="<u>T</u>") for one in ids))
        (folder / "numbers.bson").write_bytes(b"".join(document(one, None) for one in range(3000, 3040)))
        room = ("--workspace", folder / "runs")
        call(fusion, "predict", folder / "test.bson", "--output", folder / "out", *room)
        yield SimpleNamespace(folder=folder, room=room, ids=ids, out=folder / "out")


def submission(folder: Path) -> list[list[str]]:
    with (folder / "submission.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_files_for_programs_have_the_ids_to_the_letter(shop):
    head, *rows = submission(shop.out)
    assert head == ["_id", "category_id"]
    assert [product for product, _ in rows] == list(map(str, shop.ids))
    table = pq.read_table(shop.out / "predictions.parquet")
    assert (table.schema.field("product_id").type, table.schema.field("category_id").type) == (pa.string(), pa.string())
    assert table["product_id"].to_pylist() == list(map(str, shop.ids))
    categories = set(map(str, TREE.shop_ids))
    assert set(table["category_id"].to_pylist()) == categories == {category for _, category in rows}
    for row in table.to_pylist():
        assert row["top_category_ids"][0] == row["category_id"]
        assert set(row["top_category_ids"]) <= categories
        assert {vote["category_id"] for vote in row["votes"]} <= categories
        assert row["title"] == f"Title of {row['product_id']}"


def test_sheets_read_back_to_the_letter_and_hold_no_formula(shop):
    rows = [row for name in ("review.csv", "audit.csv") for row in read_rows(shop.out / name)]
    assert {id_of_cell(row["product_id"]) for row in rows} == set(shop.ids)
    assert {id_of_cell(row["suggested_category_id"]) for row in rows} == set(TREE.shop_ids)
    assert all(not cell.startswith(tuple("=+-@")) for row in rows for cell in row.values())
    assert all(row["title"] == plain_cell(f"Title of {id_of_cell(row['product_id'])}") for row in rows)


def filled(
    shop: SimpleNamespace, name: str, answers: dict[ShopId, str], shown: dict[ShopId, str] | None = None
) -> Path:
    """A sheet with answers to products of either file; `shown`: cells of ids that somebody has changed."""
    both = [row for file in ("review.csv", "audit.csv") for row in read_rows(shop.out / file)]
    rows = [row for row in both if id_of_cell(row["product_id"]) in answers]
    path = shop.out / name
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            one = id_of_cell(row["product_id"])
            changed = {"product_id": (shown or {}).get(one, row["product_id"]), "corrected_category_id": answers[one]}
            writer.writerow(row | changed)
    return path


def test_answers_become_labels_of_the_same_ids(shop, tmp_path):
    leaves = list(TREE.shop_ids)
    given = {one: leaves[place % len(leaves)] for place, one in enumerate(ODD)}
    # as a reviewer copies them from the column beside, types them, or writes the path
    cells = {one: str(id_cell(leaf)) for one, leaf in given.items()} | {ODD[0]: str(given[ODD[0]])}
    cells[ODD[1]] = " > ".join(TREE.paths[leaves.index(given[ODD[1]])])
    # a Mac writes the accent after its letter
    shown = {"café": unicodedata.normalize("NFD", "café")}
    sheet = filled(shop, "filled.csv", cells, shown)
    said = call(fusion, "review", "apply", sheet, *shop.room)
    assert f"review 1: {len(ODD)} answers" in said
    journal = Journal(Workspace(shop.folder / "runs"))
    labels = journal.labels()
    found = zip(labels.ids.take(labels.product_ids), labels.ids.take(labels.category_ids), strict=True)
    assert dict(found) == given
    (entry,) = journal.entries()
    assert set(journal.rows(entry)["product_id"].to_pylist()) == set(map(str, ODD))
    made = tmp_path / "next.bson"
    files = ("--catalog", shop.folder / "test.bson", "--train", shop.folder / "runs.bson")
    call(fusion, "review", "export", *files, "--output", made, *shop.room)
    exported = {document["_id"]: document["category_id"] for document in bson.decode_all(made.read_bytes())}
    assert {one: exported[one] for one in ODD} == given
    assert len(exported) == 200 + len(ODD)
    call(fusion, "review", "undo", *shop.room)
    assert not len(journal.labels())
    call(fusion, "review", "redo", 1, *shop.room)
    assert len(journal.labels()) == len(ODD)


def test_an_answer_holds_for_copies_under_their_own_ids(shop, tmp_path):
    shutil.copytree(shop.folder / "runs", tmp_path / "runs")
    waiting = [id_of_cell(row["product_id"]) for row in read_rows(shop.out / "review.csv") if row["copies"] != "1"]
    group = int(str(waiting[0])[2:6]) // 5
    copies = {one for one in waiting if int(str(one)[2:6]) // 5 == group}
    sheet = filled(shop, "copies.csv", {waiting[0]: "=maps"})
    call(fusion, "review", "apply", sheet, "--copies", "--workspace", tmp_path / "runs")
    journal = Journal(Workspace(tmp_path / "runs"))
    rows = journal.rows(journal.entries()[-1]).to_pylist()
    assert len(rows) > 1
    assert {row["product_id"]: row["category_id"] for row in rows} == dict.fromkeys(copies, "=maps")
    # an entry of integers beside it, as earlier versions wrote it
    journal.folder.joinpath("0007.csv").write_text(f"{','.join(rows[0])}\n7,12,12,review,review\n")
    whole = journal.entries()[-1].model_copy(update={"number": 7})
    journal.folder.joinpath("0007.json").write_text(whole.model_dump_json())
    labels = journal.labels()
    found = dict(zip(labels.ids.take(labels.product_ids), labels.ids.take(labels.category_ids), strict=True))
    assert {one: found[one] for one in [7, *copies]} == {7: 12, **dict.fromkeys(copies, "=maps")}


@pytest.mark.parametrize(
    ("one", "cell", "words"),
    [
        ("007", "7", ["product 7 was not predicted there, but 007 was, of which a spreadsheet may have made it"]),
        ("1E5", "100000", ["product 100000 was not predicted there, but 1E5 was"]),
        ("3-4", "03.04.2026", ["product 03.04.2026 was not predicted", "fill the sheet as it was written"]),
        (2**62, "4,61E+18", ["'4,61E+18' is no id", "fill the sheet as it was written"]),
        ("café", "caf\N{REPLACEMENT CHARACTER}", ["no UTF-8", "save the sheet as 'CSV UTF-8'"]),
    ],
)
def test_an_id_that_a_spreadsheet_has_changed_is_refused_with_the_likely_cause(shop, one, cell, words):
    sheet = filled(shop, "changed.csv", {one: "ok"}, {one: cell})
    said = refused(fusion, "review", "apply", sheet, *shop.room)
    assert all(word in said for word in words), said


def test_a_killed_prediction_goes_on(shop, tmp_path, monkeypatch):
    """The parts that lie there are joined to the same bytes."""
    monkeypatch.setattr(all_experts, "KINDS", (MadeUpExperts,))
    command = ("predict", shop.folder / "test.bson", "--output", tmp_path / "out", *shop.room)
    with monkeypatch.context() as patch:
        patch.setattr(prediction, "_assemble", lambda *_: (_ for _ in ()).throw(ValueError("killed")))
        assert "killed" in refused(fusion, *command)
    assert list((tmp_path / "out" / "parts").glob("*.parquet"))
    call(fusion, *command)
    for name in ("submission.csv", "predictions.parquet", "review.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (shop.out / name).read_bytes()
    call(fusion, *command, "--overwrite")
    assert (tmp_path / "out" / "submission.csv").read_bytes() == (shop.out / "submission.csv").read_bytes()


def test_ids_of_products_are_the_catalogues_and_those_of_categories_the_models(shop, tmp_path):
    text, number = pa.string(), pa.int64()
    for room, file, types in (("integers", "test", (text, number)), ("runs", "numbers", (number, text))):
        out = tmp_path / room
        call(fusion, "predict", shop.folder / f"{file}.bson", "--output", out, "--workspace", shop.folder / room)
        schema = pq.read_schema(out / "predictions.parquet")
        assert tuple(schema.field(name).type for name in ("product_id", "category_id")) == types
        given = Catalog(shop.folder / f"{file}.bson")
        assert [product for product, _ in submission(out)[1:]] == list(map(str, given.shop_ids()))
        tree = RAGGED if room == "integers" else TREE
        assert {category for _, category in submission(out)[1:]} <= set(map(str, tree.shop_ids))


def test_answers_in_python_have_the_ids(shop):
    run = Workspace(shop.folder / "runs").require("fusion")
    with Model.load(run.folder, shop.folder / "runs") as model:
        answers = model.predict(Catalog(shop.folder / "test.bson"))
    assert [answer.product_id for answer in answers] == shop.ids
    assert {answer.best.category_id for answer in answers} == set(TREE.shop_ids)
    table = answers_to_table(answers)
    assert table["category_id"].type == pa.string()
    assert table["top_category_ids"].type == pa.list_(pa.string())
    assert table["product_id"].to_pylist() == list(map(str, shop.ids))


def test_an_explanation_is_asked_for_by_the_id_and_shows_the_title(shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # no font has every letter: what is lacking is drawn as a box, and nobody is warned
    for one in ("=1+1", "../x", "x" * 150, "007", "\N{BALLOON} red"):
        said = call(fusion, "explain", one, shop.folder / "test.bson", *shop.room)
        assert said.startswith(f"title   Title of {one}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"explanation-{name}.png" for name in ("-1-1", "..-x", "x" * 50, "007", "-red")
    )
    assert "has no product 7" in refused(fusion, "explain", "7", shop.folder / "test.bson", *shop.room)
    assert picture_name("photos/front.jpg", is_photo=True) == "explanation-front.png"


def test_the_page_and_the_figures_have_no_markup_of_ids_and_titles(shop, tmp_path):
    call(fusion, "evaluate", shop.folder / "labelled.bson", "--output", tmp_path, *shop.room)
    page = read_page(tmp_path / "fusion.html")
    assert "<u>T" not in page
    assert "title: &lt;u&gt;T" in page
    assert "<b>bold" not in page
    json.loads((tmp_path / "fusion.json").read_text(encoding="utf-8"))
    run = Workspace(shop.folder / "runs").require("fusion").folder
    assert "77 labelled products" in call(
        fusion, "compare", run, run, "--on", shop.folder / "labelled.bson", *shop.room
    )


def test_nobody_is_shown_the_number_that_stands_for_a_text(shop):
    hidden = {str(id_number(one)) for one in [*shop.ids, *TREE.shop_ids] if isinstance(one, str)}
    for path in shop.out.iterdir():
        if path.suffix in (".csv", ".json"):
            written = path.read_text(encoding="utf-8")
            assert not [number for number in hidden if number in written], path.name
