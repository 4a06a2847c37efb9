"""A difference on disk: every change as a row, and the numbers."""

import json
from pathlib import Path

from catalog.files.answer_sheet import write_sheet
from catalog.files.atomic import write_text
from catalog.files.progress import Progress, counted
from curation.diff.difference import CatalogDifference
from curation.diff.rows import columns_of, rows_of

ROWS, NUMBERS = "diff.csv", "diff.json"


def refuse_existing(folder: Path, overwrite: bool) -> None:
    """Raise FileExistsError when a file to write exists and `overwrite` is not set."""
    for path in (folder / ROWS, folder / NUMBERS):
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists already: give another --output, or --overwrite to replace it")


def write_difference(difference: CatalogDifference, folder: Path, progress: Progress | None = None) -> list[Path]:
    """Write `diff.csv`, a sheet, row by row, and `diff.json`; returns both. A product with two changes has two rows."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = difference.counts()
    total = sum(counts.values()) - counts["unchanged"]
    write_sheet(folder / ROWS, columns_of(difference), counted(rows_of(difference), total, progress))
    write_text(folder / NUMBERS, json.dumps(difference.to_json(), indent=1, ensure_ascii=False) + "\n")
    return [folder / ROWS, folder / NUMBERS]
