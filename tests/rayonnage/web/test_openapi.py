"""The API is as it describes itself, whatever is asked."""

from __future__ import annotations

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from rayonnage.web.app import create_app
from rayonnage.web.settings import RequestLimits, ServerSettings
from tests.support.predictions import predicted
from tests.support.small_shop import coloured, make_shop

MUCH = 10**6
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
CHECKS = (
    content_type_conformance, response_headers_conformance, response_schema_conformance, status_code_conformance,
    unsupported_method,
)  # fmt: skip


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """A shop with predictions, and no model that answers."""
    rows = [predicted(n) for n in range(1, 9)]
    photos = {n: [coloured((30 * n, 90, 90), (40, 30))] for n in range(1, 9)}
    workspace = make_shop(tmp_path_factory.mktemp("shop"), rows, photos)
    limits = RequestLimits(per_minute=MUCH, others_per_minute=MUCH)
    return create_app(ServerSettings(workspace, known_hosts=("testserver",), limits=limits))


@pytest.fixture(scope="module")
def described(app: FastAPI) -> dict:
    """openapi.json."""
    return app.openapi()


@pytest.fixture(scope="module")
def api(app: FastAPI) -> schemathesis.BaseSchema:
    """It, to be asked."""
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def failures_of(operation: schemathesis.APIOperation) -> str:
    """What a dozen made-up requests of an operation showed; empty: all is as described."""

    @settings(max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        answer = case.call()
        checks = CHECKS if answer.status_code == 503 else (*CHECKS, not_a_server_error)
        case.validate_response(answer, checks=checks)

    try:
        ask()
    except BaseExceptionGroup as failures:
        return f"{operation.label}: {failures.exceptions}"
    return ""


def test_answers_are_as_described(api: schemathesis.BaseSchema):
    operations = [result.ok() for result in api.get_all_operations()]
    assert len(operations) > 3
    assert [failure for operation in operations if (failure := failures_of(operation))] == []


def test_operations_are_described(described: dict):
    missing = []
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            name = f"{method} {path}"
            if "summary" not in operation or operation["summary"].lower() == operation["operationId"].replace("_", " "):
                missing.append(f"{name}: a summary, the first line of its docstring")
            if not {"400", "401", "413", "422", "429", "500", "503"} <= operation["responses"].keys():
                missing.append(f"{name}: error responses")
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                if kind == "application/json" and not has_example(content, described):
                    missing.append(f"{name}: an example of its body")
    assert missing == []


def has_example(part: dict, described: dict) -> bool:
    """Whether a part of the description, or what it refers to, gives an example."""
    if "example" in part or "examples" in part:
        return True
    reference = part.get("$ref")
    if reference:
        return has_example(described["components"]["schemas"][reference.rpartition("/")[2]], described)
    inner = [part.get("schema"), part.get("items"), *part.get("properties", {}).values(), *part.get("anyOf", [])]
    return any(has_example(one, described) for one in inner if isinstance(one, dict))


def test_errors_are_problems(described: dict):
    errors = [
        (path, status, *response["content"])
        for path, operations in described["paths"].items()
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status >= "400"
    ]
    assert errors
    assert {kind for *_, kind in errors} == {"application/problem+json"}
