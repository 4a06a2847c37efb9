"""Counts by category as a CSV gives them, without a catalogue: a name or category_id and a number per line."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from catalog.files.csv_rows import integer_in, read_raw_rows
from catalog.files.sheet_ids import id_of_cell
from catalog.ids.shop_id import ShopId
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.explore.placement import LevelCounts, nodes_by_name

Row = tuple[str, int]
MAX_COUNT = 10**12
"""Of one category; sums stay far inside 64 bits."""


@dataclass
class CountsFile:
    """Counts of one level.

    Attributes:
        merged: names that stand at several places in the tree and have one count here.
        loosely: names found by their plain letters alone (their other characters are damaged).
        unknown: names or ids that the tree does not have, with their counts; they are in no figure.
        missing: categories of the tree that the file does not name; they count as empty.
    """

    path: Path
    counts: LevelCounts
    merged: list[str] = field(default_factory=list)
    loosely: list[str] = field(default_factory=list)
    unknown: list[Row] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def read_counts(path: Path, tree: Taxonomy) -> CountsFile:
    """Read `name,count` or `category_id,count`, with or without a header; the level is the one whose names fit best.

    A name that stands at several places of the tree is one category here: the file does not tell them apart.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a CSV, or not one category of it is in the tree.
    """
    rows = _read(path)
    # an empty text is no category's id
    ids = ["" if (category := id_of_cell(name)) is None else category for name, _ in rows]
    if all(isinstance(category, int) for category in ids) or _are_ids_of(tree, ids):
        counts_file = _by_id(path, rows, ids, tree)
    else:
        names = {name for name, _ in rows}
        level = max(tree.levels, key=lambda at: _likeness(names, {path[:at][-1] for path in tree.paths}))
        counts_file = _by_name(path, rows, tree, level)
    if len(counts_file.unknown) == len(rows):
        raise ValueError(
            f"{path}: not one of its {len(rows)} categories, such as {rows[0][0]!r}, is in the tree: give the tree "
            "that these counts belong to (--tree)"
        )
    return counts_file


def levels_above(counts: LevelCounts, tree: Taxonomy) -> list[LevelCounts]:
    """Levels above as sums of leaf counts; none where those merge leaves of one name, whose parents may differ."""
    if counts.level != tree.depth or not counts.is_by_place:
        return []
    levels = []
    for level in tree.levels[:-1]:
        n = tree.n_nodes(level)
        names = [path_text(tree.shown_path(level, node)) for node in range(n)]
        levels.append(
            LevelCounts(
                level, names, np.add.reduceat(counts.counts, tree.first_leaf(level)), n, None, tree.level_names[level]
            )
        )
    return levels


def _read(path: Path) -> list[Row]:
    rows: list[Row] = []
    given = read_raw_rows(path, "give a CSV with a category and its count on each line (--counts)")
    for number, (line, cells) in enumerate(given):
        if number == 0 and integer_in(cells[-1]) is None:
            # a header
            continue
        n = integer_in(cells[1]) if len(cells) == 2 else None
        if n is None or not 0 <= n <= MAX_COUNT:
            raise ValueError(f"{path}, line {line}: expected a category and its count, got {','.join(cells)[:80]!r}")
        rows.append((cells[0], n))
    if not rows:
        raise ValueError(f"{path} holds no counts: expected a category and its count on each line")
    return rows


def _are_ids_of(tree: Taxonomy, ids: Sequence[ShopId]) -> bool:
    """Whether half of them or more are category_ids of a tree, and not of integers alone: such may be names."""
    return len(tree.ids) > 0 and 2 * int((tree.leaf_index(ids) >= 0).sum()) >= len(ids)


def _likeness(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b)


def _by_id(path: Path, rows: Sequence[Row], ids: Sequence[ShopId], tree: Taxonomy) -> CountsFile:
    counts = np.zeros(len(tree), np.int64)
    leaves = tree.leaf_index(ids)
    known = leaves >= 0
    np.add.at(counts, leaves[known], np.array([n for _, n in rows], np.int64)[known])
    names = [path_text(path) for path in tree.shown]
    unknown = [row for row, here in zip(rows, known, strict=True) if not here]
    missing = [names[leaf] for leaf in np.setdiff1d(np.arange(len(tree)), leaves)]
    return CountsFile(
        path,
        LevelCounts(tree.depth, names, counts, len(tree), None, tree.level_names[tree.depth]),
        unknown=unknown,
        missing=missing,
    )


def _by_name(path: Path, rows: Sequence[Row], tree: Taxonomy, level: int) -> CountsFile:
    nodes = nodes_by_name(tree, level)
    names = list(nodes)
    place = {name: at for at, name in enumerate(names)}
    given = {name for name, _ in rows}
    plain: dict[str, list[int]] = {}
    for name, at in place.items():
        if name not in given:
            plain.setdefault(_letters(name), []).append(at)
    shown = [tree.shown_path(level, of_name[0])[-1] for of_name in nodes.values()]
    counts_file = CountsFile(
        path,
        LevelCounts(level, shown, np.zeros(len(names), np.int64), tree.n_nodes(level), None, tree.level_names[level]),
    )
    seen: set[int] = set()
    for name, n in rows:
        alike = plain.get(_letters(name), [])
        if name in place:
            at = place[name]
        elif len(alike) == 1:
            at = alike[0]
            counts_file.loosely.append(name)
        else:
            counts_file.unknown.append((name, n))
            continue
        counts_file.counts.counts[at] += n
        seen.add(at)
    counts_file.merged = [name for name, at in place.items() if len(nodes[name]) > 1 and at in seen]
    counts_file.missing = [name for name, at in place.items() if at not in seen]
    return counts_file


def _letters(name: str) -> str:
    """Plain letters and digits: what is left of a name whatever encoding it has been through."""
    return "".join(c for c in unicodedata.normalize("NFC", name) if c.isascii() and c.isalnum())
