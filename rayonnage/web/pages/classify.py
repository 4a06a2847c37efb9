"""The page that classifies photos."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from rayonnage.web.pages.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/")
async def classify(request: Request) -> HTMLResponse:
    """Photos and a title go in, the category comes out."""
    return page(request, "classify.html")
