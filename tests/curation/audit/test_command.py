"""`catalog audit` from files to files, and back into a corrected catalogue."""

from __future__ import annotations

import csv
import json
import shlex
from functools import partial

import bson
import numpy as np
import pytest
from click.testing import CliRunner

from catalog.catalog import Catalog
from catalog.tree.translations import Names
from curation.audit import page
from curation.cli import main
from tests.curation.audit.cases import said
from tests.support.command_line import output_of
from tests.support.products import make_photo, make_product

call = partial(output_of, main, "audit")


def refused(*arguments: object) -> str:
    result = CliRunner().invoke(main, ["audit", *map(str, arguments)])
    assert result.exit_code
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    return result.output


@pytest.fixture
def room(make_room, write_bson):
    """80 products on eight leaves, every tenth with another's label; photos 5 and 15 are one."""
    leaves = [11, 12, 13, 21, 22, 31, 32, 33]
    documents = [make_product(i, leaves[(i + 3 * (i % 10 == 5)) % 8]) for i in range(80)]
    documents[15]["imgs"] = documents[5]["imgs"]
    documents[25]["imgs"] = [{"picture": b"no picture"}, {"picture": make_photo(3, kind="PNG")}]
    room = make_room("kfold", Catalog(write_bson(*documents)))
    true = np.arange(80) % 8
    dense = np.full((80, 8), 0.02, np.float32)
    dense[np.arange(80), room.tree.leaf_index([leaves[t] for t in true])] = 0.86
    scrambled = np.random.default_rng(0).permutation(room.held_out)
    room.register_photos(said(dense[scrambled], ids=room.catalog.product_ids[scrambled], plan=room.plan.plan_id))
    return room


@pytest.fixture
def truth(tmp_path):
    leaves = [11, 12, 13, 21, 22, 31, 32, 33]
    path = tmp_path / "truth.csv"
    path.write_text("product_id,category_id\n" + "".join(f"{i},{leaves[i % 8]}\n" for i in range(80)))
    return path


