"""The language that a visitor has chosen, kept in a cookie."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse

from rayonnage.web.problem import RequestRefused
from rayonnage.web.showing.rendering import LANGUAGE_COOKIE
from rayonnage.web.showing.words import LANGUAGES

router = APIRouter(include_in_schema=False)

YEAR_S = 365 * 24 * 3600


@router.post("/language")
async def choose_language(
    request: Request, language: Annotated[str, Form()], back: Annotated[str, Form(max_length=4000)] = ""
) -> RedirectResponse:
    """Keep the language and return to the page one was on; `back`: its path and query from the root."""
    if language not in LANGUAGES:
        raise RequestRefused(422, "unknown language", f"give one of {', '.join(LANGUAGES)}", "language")
    # from "./" on no path leaves this server, whatever is asked for: not `//elsewhere`, not `https:`
    response = RedirectResponse(f"./{back}", 303)
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_S, httponly=True, samesite="lax")
    return response
