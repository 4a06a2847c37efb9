"""Products written as photo files: in class folders, or beside a table that names them."""

import csv
from pathlib import Path
from typing import Any, Self

import bson

from catalog.files.id_lookup import UNKNOWN
from catalog.ids.shop_id import ShopId
from catalog.photos.formats import ending_of
from catalog.product import Problem, ProblemKind, ProblemLog, text_problems
from catalog.product_text import FIELDS, ShopText
from catalog.sources.bson.document import AS_IT_IS, document_of, texts_of
from catalog.sources.folder.folder_names import UNLABELLED, folder_name
from catalog.sources.table.rows import BETWEEN
from catalog.tree.taxonomy import Taxonomy

PHOTO_FIELDS = frozenset({"_id", "category_id", "imgs"})
SHARDS = 1000
"""Folders below a table's folder of photos: a file system is slow with millions of files in one."""
BATCH = 8192


class _PhotoSink:
    """Takes a document apart; whatever photo files cannot hold is a named problem.

    Attributes:
        kept_fields: those of a document that are not lost.
    """

    kept_fields = PHOTO_FIELDS

    def __init__(self) -> None:
        self.problems = ProblemLog()

    def _parts(self, document: bytes) -> tuple[ShopId, ShopId | None, ShopText, list[bytes]]:
        """Product id, category_id, texts and all photos of a document, also those behind the fourth."""
        fields: dict[str, Any] = bson.decode(document, AS_IT_IS)
        known = document_of(fields)
        lost = sorted(fields.keys() - self.kept_fields)
        pictures = []
        entries = fields.get("imgs")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("picture"), bytes):
                pictures.append(entry["picture"])
                lost += [f"imgs.{name}" for name in sorted(entry.keys() - {"picture"})]
        if lost:
            names = ", ".join(dict.fromkeys(lost))
            where = f"product {known.product_id}"
            self.problems.add(Problem(ProblemKind.LOST_FIELD, where, known.product_id, names))
        return known.product_id, known.category_id, texts_of(fields), pictures


class FolderSink(_PhotoSink):
    """`category_id/product_id/1.jpg`; with a tree, three folders with the category's names stand above.

    Products without a category lie in the class folder `unlabelled`.
    """

    def __init__(self, folder: Path, tree: Taxonomy | None) -> None:
        super().__init__()
        self._folder, self._tree = folder, tree
        self._classes: dict[ShopId | None, Path] = {}

    def write(self, document: bytes) -> None:
        """Write one product's folder and photos."""
        product_id, category_id, _, pictures = self._parts(document)
        if category_id not in self._classes:
            self._classes[category_id] = self._class_folder(category_id)
        folder = self._classes[category_id] / str(product_id)
        folder.mkdir()
        for number, picture in enumerate(pictures, start=1):
            (folder / f"{number}{ending_of(picture)}").write_bytes(picture)

    def _class_folder(self, category_id: ShopId | None) -> Path:
        folder = self._folder
        if category_id is not None and self._tree is not None:
            leaf = int(self._tree.leaf_index([category_id])[0])
            if leaf != UNKNOWN:
                folder = folder.joinpath(*map(folder_name, self._tree.paths[leaf]))
        folder = folder / (UNLABELLED if category_id is None else str(category_id))
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class _TableSink(_PhotoSink):
    """Writes photos into a folder, and rows with their paths; where there are texts, as columns of their own."""

    kept_fields = PHOTO_FIELDS | set(FIELDS)

    def __init__(self, photos: Path, name: str, with_texts: bool) -> None:
        """`photos`: the folder to write to, which will be called `name` beside the table."""
        super().__init__()
        self._photos, self._name, self._with_texts = photos, name, with_texts
        self._shards: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def _row(self, document: bytes) -> tuple[ShopId, ShopId | None, list[str], list[str]]:
        """Product id, category_id, texts where there are columns for them, and the photos' paths."""
        product_id, category_id, text, pictures = self._parts(document)
        self.problems.extend(text_problems(text, product_id))
        shard = f"{product_id % SHARDS:03d}"
        if shard not in self._shards:
            (self._photos / shard).mkdir()
            self._shards.add(shard)
        paths = []
        for number, picture in enumerate(pictures, start=1):
            place = f"{shard}/{product_id}-{number}{ending_of(picture)}"
            (self._photos / place).write_bytes(picture)
            paths.append(f"{self._name}/{place}")
        return product_id, category_id, [text.title, text.description] if self._with_texts else [], paths


class CsvSink(_TableSink):
    """`product_id,category_id,photos`, perhaps `title,description` before the photos, whose paths `|` separates."""

    def __init__(self, table: Path, photos: Path, name: str, with_texts: bool) -> None:
        super().__init__(photos, name, with_texts)
        self._file = table.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(["product_id", "category_id", *(FIELDS if with_texts else ()), "photos"])

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._file.close()

    def write(self, document: bytes) -> None:
        """Write one product's photos and row."""
        product_id, category_id, texts, paths = self._row(document)
        self._rows.writerow([product_id, "" if category_id is None else category_id, *texts, BETWEEN.join(paths)])


class ParquetSink(_TableSink):
    """`product_id: int64, category_id: int64, photos: list of string`, perhaps `title, description: string`."""

    def __init__(self, table: Path, photos: Path, name: str, with_texts: bool) -> None:
        super().__init__(photos, name, with_texts)
        import pyarrow as pa
        import pyarrow.parquet as pq

        texts = [(name, pa.string()) for name in (FIELDS if with_texts else ())]
        self._schema = pa.schema(
            [("product_id", pa.int64()), ("category_id", pa.int64()), *texts, ("photos", pa.list_(pa.string()))]
        )
        self._file = pq.ParquetWriter(table, self._schema)
        self._open: list[dict[str, Any]] = []

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            self._flush()
        self._file.close()

    def write(self, document: bytes) -> None:
        """Write one product's photos, and its row with the next batch."""
        product_id, category_id, texts, paths = self._row(document)
        row = [product_id, category_id, *(text or None for text in texts), paths]
        self._open.append(dict(zip(self._schema.names, row, strict=True)))
        if len(self._open) == BATCH:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        self._file.write_table(pa.Table.from_pylist(self._open, self._schema))
        self._open = []
