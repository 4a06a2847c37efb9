"""Sheets that people fill: written as CSV for spreadsheets, read back however a spreadsheet saved them."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from catalog.files.atomic import atomic_path
from catalog.files.csv_rows import integer_in, number_in, read_raw_rows

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
LONG_ID = 10**11
"""Spreadsheets show integers of 12 and more digits as 2,87E+18, and save them so, rounded, unless they are text."""
FILL_ANEW = (
    "spreadsheets round long ids: fill the sheet as it was written (an apostrophe before a long id keeps it whole), or "
    "put its first columns back over the rounded ones"
)
"""The way out of a sheet whose ids a spreadsheet has rounded."""
FORMULA = re.compile(r"(^|;)(?=\s*[=+\-@])")
"""Where a spreadsheet, also one that separates cells by semicolons, would begin to read a formula."""


class Categories(Protocol):
    """What reading answers asks of a tree's categories (`catalog.tree.answers.CategoryNames`)."""

    def category_in(self, cell: str) -> int | None:
        """The category_id that an answer means; None where it means none or several."""

    def why_not(self, cell: str, words: Sequence[str]) -> str:
        """Why an answer means no category, and what to write; `words` are understood beside categories."""


class IdsAlone:
    """Categories where no tree is at hand that has their names."""

    def category_in(self, cell: str) -> int | None:
        """The integer that stands there: any other text may be meant for a name."""
        return integer_in(cell)

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


@dataclass(frozen=True, slots=True)
class SheetAnswer:
    """A reviewer's answer: a category, or None for `ok`; `suggested` and `label` where they can be read.

    All are the numbers of ids, see `catalog.ids.shop_id`; the ids themselves stand in `cell`.
    """

    product_id: int
    category_id: int | None
    suggested: int | None
    label: int | None
    cell: Cell


def write_sheet(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV for spreadsheets (UTF-8 with a byte-order mark), atomically; text goes through `plain_cell` first."""
    # spreadsheets take UTF-8 for another encoding unless the mark is there
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def id_cell(value: int) -> int | str:
    """An id as a sheet has it: a long one is text, by an apostrophe that spreadsheets and `csv_rows.id_in` know."""
    return f"'{value}" if abs(value) >= LONG_ID else value


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
    # ids are ASCII, whatever the encoding: a name that it garbles is refused where it is an answer
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
        product, seen, label = map(number_in, (cell.product, cell.suggested, cell.label))
        word = cell.text.casefold()
        # a word comes before a category that is called so
        category = seen if word == accepted else None if word == CONFIRMED else known.category_in(cell.text)
        if not cell.text:
            n_blank += 1
        elif product is None:
            faults.append(f"{cell.where}: {PRODUCT} {cell.product[:40]!r} is no id ({FILL_ANEW})")
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


def _why_not(text: str, words: Sequence[str], categories: Categories) -> str:
    """Slow: whoever asks shows it."""
    if UNREADABLE in text:
        return f"{text[:40]!r} has letters that are no UTF-8: save the sheet as 'CSV UTF-8', or write the category_id"
    return categories.why_not(text, words)


def refuse(faults: list[str]) -> None:
    """Raise ValueError when there are faults: the first are shown, all are counted."""
    if faults:
        more = [f"... and {len(faults) - MAX_FAULTS} more"] if len(faults) > MAX_FAULTS else []
        shown = "\n".join(f"  {line}" for line in faults[:MAX_FAULTS] + more)
        raise ValueError(f"{len(faults)} answers cannot be taken, nothing was applied\n{shown}")
