"""Ids in sheets: no formula, nothing that a spreadsheet changes, read back to the letter."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.files.sheet_ids import id_cell, id_of_cell, likely_ids
from catalog.ids.shop_id import shop_id, why_no_id

SIGNS = "=+-@;' .,:/%0123456789eEaAmMrRpPtTuU"
TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from(SIGNS), max_size=30)


@given(TEXTS.map(str.strip).filter(lambda text: not why_no_id(text)).map(shop_id) | st.integers(-(2**63), 2**63 - 1))
@example("=1+1")
@example("'=1+1")
@example("''")
@example("a;=1+1")
@example("a;'=1+1")
@example("a; '=1+1;'' -2")
@example("2,87E+18")
@example("1000.0")
@example("'1000")
def test_an_id_is_read_as_it_was_written_and_is_no_formula(value):
    cell = str(id_cell(value))
    assert id_of_cell(cell) == value
    if isinstance(value, str):
        for part in [cell, *cell.split(";")]:
            assert not part.strip().startswith(tuple("=+-@"))


@pytest.mark.parametrize(
    "text",
    ["007", "1E5", "1.50", "3-4", "2024-01-05", "MARCH1", "1-Mar", "12:30 PM", "TRUE", "Vrai", "5%", "(5)", "mai-12"],
)
def test_what_a_spreadsheet_would_change_is_marked(text):
    assert id_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["MH01-gray", "550e8400-e29b-41d4-a716-446655440000", "a17", "café", "🎈 red", "<b>"])
def test_plain_text_is_left_as_it_is(text):
    assert id_cell(text) == text


@pytest.mark.parametrize(
    ("cell", "meant"),
    [("7", 7), ("7.0", 7), ("'7", 7), ("'007", "007"), ("007", "007"), ("2,87E+18", None), ("''abc", "'abc"),
     ("'abc", "abc"), ("", None), ("'", None)],
)  # fmt: skip
def test_what_stands_in_a_cell(cell, meant):
    assert id_of_cell(cell) == meant


def test_the_likely_id_behind_a_changed_cell_is_told_where_it_is_the_only_one():
    assert likely_ids([7, 100000, "new"], ["007", "008", "x", "1E5", 5]) == {7: "007", 100000: "1E5"}
    assert likely_ids([7], ["007", "07"]) == {}
    assert likely_ids(["mh01-GRAY"], ["MH01-gray", "MH02"]) == {"mh01-GRAY": "MH01-gray"}
    assert likely_ids([], ["a"]) == {}
