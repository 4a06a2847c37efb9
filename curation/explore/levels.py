"""The tree's levels, names that stand in it more than once, and products by their number of photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from catalog.files.wording import plural
from catalog.product import MAX_IMAGES
from catalog.reports.estimate import Estimate
from catalog.reports.page import Section, Table
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.explore.placement import LevelCounts, Placement, nodes_by_name

SHOWN = 40
"""Rows of a long table on the page; the JSON has all of them."""


@dataclass(frozen=True)
class Homonym:
    """A name that several nodes of one level bear: `nodes` in the order of the tree."""

    level: int
    name: str
    nodes: tuple[int, ...]


def homonyms(tree: Taxonomy, level: int) -> list[Homonym]:
    """Names of a level, to the letter, that stand at more than one place.

    Leaves further up go down through all levels, but are homonyms where they stand alone.
    """
    nodes, above = nodes_by_name(tree, level), nodes_by_name(tree, level - 1) if level > 1 else {}
    return [
        Homonym(level, name, tuple(places))
        for name, places in nodes.items()
        if len(places) > 1
        and (
            any(len(tree.node_path(level, node)) == level for node in places)
            # leaves of one path, which only below it are nodes of their own
            or len(places) > len(above[name])
        )
    ]


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
        nodes, names = tree.n_nodes(level), len(nodes_by_name(tree, level))
        if counts is None:
            return cls(nodes, names)
        photos = None if counts.n_photos is None else int(counts.n_photos.sum())
        return cls(nodes, names, len(counts.used), int(counts.counts.sum()), photos)


def tree_section(tree: Taxonomy, levels: Sequence[LevelCounts], unit: str) -> Section:
    """Nodes and names of every level, how many are in use, and the homonyms."""
    counted = {level.level: level for level in levels}
    repeated = [homonym for level in tree.levels for homonym in homonyms(tree, level)]
    by_level = {level: LevelFigures.of(tree, level, counted.get(level)) for level in tree.levels}
    parts = [_level_table(by_level, levels, unit, tree.level_names)]
    if repeated:
        parts.append(_homonym_table(tree, repeated, counted, unit))
    figures = {
        "levels": {tree.level_names[level]: asdict(figures) for level, figures in by_level.items()},
        "homonyms": [
            {
                "level": tree.level_names[homonym.level],
                "name": homonym.name,
                "paths": [path_text(tree.node_path(homonym.level, node)) for node in homonym.nodes],
            }
            for homonym in repeated
        ],
    }
    n_repeated = sum(len(places) > 1 for places in nodes_by_name(tree, tree.depth).values())
    sentences = _tree_sentences(tree, by_level, n_repeated, counted.get(tree.depth))
    return Section("tree", "The tree", sentences, parts, figures)


def _tree_sentences(
    tree: Taxonomy, by_level: dict[int, LevelFigures], n_repeated: int, counts: LevelCounts | None
) -> list[str]:
    *above, leaves = by_level.values()
    parents = [
        f"{figures.nodes:,} of {tree.level_names[level]} under {plural(figures.names, 'name')}, "
        if level > 1
        else f"{figures.nodes:,} categories of {tree.level_names[1]}, "
        for level, figures in enumerate(above, start=1)
    ]
    sentences = [
        f"{''.join(parents)}{plural(leaves.nodes, 'leaf', 'leaves')} under {plural(leaves.names, 'name')}: "
        + (
            f"{plural(n_repeated, 'name stands', 'names stand')} on more than one leaf, so that only the whole path, "
            "or the category_id, tells them apart."
            if n_repeated
            else "every leaf has a name of its own."
        )
    ]
    if counts is not None and (n_empty := len(counts.names) - len(counts.used)):
        empty = plural(n_empty, "leaf", "leaves") if counts.is_by_place else plural(n_empty, "name of leaves", "names")
        sentences.append(f"{empty} of the tree {'holds' if n_empty == 1 else 'hold'} nothing here.")
    return sentences


def _level_table(
    by_level: dict[int, LevelFigures], levels: Sequence[LevelCounts], unit: str, names: Mapping[int, str]
) -> Table:
    columns = ["level", "in the tree", "names", "in use", unit]
    rows: list[list[object]] = [
        [names[level], f.nodes, f.names, *("–" if n is None else n for n in (f.used, f.held))]
        for level, f in by_level.items()
    ]
    if any(f.photos is not None for f in by_level.values()):
        columns.append("photos")
        rows = [[*row, f.photos] for row, f in zip(rows, by_level.values(), strict=True)]
    notes = ["In use: categories that hold at least one."]
    if not all(level.is_by_place for level in levels):
        notes.append("The counts are given by name: categories of one name are one in them.")
    if any(f.used is None for f in by_level.values()):
        notes.append("Of a level with dashes no counts were given.")
    return Table("Levels", columns, rows, " ".join(notes))


def _homonym_table(tree: Taxonomy, repeated: Sequence[Homonym], counted: dict[int, LevelCounts], unit: str) -> Table:
    rows: list[list[object]] = []
    # what was counted by name does not tell its places apart
    apart = bool(counted) and all(counts.is_by_place for counts in counted.values())
    columns = ["level", "name", "path", *([unit] if apart else [])]
    # leaves first: they are what is predicted
    for homonym in sorted(repeated, key=lambda h: -h.level)[:SHOWN]:
        counts = counted.get(homonym.level)
        for i, node in enumerate(homonym.nodes):
            cells: list[object] = ["–" if counts is None else int(counts.counts[node])] if apart else []
            path = tree.shown_path(homonym.level, node)
            # one name of the tree may have several translations
            name = path[-1] if not i or path[-1] != tree.shown_path(homonym.level, homonym.nodes[i - 1])[-1] else ""
            rows.append(["" if i else tree.level_names[homonym.level], name, path_text(path), *cells])
    left = len(repeated) - SHOWN
    notes = [f"The first {SHOWN} of {len(repeated)}; the JSON names all."] if left > 0 else []
    if tree.shown is not tree.paths:
        notes.append("In the tree's own language these are one name each; what they are called here may differ.")
    return Table("Names that stand more than once", columns, rows, " ".join(notes))


def products_section(placement: Placement) -> Section:
    """Products by number of photos, and how many have a place in the tree."""
    n = len(placement.n_images)
    counts = np.bincount(placement.n_images, minlength=MAX_IMAGES + 1).tolist()
    by_photos = [{"photos": i, "products": count, "share": count / n} for i, count in enumerate(counts)]
    labelled, known = int(placement.labelled.sum()), int((placement.leaf >= 0).sum())
    figures: dict[str, Any] = {
        "products": n,
        "labelled": labelled,
        "in_tree": known,
        "photos": int(placement.n_images.sum(dtype=np.int64)),
        "by_photos": by_photos,
    }
    sentences = [
        f"{plural(n, 'product')} with {plural(figures['photos'], 'photo')}: {figures['photos'] / n:.2f} for each."
    ]
    if labelled < n:
        sentences.append(f"{plural(n - labelled, 'product has', 'products have')} no category_id.")
    if known < labelled:
        sentences.append(
            f"{plural(labelled - known, 'product has', 'products have')} a category_id that is not in the tree."
        )
    # products without photos where there are any
    rows = [[i, count, Estimate(count / n)] for i, count in enumerate(counts) if count or i]
    note = "Of a product with more than four photos the first four are used."
    table = Table("Products by number of photos", ["photos", "products", "share, %"], rows, note)
    return Section("products", "Products and photos", sentences, [table], figures)
