"""`/v1/jobs`: whole catalogues, sent, predicted in the background, and fetched."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from catalog.product import ProblemKind
from catalog.sources.folder.layout import Layout
from rayonnage.web.jobs.desk import RESULTS, JobDesk
from rayonnage.web.jobs.limits import LimitReached
from rayonnage.web.jobs.record import JobRecord, JobState
from rayonnage.web.jobs.store import OffsetDiffers
from rayonnage.web.problem import ProblemDetails, RequestRefused
from rayonnage.web.services import Services, services_of
from rayonnage.web.visitor import visitor_of

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
Asked = Annotated[Services, Depends(services_of)]
JobId = Annotated[str, Path(description="As `POST /v1/jobs` gave it.", examples=["9f86d081884c7d659a2feaa0c55ad015"])]
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ProblemDetails, "description": "No such job of yours."}}
RETRY_S = 60
Result = Literal["submission", "review", "audit", "table", "problems"]


class NewJob(BaseModel):
    """A catalogue that is about to be sent: its file's name tells what it is."""

    name: str = Field(max_length=1000, description=".zip, .csv, .tsv or .parquet", examples=["spring.zip"])
    size: int = Field(ge=1, le=2**53, description="Bytes that will be sent.", examples=[1048576])
    layout: Layout | None = Field(None, description="Of folders in a zip: what one product is; null: find out.")
    to_learn: bool = Field(False, description="Its products have categories, to be learnt by `POST /v1/fits`.")


class ShownJob(BaseModel):
    """One job.

    `offset` of `size` bytes have come; `step` (unpack, read, load, predict) and `done` of `total` while it runs;
    `problems` counts what was skipped or wrong, in words; `predictions` names its predictions for `/v1/review`;
    `kept_until`: when it is removed, since 1970.
    """

    job_id: str
    name: str
    size: int
    offset: int
    state: JobState
    created: float
    to_learn: bool = False
    step: str | None = None
    done: int = 0
    total: int = 0
    n_products: int = 0
    decisions: dict[str, int] = Field(default_factory=dict)
    problems: dict[str, int] = Field(default_factory=dict)
    error: str | None = None
    results: list[str] = Field(default_factory=list)
    predictions: str | None = None
    kept_until: float | None = None
    chunk_bytes: int


def shown(job: JobRecord, desk: JobDesk) -> ShownJob:
    """A job for its owner."""
    progress, is_done = desk.progress(job), job.state is JobState.DONE
    return ShownJob(
        job_id=job.job_id, name=job.name, size=job.size, offset=desk.store.offset(job), state=job.state,
        created=job.created, to_learn=job.to_learn, step=progress.step if progress else None,
        done=progress.done if progress else 0,
        total=progress.total if progress else 0, n_products=job.n_products, decisions=job.decisions,
        problems={ProblemKind[kind].value: count for kind, count in job.problems.items()}, error=job.error or None,
        results=list(RESULTS) if is_done else [], predictions=f"jobs/{job.job_id}" if is_done else None,
        kept_until=job.ended + desk.limits.kept_s if job.ended else None, chunk_bytes=desk.limits.chunk_bytes,
    )  # fmt: skip


def own_job(request: Request, services: Services, job_id: str) -> JobRecord:
    """A job of who asks; 404 for one of somebody else, as for none."""
    try:
        return services.jobs.store.get(job_id, visitor_of(request).name)
    except FileNotFoundError as error:
        raise RequestRefused(404, "no such job", str(error), "job_id") from None


@router.post("", status_code=201, responses={413: {"model": ProblemDetails}, 429: {"model": ProblemDetails},
                                             507: {"model": ProblemDetails}})  # fmt: skip
def create_job(request: Request, new: NewJob, services: Asked) -> ShownJob:
    """Announce a catalogue: a zip of folders, a zip of a table with its photos, or a table that holds its photos.

    Send its bytes then with `PATCH /v1/jobs/{job_id}/upload`, in parts of at most `chunk_bytes`.
    """
    desk = services.jobs
    try:
        job = desk.store.create(visitor_of(request).name, new.name, new.size, new.layout, to_learn=new.to_learn)
    except LimitReached as error:
        retry = RETRY_S if error.status == 429 else None
        raise RequestRefused(error.status, "there is no room", str(error), "size", retry) from None
    except ValueError as error:
        raise RequestRefused(422, "this holds no products", str(error), "name") from None
    return shown(job, desk)


