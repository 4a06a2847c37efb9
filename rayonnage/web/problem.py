"""Errors as programs read them: RFC 9457, `application/problem+json`."""

from __future__ import annotations

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

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
