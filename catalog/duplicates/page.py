"""The page of `catalog duplicates`: figures, and the groups that are worth a look with their photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog.duplicates.groups import COMMON, EXACT, KINDS, NEAR
from catalog.report import data_uri, page_template
from catalog.sources.source import NO_CATEGORY
from catalog.taxonomy import UNKNOWN, path_text
from catalog.thumbnails import strip

if TYPE_CHECKING:
    from catalog.duplicates.findings import Findings

SHOWN_GROUPS = 10
SHOWN_MEMBERS = 8
HEIGHT = 110


@dataclass(frozen=True)
class Member:
    """A product's shared photo: `picture` is a data URI."""

    picture: str
    product: str
    category: str
    distance: str


@dataclass(frozen=True)
class Shown:
    """A group on the page; `more`: its products that are not shown."""

    number: int
    title: str
    members: list[Member]
    more: int


def page_of(found: Findings) -> str:
    """One self-contained HTML page."""
    groups = found.groups
    kind, parts, size = groups.group_kind, groups.parts_at, groups.size
    linked = kind != KINDS.index(COMMON)
    number = np.arange(len(kind))
    across = number[linked & (parts > 0)]
    across = across[np.lexsort((-size[across], parts[across]))]
    largest = number[linked][:SHOWN_GROUPS]
    near = _by_distance(found, number[kind == KINDS.index(NEAR)])
    sections = [
        ("The largest groups", "Products that share photos, directly or through others.", number[linked]),
        (
            "Across categories",
            "Groups whose products lie in different categories, those that part highest in the tree first and those "
            "shown above last: a label is wrong, or the photo says nothing of its product.",
            # those shown above first would hide the others
            np.concatenate([across[~np.isin(across, largest)], across[np.isin(across, largest)]]),
        ),
        (
            "Linked by near copies",
            "Groups that hold together only by photos that look alike, those of the largest distance first.",
            near,
        ),
        (
            "Photos too common to link",
            f"Photos of more than {found.max_copies} products: logos, notices, missing images. Each stands alone.",
            number[~linked],
        ),
    ]
    said = found.to_json()
    return str(
        page_template("catalog", "duplicates.html").render(
            said=said,
            title=" against ".join(catalog.name for catalog in found.photos.catalogs),
            kinds=[k for k in (EXACT, NEAR) if k == EXACT or found.looks is not None],
            sections=[
                (heading, text, [_shown(found, int(group), own is near) for group in own[:SHOWN_GROUPS]], len(own))
                for heading, text, own in sections
            ],
        )
    )


def _by_distance(found: Findings, own: NDArray[np.int64]) -> NDArray[np.int64]:
    largest = np.zeros(len(found.groups.group_kind), np.int64)
    np.maximum.at(largest, found.groups.group, found.groups.distance.astype(np.int64))
    return own[np.lexsort((-found.groups.size[own], -largest[own]))]


def _shown(found: Findings, group: int, by_near: bool) -> Shown:
    photos, groups = found.photos, found.groups
    low, high = np.searchsorted(groups.group, [group, group + 1])
    rows = np.arange(low, high)
    near = groups.kind[rows] == KINDS.index(NEAR)
    if by_near and near.any():
        rows = rows[near]
    # one photo of every product, copies side by side
    _, first = np.unique(photos.owner[groups.slot[rows]], return_index=True)
    number = photos.number[groups.slot[rows[first]]]
    look = number if found.looks is None else found.looks.of_photo[number]
    chosen = rows[first[np.lexsort((number, look))]]
    members = [_member(found, int(row)) for row in chosen[:SHOWN_MEMBERS]]
    n = int(groups.size[group])
    return Shown(group + 1, f"{n} products, {_categories(found, group)}", members, n - len(members))


def _categories(found: Findings, group: int) -> str:
    own = found.groups.product[found.groups.start[group] : found.groups.start[group + 1]]
    ids = found.photos.category_ids[own]
    n = len(np.unique(ids[ids != NO_CATEGORY]))
    if n < 2:
        return "one category" if n else "no category"
    if found.tree is None:
        return f"{n} categories"
    level = int(found.groups.parts_at[group])
    return f"{n} categories, parting at Cat {'I' * level}" if level > 0 else f"{n} categories"


def _member(found: Findings, row: int) -> Member:
    photos = found.photos
    slot = int(found.groups.slot[row])
    owner = int(photos.owner[slot])
    category, near = int(photos.category_ids[owner]), found.groups.kind[row] == KINDS.index(NEAR)
    side = f", {photos.catalogs[photos.side[owner]].name}" if len(photos.catalogs) > 1 else ""
    name = "" if category == NO_CATEGORY else str(category)
    if found.tree is not None and name:
        leaf = int(found.tree.leaf_index(category))
        name = path_text(found.tree.shown[leaf]) if leaf != UNKNOWN else f"{name}, not in the tree"
    return Member(
        data_uri(strip([photos.read(slot)], HEIGHT)),
        f"{photos.product_ids[owner]}, photo {photos.rank[slot]}{side}",
        name,
        f"{found.groups.distance[row]} bits apart" if near else "",
    )
