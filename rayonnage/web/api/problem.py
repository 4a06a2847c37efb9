"""Errors as programs read them: RFC 9457, `application/problem+json`."""

from __future__ import annotations

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


class ProblemDetails(BaseModel):
    """What was wrong with a request, which part of it, and what to do."""

    title: str = Field(description="What was wrong, in a few words.", examples=["a photo cannot be read"])
    status: int = Field(description="The HTTP status.", examples=[422])
    detail: str = Field(description="What exactly, and what to do.")
    field: str | None = Field(None, description="Which part of the request.", examples=["products[0].photos[1]"])


class RequestRefused(Exception):
    """A request that is not served: becomes `ProblemDetails` with its status.

    `retry_after`: seconds after which the same request may be served.
    """

    def __init__(
        self, status: int, title: str, detail: str, field: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(f"{title}: {detail}")
        self.problem = ProblemDetails(title=title, status=status, detail=detail, field=field)
        self.retry_after = retry_after

    def response(self) -> JSONResponse:
        """The answer to the client."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        content = self.problem.model_dump(exclude_none=True)
        return JSONResponse(content, self.problem.status, headers, media_type=MEDIA_TYPE)


def refused(request: Request, error: Exception) -> JSONResponse:
    """Exception handler of `RequestRefused`."""
    assert isinstance(error, RequestRefused)
    return error.response()


def invalid(request: Request, error: Exception) -> JSONResponse:
    """Exception handler of requests that do not fit the API's description."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part != "body") or None
    return RequestRefused(422, "the request is not as described", first["msg"], field).response()


def not_served(request: Request, error: Exception) -> JSONResponse:
    """Exception handler of what Starlette refuses: unknown paths, methods, bodies that are too large."""
    assert isinstance(error, HTTPException)
    response = RequestRefused(
        error.status_code, str(error.detail), "see the API's description, openapi.json"
    ).response()
    response.headers.update(error.headers or {})
    return response