@router.get("")
def list_jobs(request: Request, services: Asked) -> list[ShownJob]:
    """Your jobs, the newest first."""
    return [shown(job, services.jobs) for job in services.jobs.store.of(visitor_of(request).name)]


@router.get("/{job_id}", responses=NOT_FOUND)
def get_job(request: Request, job_id: JobId, services: Asked) -> ShownJob:
    """How far a job is; ask again every second or two."""
    return shown(own_job(request, services, job_id), services.jobs)


@router.delete("/{job_id}", status_code=204, responses=NOT_FOUND)
def delete_job(request: Request, job_id: JobId, services: Asked) -> None:
    """Stop a job, and remove all that was sent and made."""
    services.jobs.delete(own_job(request, services, job_id))


@router.head("/{job_id}/upload", status_code=204, responses=NOT_FOUND)
def upload_offset(request: Request, job_id: JobId, services: Asked, response: Response) -> None:
    """Where the upload goes on: `Upload-Offset` of `Upload-Length` bytes have come."""
    job = own_job(request, services, job_id)
    response.headers["Upload-Offset"] = str(services.jobs.store.offset(job))
    response.headers["Upload-Length"] = str(job.size)
    response.headers["Cache-Control"] = "no-store"


@router.patch(
    "/{job_id}/upload",
    responses={**NOT_FOUND, 409: {"model": ProblemDetails, "description": "It goes on at `Upload-Offset`."},
               413: {"model": ProblemDetails}, 507: {"model": ProblemDetails}},
    openapi_extra={"requestBody": {"required": True, "content": {
        "application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)  # fmt: skip
async def upload(
    request: Request, job_id: JobId, services: Asked, response: Response,
    upload_offset: Annotated[int, Header(ge=0, le=2**53, description="The byte that these bytes begin at.")],
) -> ShownJob:  # fmt: skip
    """Send the next bytes. What came before a connection broke is kept: ask `HEAD` where it goes on.

    With the last byte the job waits for its turn, or, where it is to be learnt from, for `POST /v1/fits`.
    """
    desk = services.jobs
    job = await run_in_threadpool(own_job, request, services, job_id)
    try:
        await run_in_threadpool(desk.store.require_disk, 0)
        with desk.store.writing(job, upload_offset) as part:
            async for data in request.stream():
                await run_in_threadpool(part.write, data)
        job = await run_in_threadpool(desk.store.complete, job)
    except OffsetDiffers as error:
        raise RequestRefused(
            409, "the upload goes on elsewhere", f"{error}: see Upload-Offset of HEAD", "Upload-Offset"
        ) from None
    except LimitReached as error:
        raise RequestRefused(error.status, "this part is not taken", str(error)) from None
    except FileNotFoundError:
        raise RequestRefused(404, "no such job", "it was deleted meanwhile", "job_id") from None
    desk.wake()
    answer = await run_in_threadpool(shown, job, desk)
    response.headers["Upload-Offset"] = str(answer.offset)
    return answer


@router.get("/{job_id}/{result}", responses=NOT_FOUND, response_class=FileResponse)
def get_result(request: Request, job_id: JobId, result: Result, services: Asked) -> FileResponse:
    """A result: `submission` (CSV), `review` and `audit` (CSV for people), `table` (Parquet), `problems` (JSON)."""
    job = own_job(request, services, job_id)
    try:
        path = services.jobs.result(job, result)
    except FileNotFoundError as error:
        raise RequestRefused(404, "no result yet", str(error), "result") from None
    stem = time.strftime("%Y%m%d-%H%M", time.localtime(job.created))
    return FileResponse(path, filename=f"{stem}-{path.name}", headers={"Cache-Control": "no-store"})
