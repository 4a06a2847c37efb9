"""The page where whole catalogues are sent and fetched."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from catalog.product import ProblemKind
from rayonnage.web.api.jobs import own_job, shown
from rayonnage.web.jobs.contents import TITLES_ALONE
from rayonnage.web.jobs.limits import DAY_S
from rayonnage.web.jobs.record import ENDINGS, JobState
from rayonnage.web.jobs.work import HOW_LAID_OUT
from rayonnage.web.services import Services, services_of
from rayonnage.web.showing.rendering import page, words_of
from rayonnage.web.visitor import visitor_of

router = APIRouter(include_in_schema=False)
Asked = Annotated[Services, Depends(services_of)]
FETCHED = ("submission", "review", "table")
"""Results that have a button; the others lie behind the API."""
ERRORS = {TITLES_ALONE: "jobs.error_titles_alone", HOW_LAID_OUT: "jobs.error_layout"}
"""What most often is wrong with what is sent, in the page's words; all else holds details that have none."""


def _filled(request: Request, services: Services, template: str) -> HTMLResponse:
    desk, limits = services.jobs, services.jobs.limits
    # what is to be learnt from stands on the page of fits
    jobs = [shown(job, desk) for job in desk.store.of(visitor_of(request).name) if not job.to_learn]
    moving = any(job.state in (JobState.WAITING, JobState.RUNNING) for job in jobs)
    words = words_of(request)
    return page(
        request, template, here="jobs", jobs=jobs, errors={text: words(key) for text, key in ERRORS.items()},
        kinds={kind.value: words(f"jobs.problem_{kind.name.lower()}") for kind in ProblemKind},
        moving=moving, endings=",".join(ENDINGS),
        fetched=FETCHED, most=limits.job_bytes, days=round(limits.kept_s / DAY_S), n_jobs=limits.jobs,
    )  # fmt: skip


@router.get("/jobs")
def jobs(request: Request, services: Asked) -> HTMLResponse:
    """Send a catalogue, see how far it is, fetch the sheets."""
    return _filled(request, services, "jobs.html")


@router.get("/jobs-list")
def jobs_list(request: Request, services: Asked) -> HTMLResponse:
    """The list alone, beside the page so that its links are the same."""
    return _filled(request, services, "jobs_list.html")


@router.post("/jobs/{job_id}/delete")
def delete(request: Request, job_id: str, services: Asked) -> Response:
    """Remove a job, and show the others."""
    services.jobs.delete(own_job(request, services, job_id))
    return RedirectResponse("../../jobs-list" if "hx-request" in request.headers else "../../jobs", 303)
