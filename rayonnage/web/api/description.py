"""`openapi.json`: what FastAPI finds out, and what it cannot know of the guard before the routes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from rayonnage.web.problem import MEDIA_TYPE, ProblemDetails

PROBLEM = f"#/components/schemas/{ProblemDetails.__name__}"
EVERYWHERE = {
    "400": "The request is damaged, or asks for a host that this server is not",
    "401": "A token is needed",
    "413": "Too large",
    "422": "Not as described; `field` says where",
    "429": "Too many requests; `Retry-After` says when to come again",
    "500": "A fault of the program",
    "503": "Busy, or still starting; `Retry-After` says when to come again",
}
"""What the guard, or FastAPI, may answer to any request."""
CHANGING = {"403": "A page of another site asks"}
TOKEN = {"token": {"type": "http", "scheme": "bearer", "description": "Where the server was started with --token."}}


def describe(app: FastAPI) -> None:
    """Let the application describe itself whole, once it is asked."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(plain())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _completed(described: dict[str, Any]) -> dict[str, Any]:
    parts = described.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    # errors are problems, never FastAPI's own form
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas[ProblemDetails.__name__] = ProblemDetails.model_json_schema()
    parts["securitySchemes"] = TOKEN
    described["security"] = [{}, {"token": []}]
    for path in described["paths"].values():
        for method, operation in path.items():
            _complete(operation, method)
    return described


def _complete(operation: dict[str, Any], method: str) -> None:
    # the function's docstring begins with a sentence made to be read; FastAPI would show the function's name
    first, _, rest = operation.get("description", "").partition("\n")
    if first:
        operation["summary"], operation["description"] = first.rstrip("."), rest.strip()
        if not operation["description"]:
            del operation["description"]
    responses = operation["responses"]
    for status, words in (EVERYWHERE | (CHANGING if method != "get" else {})).items():
        responses.setdefault(status, {"description": words})
    for status, response in responses.items():
        if status >= "400":
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": PROBLEM}}}
            if response["description"] == "Validation Error":
                response["description"] = EVERYWHERE["422"]
    operation["responses"] = dict(sorted(responses.items()))
