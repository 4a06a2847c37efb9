"""The page of `catalog duplicates`: figures, and the groups that are worth a look with their photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog.reports.page import page_template
from curation.duplicates.groups import COMMON, EXACT, KINDS, NEAR
from curation.duplicates.shown import shown_group

if TYPE_CHECKING:
    from curation.duplicates.findings import Findings

SHOWN_GROUPS = 10


def page_of(found: Findings) -> str:
    """One self-contained HTML page."""
    sections = []
    seen = np.zeros(0, np.int64)
    for heading, text, own in _sections(found):
        # those shown further up would hide the others
        own = np.concatenate([own[~np.isin(own, seen)], own[np.isin(own, seen)]])
        seen = np.concatenate([seen, own[:SHOWN_GROUPS]])
        sections.append((heading, text, [shown_group(found, int(group)) for group in own[:SHOWN_GROUPS]], len(own)))
    kinds = [kind for kind in (EXACT, NEAR) if kind == EXACT or found.looks is not None]
    said = found.to_json()
    return str(
        page_template("catalog.reports", "duplicates.html").render(
            said=said,
            title=" against ".join(catalog.name for catalog in found.photos.catalogs),
            kinds=kinds,
            sizes=_rows(said, kinds, "sizes"),
            categories=_rows(said, kinds, "categories"),
            sections=sections,
        )
    )


def _sections(found: Findings) -> list[tuple[str, str, NDArray[np.int64]]]:
    """Heading, explanation and groups, those most worth a look first."""
    groups = found.groups
    kind, parts, size = groups.group_kind, groups.parts_at, groups.size
    number = np.arange(len(kind))
    exact, near, common = (number[kind == KINDS.index(own)] for own in (EXACT, NEAR, COMMON))
    across = number[(kind != KINDS.index(COMMON)) & (parts > 0)]
    across = across[np.lexsort((-size[across], kind[across], parts[across]))]
    furthest = np.zeros(len(kind), np.int64)
    np.maximum.at(furthest, groups.group, groups.distance.astype(np.int64))
    return [
        (
            "Copies across categories",
            "Groups whose products lie in different categories, those that part highest in the tree first: a label is "
            "wrong, or the photo says nothing of its product.",
            across,
        ),
        (
            "Near copies",
            "Photos that look alike, on products that exact copies do not link; those furthest apart first.",
            near[np.lexsort((-size[near], -furthest[near]))],
        ),
        ("The largest groups", "Products that share photos byte for byte, directly or through others.", exact),
        (
            "Photos too common to link",
            f"Photos of more than {found.max_copies} products: logos, notices, missing images. Each stands alone.",
            common,
        ),
    ]


def _rows(
    said: dict[str, dict[str, dict[str, dict[str, int]]]], kinds: list[str], what: str
) -> list[tuple[str, list[int]]]:
    """Rows of a table over the kinds, without those of zeros alone."""
    rows = [(name, [said["groups"][kind][what][name] for kind in kinds]) for name in said["groups"][EXACT][what]]
    return [(name, counts) for name, counts in rows if any(counts)]
