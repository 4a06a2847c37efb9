"""CSVs as spreadsheets and other programs save them: read alike, or refused with the way out."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.files.csv_rows import MAX_CELL, id_in, integer_in, read_rows

COLUMNS = ("id", "name", "note")
# no NUL (a sign of UTF-16) and no lone surrogates (no text file holds them)
cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
tables = st.lists(st.tuples(st.integers(0, 99).map(str), cells, cells), max_size=8)


def rows_of(path):
    return [row for _, row in read_rows(path, COLUMNS[:2], "give it")]


@settings(max_examples=200)
@given(
    tables,
    st.sampled_from(",;\t"),
    st.permutations(COLUMNS),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_every_cell_comes_back_to_the_letter(tmp_path_factory, table, separator, order, mark, line_end, quoting):
    if any("\r" in cell for row in table for cell in row):
        # Python's writer does not see that readers end a row there
        quoting = csv.QUOTE_ALL
    text = io.StringIO()
    writer = csv.DictWriter(text, order, delimiter=separator, lineterminator=line_end, quoting=quoting)
    writer.writeheader()
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in table]
    writer.writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(text.getvalue().encode("utf-8-sig" if mark else "utf-8"))
    assert rows_of(path) == rows


@pytest.mark.parametrize("before", ["", "\n\n", "\ufeff \r\n", "sep={}\n", "\ufeff\r\nsep={}\r\n\r\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_stands_before_the_columns_does_no_harm(tmp_path, before, separator):
    path = tmp_path / "t.csv"
    said = before.format(separator)
    path.write_bytes(f"{said}name{separator}id\nA{separator}1\n".encode())
    assert list(read_rows(path, COLUMNS[:2], "give it")) == [(said.count("\n") + 2, {"name": "A", "id": "1"})]


def test_lines_are_counted_as_an_editor_shows_them(tmp_path):
    (tmp_path / "t.csv").write_text('id,name\n1,a\n\n2,"b\nc"\n,,\n3,d\n')
    found = list(read_rows(tmp_path / "t.csv", ("id", "name"), ""))
    assert [(line, row["name"]) for line, row in found] == [(2, "a"), (5, "b\nc"), (7, "d")]


def test_short_rows_are_filled_and_empty_cells_beyond_the_columns_passed_over(tmp_path):
    (tmp_path / "t.csv").write_text(" id ;name;x\n1\n2;b;c;;\n")
    assert rows_of(tmp_path / "t.csv") == [{"id": "1", "name": "", "x": ""}, {"id": "2", "name": "b", "x": "c"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,name\n1,é\n".encode("utf-16"), "not UTF-8 text, perhaps UTF-16(?s:.*)iconv -f UTF-16 -t UTF-8 t.csv"),
        ("id,name\n1,é\n".encode("utf-16-le"), "perhaps UTF-16"),
        ("id,name\n1,a\n2,é\n".encode("latin-1"), "perhaps WINDOWS-1252(?s:.*)iconv -f WINDOWS-1252"),
        (b"id,name\n1,a, b\n", r"t.csv, line 2: 3 cells under 2 columns(?s:.*)quotes"),
        (b'id,name\n1,"a\n2,b\n', r"is not a CSV file \(after line 3"),
        (b'id,name\n1,"a" b\n', r"is not a CSV file \(after line 2"),
        (b"id,name,name\n1,a,b\n", "the column name twice"),
        (b"id\n1\n", "lacks the column name; it has id"),
        (b"", "lacks the column id, name; it has"),
        (b"id,name\n1," + b"x" * (MAX_CELL + 1), "field larger"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_way_out(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        rows_of(tmp_path / "t.csv")


def test_a_missing_file_says_what_to_give(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist: give it"):
        rows_of(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1000", 1000),
        (" -7 ", -7),
        ("'1000", 1000),
        ("1000.0", 1000),
        ("1000,00", 1000),
        (str(2**63 - 1), 2**63 - 1),
        (str(-(2**63)), -(2**63)),
        (str(2**63), None),
        (f"{2**53}.0", 2**53),
        # a data frame's float of an id this long is the neighbour's
        (f"{2**53 + 2}.0", None),
        ("1.000", None),
        ("1e3", None),
        ("1 000", None),
        ("--5", None),
        ("²", None),
        ("", None),
        ("1" * 30, None),
    ],
)
def test_ids_as_spreadsheets_and_data_frames_write_them(cell, value):
    assert integer_in(cell) == value
    if value is not None:
        assert id_in(cell) == value


@pytest.mark.parametrize("cell", ["2,87E+18", "2.87e+18", f"{2**53 + 2}.0"])
def test_what_a_spreadsheet_has_rounded_is_no_id(cell):
    assert id_in(cell) is None


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_id_of_64_bits_is_read(value):
    assert id_in(str(value)) == value


@given(st.integers(max_value=-(2**63) - 1) | st.integers(2**63))
def test_no_longer_one_is(value):
    assert integer_in(str(value)) is None
    assert id_in(str(value)) == str(value)
