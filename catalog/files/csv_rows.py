"""CSV files that people give: UTF-8, separated by comma, semicolon or tab, columns in any order."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import Literal

from catalog.files.atomic import write_text
from catalog.files.file_kinds import refuse_other_kind
from catalog.ids.shop_id import LARGEST_EXACT, ShopId, shop_id, why_no_id

_ID = re.compile(r"'?(0|-?[1-9][0-9]{0,18})([.,]0{1,2})?")
"""An integer as spreadsheets and data frames write it: 1000, '1000, 1000.0. Three zeros would be thousands."""
_MARKED = re.compile("'-?[0-9]+")
"""Digits that a spreadsheet is told to keep as text."""
_ROUNDED = re.compile(r"-?[0-9][.,][0-9]+E\+[0-9]+|-?[1-9][0-9]{15,}[.,]0{1,2}", re.IGNORECASE)

MAX_CELL = 16 * 2**20
"""Characters of a cell: a quote that is left open would take the rest of the file for one."""
csv.field_size_limit(MAX_CELL)

_LITTLE = [False, True, False, True]
"""Which bytes are zero where UTF-16 without a mark begins with two plain letters, the smaller byte first."""
_SEPARATOR = re.compile(r"\"?sep=([,;\t|])\"?[,;\t|]*", re.IGNORECASE)
"""A first line that tells Excel the separator, and is no row."""


def integer_in(cell: str) -> int | None:
    """The integer of 64 bits in a cell; None where there is none."""
    match = _ID.fullmatch(cell.strip())
    if match is None:
        return None
    value = int(match[1])
    return value if -(2**63) <= value < 2**63 and (match[2] is None or abs(value) <= LARGEST_EXACT) else None


def id_in(cell: str) -> ShopId | None:
    """The product or category id in a cell, see `catalog.ids.shop_id`; None where there is none that can be used.

    `1000.0` is the integer that a data frame made a floating-point number of; of what was rounded on such a way,
    `2,87E+18`, nobody knows which product it was.
    """
    value = integer_in(cell)
    if value is not None:
        return value
    text = _as_typed(cell)
    return None if _why_none(text) else shop_id(text)


def why_not_id(cell: str) -> str:
    """Why a cell holds no id that can be used; "" where it holds one."""
    return "" if integer_in(cell) is not None else _why_none(_as_typed(cell))


def _as_typed(cell: str) -> str:
    text = cell.strip()
    return text[1:] if _MARKED.fullmatch(text) else text


def _why_none(text: str) -> str:
    if _ROUNDED.fullmatch(text):
        return f"{text[:40]!r} is rounded, as spreadsheets do with long numbers: nobody knows which id it was"
    return why_no_id(text)


def read_rows(path: Path, required: Sequence[str], missing: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Every row below the columns, as its last line's number and its cells by column.

    Other columns and columns in another order do no harm; a short row's missing cells are empty.

    Args:
        required: columns that must be there.
        missing: what to tell where no such file is: what it holds and how it is given.

    Raises:
        FileNotFoundError, ValueError: as `read_raw_rows`; also a required column that is not there once, or a row with
            more cells than columns (a name with a separator in it that was not quoted).
    """
    rows = read_raw_rows(path, missing)
    columns = [name.strip() for _, cells in islice(rows, 1) for name in cells]
    absent = [name for name in required if name not in columns]
    if absent:
        raise ValueError(f"{path} lacks the column {', '.join(absent)}; it has {', '.join(columns)[:200]}")
    twice = [name for name in required if columns.count(name) > 1]
    if twice:
        raise ValueError(f"{path} has the column {twice[0]} twice: leave one of them")
    for line, cells in rows:
        if any(cell.strip() for cell in cells[len(columns) :]):
            raise ValueError(
                f"{path}, line {line}: {len(cells)} cells under {len(columns)} columns; "
                'a name with a separator in it stands in "quotes"'
            )
        yield line, dict(zip_longest(columns, cells[: len(columns)], fillvalue=""))


def read_raw_rows(
    path: Path, missing: str, errors: Literal["strict", "replace"] = "strict"
) -> Iterator[tuple[int, list[str]]]:
    """Every row, that of the columns too, as its last line's number and its cells, to the letter.

    A byte-order mark, empty rows and Excel's line `sep=;` do no harm and are passed over.

    Args:
        missing: what to tell where no such file is.
        errors: what to do with bytes that are no UTF-8: refuse the file, or replace them where only ids are wanted.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no text, not UTF-8, or not a CSV file; the message names file and line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: {missing}")
    _require_text(path, missing)
    with path.open(encoding="utf-8-sig", errors=errors, newline="") as file:
        try:
            first = next((line for line in file if line.strip()), "")
            file.seek(0)
            for_excel = _SEPARATOR.fullmatch(first.rstrip("\r\n"))
            # not strict, csv would take what follows a closing quote for a part of the name
            # spreadsheets of many countries save semicolons
            separator = for_excel[1] if for_excel else max(",;\t", key=first.count)
            reader = csv.reader(file, delimiter=separator, strict=True)
            rows = (cells for cells in reader if any(cell.strip() for cell in cells))
            if for_excel:
                next(rows)
            read = 0
            for cells in rows:
                read = reader.line_num
                yield read, cells
        except UnicodeDecodeError:
            raise not_utf8(path, "WINDOWS-1252") from None
        except csv.Error as error:
            hint = (
                f". No cell may have more characters. A quote may be left open in line {read + 1}"
                if "field limit" in str(error)
                else ""
            )
            raise ValueError(f"{path} is not a CSV file (after line {reader.line_num}: {error}){hint}") from None


def _require_text(path: Path, missing: str) -> None:
    """Raise ValueError where a file is UTF-16, as spreadsheets save "Unicode text", or no text; `missing` as above."""
    refuse_other_kind(path, "a CSV file")
    with path.open("rb") as start:
        first = start.read(4)
    # without a mark, UTF-16 of plain letters would pass for UTF-8 with a NUL between any two
    if first[:2] in (b"\xff\xfe", b"\xfe\xff") or [byte == 0 for byte in first] in (_LITTLE, _LITTLE[::-1]):
        raise not_utf8(path, "UTF-16")
    if b"\0" in first:
        raise ValueError(f"{path} is no text, so no CSV file: {missing}")


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV that `read_rows` reads back to the letter, atomically; cells without a NUL."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        # a lone carriage return ends a row for readers, but is no reason for a quote to the writer
        lone = any("\r" in str(cell) for cell in row)
        (csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL) if lone else writer).writerow(row)
    write_text(path, text.getvalue())


def not_utf8(path: Path, encoding: str) -> ValueError:
    """What to raise where a file is no UTF-8, but perhaps of that encoding."""
    return ValueError(
        f"{path} is not UTF-8 text, perhaps {encoding}: save it as 'CSV UTF-8' in the spreadsheet, or convert it: "
        f"iconv -f {encoding} -t UTF-8 {path.name} > utf8.csv"
    )
