"""The instructions: what the pages do, what decisions mean, how programs ask."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from rayonnage.web.classifying.sample_products import EXAMPLES
from rayonnage.web.services import Services, services_of
from rayonnage.web.showing.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/help")
async def instructions(request: Request, services: Annotated[Services, Depends(services_of)]) -> HTMLResponse:
    """How to use all of it, with products to try."""
    return page(request, "help.html", examples=EXAMPLES, has_tokens=services.settings.tokens is not None)
