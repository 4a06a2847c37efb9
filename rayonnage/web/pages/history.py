"""What this browser has classified: the table, its photos, and the same as CSV."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from catalog.files.answer_sheet import plain_cell, sheet_text
from catalog.files.sheet_ids import id_cell
from catalog.tree.taxonomy import path_text
from rayonnage.web.classifying.answer_view import sure_of
from rayonnage.web.classifying.session_history import HistoryEntry
from rayonnage.web.problem import RequestRefused
from rayonnage.web.services import Services, services_of
from rayonnage.web.showing.plain_words import PlainWords, told_of
from rayonnage.web.showing.rendering import page, words_of
from rayonnage.web.visitor import visitor_of

router = APIRouter(include_in_schema=False)

COLUMNS = ("time", "title", "photos", "decision", "path", "probability", "likeliest_category_id")
Served = Annotated[Services, Depends(services_of)]


@dataclass(frozen=True)
class HistoryRow:
    """One row of the table; made: when, as ISO 8601 has it."""

    entry: HistoryEntry
    told: PlainWords
    sure: str
    made: str


def rows_of(request: Request, services: Services) -> list[HistoryRow]:
    """The table of who asks, in the page's language, the newest first."""
    words, rows = words_of(request), []
    for entry in services.histories.of(visitor_of(request).session):
        told = told_of(entry.answer, entry.trees[words.language], words)
        made = datetime.fromtimestamp(entry.made, UTC).isoformat(timespec="seconds")
        rows.append(HistoryRow(entry, told, sure_of(entry, told, words), made))
    return rows


def entry_asked(request: Request, services: Services, key: str) -> HistoryEntry:
    """An entry of who asks; raises RequestRefused (404) where there is none, or not any more."""
    entry = services.histories.find(visitor_of(request).session, key)
    if entry is None:
        raise RequestRefused(404, "not in the history", "it was deleted or forgotten: classify it again", "entry")
    return entry


@router.get("/history")
async def history(request: Request, services: Served) -> HTMLResponse:
    """The table, as the part of the page that shows it."""
    return page(request, "history.html", rows=rows_of(request, services))


@router.delete("/history", status_code=204)
async def delete(request: Request, services: Served, entry: str | None = None) -> Response:
    """Forget an entry, or all of them."""
    services.histories.delete(visitor_of(request).session, entry)
    return Response(status_code=204)


@router.get("/history.csv")
async def sheet(request: Request, services: Served) -> Response:
    """The table for spreadsheets."""
    rows = [
        (
            row.made, plain_cell(row.entry.title), plain_cell(" | ".join(row.entry.names)),
            row.entry.answer.decision.value, plain_cell(path_text(row.told.path)),
            f"{row.entry.answer.probabilities[len(row.told.path) - 1]:.4f}",
            id_cell(row.entry.answer.best.category_id),
        )
        for row in rows_of(request, services)
    ]  # fmt: skip
    headers = {"Content-Disposition": 'attachment; filename="rayonnage-history.csv"'}
    return Response(sheet_text(COLUMNS, rows), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/history/{key}/{position}.jpg")
async def photo(request: Request, services: Served, key: str, position: int, small: bool = False) -> Response:
    """A photo of an entry, upright and of bounded size."""
    entry = services.histories.find(visitor_of(request).session, key)
    if entry is None or not 0 <= position < len(entry.photos) or not entry.photos[position].jpeg:
        raise RequestRefused(404, "no such photo", "it was deleted or forgotten: classify the photos again")
    shown = entry.photos[position]
    # a key is never given to other photos
    headers = {"Cache-Control": "private, max-age=43200, immutable"}
    return Response(shown.small if small else shown.jpeg, media_type="image/jpeg", headers=headers)