def test_from_labels_to_a_corrected_catalogue(room, truth, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "N_SHOWN", 5)
    file, output = room.catalog.address, tmp_path / "audit"
    at = ("--workspace", room.workspace.folder)
    told = call(file, "--output", output, "--truth", truth, *at)
    assert "8 labels suspected (10.0%)" in told
    assert "more than 10%" not in told
    assert "100.0 (63.1–100.0) % of the suspected labels are wrong; 100.0 (63.1–100.0) % of the wrong labels" in told
    assert f"--apply {output / 'suspects.csv'} --output CORRECTED.bson --workspace {room.workspace.folder}" in told
    with (output / "suspects.csv").open(encoding="utf-8-sig", newline="") as sheet:
        rows = list(csv.DictReader(sheet))
    assert sorted(int(row["product_id"]) for row in rows) == [5, 15, 25, 35, 45, 55, 65, 75]
    gains = [float(row["gain"]) for row in rows]
    assert gains == sorted(gains, reverse=True)
    assert [row["part_at"] for row in rows] == sorted(row["part_at"] for row in rows)
    five = next(row for row in rows if row["product_id"] == "5")
    assert (five["copies"], five["copies_with_other_labels"]) == ("1", "1")
    assert "1 of 1 products with its photos are labelled otherwise" in five["reason"]
    numbers = json.loads((output / "audit.json").read_text())
    assert numbers["suspects"] == 8
    assert numbers["products"] == {"audited": 80}
    for columns, *rows_of_table in numbers["tables"].values():
        assert all(len(row) == len(columns) for row in rows_of_table)
    html = (output / "audit.html").read_text()
    assert html.count('<div class="example">') == 5
    assert "Against the truth" in html
    assert "Suspected labels that are wrong" in html
    for row in rows:
        row["corrected_category_id"] = "suggested"
    with (output / "suspects.csv").open("w", encoding="utf-8-sig", newline="") as sheet:
        writer = csv.DictWriter(sheet, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert "holds a reviewer's answers" in refused(file, "--output", output, *at)
    told = call(file, "--apply", output / "suspects.csv", "--output", tmp_path / "corrected.bson", *at)
    split = f"catalog split {tmp_path / 'corrected.bson'} --tree {room.workspace.folder / 'tree.csv'}"
    assert f"{split} --workspace {room.workspace.folder}" in told
    assert "8 labels changed, 0 answered to be right as they are, 0 rows left blank" in told
    again = (file, "--apply", output / "suspects.csv", "--output", tmp_path / "corrected.bson", *at)
    assert "exists already: choose another --output, or give --overwrite" in refused(*again)
    assert "8 labels changed" in call(*again, "--overwrite")
    leaves = [11, 12, 13, 21, 22, 31, 32, 33]
    corrected = Catalog(tmp_path / "corrected.bson")
    assert corrected.category_ids.tolist() == [leaves[i % 8] for i in range(80)]
    raws = [bson.decode(raw)["imgs"] for raw in corrected.raw(range(80))]
    assert raws == [bson.decode(raw)["imgs"] for raw in room.catalog.raw(range(80))]
    call(file, "--output", output, "--overwrite", *at)


def test_the_sheet_is_answered_in_the_language_that_it_is_written_in(room, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("category_id,lang,level,name\n31,en,1,Kitchen\n31,en,,Beaker\n")
    room.tree.with_names(Names.from_csv(names)).save(room.workspace.folder / "tree.csv")
    file, at = room.catalog.address, ("--workspace", room.workspace.folder)
    told = call(file, "--output", tmp_path / "audit", "--lang", "en", *at)
    sheet = tmp_path / "audit" / "suspects.csv"
    apply = f"--apply {sheet} --output CORRECTED.bson --lang en --workspace {room.workspace.folder}"
    assert apply in told
    sheet.write_text(sheet.read_text(encoding="utf-8-sig").replace("\n5,,", "\n5,beaker,"), encoding="utf-8-sig")
    assert "'beaker' is neither a category_id" in refused(file, "--apply", sheet, "--output", tmp_path / "c.bson", *at)
    corrected = tmp_path / "CORRECTED.bson"
    call(file, *shlex.split(apply.replace("CORRECTED.bson", str(corrected))))
    assert Catalog(corrected).category_ids[5] == 31


def test_the_sheet_is_bounded_and_without_truth_the_page_says_less(room, tmp_path):
    told = call(room.catalog.address, "--output", tmp_path / "a", "--rows", 3, "--workspace", room.workspace.folder)
    assert "the sheet holds the first 3 (--rows)" in told
    assert len((tmp_path / "a" / "suspects.csv").read_text(encoding="utf-8-sig").splitlines()) == 4
    assert "Against the truth" not in (tmp_path / "a" / "audit.html").read_text()


def test_a_run_and_a_file_say_the_same(room, tmp_path):
    run = room.workspace.latest("mosaic", "any").folder
    tree = room.workspace.folder / "tree.csv"
    call(room.catalog.address, "--output", tmp_path / "a", "--run", run, "--workspace", tmp_path / "none")
    call(
        room.catalog.address, "--output", tmp_path / "b", "--probabilities", run / "heldout.safetensors",
        "--tree", tree, "--workspace", tmp_path / "none",
    )  # fmt: skip
    told = call(
        room.catalog.address, "--output", tmp_path / "c", "--probabilities", run, "--tree", tree,
        "--workspace", tmp_path / "none",
    )  # fmt: skip
    assert f"--output CORRECTED.bson --tree {tree} --workspace" in told
    expected = (tmp_path / "a" / "suspects.csv").read_bytes()
    assert [(tmp_path / name / "suspects.csv").read_bytes() for name in "bc"] == [expected, expected]


def test_wrong_input_is_one_message(room, tmp_path):
    file, output, at = room.catalog.address, tmp_path / "a", ("--workspace", room.workspace.folder)
    assert "give one of them" in refused(file, "--output", output, "--run", tmp_path, "--probabilities", tmp_path)
    assert "catalog split" in refused(file, "--output", output, "--workspace", tmp_path / "none", "--tree",
                                      room.workspace.folder / "tree.csv")  # fmt: skip
    assert "does not exist" in refused(file, "--output", output, "--probabilities", tmp_path / "none", *at)
    assert "holds no probabilities" in refused(file, "--output", output, "--probabilities", file, *at)
    assert "is not a finished run" in refused(file, "--output", output, "--run", tmp_path, *at)
    assert "holds no heldout.safetensors" in refused(file, "--output", output, "--probabilities", tmp_path, *at)
    room.fused(room.held_out)
    fusion = room.workspace.latest("fusion").folder
    for given in (fusion, fusion / "crossfit.safetensors"):
        assert f"catalog audit --run {fusion}" in refused(file, "--output", output, "--probabilities", given, *at)
    nothing = refused(file, "--output", output, "--workspace", tmp_path / "none")
    assert "holds no plan yet: run `catalog split" in nothing
    assert "--workspace names another folder" in nothing
    assert "does not exist" in refused(file, "--output", output, "--truth", tmp_path / "none.csv", *at)
    assert "does not exist" in refused(file, "--output", tmp_path / "a.bson", "--apply", tmp_path / "none.csv", *at)
    assert "ends in .bson" in refused(file, "--output", output, "--apply", tmp_path / "none.csv", *at)
    other = tmp_path / "other.csv"
    other.write_text("category_id,category_level1,category_level2,category_level3\n11,A,B,C\n12,A,B,D\n")
    assert "another category tree" in refused(file, "--output", output, "--tree", other, *at)
    assert not output.exists()


def test_a_table_of_photos_is_audited_and_corrected_into_bson(make_room, tmp_path):
    """Any source of products will do; what is written is BSON."""
    lines = ["product_id,photos,category_id"]
    for i in range(48):
        (tmp_path / f"{i}.jpg").write_bytes(make_photo(i))
        lines.append(f"{i},{i}.jpg,{[11, 12, 31][i % 3]}")
    (tmp_path / "shop.csv").write_text("\n".join(lines))
    catalog = Catalog(tmp_path / "shop.csv")
    room = make_room("kfold", catalog)
    dense = np.full((48, 8), 0.02, np.float32)
    told = room.tree.leaf_index(np.where(catalog.product_ids == 7, 31, catalog.category_ids))
    dense[np.arange(48), told] = 0.86
    room.register_photos(said(dense, ids=catalog.product_ids, plan=room.plan.plan_id))
    at = ("--workspace", room.workspace.folder)
    assert "1 label suspected" in call(tmp_path / "shop.csv", "--output", tmp_path / "audit", *at)
    sheet = tmp_path / "audit" / "suspects.csv"
    sheet.write_text(sheet.read_text(encoding="utf-8-sig").replace("7,,", "7,suggested,", 1), encoding="utf-8-sig")
    call(tmp_path / "shop.csv", "--apply", sheet, "--output", tmp_path / "next.bson", *at)
    made = Catalog(tmp_path / "next.bson")
    assert made.category_ids.tolist() == [31 if i == 7 else c for i, c in enumerate(catalog.category_ids.tolist())]
    assert [p.images for p in made] == [p.images for p in catalog]
