"""Everything that is found about copies in one catalogue, or between two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.product import ProblemLog
from catalog.tree.taxonomy import Taxonomy
from curation.duplicates.groups import COMMON, DIFFERENT, KINDS, SAME, UNKNOWN_LEVEL, Groups, find_groups
from curation.duplicates.leak import Leak, find_leak
from curation.duplicates.photos import CatalogPhotos, PhotoHashes
from curation.duplicates.titles import SharedTitles

SIZES = ((2, 2), (3, 3), (4, 5), (6, 10), (11, 20), (21, 100), (101, 1000), (1001, None))


@dataclass(frozen=True)
class Findings:
    """Copies in a catalogue; with a second one, the groups that reach into both, and the leak between them.

    Attributes:
        hashes: None where near copies were not searched; leak: None for one catalogue.
        titles: what products are called alike, None where none has a title.
        radius, max_copies: bits that near copies may differ in; a photo of more products links nothing.
    """

    photos: CatalogPhotos
    groups: Groups
    hashes: PhotoHashes | None
    leak: Leak | None
    titles: SharedTitles | None
    tree: Taxonomy | None
    radius: int
    max_copies: int

    @property
    def problems(self) -> ProblemLog:
        """Photos that could not be decoded, and what is wrong with the catalogues themselves."""
        log = ProblemLog()
        for catalog in self.photos.catalogs:
            log.merge(catalog.problems)
        if self.hashes is not None:
            log.merge(self.hashes.problems)
        return log

    def to_json(self) -> dict[str, Any]:
        """Counts of everything."""
        photos, groups = self.photos, self.groups
        common = groups.size[groups.group_kind == KINDS.index(COMMON)]
        counts: dict[str, Any] = {
            "catalogues": [str(catalog) for catalog in photos.catalogs],
            "products": len(photos.product_ids),
            "photos": len(photos),
            "distinct_photos": photos.n_distinct,
            "copies": len(photos) - photos.n_distinct,
            "repeated_within_a_product": len(photos) - int(photos.n_products.sum()),
            "max_copies": self.max_copies,
            "groups": {kind: self._of_kind(k) for k, kind in enumerate(KINDS) if kind != COMMON},
            "common_photos": {
                "photos": len(common),
                "products": groups.n_common_products,
                "largest": int(common.max(initial=0)),
            },
        }
        if self.hashes is not None:
            counts["near"] = {
                "distance": self.radius,
                "near_pairs_of_looks": len(self.hashes.pairs),
                "products_added": groups.n_added,
                "groups_within_exact_ones": groups.n_within,
                "common_looks": 0 if groups.near is None else groups.near.n_common,
                "plain_photos": self.hashes.n_plain,
                "unreadable_photos": len(self.hashes.problems),
            }
        if self.leak is not None:
            counts["leak"] = self.leak.to_json()
        if self.titles is not None:
            counts["titles"] = self.titles.to_json()
        return counts

    def _of_kind(self, kind: int) -> dict[str, Any]:
        of_kind = self.groups.group_kind == kind
        size, level = self.groups.size[of_kind], self.groups.parts_at[of_kind]
        apart = {DIFFERENT: "another category"}
        if self.tree is not None:
            apart = {level: f"another {self.tree.level_names[level]}" for level in reversed(self.tree.levels)}
        names = {SAME: "same category", **apart, UNKNOWN_LEVEL: "not labelled"}
        return {
            "groups": int(of_kind.sum()),
            "products": int(size.sum()),
            "largest": int(size.max(initial=0)),
            "sizes": {
                f"{a}" if a == b else f"{a}-{b}" if b else f"{a} or more": int(
                    ((size >= a) & (size <= (b or np.inf))).sum()
                )
                for a, b in SIZES
            },
            "categories": {name: int((level == at).sum()) for at, name in names.items()},
        }


def find_duplicates(
    catalogs: Sequence[Catalog], *, near: bool = False, radius: int, max_copies: int, tree: Taxonomy | None = None,
    progress: Progress | None = None, n_workers: int | None = None,
) -> Findings:  # fmt: skip
    """Search one catalogue for copies, or two for what they share.

    Raises:
        ValueError: the same catalogue twice, no photo at all, or see `PhotoHashes.of`.
    """
    if len(catalogs) > 1 and catalogs[0].fingerprint == catalogs[1].fingerprint:
        raise ValueError(f"{catalogs[0]} and {catalogs[1]} are the same catalogue: give another one to --against")
    photos = CatalogPhotos(catalogs)
    if not len(photos):
        raise ValueError(f"{' and '.join(map(str, catalogs))}: not one photo to compare")
    hashes = PhotoHashes.of(photos, radius, progress, n_workers) if near else None
    groups = find_groups(photos, max_copies, hashes, tree)
    leak = None
    if len(catalogs) > 1:
        leak = find_leak(photos, max_copies, hashes)
        groups = groups.where(_in_both(photos.side[groups.product], groups))
    titles = SharedTitles.of(photos, tree, progress)
    return Findings(photos, groups, hashes, leak, titles, tree, radius, max_copies)


def _in_both(side: NDArray[np.int8], groups: Groups) -> NDArray[np.bool_]:
    if not len(groups.group_kind):
        return np.zeros(0, bool)
    first = groups.start[:-1]
    return np.minimum.reduceat(side, first) < np.maximum.reduceat(side, first)
