"""Templates filled for one request: its language, and links that work below any path of a proxy."""

from __future__ import annotations

from functools import cache
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from rayonnage.web.showing.words import LANGUAGES, PageWords, language_asked
from rayonnage.web.visitor import visitor_of

LANGUAGE_COOKIE = "language"
NAVIGATION = {"classify": "", "review": "review", "browse": "browse", "jobs": "jobs", "runs": "runs", "help": "help"}
"""Pages by name, and their paths below the root."""


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("rayonnage.web"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def root_of(request: Request) -> str:
    """The way from the request's page to the root, as in `../../`: a proxy may have put the root anywhere."""
    return "../" * (_raw_path(request).count("/") - 1) or "./"


def back_of(request: Request) -> str:
    """The request's path and query from the root: where the language's choice returns to."""
    query = request.scope["query_string"].decode("latin-1")
    return _raw_path(request).lstrip("/") + (f"?{query}" if query else "")


def _raw_path(request: Request) -> str:
    """As the browser asked: it takes no `%2F` within a product's id for a folder."""
    raw = request.scope.get("raw_path")
    return raw.decode("latin-1") if raw else quote(request.scope["path"])


def words_of(request: Request) -> PageWords:
    """The words of the language that the visitor reads."""
    cookie, accept = request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", "")
    return PageWords(language_asked(cookie, accept))


def page(request: Request, template: str, status: int = 200, **values: object) -> HTMLResponse:
    """A template filled: it knows `words`, `root`, `navigation`, `visitor`, `back`, `here`, and `values`.

    `here` is the template's name; a page below one of the navigation gives that one's in `values`.
    """
    known = {
        "words": words_of(request), "root": root_of(request), "navigation": NAVIGATION, "languages": LANGUAGES,
        "here": template.removesuffix(".html"), "visitor": visitor_of(request), "back": back_of(request),
    }  # fmt: skip
    return HTMLResponse(_environment().get_template(template).render({**known, **values}), status)
