"""Sheets that people fill: written as CSV for spreadsheets, read back however a spreadsheet saved them."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, TextIO

from catalog.files.atomic import atomic_path
from catalog.files.csv_rows import id_in, read_raw_rows
from catalog.files.sheet_ids import id_of_cell, unmarked
from catalog.ids.shop_id import ShopId, id_number

PRODUCT, ANSWER, SUGGESTED = "product_id", "corrected_category_id", "suggested_category_id"
LABEL = "label_category_id"
"""The catalogue's own category, in sheets about labels."""
CONFIRMED = "ok"
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
"""What is read in the place of bytes that are no UTF-8."""
MAX_TEXT = 8000
"""Characters of a cell that are shown; all of them stand in the full table."""
MAX_FAULTS = 10
"""Faults that are shown of one reading."""
FILL_ANEW = (
    "spreadsheets round long ids, drop zeros before others and make dates of some: fill the sheet as it was written "
    "(an apostrophe before such an id keeps it whole), or put its first columns back over the changed ones"
)
"""The way out of a sheet whose ids a spreadsheet has changed."""
AS_UTF8 = "has letters that are no UTF-8: save the sheet as 'CSV UTF-8'"
FORMULA = re.compile(r"(^|;)(?=\s*[=+\-@])")
"""Where a spreadsheet, also one that separates cells by semicolons, would begin to read a formula."""


class Categories(Protocol):
    """What reading answers asks of a tree's categories (`catalog.tree.answers.CategoryNames`)."""

    def category_in(self, cell: str) -> int | None:
        """The category_id that an answer means; None where it means none or several."""

    def why_not(self, cell: str, words: Sequence[str]) -> str:
        """Why an answer means no category, and what to write; `words` are understood beside categories."""


