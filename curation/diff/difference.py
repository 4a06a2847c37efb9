"""What changed between two dumps of a catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.answer_sheet import plain_cell
from catalog.files.progress import Progress
from catalog.files.wording import plural
from catalog.sources.source import NO_CATEGORY
from catalog.tree.taxonomy import LEVEL_NAMES, Taxonomy, path_text
from curation.diff.photos import CHANGED, REORDERED, photo_changes
from curation.diff.trees import NO_LEVEL, SAME_PATH, TreeChanges, moved_level

NAMED = 20
MOST_MOVES = 1000
LEVEL_TEXT = {NO_LEVEL: "unknown", SAME_PATH: "the same path", **LEVEL_NAMES}


@dataclass(frozen=True)
class CatalogDifference:
    """Two catalogues, product by product, in the order of their ids.

    Attributes:
        removed, added: positions in the old and the new catalogue of products that only it has.
        at_old, at_new: `(m,)` positions of the products that both have.
        level: `(m,)` int8 how far the category moved where both have another one (see `moved_level`).
        photos: `(m,)` int8 as `photo_changes` gives them.
        categories: what changed between the trees, None unless there are two.
    """

    old: Catalog
    new: Catalog
    old_tree: Taxonomy | None
    new_tree: Taxonomy | None
    removed: NDArray[np.int64]
    added: NDArray[np.int64]
    at_old: NDArray[np.int64]
    at_new: NDArray[np.int64]
    level: NDArray[np.int8]
    photos: NDArray[np.int8]
    categories: TreeChanges | None

    @classmethod
    def between(
        cls,
        old: Catalog,
        new: Catalog,
        old_tree: Taxonomy | None = None,
        new_tree: Taxonomy | None = None,
        progress: Progress | None = None,
    ) -> CatalogDifference:
        """Compare two catalogues; all photos of both are read once (their MD5s are kept). One tree serves both."""
        before, after = old.product_ids, new.product_ids
        _, at_old, at_new = np.intersect1d(before, after, assume_unique=True, return_indices=True)
        was, now = old.category_ids[at_old], new.category_ids[at_new]
        moved = np.flatnonzero((was != now) & (was != NO_CATEGORY) & (now != NO_CATEGORY))
        trees = (old_tree or new_tree, new_tree or old_tree)
        level = np.full(len(at_old), NO_LEVEL, np.int8)
        level[moved] = moved_level(was[moved], now[moved], *trees)
        photos = photo_changes(old, new, at_old, at_new, progress)
        categories = TreeChanges.between(old_tree, new_tree) if old_tree and new_tree else None
        removed, added = _others(before, at_old), _others(after, at_new)
        return cls(old, new, *trees, removed, added, at_old, at_new, level, photos, categories)

    def kinds(self) -> dict[str, NDArray[np.bool_]]:
        """By kind of change, `(m,)` bool over the products that both have; one product may have two kinds."""
        was, now = self.old.category_ids[self.at_old], self.new.category_ids[self.at_new]
        other = was != now
        return {
            "moved": other & (was != NO_CATEGORY) & (now != NO_CATEGORY),
            "labelled": other & (was == NO_CATEGORY),
            "label removed": other & (now == NO_CATEGORY),
            "photos changed": self.photos == CHANGED,
            "photos reordered": self.photos == REORDERED,
        }

    def counts(self) -> dict[str, int]:
        """Products by kind of change, and the unchanged ones."""
        kinds = self.kinds()
        changed = np.logical_or.reduce(list(kinds.values())) if len(self.at_old) else np.zeros(0, bool)
        return {
            "added": len(self.added),
            "removed": len(self.removed),
            **{kind: int(where.sum()) for kind, where in kinds.items()},
            "unchanged": int((~changed).sum()),
        }

    def moves(self) -> list[dict[str, Any]]:
        """The pairs of categories that products moved between, the most frequent first, each with its first ids."""
        where = np.flatnonzero(self.kinds()["moved"])
        was, now = self.old.category_ids[self.at_old[where]], self.new.category_ids[self.at_new[where]]
        pairs, first, which, times = np.unique(
            np.stack([was, now], axis=1), axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        # numpy 2.0 alone gives this inverse a second axis
        by_pair = np.argsort(which.reshape(-1), kind="stable")
        starts = np.cumsum(times) - times
        before_path, after_path = _paths(self.old_tree), _paths(self.new_tree)
        moves = []
        for i in np.argsort(-times, kind="stable")[:MOST_MOVES].tolist():
            old, new = pairs[i].tolist()
            first_of_pair = where[by_pair[starts[i] : starts[i] + min(3, times[i])]]
            moves.append(
                {
                    "products": int(times[i]),
                    "old": before_path.get(old) or str(old),
                    "new": after_path.get(new) or str(new),
                    "level": LEVEL_TEXT[int(self.level[where[first[i]]])],
                    "first": self.old.product_ids[self.at_old[first_of_pair]].tolist(),
                }
            )
        return moves

    def by_level(self) -> dict[str, int]:
        """Moved products by the level at which their categories part."""
        level = self.level[self.kinds()["moved"]]
        return {text: int((level == n).sum()) for n, text in LEVEL_TEXT.items() if (level == n).any()}

    def examples(self) -> dict[str, list[int]]:
        """The first ids of each kind of change."""
        before, after = self.old.product_ids, self.new.product_ids
        changed = {kind: before[self.at_old[np.flatnonzero(where)[:NAMED]]] for kind, where in self.kinds().items()}
        first = {"added": after[self.added[:NAMED]], "removed": before[self.removed[:NAMED]], **changed}
        return {kind: ids.tolist() for kind, ids in first.items()}

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Every change as a row of `diff.csv`: see `COLUMNS` of the writer."""
        before, after, nothing = _Side(self.old, self.old_tree), _Side(self.new, self.new_tree), ("", "", "")
        for i in self.added.tolist():
            yield (int(after.ids[i]), "added", "", *nothing, *after.cells(i))
        for i in self.removed.tolist():
            yield (int(before.ids[i]), "removed", "", *before.cells(i), *nothing)
        for kind, where in self.kinds().items():
            for m in np.flatnonzero(where).tolist():
                i, j = self.at_old[m], self.at_new[m]
                level = LEVEL_TEXT[int(self.level[m])] if kind == "moved" else ""
                yield (int(before.ids[i]), kind, level, *before.cells(i), *after.cells(j))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; of the pairs of categories, the `MOST_MOVES` most frequent."""
        old, new = (
            {"address": side.address, "fingerprint": side.fingerprint, "products": len(side)}
            for side in (self.old, self.new)
        )
        return {
            "old": old,
            "new": new,
            "products": self.counts(),
            "moved_by_level": self.by_level(),
            "moves": self.moves(),
            "first": self.examples(),
            "categories": None if self.categories is None else self.categories.to_json(),
        }

    def __str__(self) -> str:
        first = self.examples()
        lines = [f"{self.old} ({plural(len(self.old), 'product')}) -> {self.new} ({len(self.new):,})"]
        for kind, n in self.counts().items():
            named = ", ".join(map(str, first.get(kind, [])[:5]))
            more = ", ..." if n > 5 and named else ""
            lines.append(f"  {kind:<17}{n:>12,}" + (f"   {named}{more}" if named else ""))
        levels = self.by_level()
        if levels:
            lines.append("moved: " + ", ".join(f"{text} {n:,}" for text, n in levels.items()))
            lines += [
                f"  {move['products']:>8,}  {move['old']} -> {move['new']}  ({', '.join(map(str, move['first']))})"
                for move in self.moves()[:5]
            ]
        return "\n".join([*lines, *(self.categories.lines() if self.categories else [])])


class _Side:
    """A catalogue's products as rows of the sheet, with the paths of its tree as people are shown them."""

    def __init__(self, catalog: Catalog, tree: Taxonomy | None) -> None:
        self.ids, self._categories, self._n_images = catalog.product_ids, catalog.category_ids, catalog.n_images
        self._paths = {category: plain_cell(path) for category, path in _paths(tree).items()}

    def cells(self, position: int) -> tuple[object, str, int]:
        """Category id, its path as a spreadsheet may have it, and photos of a product; empty where there is none."""
        category = int(self._categories[position])
        shown_id = "" if category == NO_CATEGORY else category
        return shown_id, self._paths.get(category, ""), int(self._n_images[position])


def _paths(tree: Taxonomy | None) -> dict[int, str]:
    pairs = () if tree is None else zip(tree.leaf_ids.tolist(), tree.shown, strict=True)
    return {category: path_text(path) for category, path in pairs}


def _others(ids: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of all other products, in the order of their ids."""
    alone = np.ones(len(ids), bool)
    alone[positions] = False
    rest = np.flatnonzero(alone)
    return rest[np.argsort(ids[rest], kind="stable")]
