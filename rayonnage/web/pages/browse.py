"""The page that looks through what was predicted: the tree, and the products of a place in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from numpy.typing import NDArray

from catalog.metrics.intervals import exact_share
from catalog.tree.taxonomy import Taxonomy
from fusion.decide import Decision
from fusion.prediction.predicted_product import PredictedProduct
from fusion.prediction.predicted_products import PredictedProducts
from rayonnage.web.api.asked import opened, predictions_at_hand
from rayonnage.web.browsing.product_filter import FAMILIES, ProductFilter, ProductOrder
from rayonnage.web.browsing.product_links import SHOWN, photo_link, product_link
from rayonnage.web.pages.asked_filter import address_of, asked_filter
from rayonnage.web.problem import RequestRefused
from rayonnage.web.services import Services, services_of
from rayonnage.web.showing.plain_words import share_text
from rayonnage.web.showing.rendering import page, root_of, words_of
from rayonnage.web.showing.words import PageWords

router = APIRouter(include_in_schema=False)
ON_A_PAGE = 48
MAX_PAGE = 10**6
FEW = 10
"""Held-out products from which on a share is shown: of fewer the interval says nothing."""


@dataclass(frozen=True)
class ShownNode:
    """A node in the list.

    Attributes:
        right: of the `judged` held-out products put here those that belong here, None of too few; interval: of that.
        answered, left: products put here that reviewers have answered, and those that they left here.
    """

    name: str
    link: str
    products: int
    share: float
    right: int | None
    interval: str
    judged: int
    is_here: bool
    answered: int
    left: int


@dataclass(frozen=True)
class ListedProduct:
    """A product in the list."""

    link: str
    photo: str | None
    more_photos: int
    title: str
    decision: Decision
    name: str
    sure: str


@router.get("/browse")
def browse(
    request: Request,
    services: Annotated[Services, Depends(services_of)],
    predictions: Annotated[str | None, Query(max_length=500)] = None,
    page_number: Annotated[int, Query(alias="page", ge=1, le=MAX_PAGE)] = 1,
) -> HTMLResponse:
    """The tree with counts and accuracy, and the products of a node that pass a filter."""
    try:
        products = opened(request, services, predictions)
    except RequestRefused as refusal:
        if predictions is not None or refusal.problem.status != 404:
            raise
        return page(request, "browse.html", nothing_predicted=True)
    words, whole = words_of(request), products.tree
    tree = services.trees.turned(whole, words.language)
    wanted = asked_filter(request, whole)
    with predictions_at_hand():
        rows = services.product_lists.rows(products, wanted)
    n_pages = max(1, -(-len(rows) // ON_A_PAGE))
    here = min(page_number, n_pages)
    shown = rows[(here - 1) * ON_A_PAGE : here * ON_A_PAGE]

    def link(one: ProductFilter, number: int = 1) -> str:
        return address_of(one, whole, page=str(number) if number > 1 else None, predictions=predictions)

    levels = range(1, wanted.level + 1)
    leaf = int(tree.first_leaf(wanted.level)[wanted.node]) if wanted.level else 0
    path = tree.shown[leaf][: wanted.level]
    crumbs = [
        (name, link(replace(wanted, level=level, node=int(tree.ancestor(level)[leaf]))))
        for level, name in zip(levels, path, strict=False)
    ]
    answer = page(
        request, "browse.html", nothing_predicted=False, wanted=wanted, predictions=predictions, crumbs=crumbs,
        everywhere=link(replace(wanted, level=0, node=0)),
        nodes=_nodes(services, products, tree, wanted, words, link),
        products=[_listed(one, tree, words, predictions) for one in products.take(shown)],
        total=len(rows), first=(here - 1) * ON_A_PAGE + 1, n_pages=n_pages, number=here,
        earlier=link(wanted, here - 1) if here > 1 else None, later=link(wanted, here + 1) if here < n_pages else None,
        found=_names(services, predictions), decisions=list(Decision), families=FAMILIES,
        orders=list(ProductOrder), clear=link(ProductFilter(wanted.level, wanted.node)),
        place=whole.shop_ids[leaf] if wanted.level else None,
        is_filtered=replace(wanted, level=0, node=0, order=ProductOrder.TABLE) != ProductFilter(),
    )  # fmt: skip
    # a form's own address names every field, also those that are left open
    answer.headers["HX-Push-Url"] = root_of(request) + link(wanted, here)
    return answer


def _names(services: Services, predictions: str | None) -> list[str]:
    """Of the predictions to choose from; those of a job are named by their own page alone."""
    found = [one.name for one in services.predictions.found()]
    return found if predictions in (None, "", *found) else [*found, str(predictions)]


def _nodes(
    services: Services, products: PredictedProducts, tree: Taxonomy, wanted: ProductFilter, words: PageWords,
    link: Callable[[ProductFilter], str],
) -> list[ShownNode]:  # fmt: skip
    """The nodes below the one looked at, in the tree's order; at a leaf those beside it."""
    level = min(wanted.level + 1, tree.depth)
    parents = tree.parent(level)
    if wanted.level < tree.depth:
        below = np.flatnonzero(parents == wanted.node) if wanted.level else np.arange(tree.n_nodes(1))
    else:
        below = np.flatnonzero(parents == parents[wanted.node])
    figures = services.product_lists.figures(products, level)
    answered, left = _found_by_reviewers(services, products, level)
    most = max(1, int(figures.products[below].max()))
    nodes = []
    for node in below.tolist():
        judged, right = int(figures.judged[node]), int(figures.right[node])
        low, high = exact_share(right, judged)
        n = int(figures.products[node])
        nodes.append(ShownNode(
            name=tree.shown_path(level, node)[-1], link=link(replace(wanted, level=level, node=node)),
            is_here=wanted.level == level and wanted.node == node, products=n, share=n / most,
            right=right if judged >= FEW else None,
            interval=f"{words.percent(low)}–{words.percent(high)}" if judged else "", judged=judged,
            answered=int(answered[node]), left=int(left[node]),
        ))  # fmt: skip
    return nodes


def _found_by_reviewers(
    services: Services, products: PredictedProducts, level: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`(n_nodes,)` products answered and left where they were; zeros while the queue is put in order."""
    none = np.zeros(products.tree.n_nodes(level), np.int64)
    open_desk = services.desks.soon(products)
    if open_desk is None:
        return none, none
    try:
        with open_desk.desk.lock:
            open_desk.desk.state.refresh()
            return open_desk.desk.state.outcomes.by_node(level)
    except (OSError, ValueError):
        # a damaged journal is told where people answer
        return none, none


def _listed(one: PredictedProduct, tree: Taxonomy, words: PageWords, predictions: str | None) -> ListedProduct:
    return ListedProduct(
        link=product_link(one.product_id, predictions),
        photo=photo_link(one.product_id, 1, SHOWN, predictions) if one.photos_md5 else None,
        more_photos=max(0, len(one.photos_md5) - 1), title=one.title or str(one.product_id), decision=one.decision,
        name=tree.shown[one.leaf][-1], sure=share_text(one.probabilities[-1], words),
    )  # fmt: skip
