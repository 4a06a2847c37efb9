"""Ids as shops write them come back to the letter."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.files.csv_rows import id_in
from catalog.ids import id_names, shop_id
from catalog.ids.id_columns import id_column, id_type, ids_as, ids_in, numbers_in
from catalog.ids.id_names import IdCollector, IdNames
from catalog.ids.shop_id import MAX_LENGTH, ShopId, id_number, id_numbers

TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40).filter(
    lambda text: text == text.strip()
)
IDS = st.one_of(st.integers(-(2**63), 2**63 - 1), TEXTS.map(shop_id.shop_id))


@given(TEXTS)
def test_whatever_is_written_is_shown_again_to_the_letter(text: str) -> None:
    assert str(shop_id.shop_id(text)) == text


@pytest.mark.parametrize("text", ["007", "-0", "+5", "1e3", "12345678901234567890", "9223372036854775808", "a7"])
def test_what_is_no_plain_integer_stays_a_text(text: str) -> None:
    assert shop_id.shop_id(text) == text
    assert id_number(text) >= 0


@pytest.mark.parametrize("text", ["0", "-1", "9223372036854775807", "-9223372036854775808"])
def test_an_integer_of_64_bits_is_its_own_number(text: str) -> None:
    assert shop_id.shop_id(text) == id_number(int(text)) == int(text)


@pytest.mark.parametrize(("text", "why"), [("", "empty"), ("a\nb", "control"), ("x" * (MAX_LENGTH + 1), "longer")])
def test_what_is_no_id_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        shop_id.shop_id(text)
    assert id_in(text) is None


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        (" 12 ", 12),
        ("'12", 12),
        ("12.0", 12),
        ("'0012", "0012"),
        ("007", "007"),
        ("1.000", "1.000"),
        (" MH01 ", "MH01"),
    ],
)
def test_cells_of_spreadsheets(cell: str, meant: ShopId) -> None:
    assert id_in(cell) == meant


def test_two_unicode_forms_are_one_product() -> None:
    composed = "caf\u00e9"
    assert id_number(composed) == id_number(unicodedata.normalize("NFD", composed))


@given(st.lists(IDS, max_size=30))
def test_a_table_gives_all_ids_back(ids: list[ShopId]) -> None:
    names = IdNames.of(ids)
    again = IdNames.from_bytes(names.to_bytes())
    numbers = np.array([id_number(one) for one in ids], np.int64)
    firsts = {}
    for one in ids:
        firsts.setdefault(id_number(one), one)
    assert names.take(numbers) == again.take(numbers) == [firsts[number] for number in numbers.tolist()]
    assert np.array_equal(id_numbers(ids), numbers)
    column = id_column(numbers, names)
    assert column.type == id_type(names)
    assert np.array_equal(numbers_in(column), numbers)


@given(st.lists(IDS, max_size=20), st.lists(IDS, max_size=20))
def test_a_part_of_a_table_names_its_numbers_alone(ids: list[ShopId], others: list[ShopId]) -> None:
    names, numbers = IdNames.of([*ids, *others]), id_numbers(ids)
    part = names.among(numbers)
    assert part.take(numbers) == names.take(numbers)
    assert set(part.numbers.tolist()) == {id_number(one) for one in ids if isinstance(one, str)}
    assert names.name_any(numbers) == (len(part) > 0)
    assert id_type(names, numbers) == id_type(part)
    column = pa.array(ids_as(part.take(numbers), id_type(part)), id_type(part))
    assert ids_in(column) == part.take(numbers)


@given(st.lists(IDS), st.lists(IDS))
def test_two_tables_joined_are_that_of_all_ids(some: list[ShopId], more: list[ShopId]) -> None:
    joined, expected = IdNames.of(some).joined(IdNames.of(more)), IdNames.of([*some, *more])
    np.testing.assert_array_equal(joined.to_bytes(), expected.to_bytes())
    IdNames.from_bytes(joined.to_bytes())


def test_integers_need_no_table_and_stay_integers_in_columns() -> None:
    names = IdNames.of([3, 5])
    assert len(names) == 0
    assert id_column(np.array([3, 5]), names).type == pa.int64()


def test_texts_of_one_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_names, "id_number", lambda one: one if isinstance(one, int) else 7)
    with pytest.raises(ValueError, match="'a' and 'b' have the same number"):
        IdNames.of(["a", "b"])
    with pytest.raises(ValueError, match="'a' and 7 have the same number"):
        IdNames.of(["a", 7])
    collector = IdCollector()
    assert collector.number("a") == 7
    assert collector.names(np.array([7])).take([7, 8]) == ["a", 8]


@pytest.mark.parametrize("damage", [b"", b"\1", b"\xff" * 8, IdNames.of(["a", "b"]).to_bytes().tobytes()[:-1]])
def test_a_damaged_table_is_refused(damage: bytes) -> None:
    with pytest.raises(ValueError, match="table of ids"):
        IdNames.from_bytes(np.frombuffer(damage, np.uint8))
