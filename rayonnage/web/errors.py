"""Errors as whoever asks reads them: programs get problem+json, people a page in their language."""

from __future__ import annotations

import errno
import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from catalog.files.full_disk import FULL
from rayonnage.web.problem import RequestRefused
from rayonnage.web.showing.rendering import page, words_of

log = logging.getLogger(__name__)
NOT_WRITABLE = (*FULL, errno.EROFS, errno.EACCES, errno.EPERM)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error of a route, of FastAPI and of Starlette."""
    app.add_exception_handler(RequestRefused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(OSError, _not_kept)


def wants_page(request: Request) -> bool:
    """Whether somebody looks at the answer: a browser that opens a page, not one of its scripts."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith("/v1/") and "hx-request" not in request.headers


def without_folder(request: Request, text: str) -> str:
    """A sentence that does not tell where on the disk the workspace lies."""
    beside = request.app.state.services.workspace.folder.resolve().parent
    return text if beside == beside.parent else text.replace(f"{beside}/", "")


def refusal(request: Request, error: RequestRefused) -> Response:
    """The answer to a request that is not served; it does not tell where on the disk the workspace lies."""
    error.problem.detail = without_folder(request, error.problem.detail)
    if not wants_page(request):
        return error.response()
    words = words_of(request)
    try:
        title = words(f"error.{error.problem.status}")
    except KeyError:
        title = words("error.other")
    answer = page(request, "error.html", error.problem.status, title=title, detail=error.problem.detail)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def broken(request: Request) -> Response:
    """The answer where the program has a fault; what it was stands in the log alone."""
    log.exception("%s %s failed", request.method, request.url.path)
    detail = "the server's log says what went wrong: please report it with the version"
    return refusal(request, RequestRefused(500, "the server has a fault", detail))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused)
    return refusal(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part != "body") or None
    return refusal(request, RequestRefused(422, "the request is not as described", first["msg"], field))


async def _not_served(request: Request, error: Exception) -> Response:
    """What Starlette refuses: unknown paths, methods, bodies that are too large or damaged."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    # what can be asked is of use to programs; to people, the title says all
    usual = "" if wants_page(request) else "openapi.json describes what can be asked"
    detail = error.detail if error.detail != phrase else usual
    answer = refusal(request, RequestRefused(error.status_code, phrase.lower(), detail))
    answer.headers.update(error.headers or {})
    return answer


async def _not_kept(request: Request, error: Exception) -> Response:
    """What cannot be written is the disk's state, no fault of the program; any other error of the system is one."""
    assert isinstance(error, OSError)
    if error.errno not in NOT_WRITABLE:
        raise error
    log.error("%s %s: %s", request.method, request.url.path, error)
    why = "its disk is full" if error.errno in FULL else "it may not read or write there"
    detail = f"the server's log says where: {why}. Nothing was kept: ask again when whoever runs it has mended that"
    return refusal(request, RequestRefused(507, "it cannot be kept", detail))
