"""The category tree, and the search in it."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, Field

from catalog.tree.taxonomy import Taxonomy
from rayonnage.web.api.asked import opened
from rayonnage.web.api.web_id import WebId, id_for_web
from rayonnage.web.problem import ProblemDetails, RequestRefused
from rayonnage.web.services import Services, services_of
from rayonnage.web.showing.rendering import words_of

router = APIRouter(prefix="/v1/tree", tags=["tree"], responses={404: {"model": ProblemDetails}})


class TreeCategory(BaseModel):
    """A category with its path in the language asked for; `names`: the path in the other languages that are known."""

    category_id: WebId = Field(examples=[1000015716])
    path: list[str] = Field(examples=[["KITCHENWARE", "COOKING", "SAUCEPAN"]])
    names: dict[str, list[str]] = Field(default_factory=dict)


class TreePage(BaseModel):
    """A part of the tree's categories in order; `total`: all of them; `next`: offset of what follows, None at the end.

    `level_names`: what the levels are called, the highest first; `languages`: in which there are names.
    """

    total: int
    offset: int
    next: int | None
    fingerprint: str
    level_names: list[str]
    languages: list[str]
    categories: list[TreeCategory]


def asked_tree(request: Request, services: Services, predictions: str | None) -> Taxonomy:
    """The tree of the predictions that are named, else the workspace's; raises RequestRefused (404, 409)."""
    if predictions is not None:
        return opened(request, services, predictions).tree
    try:
        return services.trees.tree()
    except (OSError, ValueError) as error:
        raise RequestRefused(404, "there is no tree", str(error)) from None


Predictions = Annotated[str | None, Query(description="Whose tree; default: the workspace's.", max_length=500)]
Lang = Annotated[str | None, Query(description="Language of the paths; default: the browser's.", max_length=35)]


@router.get("/search")
def search_tree(
    request: Request,
    services: Annotated[Services, Depends(services_of)],
    q: Annotated[str, Query(description="What was typed: words of a path, or an id.", max_length=1000)],
    limit: Annotated[int, Query(ge=1, le=50)] = 12,
    predictions: Predictions = None,
    lang: Lang = None,
) -> list[TreeCategory]:
    """Categories that fit what was typed, the best first: accents, case, plurals and wrong letters are forgiven."""
    tree = asked_tree(request, services, predictions)
    found = services.trees.search(tree).find(q, limit)
    return _categories(services, tree, [one.leaf for one in found], lang or words_of(request).language)


@router.get("", response_model=TreePage)
def whole_tree(
    request: Request,
    services: Annotated[Services, Depends(services_of)],
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=10000)] = 1000,
    predictions: Predictions = None,
    lang: Lang = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """All categories, in the tree's order, some at a time."""
    tree = asked_tree(request, services, predictions)
    language = lang or words_of(request).language
    # whatever is asked for as a language: a header holds no control character
    etag = f'"{tree.fingerprint}-{tree.shown_fingerprint}-{quote(language, safe="")}-{offset}-{limit}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Language, Cookie"}
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    leaves = list(range(min(offset, len(tree)), min(offset + limit, len(tree))))
    page = TreePage(
        total=len(tree), offset=offset, next=offset + limit if offset + limit < len(tree) else None,
        fingerprint=tree.fingerprint, level_names=[tree.level_names[level] for level in tree.levels],
        languages=[one for one in services.trees.search(tree).languages if one],
        categories=_categories(services, tree, leaves, language),
    )  # fmt: skip
    return Response(json.dumps(page.model_dump(), ensure_ascii=False), media_type="application/json", headers=headers)


def _categories(services: Services, tree: Taxonomy, leaves: list[int], language: str) -> list[TreeCategory]:
    shown = services.trees.search(tree).shown
    first = shown.get(language, tree.shown)
    others = {lang: paths for lang, paths in shown.items() if lang and paths is not first}
    return [
        TreeCategory(
            category_id=id_for_web(tree.shop_ids[leaf]), path=list(first[leaf]),
            names={lang: list(paths[leaf]) for lang, paths in others.items()},
        )
        for leaf in leaves
    ]  # fmt: skip
