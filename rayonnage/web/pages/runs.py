"""The page of the models: which one answers, how it does, the others, and the pages that commands have written."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from rayonnage.web.api.review_request import ReviewRequest, journal_at_hand
from rayonnage.web.api.runs import asked_run, compared, put_in_place, serving_of, shown_run, take_back
from rayonnage.web.comparing.known_runs import known_runs
from rayonnage.web.problem import RequestRefused
from rayonnage.web.security.headers import written_page_headers
from rayonnage.web.services import Services, services_of
from rayonnage.web.showing.rendering import page
from rayonnage.written_pages import WrittenPage, latest_pages

router = APIRouter(include_in_schema=False)
Asked = Annotated[Services, Depends(services_of)]


def _date(since_1970: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(since_1970))


def _pages(services: Services) -> list[WrittenPage]:
    try:
        return latest_pages(services.workspace)
    except (OSError, ValueError):
        # the models are shown without them
        return []


def _filled(request: Request, services: Services, template: str) -> HTMLResponse:
    runs = [shown_run(run, services) for run in known_runs(services.workspace)]
    serving = serving_of(services)
    return page(
        request, template, here="runs", serving=serving, runs=runs, date=_date, pages=_pages(services),
        current=next((run for run in runs if run.serves), None),
    )  # fmt: skip


@router.get("/runs")
def runs(request: Request, services: Asked) -> HTMLResponse:
    """Models and written pages."""
    return _filled(request, services, "runs.html")


@router.get("/runs-models")
def models(request: Request, services: Asked) -> HTMLResponse:
    """The models alone, asked for again while one is being loaded."""
    return _filled(request, services, "runs_models.html")


@router.get("/runs-live")
def live(request: Request, services: Asked) -> HTMLResponse:
    """What the reviewed sample says of the newest predictions; it takes longer than the rest of the page."""
    try:
        with journal_at_hand():
            progress = ReviewRequest(request, services, None).progress()
    except RequestRefused:
        progress = None
    return page(request, "runs_live.html", here="runs", progress=progress)


@router.get("/runs-compare")
def compare(request: Request, services: Asked, a: str, b: str) -> HTMLResponse:
    """Whether B is better than A."""
    refused, result = "", None
    try:
        result = compared(services, a, b)
    except RequestRefused as error:
        refused = error.problem.detail
    template = "runs_comparison.html" if "hx-request" in request.headers else "runs_compare.html"
    return page(request, template, here="runs", a=a, b=b, result=result, refused=refused)


@router.get("/runs-replace")
def confirm(request: Request, services: Asked, name: str) -> HTMLResponse:
    """What happens when a run is put in the model's place."""
    run = asked_run(services, name)
    return page(
        request,
        "runs_replace.html",
        here="runs",
        name=run.folder.name,
        serving=serving_of(services),
        action="runs-replace",
    )


@router.post("/runs-replace")
def replace(services: Asked, name: Annotated[str, Form(max_length=255)]) -> Response:
    """Put a run in the model's place."""
    put_in_place(services, name)
    return RedirectResponse("runs", 303)


@router.post("/runs-take-back")
def former(services: Asked) -> Response:
    """Let the former model answer again."""
    take_back(services)
    return RedirectResponse("runs", 303)


@router.get("/runs/pages/{key}")
def written(key: str, services: Asked) -> FileResponse:
    """A page that a command wrote, by its key in the list: no part of an address becomes a path."""
    for one in _pages(services):
        if one.key == key:
            return FileResponse(one.path, media_type="text/html", headers=written_page_headers())
    raise RequestRefused(404, "no such page", "it was written anew elsewhere, or removed: open it from the list", "key")
