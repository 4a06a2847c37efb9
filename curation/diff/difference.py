"""What changed between two dumps of a catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.files.wording import plural
from catalog.ids.shop_id import ShopId
from catalog.product_text import parted
from catalog.sources.source import NO_CATEGORY
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.diff.photos import CHANGED, REORDERED, photo_changes
from curation.diff.texts import TextChanges
from curation.diff.trees import NO_LEVEL, SAME_PATH, TreeChanges, moved_level, names_of_levels
from curation.shown_titles import shortened

NAMED = 20
MOST_MOVES = 1000


@dataclass(frozen=True)
class CatalogDifference:
    """Two catalogues, product by product, in the order of their ids; with texts among these, in that of the catalogues.

    Attributes:
        removed, added: positions in the old and the new catalogue of products that only it has.
        at_old, at_new: `(m,)` positions of the products that both have.
        level: `(m,)` int8 how far the category moved where both have another one (see `moved_level`).
        photos: `(m,)` int8 as `photo_changes` gives them; texts: what is said of them.
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
    texts: TextChanges
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
        in_order = not (len(old.ids) or len(new.ids))
        if not in_order:
            # the numbers that stand for texts are in no order that anybody knows
            rows = np.argsort(at_old)
            at_old, at_new = at_old[rows], at_new[rows]
        was, now = old.category_ids[at_old], new.category_ids[at_new]
        moved = np.flatnonzero((was != now) & (was != NO_CATEGORY) & (now != NO_CATEGORY))
        trees = (old_tree or new_tree, new_tree or old_tree)
        level = np.full(len(at_old), NO_LEVEL, np.int8)
        level[moved] = moved_level(was[moved], now[moved], *trees, old.ids, new.ids)
        photos = photo_changes(old, new, at_old, at_new, progress)
        categories = TreeChanges.between(old_tree, new_tree) if old_tree and new_tree else None
        texts = TextChanges.between(old, new, at_old, at_new, progress)
        removed, added = _others(before, at_old, by_id=in_order), _others(after, at_new, by_id=in_order)
        return cls(old, new, *trees, removed, added, at_old, at_new, level, photos, texts, categories)

    @cached_property
    def level_texts(self) -> dict[int, str]:
        """How far a product's category moved, in words: a level's name, or why there is none."""
        names = names_of_levels(self.old_tree, self.new_tree)
        return {NO_LEVEL: "unknown", SAME_PATH: "the same path", **names}

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
            **self.texts.kinds(),
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
        before_path, after_path = paths_of(self.old_tree), paths_of(self.new_tree)
        moves = []
        for i in np.argsort(-times, kind="stable")[:MOST_MOVES].tolist():
            old, new = pairs[i].tolist()
            first_of_pair = where[by_pair[starts[i] : starts[i] + min(3, times[i])]]
            moves.append(
                {
                    "products": int(times[i]),
                    "old": before_path.get(old) or str(self.old.ids.shown(old)),
                    "new": after_path.get(new) or str(self.new.ids.shown(new)),
                    "level": self.level_texts[int(self.level[where[first[i]]])],
                    "first": self.old.shop_ids(self.at_old[first_of_pair]),
                }
            )
        return moves

    def by_level(self) -> dict[str, int]:
        """Moved products by the level at which their categories part."""
        level = self.level[self.kinds()["moved"]]
        return {text: int((level == n).sum()) for n, text in self.level_texts.items() if (level == n).any()}

    def examples(self) -> dict[str, list[ShopId]]:
        """The first ids of each kind of change."""
        changed = {kind: self.at_old[np.flatnonzero(where)[:NAMED]] for kind, where in self.kinds().items()}
        return {
            "added": self.new.shop_ids(self.added[:NAMED]),
            "removed": self.old.shop_ids(self.removed[:NAMED]),
            **{kind: self.old.shop_ids(positions) for kind, positions in changed.items()},
        }

    def new_titles(self) -> list[dict[str, Any]]:
        """The first products with another title: id, and what they were and are called."""
        rows = np.flatnonzero(self.texts.title)[:NAMED]
        titles = (
            [parted(text)[0] for text in texts.take(positions)]
            for texts, positions in ((self.texts.old, self.at_old[rows]), (self.texts.new, self.at_new[rows]))
        )
        changed = zip(self.old.shop_ids(self.at_old[rows]), *titles, strict=True)
        return [{"product_id": shop_id, "old": was, "new": now} for shop_id, was, now in changed]

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
            **({"titles": self.new_titles()} if self.texts.any else {}),
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
        lines += [
            f"title of {title['product_id']}: {shortened(title['old']) or '-'} -> {shortened(title['new']) or '-'}"
            for title in self.new_titles()[:3]
        ]
        return "\n".join([*lines, *(self.categories.lines() if self.categories else [])])


def paths_of(tree: Taxonomy | None) -> dict[int, str]:
    """The path of every leaf, as people are shown it, by the number of its category_id."""
    pairs = () if tree is None else zip(tree.leaf_ids.tolist(), tree.shown, strict=True)
    return {category: path_text(path) for category, path in pairs}


def _others(ids: NDArray[np.int64], positions: NDArray[np.int64], *, by_id: bool) -> NDArray[np.int64]:
    """Positions of all other products, in the order of their ids or of the catalogue."""
    alone = np.ones(len(ids), bool)
    alone[positions] = False
    rest = np.flatnonzero(alone)
    return rest[np.argsort(ids[rest], kind="stable")] if by_id else rest