@dataclass(frozen=True, slots=True)
class IdsAlone:
    """Categories where no tree is at hand that has their names; `known`: numbers of ids that may be texts."""

    known: frozenset[int] = frozenset()

    def category_in(self, cell: str) -> int | None:
        """The id that stands there; a text that is not known may be meant for a name."""
        # to the letter first: a text may look like a number that was rounded
        if (to_the_letter := id_number(cell)) in self.known:
            return to_the_letter
        written = id_in(cell)
        number = None if written is None else id_number(written)
        return number if isinstance(written, int) or number in self.known else None

    def why_not(self, cell: str, words: Sequence[str]) -> str:
        """What can be read."""
        no_word = "".join(f" nor {word!r}" for word in words)
        return (
            f"{cell[:40]!r} is neither a category_id{no_word}; names are read where a category tree is given (--tree)"
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """The answer's cell of one row, as it stands in the file; `text` is empty where the reviewer left it so.

    `suggested` and `label` are what the reviewer saw, empty when those columns are not there.
    """

    file: Path
    line: int
    product: str
    text: str
    suggested: str
    label: str

    @property
    def where(self) -> str:
        """File and line, for people."""
        return f"{self.file}, line {self.line}"

    @property
    def product_id(self) -> ShopId | None:
        """The product's id, None where none can be read, as where a spreadsheet has rounded it."""
        return id_of_cell(self.product)

    @property
    def suggested_id(self) -> ShopId | None:
        """The id of the suggested category, None where none can be read."""
        return id_of_cell(self.suggested)

    @property
    def label_id(self) -> ShopId | None:
        """The id of the catalogue's own category, None where none can be read."""
        return id_of_cell(self.label)


@dataclass(frozen=True, slots=True)
class SheetAnswer:
    """A reviewer's answer: a category, or None for `ok`; `suggested` and `label` where they can be read.

    All are the numbers of ids, see `catalog.ids.shop_id`; the ids as the shop has them are told by `cell`.
    """

    product_id: int
    category_id: int | None
    suggested: int | None
    label: int | None
    cell: Cell


def write_sheet(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV for spreadsheets (UTF-8 with a byte-order mark), atomically; text goes through `plain_cell` first."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        _write_rows(file, columns, rows)


def sheet_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """What `write_sheet` would write."""
    text = io.StringIO(newline="")
    _write_rows(text, columns, rows)
    return text.getvalue()


def _write_rows(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    # spreadsheets take UTF-8 for another encoding unless the mark is there
    file.write("\N{ZERO WIDTH NO-BREAK SPACE}")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def plain_cell(text: str) -> str:
    """Text on one line, of bounded length, in which no spreadsheet finds a formula (an apostrophe goes before it)."""
    line = FORMULA.sub(r"\1'", " ".join(text.split()))
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"


def read_cells(path: Path) -> Iterator[Cell]:
    """Every row's product and answer, in file order; blank lines and other columns are passed over.

    Columns may stand in any order, separated by comma, semicolon or tab.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a CSV file, UTF-16, or one without the two columns; the message names file and line.
    """
    # most ids are ASCII, whatever the encoding: what it garbles is refused where it is asked for
    rows = read_raw_rows(path, "give a sheet that was filled (review.csv, audit.csv, suspects.csv)", errors="replace")
    columns = [name.strip() for _, names in islice(rows, 1) for name in names]
    if columns.count(PRODUCT) != 1 or columns.count(ANSWER) != 1:
        raise ValueError(
            f"{path}: expected one column {PRODUCT} and one {ANSWER}, got {', '.join(columns)[:200]}; "
            "save the sheet as CSV with its first row"
        )
    for line, cells in rows:
        row = dict(zip(columns, map(str.strip, cells), strict=False))
        product, answer, suggested, label = (row.get(name, "") for name in (PRODUCT, ANSWER, SUGGESTED, LABEL))
        if product or answer:
            yield Cell(path, line, product, answer, suggested, label)


def has_answers(path: Path) -> bool:
    """Whether a reviewer has filled any cell; a file that cannot be read any more is taken for filled."""
    try:
        return any(cell.text for cell in read_cells(path))
    except ValueError:
        return True


def read_answers(
    files: Iterable[Path], accepted: str | None = None, categories: Categories | None = None
) -> tuple[list[SheetAnswer], int]:
    """All answers of some files, and how many rows have none.

    Args:
        accepted: a word that stands for the suggested category, in sheets where `ok` means something else.
        categories: what reads the names of a tree's categories; None: ids alone are read.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: not a CSV file, or cells that are neither a category nor `ok`; file and line are named.
    """
    answers, n_blank, faults = [], 0, []
    known = IdsAlone() if categories is None else categories
    words = [CONFIRMED] if accepted is None else [CONFIRMED, accepted]
    for cell in (cell for path in files for cell in read_cells(path)):
        product, seen, label = map(_number, (cell.product_id, cell.suggested_id, cell.label_id))
        word = cell.text.casefold()
        # a word comes before a category that is called so
        category = seen if word == accepted else None if word == CONFIRMED else _category(cell.text, known)
        if not cell.text:
            n_blank += 1
        elif product is None or UNREADABLE in cell.product:
            why = f"is no id ({FILL_ANEW})" if product is None else AS_UTF8
            faults.append(f"{cell.where}: {PRODUCT} {cell.product[:40]!r} {why}")
        elif category is None and word == accepted:
            faults.append(
                f"{cell.where}: {accepted!r} stands for a category in the column {SUGGESTED}, and there is none: put "
                "it back, or write the category_id itself"
            )
        elif category is None and word != CONFIRMED:
            faults.append(f"{cell.where}: {_why_not(cell.text, words, known) if len(faults) < MAX_FAULTS else ''}")
        else:
            answers.append(SheetAnswer(product, category, seen, label, cell))
    refuse(faults)
    return answers, n_blank


def _number(shop_id: ShopId | None) -> int | None:
    return None if shop_id is None else id_number(shop_id)


def _category(text: str, known: Categories) -> int | None:
    """The category that an answer means: perhaps an id as the sheet has it, copied with its apostrophe."""
    found = known.category_in(unmarked(text))
    return known.category_in(text) if found is None else found


def _why_not(text: str, words: Sequence[str], categories: Categories) -> str:
    """Slow: whoever asks shows it."""
    if UNREADABLE in text:
        return f"{text[:40]!r} {AS_UTF8}, or write the category_id"
    return categories.why_not(text, words)


def refuse(faults: list[str]) -> None:
    """Raise ValueError when there are faults: the first are shown, all are counted."""
    if faults:
        more = [f"... and {len(faults) - MAX_FAULTS} more"] if len(faults) > MAX_FAULTS else []
        shown = "\n".join(f"  {line}" for line in faults[:MAX_FAULTS] + more)
        raise ValueError(f"{len(faults)} answers cannot be taken, nothing was applied\n{shown}")
