"""What a command that writes a smaller catalogue has done: numbers for a file, a few lines for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.wording import plural
from catalog.ids.shop_id import ShopId
from catalog.product import MAX_IMAGES
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.samples.writing import record_path

NAMED = 20
"""Products named of each reason for leaving some out."""


@dataclass
class LeftOut:
    """Why products are not in the new catalogue, each counted under the first reason that applies.

    Attributes:
        kept: `(N,)` bool over the catalogue.
        reasons: by reason, the count and the first ids.
        lacking: ids that were asked for and that the catalogue does not have.
    """

    catalog: Catalog
    kept: NDArray[np.bool_] = field(init=False)
    reasons: dict[str, dict[str, Any]] = field(default_factory=dict)
    lacking: Sequence[ShopId] = ()

    def __post_init__(self) -> None:
        self.kept = np.ones(len(self.catalog), bool)

    def keep(self, where: NDArray[np.bool_], reason: str) -> None:
        """Leave out what is not in `where`, `(N,)` bool."""
        gone = np.flatnonzero(self.kept & ~where)
        if len(gone):
            ids = self.catalog.shop_ids(gone[:NAMED])
            self.reasons[reason] = {"products": len(gone), "first": ids}
        self.kept &= where

    @property
    def positions(self) -> NDArray[np.int64]:
        """`(n,)` positions of what is kept, rising."""
        return np.flatnonzero(self.kept)

    def summary(self) -> str:
        """`6,705 not drawn, 3 without a photo`."""
        return ", ".join(f"{entry['products']:,} {reason}" for reason, entry in self.reasons.items())


def counts(catalog: Catalog, kept: NDArray[np.bool_], leaf: NDArray[np.int64] | None) -> dict[str, Any]:
    """Products and photos of the `(N,)` kept ones, by image count; how many have a leaf of the tree, `(N,)`."""
    n_images = catalog.n_images[kept]
    counted: dict[str, Any] = {
        "products": int(kept.sum()),
        "photos": int(n_images.sum(dtype=np.int64)),
        "by_n_images": np.bincount(n_images, minlength=MAX_IMAGES + 1).tolist(),
    }
    if leaf is not None:
        counted["in_the_tree"] = int((leaf[kept] != UNKNOWN).sum())
    return counted


def levels(tree: Taxonomy, leaf: NDArray[np.int64], kept: NDArray[np.bool_]) -> dict[str, list[dict[str, Any]]]:
    """Of every node with products, by level: its path, and how many it had and has; `leaf`, `kept`: `(N,)`."""
    before = np.bincount(leaf[leaf != UNKNOWN], minlength=len(tree))
    after = np.bincount(leaf[kept & (leaf != UNKNOWN)], minlength=len(tree))
    nodes_by_level = {}
    for level in tree.levels:
        was = np.bincount(tree.ancestor(level), weights=before).astype(int)
        now = np.bincount(tree.ancestor(level), weights=after).astype(int)
        nodes_by_level[tree.level_names[level]] = [
            {"path": path_text(tree.shown_path(level, node)), "before": int(was[node]), "after": int(now[node])}
            for node in np.flatnonzero(was).tolist()
        ]
    return nodes_by_level


def level_line(nodes_by_level: Mapping[str, list[dict[str, Any]]]) -> str:
    """`Cat I 3 of 3, Cat II 7 of 7, Cat III 44 of 47; smallest leaf 2, largest 21`."""
    parts = [f"{name} {sum(n['after'] > 0 for n in nodes)} of {len(nodes)}" for name, nodes in nodes_by_level.items()]
    *_, leaves = nodes_by_level.values()
    sizes = [node["after"] for node in leaves if node["after"]]
    ends = f"; smallest leaf {min(sizes):,}, largest {max(sizes):,}" if sizes else ""
    return ", ".join(parts) + ends


@dataclass(frozen=True)
class Record:
    """All that was done; `to_json` goes beside the destination, `str` to people.

    Attributes:
        command: `catalog sample` ...; options: as given; destination: the BSON file of what is kept.
        leaf: `(N,)` leaf of every product, None without a tree.
    """

    command: str
    options: dict[str, Any]
    destination: Path
    left_out: LeftOut
    copies: dict[str, Any]
    tree: Taxonomy | None = None
    leaf: NDArray[np.int64] | None = None

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return record_path(self.destination)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        catalog, lacking = self.left_out.catalog, self.left_out.lacking
        everything = np.ones(len(catalog), bool)
        record: dict[str, Any] = {
            "command": self.command,
            "source": {"address": catalog.address, "fingerprint": catalog.fingerprint},
            "tree": None if self.tree is None else self.tree.fingerprint,
            "options": self.options,
            "written": {str(self.destination): int(self.left_out.kept.sum())},
            "before": counts(catalog, everything, self.leaf),
            "after": counts(catalog, self.left_out.kept, self.leaf),
            "copies": self.copies,
            "left_out": self.left_out.reasons,
            "not_in_the_source": {"products": len(lacking), "first": list(lacking[:NAMED])},
            "problems": {kind.value: n for kind, n in catalog.problems.counts.items()},
        }
        if self.tree is not None and self.leaf is not None:
            record["levels"] = levels(self.tree, self.leaf, self.left_out.kept)
        return record

    def __str__(self) -> str:
        catalog, kept = self.left_out.catalog, self.left_out.kept
        n_photos = int(catalog.n_images[kept].sum(dtype=np.int64))
        lines = [
            f"{self.destination}: {int(kept.sum()):,} of {plural(len(catalog), 'product')} of {catalog}, "
            f"{plural(n_photos, 'photo')}"
        ]
        if self.tree is not None and self.leaf is not None:
            lines.append(f"  {level_line(levels(self.tree, self.leaf, kept))}")
        if self.copies["looked_for"]:
            lines.append(f"  {_copies_line(self.copies)}")
        if self.left_out.reasons:
            lines.append(f"  left out: {self.left_out.summary()}")
        lacking = self.left_out.lacking
        if lacking:
            named = ", ".join(map(str, lacking[:5])) + (", ..." if len(lacking) > 5 else "")
            lines.append(f"  asked for, but not in {catalog}: {plural(len(lacking), 'product')} ({named})")
        return "\n".join(lines)


def _copies_line(copies: dict[str, Any]) -> str:
    if not copies["groups"]:
        return "no two products share a photo"
    text = f"{plural(copies['groups'], 'group')} of products sharing photos (the largest: {copies['largest']}), "
    cut = copies["groups_cut"]
    return text + (f"{cut:,} of them cut" if cut else f"none cut, {copies['groups_kept']:,} kept")
