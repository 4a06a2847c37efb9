"""Ids in sheets: no formula, nothing that a spreadsheet changes, read back to the letter."""

import csv

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.files.answer_sheet import ANSWER, PRODUCT, SUGGESTED, IdsAlone, read_answers, write_sheet
from catalog.files.sheet_ids import id_cell, id_of_cell, likely_ids
from catalog.ids.shop_id import id_number, shop_id, why_no_id
from catalog.tree.answers import CategoryNames
from catalog.tree.taxonomy import Taxonomy
from tests.support.ids import IDS

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


@settings(deadline=None)
@given(
    ids=st.lists(IDS, max_size=8, unique_by=id_number),
    separator=st.sampled_from(",;\t"),
    ending=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_a_sheet_that_was_saved_again_has_the_ids_to_the_letter(tmp_path_factory, ids, separator, ending, quoting):
    path = tmp_path_factory.mktemp("sheet") / "sheet.csv"
    write_sheet(path, (PRODUCT, ANSWER, SUGGESTED), ((id_cell(one), "ok", id_cell(one)) for one in ids))
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=separator, lineterminator=ending, quoting=quoting).writerows(rows)
    answers, _ = read_answers([path])
    assert [(answer.cell.product_id, answer.cell.suggested_id) for answer in answers] == [(one, one) for one in ids]
    assert [answer.product_id for answer in answers] == [id_number(one) for one in ids]


@given(IDS)
def test_an_id_that_is_copied_into_the_answer_is_that_category(tmp_path_factory, one):
    path = tmp_path_factory.mktemp("sheet") / "sheet.csv"
    write_sheet(path, (PRODUCT, ANSWER), [("a product", id_cell(one))])
    tree = Taxonomy([(one, ("HOME", "MUGS")), ("of its own", ("HOME", "BOWLS"))])
    for categories in (IdsAlone(frozenset([id_number(one)])), CategoryNames(tree)):
        (answer,) = read_answers([path], categories=categories)[0]
        assert answer.category_id == (None if str(one).casefold() == "ok" else id_number(one))


def test_the_likely_id_behind_a_changed_cell_is_told_where_it_is_the_only_one():
    assert likely_ids([7, 100000, "new"], ["007", "008", "x", "1E5", 5]) == {7: "007", 100000: "1E5"}
    assert likely_ids([7], ["007", "07"]) == {}
    assert likely_ids(["mh01-GRAY"], ["MH01-gray", "MH02"]) == {"mh01-GRAY": "MH01-gray"}
    assert likely_ids([], ["a"]) == {}
