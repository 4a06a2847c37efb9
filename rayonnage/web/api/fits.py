"""`/v1/fits`: models trained from the workspace's catalogue, or from a labelled one that was sent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from rayonnage.fitting.recipe import Quality
from rayonnage.web.fits.record import FitRecord, FitStatus
from rayonnage.web.jobs.limits import LimitReached
from rayonnage.web.jobs.record import JobRecord, JobState
from rayonnage.web.problem import ProblemDetails, RequestRefused
from rayonnage.web.security.headers import written_page_headers
from rayonnage.web.services import Services, services_of
from rayonnage.web.visitor import visitor_of

router = APIRouter(prefix="/v1/fits", tags=["fits"])
Asked = Annotated[Services, Depends(services_of)]
FitId = Annotated[str, Path(description="As `POST /v1/fits` gave it.", examples=["9f86d081884c7d659a2feaa0c55ad015"])]
PROBLEM: dict[str, Any] = {"model": ProblemDetails}
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {**PROBLEM, "description": "No such fit that you may see."}}
RETRY_S = 60
MINUTE_S = 60.0


class NewFit(BaseModel):
    """What is to be learnt from, and for how long."""

    minutes: float = Field(ge=1, le=24 * 60, description="It ends within this time, about.", examples=[15])
    upload: str | None = Field(
        None, max_length=100, examples=["0f343b0931126a20f133d67c2b018a3b"],
        description="Of `POST /v1/jobs` with `to_learn`, sent whole; null: the workspace's catalogue.",
    )  # fmt: skip
    answers: bool = Field(False, description="The workspace's catalogue with what reviewers have answered.")
    quality: Quality = Field("balanced", description="How much is done where time is not what limits it.")


class ShownFit(BaseModel):
    """One fit.

    `name`: of the catalogue; `stage`: what is done, in words `title`; `share` of the whole in [0, 1];
    `seconds` used, `left_s` that are left, null while nobody knows; `run`: the model that came of it; `report`: its
    page can be opened; `put`: it is the workspace's; `kept_until`: when it is removed, since 1970.
    """

    fit_id: str
    name: str
    minutes: float
    state: FitStatus
    created: float
    uploaded: bool = False
    answers: bool = False
    stage: str = ""
    title: str = ""
    share: float = 0.0
    seconds: float = 0.0
    left_s: float | None = None
    run: str | None = None
    error: str | None = None
    report: bool = False
    put: bool = False
    kept_until: float | None = None


def shown_fit(fit: FitRecord, services: Services) -> ShownFit:
    """A fit for a client."""
    desk = services.fits
    far = desk.progress(fit)
    is_kept_on = fit.put or not fit.ended
    return ShownFit(
        fit_id=fit.fit_id, name=fit.name, minutes=fit.time_s / MINUTE_S, state=fit.state, created=fit.created,
        uploaded=fit.upload is not None, answers=fit.answers, stage=far.stage, title=far.title,
        share=far.share, seconds=fit.seconds or far.seconds, left_s=far.left_s, run=fit.run or None,
        error=fit.error or None, report=desk.report(fit) is not None, put=fit.put,
        kept_until=None if is_kept_on else fit.ended + desk.limits.kept_s,
    )  # fmt: skip


def seen_fits(request: Request, services: Services) -> list[ShownFit]:
    """Those of the workspace, and of what the client has sent, the newest first."""
    return [shown_fit(fit, services) for fit in services.fits.store.of(visitor_of(request).name)]


def seen_fit(request: Request, services: Services, fit_id: str) -> FitRecord:
    """A fit that who asks may see; raises RequestRefused (404)."""
    try:
        return services.fits.store.get(fit_id, visitor_of(request).name)
    except FileNotFoundError as error:
        raise RequestRefused(404, "no such fit", str(error), "fit_id") from None


def begun(request: Request, services: Services, new: NewFit) -> FitRecord:
    """A new fit that waits for its turn; raises RequestRefused (404, 409, 429, 507)."""
    desk, owner = services.fits, visitor_of(request).name
    try:
        if new.upload is None:
            fit = desk.of_workspace(owner, new.minutes * MINUTE_S, new.quality, answers=new.answers)
        else:
            upload = _upload(services, new.upload, owner)
            fit = desk.of_upload(owner, new.minutes * MINUTE_S, new.quality, upload)
    except LimitReached as error:
        retry = RETRY_S if error.status == 429 else None
        raise RequestRefused(error.status, "there is no room", str(error), retry_after=retry) from None
    except FileNotFoundError as error:
        raise RequestRefused(404, "nothing to learn from", str(error), "upload" if new.upload else None) from None
    except ValueError as error:
        raise RequestRefused(409, "it cannot be learnt from", str(error)) from None
    return fit


def _upload(services: Services, job_id: str, owner: str) -> JobRecord:
    job = services.jobs.store.get(job_id, owner)
    if job.state is JobState.KEPT:
        return job
    if job.to_learn:
        raise ValueError(f"{job.name} is not all here yet: send the rest first")
    raise ValueError(f"{job.name} was sent to be predicted: send it with to_learn")


def stopped(request: Request, services: Services, fit_id: str) -> FitRecord:
    """A fit that was asked to stop; raises RequestRefused (404, 409)."""
    try:
        return services.fits.stop(seen_fit(request, services, fit_id))
    except ValueError as error:
        raise RequestRefused(409, "nothing to stop", str(error)) from None


def gone_on_with(request: Request, services: Services, fit_id: str) -> FitRecord:
    """A fit that goes on where it was; raises RequestRefused (404, 409)."""
    try:
        return services.fits.go_on(seen_fit(request, services, fit_id))
    except ValueError as error:
        raise RequestRefused(409, "it cannot be gone on with", str(error)) from None


def put_fit(request: Request, services: Services, fit_id: str) -> FitRecord:
    """A fit whose model is the workspace's and begins to be loaded; raises RequestRefused (404, 409)."""
    fit = seen_fit(request, services, fit_id)
    try:
        return services.fits.put(fit)
    except FileNotFoundError as error:
        raise RequestRefused(404, "no such model", str(error), "fit_id") from None
    except ValueError as error:
        raise RequestRefused(409, "it cannot be put in place", str(error)) from None


