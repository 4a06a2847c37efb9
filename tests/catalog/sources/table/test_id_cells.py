"""Ids in the cells of a table."""

from __future__ import annotations

import contextlib
import uuid
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.ids.shop_id import MAX_LENGTH, ShopId
from catalog.sources.table.id_cells import read_id, written_id
from tests.support.ids import IDS
from tests.support.photo_files import put


@settings(max_examples=200)
@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_are_read_from_any_cell(i: int) -> None:
    assert read_id(i) == read_id(f" {i} ") == read_id(Decimal(i)) == i
    if abs(i) < 2**53:
        assert read_id(float(i)) == read_id(f"{i}.0") == i
    elif abs(i) > 2**53:
        with pytest.raises(ValueError, match="is rounded"):
            read_id(f"{i}.0")


@settings(max_examples=1000)
@given(IDS)
@example("nan")
@example("12.0")
@example("'12.0")
@example("''12")
@example("2,87E+18")
@example("'=1+1")
@example("0012.0")
@example("'")
@example("' 1")
@example("'nan")
def test_what_is_written_for_an_id_is_read_as_it(product_id: ShopId) -> None:
    written = written_id(product_id)
    assert read_id(written) == product_id
    assert read_id(f" {written}") == product_id
    # an apostrophe stands where it must, and nowhere else
    if written != product_id:
        with contextlib.suppress(ValueError):
            assert read_id(str(product_id)) != product_id


@pytest.mark.parametrize(
    "cell", ["007", "MH01-gray", "=1+1", "../x", "<b>", "1.000", "a7", "A", "É", "12345678901234567890"]
)
def test_a_text_is_an_id_to_the_letter(cell: str) -> None:
    assert read_id(cell) == written_id(cell) == cell


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        (Decimal("12.0000"), 12),
        (Decimal("12345678901234567890"), "12345678901234567890"),
        (2**64, str(2**64)),
        (12.0, 12),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (bytes(15) + b"\7", "00000000-0000-0000-0000-000000000007"),
    ],
)
def test_cells_of_parquet_columns(cell: object, meant: ShopId) -> None:
    assert read_id(cell) == meant


def test_uuids_in_parquet_columns_of_their_own_type(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    ids = [uuid.UUID(int=n) for n in (7, 8)]
    columns = [pa.array([one.bytes for one in ids], pa.binary(16)), pa.array(["a.jpg"] * 2)]
    for number, column in enumerate(
        (columns[0], columns[0].cast(pa.uuid()), pa.array(map(str, ids)).dictionary_encode())
    ):
        pq.write_table(pa.Table.from_arrays([column, columns[1]], ["_id", "photo"]), tmp_path / f"{number}.parquet")
        assert Catalog(tmp_path / f"{number}.parquet").shop_ids() == list(map(str, ids))


@pytest.mark.parametrize("cell", [None, "", "  ", "nan", float("nan")])
def test_empty_cells(cell: object) -> None:
    assert read_id(cell) is None


@pytest.mark.parametrize(
    "cell",
    [
        1.5,
        float("inf"),
        2.0**54,
        True,
        [1],
        b"abc",
        Decimal("1.5"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1e400"),
    ],
)
def test_cells_that_hold_no_id(cell: object) -> None:
    with pytest.raises(ValueError, match="is neither an integer nor a text"):
        read_id(cell)


@pytest.mark.parametrize("cell", ["a\nb", "x" * (MAX_LENGTH + 1), "'" * 10**6, "1" * 10**6, "1.5E+10", "9" * 19 + ".0"])
def test_texts_that_are_no_ids(cell: str) -> None:
    with pytest.raises(ValueError, match=r"control|longer|rounded") as refused:
        read_id(cell)
    assert len(str(refused.value)) < 200
