"""suspects.csv: likely wrong labels as a sheet that a person fills."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from catalog.files.answer_sheet import ANSWER, LABEL, PRODUCT, SUGGESTED, has_answers, plain_cell, write_sheet
from catalog.files.sheet_ids import id_cell
from curation.audit.listing import Suspect

TITLE = "title"
"""Stands after the answer, where any product has one."""
ACCEPTED = "suggested"
"""What a person writes to take the suggestion."""
COLUMNS = (
    PRODUCT, ANSWER, LABEL, "label", SUGGESTED, "suggestion", "part_at", "p_label", "p_suggestion", "gain",
    "copies", "copies_with_other_labels", "copies_with_suggestion", "reason",
)  # fmt: skip


def refuse_filled(path: Path) -> None:
    """Raise FileExistsError where a sheet lies that somebody has filled."""
    if path.is_file() and has_answers(path):
        raise FileExistsError(
            f"{path} holds a reviewer's answers: apply them first (`catalog audit FILE --apply {path} --output "
            "CORRECTED.bson`), choose another --output, or give --overwrite"
        )


def write_suspects(path: Path, listed: Sequence[Suspect]) -> None:
    """Write the suspects in their order; replaced atomically."""
    with_titles = any(one.title for one in listed)
    columns = [*COLUMNS[:2], TITLE, *COLUMNS[2:]] if with_titles else COLUMNS
    write_sheet(path, columns, _lines(listed, with_titles=with_titles))


def _lines(listed: Sequence[Suspect], *, with_titles: bool) -> Iterator[list[object]]:
    for one in listed:
        title = [plain_cell(one.title)] if with_titles else []
        yield [
            id_cell(one.product_id), "", *title, id_cell(one.label_id), plain_cell(one.label),
            id_cell(one.suggested_id), plain_cell(one.suggestion), one.part_at,
            f"{one.p_label:.4f}", f"{one.p_suggestion:.4f}", f"{one.gain:.4f}",
            one.copies, one.copies_other, one.copies_suggested, plain_cell(one.reason),
        ]  # fmt: skip