def deleted(request: Request, services: Services, fit_id: str) -> None:
    """A fit is removed; raises RequestRefused (404, 409)."""
    try:
        services.fits.delete(seen_fit(request, services, fit_id))
    except FileNotFoundError:
        # somebody else has done so in this moment
        return
    except ValueError as error:
        raise RequestRefused(409, "it stays", str(error)) from None


@router.post("", status_code=201, responses={404: PROBLEM, 409: PROBLEM, 507: PROBLEM})
def create_fit(request: Request, new: NewFit, services: Asked) -> ShownFit:
    """Train a model: from the workspace's catalogue, or from a labelled one that was sent.

    It is trained in the background, one at a time, in a place of its own: the model that answers goes on, until
    `POST /v1/fits/{fit_id}/put`. A server that is started again goes on with it.
    """
    return shown_fit(begun(request, services, new), services)


@router.get("")
def list_fits(request: Request, services: Asked) -> list[ShownFit]:
    """The fits of the workspace's catalogue, and of those that you have sent; the newest first."""
    return seen_fits(request, services)


@router.get("/{fit_id}", responses=NOT_FOUND)
def get_fit(request: Request, fit_id: FitId, services: Asked) -> ShownFit:
    """How far a fit is; ask again every second or two."""
    return shown_fit(seen_fit(request, services, fit_id), services)


@router.get("/{fit_id}/report", responses=NOT_FOUND, response_class=FileResponse)
def fit_report(request: Request, fit_id: FitId, services: Asked) -> FileResponse:
    """The page of a fit that is done: what was learnt, how good it is, what would help most (HTML)."""
    path = services.fits.report(seen_fit(request, services, fit_id))
    if path is None:
        raise RequestRefused(404, "no report yet", "a fit writes it when it is done", "fit_id")
    return FileResponse(path, media_type="text/html", headers=written_page_headers())


@router.post("/{fit_id}/stop", status_code=202, responses={**NOT_FOUND, 409: PROBLEM})
def stop_fit(request: Request, fit_id: FitId, services: Asked) -> ShownFit:
    """Stop a fit at its next safe point, so that it can be gone on with."""
    return shown_fit(stopped(request, services, fit_id), services)


@router.post("/{fit_id}/go-on", status_code=202, responses={**NOT_FOUND, 409: PROBLEM})
def go_on_with_fit(request: Request, fit_id: FitId, services: Asked) -> ShownFit:
    """Let a fit that was stopped, or has failed, go on where it was; the time that it has used counts."""
    return shown_fit(gone_on_with(request, services, fit_id), services)


@router.post("/{fit_id}/put", status_code=202, responses={**NOT_FOUND, 409: PROBLEM})
def put_fit_in_place(request: Request, fit_id: FitId, services: Asked) -> ShownFit:
    """Make the model of a fit that is done the workspace's, and let it answer once it is loaded.

    The former one can be taken back, see `POST /v1/runs/serving/take-back`.
    """
    return shown_fit(put_fit(request, services, fit_id), services)


@router.delete("/{fit_id}", status_code=204, responses={**NOT_FOUND, 409: PROBLEM})
def delete_fit(request: Request, fit_id: FitId, services: Asked) -> None:
    """Stop a fit, and remove all that was sent and made."""
    deleted(request, services, fit_id)
