"""The application: routes, errors and what lives as long as the server."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.formparsers import MultiPartParser
from starlette.middleware.gzip import GZipMiddleware

from rayonnage.web.api import fits as fits_api
from rayonnage.web.api import health, metrics, predict, products, review, search, tree
from rayonnage.web.api import jobs as jobs_api
from rayonnage.web.api import runs as runs_api
from rayonnage.web.api.description import describe
from rayonnage.web.errors import add_error_handlers
from rayonnage.web.head_requests import HeadRequests
from rayonnage.web.pages import (
    browse,
    classify,
    fits,
    help,
    history,
    jobs,
    language,
    login,
    photos,
    product,
    runs,
    similar,
)
from rayonnage.web.pages import review as review_page
from rayonnage.web.security.door import Door
from rayonnage.web.security.guard import Guard
from rayonnage.web.services import Services
from rayonnage.web.settings import ServerSettings

ROUTERS = (
    review_page.router, health.router, metrics.router, predict.router, review.router, tree.router, classify.router,
    help.router, history.router, language.router, login.router, photos.router, jobs.router, jobs_api.router,
    runs_api.router, runs.router, fits_api.router, fits.router,
    search.router, similar.router,
    browse.router, product.router, products.router,
)  # fmt: skip


def create_app(settings: ServerSettings) -> FastAPI:
    """The pages and the API over a workspace; the model is loaded when it starts, behind the first pages."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = app.state.services
        services.start()
        try:
            yield
        finally:
            services.close()

    app = FastAPI(
        title="Rayonnage", version=metadata.version("rayonnage"), lifespan=lifespan,
        summary="Puts every product of a shop on its shelf.", docs_url=None, redoc_url=None,
        # bodies are bounded by the guard: FastAPI's `max_body_size` stands outside of it, and answers in plain text
        form_limits={"max_files": settings.limits.photos, "max_fields": settings.limits.fields},
        # its redirects would name this host, and no page links with a slash too many
        redirect_slashes=False,
        # nothing leaves the machine unasked
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )  # fmt: skip
    app.state.services = Services.of(settings)
    # files of a form stay in memory, which the guard bounds: Starlette would write those of 1 MB to the disk
    MultiPartParser.spool_max_size = settings.limits.body_bytes
    # a line for each damaged form would fill the disk at its sender's will; who sends it is told
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    app.state.door = Door(settings)
    add_error_handlers(app)
    describe(app)
    # no page holds a secret beside what was asked for, which its compressed size could tell (BREACH)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    app.add_middleware(Guard, door=app.state.door, limits=settings.limits)
    app.add_middleware(HeadRequests)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(packages=[("rayonnage.web", "static")]), name="static")
    return app
