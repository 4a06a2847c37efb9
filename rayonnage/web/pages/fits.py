"""The page where a model learns a catalogue: the workspace's again, or one that is sent."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from rayonnage.web.api.fits import (
    NewFit,
    begun,
    deleted,
    gone_on_with,
    put_fit,
    seen_fit,
    seen_fits,
    stopped,
)
from rayonnage.web.api.runs import serving_of
from rayonnage.web.fits.record import ACTIVE
from rayonnage.web.jobs.limits import DAY_S
from rayonnage.web.jobs.record import ENDINGS
from rayonnage.web.services import Services, services_of
from rayonnage.web.showing.rendering import page

router = APIRouter(include_in_schema=False)
Asked = Annotated[Services, Depends(services_of)]
MINUTES = (5, 15, 45, 120, 480)
USUAL = 15
STAGES = ("look", "measure", "choose", "split", "mosaic", "ocr", "fusion", "page")
"""What the pages have words for; other stages are named as the fit names them."""


def _filled(request: Request, services: Services, template: str) -> HTMLResponse:
    fits, desk = seen_fits(request, services), services.fits
    return page(
        request, template, here="runs", fits=fits, moving=any(fit.state in ACTIVE for fit in fits),
        catalogue=desk.catalogue(), serving=serving_of(services),
        n_answers=desk.n_answers(), minutes=MINUTES, usual=USUAL, stages=STAGES,
        endings=",".join(ENDINGS), most=services.jobs.limits.job_bytes, days=round(desk.limits.kept_s / DAY_S),
        ceil=math.ceil,
    )  # fmt: skip


@router.get("/fits")
def fits(request: Request, services: Asked) -> HTMLResponse:
    """Begin a fit, see how far it is, put its model in place."""
    return _filled(request, services, "fits.html")


@router.get("/fits-list")
def fits_list(request: Request, services: Asked) -> HTMLResponse:
    """The list alone, beside the page so that its links are the same."""
    return _filled(request, services, "fits_list.html")


@router.post("/fits")
def begin(
    request: Request, services: Asked, minutes: Annotated[float, Form(ge=0, le=24 * 60)],
    own: Annotated[float, Form(ge=1, le=24 * 60)] = USUAL, answers: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """Let the workspace's catalogue be learnt from; `own` counts where `minutes` is 0."""
    new = NewFit(minutes=max(1, minutes or own), upload=None, answers=answers, quality="balanced")
    begun(request, services, new)
    return RedirectResponse("fits", 303)


@router.post("/fits/{fit_id}/stop")
def stop(request: Request, fit_id: str, services: Asked) -> Response:
    """Stop a fit at its next safe point."""
    stopped(request, services, fit_id)
    return _list(request)


@router.post("/fits/{fit_id}/go-on")
def go_on(request: Request, fit_id: str, services: Asked) -> Response:
    """Go on with a fit that was stopped."""
    gone_on_with(request, services, fit_id)
    return _list(request)


@router.post("/fits/{fit_id}/delete")
def delete(request: Request, fit_id: str, services: Asked) -> Response:
    """Remove a fit."""
    deleted(request, services, fit_id)
    return _list(request)


@router.get("/fits/{fit_id}/put")
def confirm(request: Request, fit_id: str, services: Asked) -> HTMLResponse:
    """What happens when a fit's model is put in place."""
    fit = seen_fit(request, services, fit_id)
    return page(
        request,
        "runs_replace.html",
        here="runs",
        name=fit.run,
        serving=serving_of(services),
        action=f"fits/{fit_id}/put",
    )


@router.post("/fits/{fit_id}/put")
def put(request: Request, fit_id: str, services: Asked) -> Response:
    """Let a fit's model answer."""
    put_fit(request, services, fit_id)
    return RedirectResponse("../../runs", 303)


def _list(request: Request) -> Response:
    return RedirectResponse("../../fits-list" if "hx-request" in request.headers else "../../fits", 303)
