"""`/metrics`, as Prometheus reads it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from rayonnage.web.services import Services, services_of

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(services: Annotated[Services, Depends(services_of)]) -> Response:
    """Times by stage, the queue, batches, decisions, the share accepted of the latest answers, what was refused."""
    return Response(generate_latest(services.model.metrics.registry), media_type=CONTENT_TYPE_LATEST)
