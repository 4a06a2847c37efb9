"""Files of the wrong kind say what they are, wherever they are given."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import zipfile
from functools import partial

import bson
import pytest

from catalog.catalog import Catalog
from catalog.files.csv_rows import read_raw_rows
from catalog.files.file_kinds import READ, kind_of
from catalog.tree.taxonomy import Taxonomy
from curation.cli import main
from tests.conftest import SHARED
from tests.support.command_line import output_of
from tests.support.products import TREE, make_product

call = partial(output_of, main)


def zipped(*names):
    """A ZIP archive of files of these names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x" * 50)
    return out.getvalue()


def tarred():
    """A tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("train.bson"))
    return out.getvalue()


DOCUMENT = bson.encode(make_product(1, 11))
KINDS = {
    "workbook": (zipped("[Content_Types].xml", "xl/workbook.xml"), "spreadsheet's workbook: save its sheet as 'CSV"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old spreadsheet's workbook"),
    "zip": (zipped("train.bson"), "a ZIP archive: unpack it"),
    "gzip": (gzip.compress(DOCUMENT), "a gzip archive: unpack it with gunzip"),
    "tar": (tarred(), "a tar archive: unpack it"),
    "json lines": (
        b'{"_id": 1, "imgs": []}\n{"_id": 2}\n',
        "JSON text: of a MongoDB collection, mongodump",
    ),
    "json": (json.dumps([{"_id": 1}], indent=2).encode(), "JSON text"),
    "mongodump": (b"\x6d\xe2\x99\x81" + DOCUMENT, "an archive of mongodump: dump the collection without --archive"),
    "sqlite": (b"SQLite format 3\0" + bytes(100), "an SQLite database"),
    "pdf": (b"%PDF-1.7\n", "a PDF document"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["products.xlsx", "train.bson", "products.csv", "products.parquet"])
def test_a_catalogue_of_another_kind_says_what_it_is(tmp_path, kind, name):
    content, message = KINDS[kind]
    (tmp_path / name).write_bytes(content)
    text = call("info", tmp_path / name, code=1)
    expected = {".csv": "a CSV file", ".parquet": "a Parquet file"}.get((tmp_path / name).suffix, "a BSON file")
    assert f"{name} is not {expected} but " in text
    assert message in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_tree_of_another_kind_says_what_it_is(tmp_path, kind):
    content, message = KINDS[kind]
    (tmp_path / "tree.csv").write_bytes(content)
    with pytest.raises(ValueError, match="is not a CSV file but") as refused:
        Taxonomy.from_csv(tmp_path / "tree.csv")
    assert message in str(refused.value)


def test_parquet_under_another_name_says_so(tmp_path):
    (tmp_path / "products.bson").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    assert "not a BSON file but a Parquet file: call it NAME.parquet" in call(
        "info", tmp_path / "products.bson", code=1
    )
    (tmp_path / "products.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    assert "is not a Parquet file (" in call("info", tmp_path / "products.parquet", code=1)
    with pytest.raises(ValueError, match=r"is not a CSV file but a Parquet file: give a CSV file here"):
        Taxonomy.from_csv(tmp_path / "products.parquet")


@pytest.mark.parametrize("length", [0x00088B1F, 0x0000227B])
def test_a_document_whose_length_looks_like_another_kind_is_one(tmp_path, length):
    head = bson.encode({"_id": 1, "imgs": [{"picture": b""}]})
    document = bson.encode({"_id": 1, "imgs": [{"picture": bytes(length - len(head))}]})
    assert int.from_bytes(document[:4], "little") == length
    assert kind_of(document[:READ]) is not None or length == 0x227B
    (tmp_path / "train.bson").write_bytes(document)
    assert len(Catalog(tmp_path / "train.bson")) == 1


def test_a_real_workbook_given_as_a_tree(tmp_path):
    case = SHARED / "cases" / "workbook" / "real.xlsx"
    if not case.is_file():
        pytest.skip(f"{case} is not there")
    shutil.copy(case, tmp_path)
    with pytest.raises(ValueError, match="spreadsheet's workbook"):
        Taxonomy.from_csv(tmp_path / case.name)


def test_a_tree_given_as_a_catalogue_says_what_it_is(tmp_path):
    (tmp_path / "google.csv").write_text("# Google_Product_Taxonomy_Version: 2021-09-21\n1 - A\n")
    assert "a category tree: give it with --tree" in " ".join(call("info", tmp_path / "google.csv", code=1).split())
    for columns in ("category_id,category_level1", "category_id,category_path", "category_id,parent_id,name"):
        (tmp_path / "tree.csv").write_text(f"{columns}\n1,A\n")
        said = call("info", tmp_path / "tree.csv", code=1)
        assert "is a category tree, not a catalogue: give it with --tree" in said


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;;", "\ufeffsep=;"])
def test_a_line_for_excel_is_no_row(tmp_path, first):
    (tmp_path / "tree.csv").write_text(f"{first}\n{TREE.replace(',', ';')}", encoding="utf-8")
    assert len(Taxonomy.from_csv(tmp_path / "tree.csv")) == 8


def test_a_real_sheet_that_excel_saved():
    case = SHARED / "cases" / "workbook" / "sep.csv"
    if not case.is_file():
        pytest.skip(f"{case} is not there")
    _, first = next(read_raw_rows(case, "give a sheet"))
    assert first[:2] == ["product_id", "corrected_category_id"]
