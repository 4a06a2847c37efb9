"""`/v1/runs`: the workspace's models, which one answers, and how they compare."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field

from catalog.metrics.intervals import MetricValue
from catalog.runs.run import Run
from fusion.evaluation.compare import RunComparison
from rayonnage.web.comparing.comparisons import TooManyComparisons
from rayonnage.web.comparing.known_runs import KnownRun, known_runs, run_named
from rayonnage.web.problem import ProblemDetails, RequestRefused
from rayonnage.web.services import Services, services_of
from rayonnage.web.serving.served_model import ServingState

router = APIRouter(prefix="/v1/runs", tags=["runs"])
Asked = Annotated[Services, Depends(services_of)]
Name = Annotated[str, Path(description="Name of a run's folder.", examples=["fusion-20261126-210547"])]
PROBLEM: dict[str, Any] = {"model": ProblemDetails}
RETRY_S = 2


class ShownAccuracy(BaseModel):
    """Share in [0, 1] of held-out products that are right at a level, with its 95 % interval."""

    level: str
    right: float | None
    low: float | None
    high: float | None


class ShownRun(BaseModel):
    """A fusion run; `trained` since 1970; `n` held-out products behind `accuracy`, the leaves first.

    `unseen`, share in [0, 1] of these that it would accept, when `precision` of what is given must be right, and
    `unseen_parents` to which it would give a parent alone.
    `fault` says why it cannot be used; `serves`: it answers now.
    """

    name: str
    trained: float
    n: int
    accuracy: list[ShownAccuracy]
    head: str
    experts: list[str]
    precision: float | None = None
    unseen: float | None = None
    unseen_parents: float | None = None
    fault: str | None = None
    serves: bool = False


class ServingRun(BaseModel):
    """What answers now.

    `since`: 1970; `loading`: the run that is about to take its place; `why_not`: why the last one did not; `previous`:
    what can be taken back; `accepted` share in [0, 1] of the latest answers, `median_s` of these, waiting included.
    """

    state: ServingState
    name: str | None = None
    since: float | None = None
    loading: str | None = None
    why_not: str | None = None
    previous: str | None = None
    accepted: float | None = None
    answers: int = 0
    median_s: float | None = None


class ShownDifference(BaseModel):
    """One figure of both runs on one group of products; `change` is B less A, `verdict` a sentence."""

    group: str = Field(description="`all`, or an image count.")
    figure: str
    a: str
    b: str
    change: str
    verdict: str
    n: int


class ShownComparison(BaseModel):
    """Two runs on the products that both hold out; `done` is false while it is being worked out."""

    a: str
    b: str
    done: bool
    where: str = ""
    differences: list[ShownDifference] = Field(default_factory=list)


def serving_of(services: Services) -> ServingRun:
    """Which model answers, and how it does."""
    model = services.model
    loaded, previous, loading = model.loaded, model.previous, model.loading
    accepted = model.metrics.accepted_share()
    return ServingRun(
        state=model.state, name=loaded.folder.name if loaded else None, since=loaded.since if loaded else None,
        loading=loading.name if loading else None, why_not=model.why_not or None,
        previous=previous.folder.name if previous else None, accepted=accepted if math.isfinite(accepted) else None,
        answers=_answers(services), median_s=model.metrics.median_s(),
    )  # fmt: skip


def _answers(services: Services) -> int:
    """Products answered since the server started."""
    registry = services.model.metrics.registry
    return int(registry.get_sample_value("rayonnage_seconds_count", {"stage": "total"}) or 0)


def shown_run(run: KnownRun, services: Services) -> ShownRun:
    """A run for a client."""
    loaded = services.model.loaded
    return ShownRun(
        name=run.name, trained=run.trained, n=run.n, head=run.head, experts=list(run.experts), fault=run.fault or None,
        accuracy=[ShownAccuracy(level=one.name, **_plain(one.right)) for one in run.levels],
        precision=run.unseen.precision if run.unseen else None, unseen=run.unseen.accepted if run.unseen else None,
        unseen_parents=run.unseen.parents if run.unseen else None,
        serves=loaded is not None and loaded.folder.resolve() == run.folder.resolve(),
    )  # fmt: skip


def _plain(figure: MetricValue) -> dict[str, float | None]:
    values = {"right": figure.value, "low": figure.low, "high": figure.high}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def asked_run(services: Services, name: str) -> Run:
    """A run of the workspace, or one that came of a fit of its catalogue; raises RequestRefused (404, 409)."""
    try:
        if fit := services.fits.of_run(name):
            return services.fits.run(fit)
        return run_named(services.workspace, name)
    except FileNotFoundError as error:
        raise RequestRefused(404, "no such run", str(error), "name") from None
    except ValueError as error:
        raise RequestRefused(409, "the run cannot be used", str(error), "name") from None


def compared(services: Services, a: str, b: str) -> RunComparison | None:
    """B against A, None while it is worked out; raises RequestRefused (404, 409, 503)."""
    try:
        return services.comparisons.of(asked_run(services, a), asked_run(services, b))
    except TooManyComparisons:
        raise RequestRefused(503, "others are compared", "ask again in a minute", retry_after=60) from None
    except (ValueError, OSError) as error:
        detail = str(error).replace(f"{services.workspace.folder}/", "")
        raise RequestRefused(409, "the runs cannot be compared", detail) from None


def put_in_place(services: Services, name: str) -> None:
    """Begin to load a run that then answers; raises RequestRefused (404, 409)."""
    run, fit = asked_run(services, name), services.fits.of_run(name)
    try:
        if fit is not None:
            services.fits.put(fit)
        else:
            services.model.replace(run.folder)
    except ValueError as error:
        raise RequestRefused(409, "it cannot be put in place", str(error), retry_after=RETRY_S) from None


def take_back(services: Services) -> None:
    """Let the former model answer again; raises RequestRefused (409)."""
    try:
        services.model.take_back()
    except ValueError as error:
        raise RequestRefused(409, "nothing to take back", str(error)) from None


@router.get("")
def list_runs(services: Asked) -> list[ShownRun]:
    """The workspace's fusion runs, the newest first, with their accuracy on held-out products."""
    return [shown_run(run, services) for run in known_runs(services.workspace)]


