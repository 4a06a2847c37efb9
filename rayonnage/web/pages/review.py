"""The page on which people review what was predicted: one by one, side by side, and spot checks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from rayonnage.web.services import Services, services_of
from rayonnage.web.showing.rendering import page

router = APIRouter(include_in_schema=False)
MODES = {"one": "review", "grid": "review/grid", "audit": "review/audit"}
"""Ways to review, and their paths below the root."""


@router.get("/review")
def one_by_one(
    request: Request, services: Annotated[Services, Depends(services_of)], predictions: Annotated[str, Query()] = ""
) -> HTMLResponse:
    """Product after product, by the keyboard."""
    return _review(request, services, "one", predictions)


@router.get("/review/grid")
def grid(
    request: Request, services: Annotated[Services, Depends(services_of)], predictions: Annotated[str, Query()] = ""
) -> HTMLResponse:
    """Products that share a suggestion, side by side."""
    return _review(request, services, "grid", predictions)


@router.get("/review/audit")
def audit(
    request: Request, services: Annotated[Services, Depends(services_of)], predictions: Annotated[str, Query()] = ""
) -> HTMLResponse:
    """Accepted products, to see how often they are right."""
    return _review(request, services, "audit", predictions)


def _review(request: Request, services: Services, mode: str, asked: str) -> HTMLResponse:
    names = [one.name for one in services.predictions.found()]
    # an unknown name stays: the API says that there are no such predictions
    chosen = asked or next(iter(names), "")
    return page(request, "review.html", mode=mode, modes=MODES, names=names, chosen=chosen)
