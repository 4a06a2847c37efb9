"""The page on which a token is typed once, and how a browser forgets it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from rayonnage.web.security.door import Door, is_secure
from rayonnage.web.showing.rendering import page

router = APIRouter(include_in_schema=False)


def _door_of(request: Request) -> Door:
    door = request.app.state.door
    assert isinstance(door, Door)
    return door


@router.get("/login")
def login(request: Request, next: str = "") -> Response:
    """Where somebody without a session comes first; `next`: the page that was asked for, below the root."""
    if _door_of(request).tokens is None:
        return _to(next)
    return page(request, "login.html", next=next, is_wrong=False)


@router.post("/login")
def sign_in(request: Request, token: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "") -> Response:
    """A token was typed."""
    cookie = _door_of(request).sign_in(token.strip(), secure=is_secure(request))
    if cookie is None:
        return page(request, "login.html", 401, next=next, is_wrong=True)
    answer = _to(next)
    answer.headers.append("Set-Cookie", cookie)
    return answer


@router.post("/logout")
def sign_out(request: Request) -> Response:
    """This browser forgets the token."""
    answer = _to("login")
    # photos are kept for an hour, and the next one at this browser may be somebody else
    answer.headers["Clear-Site-Data"] = '"cache"'
    answer.headers.append("Set-Cookie", _door_of(request).cookies.end_header(secure=is_secure(request)))
    return answer


def _to(path: str) -> RedirectResponse:
    """To a page of this server: behind `./`, nothing that a link may hold leads elsewhere."""
    return RedirectResponse("./" + quote(path.lstrip("/\\"), safe="/?&=%"), 303)
