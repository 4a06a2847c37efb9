"""Whether the server lives, and whether its model answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from rayonnage.web.problem import ProblemDetails, RequestRefused
from rayonnage.web.services import Services, services_of
from rayonnage.web.serving.served_model import NotReady

router = APIRouter(tags=["health"])


class Healthy(BaseModel):
    """It is."""

    status: str = "ok"


@router.get("/healthz")
async def healthz() -> Healthy:
    """The server lives."""
    return Healthy()


@router.get("/readyz", responses={503: {"model": ProblemDetails}})
async def readyz(services: Annotated[Services, Depends(services_of)]) -> Healthy:
    """A model answers."""
    try:
        return Healthy(status=services.model.current.folder.name)
    except NotReady as error:
        raise RequestRefused(503, "no model answers yet", str(error), retry_after=2) from None
