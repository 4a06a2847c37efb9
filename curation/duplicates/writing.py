"""The files of `catalog duplicates`: a table of every shared photo, the counts, and the page."""

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.files.answer_sheet import plain_cell
from catalog.files.atomic import atomic_path
from catalog.files.full_disk import names_full_disk
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import in_batches
from catalog.files.sheet_ids import id_cell
from catalog.ids.shop_id import ShopId
from catalog.photos.photo_index import Ints
from catalog.reports.write import write_page
from catalog.sources.source import NO_CATEGORY
from catalog.tree.taxonomy import path_text
from curation.duplicates.findings import Findings
from curation.duplicates.groups import KINDS
from curation.duplicates.page import page_of
from curation.duplicates.photos import CatalogPhotos

SLICE = 100_000
FILES = ("duplicates.html", "duplicates.json", "duplicates.csv", "duplicates.parquet")
MAX_CSV_ROWS = 1_000_000
"""Rows that a spreadsheet opens; more of them are written as Parquet."""
CATEGORY, TITLE = "category", "title"
"""The path of the category, in a table that is written with a tree; the title, where there are any."""


def write_findings(findings: Findings, folder: Path) -> list[Path]:
    """Write `duplicates.csv` (or .parquet), `duplicates.json` and `duplicates.html`; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / ("duplicates.csv" if len(findings.groups.slot) <= MAX_CSV_ROWS else "duplicates.parquet")
    with atomic_path(table) as temporary:
        _write_rows(findings, temporary, table.suffix)
    # of an earlier run, it would contradict this one
    other = table.with_suffix(".parquet" if table.suffix == ".csv" else ".csv")
    other.unlink(missing_ok=True)
    counts = findings.to_json()
    page = write_page(folder / "duplicates.html", page_of(findings, counts), counts)
    return [table, page.with_suffix(".json"), page]


def _write_rows(findings: Findings, path: Path, suffix: str) -> None:
    from pyarrow.csv import CSVWriter
    from pyarrow.parquet import ParquetWriter

    columns = _columns(findings)
    with names_full_disk(path), path.open("wb") as file:
        if suffix == ".csv":
            # spreadsheets take UTF-8 for another encoding unless the mark is there
            file.write(BOM_UTF8)
        with (CSVWriter if suffix == ".csv" else ParquetWriter)(file, columns) as out:
            for batch in _batches(findings, columns, for_sheet=suffix == ".csv"):
                out.write_batch(batch)


def _columns(findings: Findings) -> pa.Schema:
    id_type = pa.string() if findings.photos.has_text_ids else pa.int64()
    columns = [
        ("group", pa.int64()), ("kind", pa.string()), ("catalogue", pa.string()), ("product_id", id_type),
        ("photo", pa.int8()), ("category_id", id_type), (CATEGORY, pa.string()), (TITLE, pa.string()),
        ("md5", pa.string()), ("distance", pa.uint8()),
    ]  # fmt: skip
    left_out = {CATEGORY: findings.tree is None, TITLE: not findings.photos.has_texts}
    return pa.schema([column for column in columns if not left_out.get(column[0])])


def _batches(findings: Findings, schema: pa.Schema, *, for_sheet: bool) -> Iterator[pa.RecordBatch]:
    """`for_sheet`: what a spreadsheet would take for something else is marked as text."""
    photos, groups, tree = findings.photos, findings.groups, findings.tree
    names = pa.array([catalog.name for catalog in photos.catalogs])
    paths = None if tree is None else pa.array([plain_cell(path_text(path)) for path in tree.shown])
    leaf_of_product = photos.nodes(tree)
    for rows in in_batches(np.arange(len(groups.slot)), SLICE):
        slot = groups.slot[rows]
        owner = photos.owner[slot]
        columns = {
            "group": pa.array(groups.group[rows] + 1),
            "kind": pa.array(np.array(KINDS)[groups.group_kind[groups.group[rows]]]),
            "catalogue": names.take(pa.array(photos.side[owner])),
            "product_id": _ids(photos, owner, for_sheet=for_sheet),
            "photo": pa.array(photos.position[slot] + 1),
            "category_id": _categories(photos, owner, for_sheet=for_sheet),
            "md5": pa.array([row.tobytes().hex() for row in photos.md5s[slot]]),
            "distance": pa.array(groups.distance[rows]),
        }
        if tree is not None and paths is not None:
            leaf = leaf_of_product[owner]
            # nothing where the tree does not know the category
            columns[CATEGORY] = paths.take(pa.array(leaf, mask=leaf == UNKNOWN))
        if TITLE in schema.names:
            titles = photos.titles(owner)
            columns[TITLE] = pa.array([plain_cell(title) for title in titles] if for_sheet else titles, pa.string())
        yield pa.record_batch([columns[name] for name in schema.names], schema=schema)


def _ids(photos: CatalogPhotos, products: Ints, *, for_sheet: bool) -> pa.Array:
    if not photos.has_text_ids:
        return pa.array(photos.product_ids[products])
    return _texts(photos.shop_ids(products), for_sheet=for_sheet)


def _categories(photos: CatalogPhotos, products: Ints, *, for_sheet: bool) -> pa.Array:
    """Empty where a product is not labelled."""
    unlabelled = photos.category_ids[products] == NO_CATEGORY
    if not photos.has_text_ids:
        return pa.array(photos.category_ids[products], mask=unlabelled)
    written = _texts(photos.shop_categories(products), for_sheet=for_sheet)
    return pc.if_else(pa.array(unlabelled), None, written)


def _texts(ids: Sequence[ShopId], *, for_sheet: bool) -> pa.Array:
    return pa.array([str(id_cell(one) if for_sheet else one) for one in ids], pa.string())
