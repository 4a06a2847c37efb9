"""Everything that is found about copies in one catalogue, or between two, and the files that say it."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.answer_sheet import plain_cell
from catalog.files.atomic import atomic_path, write_text
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import Progress
from catalog.product import ProblemLog
from catalog.sources.source import NO_CATEGORY
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.duplicates.groups import COMMON, KINDS, Groups, find_groups
from curation.duplicates.leak import Leak, find_leak
from curation.duplicates.photos import CatalogPhotos, PhotoHashes

SLICE = 100_000
FILES = ("duplicates.html", "duplicates.json", "duplicates.csv", "duplicates.parquet")
MAX_CSV_ROWS = 1_000_000
"""Rows that a spreadsheet opens; more of them are written as Parquet."""
SIZES = ((2, 2), (3, 3), (4, 5), (6, 10), (11, 20), (21, 100), (101, 1000), (1001, None))
PARTING = {0: "same category", 3: "another Cat III", 2: "another Cat II", 1: "another Cat I", -1: "not labelled"}
COLUMNS = pa.schema(
    [("group", pa.int64()), ("kind", pa.string()), ("catalogue", pa.string()), ("product_id", pa.int64()),
     ("photo", pa.int8()), ("category_id", pa.int64()), ("md5", pa.string()), ("distance", pa.uint8())]
)  # fmt: skip
CATEGORY = pa.field("category", pa.string())
"""The path of the category, in a table that is written with a tree."""


@dataclass(frozen=True)
class Findings:
    """Copies in a catalogue; with a second one, the groups that reach into both, and the leak between them.

    Attributes:
        looks: None where near copies were not searched; leak: None for one catalogue.
        radius, max_copies: bits that near copies may differ in; a photo of more products links nothing.
    """

    photos: CatalogPhotos
    groups: Groups
    looks: PhotoHashes | None
    leak: Leak | None
    tree: Taxonomy | None
    radius: int
    max_copies: int

    @property
    def problems(self) -> ProblemLog:
        """Photos that could not be decoded, and what is wrong with the catalogues themselves."""
        log = ProblemLog()
        for catalog in self.photos.catalogs:
            log.merge(catalog.problems)
        if self.looks is not None:
            log.merge(self.looks.problems)
        return log

    def to_json(self) -> dict[str, Any]:
        """Counts of everything."""
        photos, groups = self.photos, self.groups
        said: dict[str, Any] = {
            "catalogues": [str(catalog) for catalog in photos.catalogs],
            "products": len(photos.product_ids),
            "photos": len(photos),
            "distinct_photos": photos.n_distinct,
            "copies": len(photos) - photos.n_distinct,
            "repeated_within_a_product": len(photos) - int(photos.n_products.sum()),
            "max_copies": self.max_copies,
            "groups": {kind: self._of_kind(k) for k, kind in enumerate(KINDS) if kind != COMMON},
            "common_photos": {
                "photos": int((groups.group_kind == KINDS.index(COMMON)).sum()),
                "products": groups.n_common_products,
                "largest": int(groups.size[groups.group_kind == KINDS.index(COMMON)].max(initial=0)),
            },
        }
        if self.looks is not None:
            said["near"] = {
                "distance": self.radius,
                "near_pairs_of_looks": len(self.looks.pairs),
                "products_added": groups.n_added,
                "groups_within_exact_ones": groups.n_within,
                "common_looks": 0 if groups.near is None else groups.near.n_common,
                "plain_photos": self.looks.n_plain,
                "unreadable_photos": len(self.looks.problems),
            }
        if self.leak is not None:
            said["leak"] = self.leak.to_json()
        return said

    def _of_kind(self, kind: int) -> dict[str, Any]:
        own = self.groups.group_kind == kind
        size, level = self.groups.size[own], self.groups.parts_at[own]
        names = PARTING if self.tree is not None else {0: PARTING[0], 3: "another category", -1: PARTING[-1]}
        return {
            "groups": int(own.sum()),
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

    def write(self, folder: Path) -> list[Path]:
        """Write `duplicates.csv` (or .parquet), `duplicates.json` and `duplicates.html`; returns their paths."""
        from curation.duplicates.page import page_of

        folder.mkdir(parents=True, exist_ok=True)
        table = folder / ("duplicates.csv" if len(self.groups.slot) <= MAX_CSV_ROWS else "duplicates.parquet")
        with atomic_path(table) as temporary:
            self._write_rows(temporary, table.suffix)
        # of an earlier run, it would contradict this one
        other = table.with_suffix(".parquet" if table.suffix == ".csv" else ".csv")
        other.unlink(missing_ok=True)
        text = json.dumps(self.to_json(), indent=2, allow_nan=False)
        write_text(folder / "duplicates.json", text + "\n")
        write_text(folder / "duplicates.html", page_of(self))
        return [table, folder / "duplicates.json", folder / "duplicates.html"]

    @property
    def columns(self) -> pa.Schema:
        """Of the table."""
        return COLUMNS if self.tree is None else COLUMNS.insert(COLUMNS.get_field_index("category_id") + 1, CATEGORY)

    def _write_rows(self, path: Path, suffix: str) -> None:
        from pyarrow.csv import CSVWriter
        from pyarrow.parquet import ParquetWriter

        with path.open("wb") as file:
            if suffix == ".csv":
                # spreadsheets take UTF-8 for another encoding unless the mark is there
                file.write(BOM_UTF8)
            with (CSVWriter if suffix == ".csv" else ParquetWriter)(file, self.columns) as out:
                for batch in self._batches():
                    out.write_batch(batch)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        photos, groups = self.photos, self.groups
        names = pa.array([catalog.name for catalog in photos.catalogs])
        paths = None if self.tree is None else pa.array([plain_cell(path_text(path)) for path in self.tree.shown])
        for start in range(0, len(groups.slot), SLICE):
            rows = slice(start, start + SLICE)
            slot = groups.slot[rows]
            owner = photos.owner[slot]
            category = photos.category_ids[owner]
            columns = {
                "group": pa.array(groups.group[rows] + 1),
                "kind": pa.array(np.array(KINDS)[groups.group_kind[groups.group[rows]]]),
                "catalogue": names.take(pa.array(photos.side[owner])),
                "product_id": pa.array(photos.product_ids[owner]),
                "photo": pa.array(photos.position[slot] + 1),
                "category_id": pa.array(category, mask=category == NO_CATEGORY),
                "md5": pa.array([row.tobytes().hex() for row in photos.md5s[slot]]),
                "distance": pa.array(groups.distance[rows]),
            }
            if self.tree is not None and paths is not None:
                leaf = self.tree.leaf_index(category)
                # nothing where the tree does not know the category
                columns[CATEGORY.name] = paths.take(pa.array(leaf, mask=leaf == UNKNOWN))
            yield pa.record_batch([columns[name] for name in self.columns.names], schema=self.columns)


def find_duplicates(
    catalogs: Sequence[Catalog],
    *,
    near: bool = False,
    radius: int,
    max_copies: int,
    tree: Taxonomy | None = None,
    progress: Progress | None = None,
    n_workers: int | None = None,
) -> Findings:
    """Search one catalogue for copies, or two for what they share.

    Raises:
        ValueError: the same catalogue twice, no photo at all, or see `Looks.of`.
    """
    if len(catalogs) > 1 and catalogs[0].fingerprint == catalogs[1].fingerprint:
        raise ValueError(f"{catalogs[0]} and {catalogs[1]} are the same catalogue: give another one to --against")
    photos = CatalogPhotos(catalogs)
    if not len(photos):
        raise ValueError(f"{' and '.join(map(str, catalogs))}: not one photo to compare")
    looks = PhotoHashes.of(photos, radius, progress, n_workers) if near else None
    groups = find_groups(photos, max_copies, looks, tree)
    leak = None
    if len(catalogs) > 1:
        leak = find_leak(photos, max_copies, looks)
        groups = groups.where(_in_both(photos.side[groups.product], groups))
    return Findings(photos, groups, looks, leak, tree, radius, max_copies)


def _in_both(side: NDArray[np.int8], groups: Groups) -> NDArray[np.bool_]:
    if not len(groups.group_kind):
        return np.zeros(0, bool)
    first = groups.start[:-1]
    return np.minimum.reduceat(side, first) < np.maximum.reduceat(side, first)
