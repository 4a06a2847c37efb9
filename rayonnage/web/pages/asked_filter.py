"""The filter that an address names, and the address that names a filter."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import Request
from starlette.datastructures import QueryParams

from catalog.files.id_lookup import UNKNOWN
from catalog.product import MAX_IMAGES
from catalog.tree.taxonomy import Taxonomy
from fusion.decide import Decision
from rayonnage.web.api.asked import asked_id
from rayonnage.web.browsing.product_filter import FAMILIES, ProductFilter, ProductOrder

MAX_TEXT = 200
PERCENTS = {str(percent): percent / 100 for percent in range(101)}
"""Looked up, not computed: `int` and `float` refuse numbers of thousands and of hundreds of digits."""


def asked_filter(request: Request, tree: Taxonomy) -> ProductFilter:
    """What the query says; what it says wrongly, or not at all, is left open: addresses are typed and kept by people.

    A node is named by a category below it and its level, which stay what they are when the tree grows.
    """
    query = request.query_params
    level, node = _place(query, tree)
    low, high = (_share(query.get(name, ""), open_at) for name, open_at in (("from", 0.0), ("to", 1.0)))
    dissent = query.get("dissent", "")
    return ProductFilter(
        level, node, decision={str(one): one for one in Decision}.get(query.get("decision", "")),
        at_least=low, at_most=high, dissent=dissent if dissent in FAMILIES else "",
        images={str(n): n for n in range(MAX_IMAGES + 1)}.get(query.get("images", "")),
        text=" ".join(query.get("text", "").split())[:MAX_TEXT],
        order={str(one): one for one in ProductOrder}.get(query.get("order", ""), ProductOrder.TABLE),
    )  # fmt: skip


def address_of(wanted: ProductFilter, tree: Taxonomy, **more: str | None) -> str:
    """The query of a filter, from the root; `more`: page and predictions, as far as they are not the usual ones."""
    values: dict[str, object] = {}
    if wanted.level:
        leaf = int(tree.first_leaf(wanted.level)[wanted.node])
        values = {"in": tree.shop_ids[leaf], "level": wanted.level}
    values |= {
        "decision": wanted.decision, "from": _percent(wanted.at_least, 0.0), "to": _percent(wanted.at_most, 1.0),
        "dissent": wanted.dissent, "images": wanted.images, "text": wanted.text,
        "order": wanted.order if wanted.order is not ProductOrder.TABLE else None, **more,
    }  # fmt: skip
    given = {name: str(value) for name, value in values.items() if value not in (None, "")}
    return "browse" + (f"?{urlencode(given)}" if given else "")


def _place(query: QueryParams, tree: Taxonomy) -> tuple[int, int]:
    category = query.get("in", "")
    if not category:
        return 0, 0
    leaf = int(tree.leaf_index([asked_id(category)])[0])
    if leaf == UNKNOWN:
        return 0, 0
    level = {str(one): one for one in tree.levels}.get(query.get("level", ""), tree.depth)
    return level, int(tree.ancestor(level)[leaf])


def _share(text: str, otherwise: float) -> float:
    """Whole percents as a share."""
    return PERCENTS.get(text.lstrip("0") or text[:1], otherwise)


def _percent(share: float, left_out: float) -> int | None:
    return None if share == left_out else round(100 * share)