@router.get("/serving")
def serving(services: Asked) -> ServingRun:
    """Which model answers, since when, and how it does."""
    return serving_of(services)


@router.post("/serving/take-back", responses={409: PROBLEM})
def take_back_run(services: Asked) -> ServingRun:
    """Put the former model in its place again, at once."""
    take_back(services)
    return serving_of(services)


@router.post("/{name}/serve", status_code=202, responses={404: PROBLEM, 409: PROBLEM})
def serve_run(name: Name, services: Asked) -> ServingRun:
    """Load a run beside the one that answers, and put it in its place once it can answer itself.

    Requests under way finish on the model that they began with. See `GET /v1/runs/serving` for how far it is.
    """
    put_in_place(services, name)
    return serving_of(services)


@router.get("/{name}/compare/{other}", responses={404: PROBLEM, 409: PROBLEM, 503: PROBLEM})
def compare_runs(name: Name, other: Name, services: Asked, response: Response) -> ShownComparison:
    """Is `other` (B) better than `name` (A)? A paired bootstrap on the products that both hold out.

    It is worked out in the background: while `done` is false, ask again after `Retry-After` seconds.
    """
    result = compared(services, name, other)
    if result is None:
        response.headers["Retry-After"] = str(RETRY_S)
        return ShownComparison(a=name, b=other, done=False)
    rows = [
        ShownDifference(
            group=one.group, figure=one.figure, a=one.a.text, b=one.b.text, change=one.change.text,
            verdict=one.verdict, n=one.n,
        )
        for one in result.differences
    ]  # fmt: skip
    return ShownComparison(a=name, b=other, done=True, where=result.where, differences=rows)
