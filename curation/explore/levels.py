"""The tree's levels, names that stand in it more than once, and products by their number of photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import plural
from catalog.product import MAX_IMAGES
from catalog.reports.page import Estimate, Table
from catalog.tree.taxonomy import LEVEL_NAMES, LEVELS, Taxonomy, path_text
from curation.explore.section import Section
from curation.explore.shelves import LevelCounts, Shelves

SHOWN = 40
"""Rows of a long table on the page; the JSON has all of them."""


@dataclass(frozen=True)
class Homonym:
    """A name that several nodes of one level bear: `nodes` in the order of the tree."""

    level: int
    name: str
    nodes: tuple[int, ...]


def homonyms(tree: Taxonomy, level: int) -> list[Homonym]:
    """Names of a level, to the letter, that stand at more than one place."""
    nodes: dict[str, list[int]] = {}
    for node in range(tree.n_nodes(level)):
        nodes.setdefault(tree.node_path(level, node)[-1], []).append(node)
    return [Homonym(level, name, tuple(own)) for name, own in nodes.items() if len(own) > 1]


@dataclass(frozen=True)
class LevelFigures:
    """One level of the tree: its nodes, their distinct names, and of the counts (None without) how many are in use."""

    nodes: int
    names: int
    used: int | None = None
    held: int | None = None
    photos: int | None = None

    @classmethod
    def of(cls, tree: Taxonomy, level: int, counts: LevelCounts | None) -> LevelFigures:
        """`counts`: what the categories of this level hold."""
        nodes = tree.n_nodes(level)
        names = len({tree.node_path(level, node)[-1] for node in range(nodes)})
        if counts is None:
            return cls(nodes, names)
        photos = None if counts.n_photos is None else int(counts.n_photos.sum())
        return cls(nodes, names, len(counts.used), int(counts.counts.sum()), photos)


def tree_section(tree: Taxonomy, levels: Sequence[LevelCounts], unit: str) -> Section:
    """Nodes and names of every level, how many are in use, and the homonyms."""
    counted = {level.level: level for level in levels}
    repeated = [found for level in LEVELS for found in homonyms(tree, level)]
    own = {level: LevelFigures.of(tree, level, counted.get(level)) for level in LEVELS}
    parts = [_level_table(own, levels, unit)]
    if repeated:
        parts.append(_homonym_table(tree, repeated, counted, unit))
    figures = {
        "levels": {LEVEL_NAMES[level]: asdict(figures) for level, figures in own.items()},
        "homonyms": [
            {
                "level": LEVEL_NAMES[found.level],
                "name": found.name,
                "paths": [path_text(tree.node_path(found.level, node)) for node in found.nodes],
            }
            for found in repeated
        ],
    }
    return Section("tree", "The tree", _said(own, repeated, counted.get(LEVELS[-1])), figures, parts)


def _said(own: dict[int, LevelFigures], repeated: Sequence[Homonym], counts: LevelCounts | None) -> list[str]:
    leaves = own[3]
    n_repeated = sum(found.level == 3 for found in repeated)
    said = [
        f"{own[1].nodes:,} categories of Cat I, {own[2].nodes:,} of Cat II under {plural(own[2].names, 'name')}, "
        f"{plural(leaves.nodes, 'leaf', 'leaves')} under {plural(leaves.names, 'name')}: "
        + (
            f"{plural(n_repeated, 'name stands', 'names stand')} on more than one leaf, so that only the whole path, "
            "or the category_id, tells them apart."
            if n_repeated
            else "every leaf has a name of its own."
        ),
    ]
    if counts is not None and (n_empty := len(counts.names) - len(counts.used)):
        empty = plural(n_empty, "leaf", "leaves") if counts.is_by_place else plural(n_empty, "name of leaves", "names")
        said.append(f"{empty} of the tree {'holds' if n_empty == 1 else 'hold'} nothing here.")
    return said


def _level_table(own: dict[int, LevelFigures], levels: Sequence[LevelCounts], unit: str) -> Table:
    columns = ["level", "in the tree", "names", "in use", unit]
    rows: list[list[object]] = [
        [LEVEL_NAMES[level], f.nodes, f.names, *("–" if n is None else n for n in (f.used, f.held))]
        for level, f in own.items()
    ]
    if any(f.photos is not None for f in own.values()):
        columns.append("photos")
        rows = [[*row, f.photos] for row, f in zip(rows, own.values(), strict=True)]
    notes = ["In use: categories that hold at least one."]
    if not all(level.is_by_place for level in levels):
        notes.append("The counts are given by name: categories of one name are one in them.")
    if any(f.used is None for f in own.values()):
        notes.append("Of a level with dashes no counts were given.")
    return Table("Levels", columns, rows, " ".join(notes))


def _homonym_table(tree: Taxonomy, repeated: Sequence[Homonym], counted: dict[int, LevelCounts], unit: str) -> Table:
    rows: list[list[object]] = []
    # what was counted by name does not tell its places apart
    apart = bool(counted) and all(counts.is_by_place for counts in counted.values())
    columns = ["level", "name", "path", *([unit] if apart else [])]
    # leaves first: they are what is predicted
    for found in sorted(repeated, key=lambda h: -h.level)[:SHOWN]:
        counts = counted.get(found.level)
        for i, node in enumerate(found.nodes):
            cells = [int(counts.counts[node])] if counts is not None and apart else []
            path = tree.shown_path(found.level, node)
            # one name of the tree may have several translations
            name = path[-1] if not i or path[-1] != tree.shown_path(found.level, found.nodes[i - 1])[-1] else ""
            rows.append(["" if i else LEVEL_NAMES[found.level], name, path_text(path), *cells])
    left = len(repeated) - SHOWN
    notes = [f"The first {SHOWN} of {len(repeated)}; the JSON names all."] if left > 0 else []
    if tree.shown is not tree.paths:
        notes.append("In the tree's own language these are one name each; what they are called here may differ.")
    return Table("Names that stand more than once", columns, rows, " ".join(notes))


def photo_counts(n_images: NDArray[np.int8]) -> list[dict[str, Any]]:
    """Products by their number of photos, 0 to 4: `{photos, products, share}`."""
    counts = np.bincount(n_images, minlength=MAX_IMAGES + 1)
    return [{"photos": n, "products": int(c), "share": float(c / len(n_images))} for n, c in enumerate(counts)]


def products_section(shelves: Shelves) -> Section:
    """Products by number of photos, and how many have a place in the tree."""
    rows = photo_counts(shelves.n_images)
    n = len(shelves.n_images)
    labelled, known = int(shelves.labelled.sum()), int((shelves.leaf >= 0).sum())
    figures: dict[str, Any] = {
        "products": n,
        "labelled": labelled,
        "in_tree": known,
        "photos": int(shelves.n_images.sum(dtype=np.int64)),
        "by_photos": rows,
    }
    said = [f"{plural(n, 'product')} with {plural(figures['photos'], 'photo')}: {figures['photos'] / n:.2f} for each."]
    if labelled < n:
        said.append(f"{plural(n - labelled, 'product has', 'products have')} no category_id.")
    if known < labelled:
        said.append(
            f"{plural(labelled - known, 'product has', 'products have')} a category_id that is not in the tree."
        )
    table = Table(
        "Products by number of photos",
        ["photos", "products", "share, %"],
        [[row["photos"], row["products"], Estimate(row["share"])] for row in rows if row["products"] or row["photos"]],
        "Of a product with more than four photos the first four are used.",
    )
    return Section("products", "Products and photos", said, figures, [table])
