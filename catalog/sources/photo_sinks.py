"""Products written as photo files: in class folders, or beside a table that names them."""

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import bson

from catalog.files.id_lookup import UNKNOWN
from catalog.ids.shop_id import ShopId, id_number
from catalog.photos.formats import ending_of
from catalog.product import Problem, ProblemKind, ProblemLog, text_problems
from catalog.product_text import FIELDS, ShopText
from catalog.sources.bson.document import AS_IT_IS, document_of, texts_of
from catalog.sources.folder.folder_names import UNLABELLED, folder_name
from catalog.sources.folder.id_folders import IdFolders, levels_of, read_name
from catalog.sources.table.id_cells import written_id
from catalog.sources.table.rows import BETWEEN
from catalog.tree.label_leaves import label_leaf
from catalog.tree.taxonomy import Taxonomy, path_text

PHOTO_FIELDS = frozenset({"_id", "category_id", "imgs"})
SHARDS = 1000
"""Folders below a table's folder of photos: a file system is slow with millions of files in one."""
BATCH = 8192
MAX_STEM = 40
"""Characters of a text id in the names of its photos: its number behind them says which it is."""
_NO_STEM = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Contents:
    """What products have beside photos, which what they are written to needs places for.

    Attributes:
        texts: titles or descriptions.
        text_ids, text_categories: product ids, category_ids that are no integers.
    """

    texts: bool = False
    text_ids: bool = False
    text_categories: bool = False


NOTHING_ELSE = Contents()
"""Integer ids, photos and categories alone."""


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
    """`category_id/product_id/1.jpg`; with a tree, folders with the category's names stand above.

    Products without a category lie in the class folder `unlabelled`. A category_id that is a path is a folder for each
    of its names. An id that is no name for a folder on every system is written as `IdFolders` does, and told.
    """

    def __init__(self, folder: Path, tree: Taxonomy | None) -> None:
        super().__init__()
        self._folder, self._tree = folder, tree
        self._classes: dict[ShopId, Path] = {}
        self._levels: dict[tuple[Path, str], Path] = {}
        self._names: dict[Path, IdFolders] = defaultdict(IdFolders)

    def write(self, document: bytes) -> None:
        """Write one product's folder and photos."""
        product_id, category_id, _, pictures = self._parts(document)
        parent = self._folder / UNLABELLED if category_id is None else self._class_folder(category_id)
        name = self._names[parent].name_of(product_id)
        self._tell_renamed("_id", product_id, [name], product_id)
        folder = parent / name
        parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        for number, picture in enumerate(pictures, start=1):
            (folder / f"{number}{ending_of(picture)}").write_bytes(picture)

    def _class_folder(self, category_id: ShopId) -> Path:
        if category_id in self._classes:
            return self._classes[category_id]
        at, levels, names = self._folder, levels_of(category_id), list[str]()
        if self._tree is not None:
            levels, leaf = [str(category_id)], label_leaf(self._tree, category_id)
            at = at if leaf == UNKNOWN else at.joinpath(*map(folder_name, self._tree.paths[leaf]))
        for level in levels:
            if (at, level) not in self._levels:
                self._levels[at, level] = at / self._names[at].name_of(level)
            at = self._levels[at, level]
            names.append(at.name)
        self._tell_renamed("category_id", category_id, names)
        self._classes[category_id] = at
        return at

    def _tell_renamed(self, field: str, one: ShopId, names: list[str], product_id: ShopId | None = None) -> None:
        where = "/".join(names)
        if path_text([str(read_name(name)) for name in names]) != str(one):
            # too long for a name, and written nowhere else
            self.problems.add(Problem(ProblemKind.CUT_ID, where, product_id, f"{field} {str(one)[:40]}..."))
        elif path_text(names) != str(one):
            self.problems.add(Problem(ProblemKind.RENAMED, where, product_id, f"{field} {one}"))


class _TableSink(_PhotoSink):
    """Writes photos into a folder, and rows with their paths; where there are texts, as columns of their own."""

    kept_fields = PHOTO_FIELDS | set(FIELDS)

    def __init__(self, photos: Path, name: str, contents: Contents) -> None:
        """`photos`: the folder to write to, which will be called `name` beside the table."""
        super().__init__()
        self._photos, self._name, self._contents = photos, name, contents
        self._shards: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def _row(self, document: bytes) -> tuple[ShopId, ShopId | None, list[str], list[str]]:
        """Product id, category_id, texts where there are columns for them, and the photos' paths."""
        product_id, category_id, text, pictures = self._parts(document)
        self.problems.extend(text_problems(text, product_id))
        shard = f"{id_number(product_id) % SHARDS:03d}"
        if shard not in self._shards:
            (self._photos / shard).mkdir()
            self._shards.add(shard)
        paths = []
        for number, picture in enumerate(pictures, start=1):
            place = f"{shard}/{_stem(product_id)}-{number}{ending_of(picture)}"
            (self._photos / place).write_bytes(picture)
            paths.append(f"{self._name}/{place}")
        return product_id, category_id, [text.title, text.description] if self._contents.texts else [], paths


class CsvSink(_TableSink):
    """`product_id,category_id,photos`, perhaps `title,description` before the photos, whose paths `|` separates."""

    def __init__(self, table: Path, photos: Path, name: str, contents: Contents) -> None:
        super().__init__(photos, name, contents)
        self._file = table.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(["product_id", "category_id", *(FIELDS if contents.texts else ()), "photos"])

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._file.close()

    def write(self, document: bytes) -> None:
        """Write one product's photos and row."""
        product_id, category_id, texts, paths = self._row(document)
        category = "" if category_id is None else written_id(category_id)
        self._rows.writerow([written_id(product_id), category, *texts, BETWEEN.join(paths)])


class ParquetSink(_TableSink):
    """`product_id, category_id: int64`, or string where one is a text; `photos: list of string`; perhaps texts."""

    def __init__(self, table: Path, photos: Path, name: str, contents: Contents) -> None:
        super().__init__(photos, name, contents)
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {
            "product_id": pa.string() if contents.text_ids else pa.int64(),
            "category_id": pa.string() if contents.text_categories else pa.int64(),
            **dict.fromkeys(FIELDS if contents.texts else (), pa.string()),
            "photos": pa.list_(pa.string()),
        }
        self._schema = pa.schema(kinds)
        self._file = pq.ParquetWriter(table, self._schema)
        self._open: list[dict[str, Any]] = []

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            self._flush()
        self._file.close()

    def write(self, document: bytes) -> None:
        """Write one product's photos, and its row with the next batch."""
        product_id, category_id, texts, paths = self._row(document)
        product, category = written_id(product_id), None if category_id is None else written_id(category_id)
        row = [
            str(product) if self._contents.text_ids else product,
            category if category is None or not self._contents.text_categories else str(category),
            *(text or None for text in texts),
            paths,
        ]
        self._open.append(dict(zip(self._schema.names, row, strict=True)))
        if len(self._open) == BATCH:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        self._file.write_table(pa.Table.from_pylist(self._open, self._schema))
        self._open = []


def _stem(product_id: ShopId) -> str:
    """What the names of a product's photos begin with: the id, or of a text what is fit for any system's names."""
    if isinstance(product_id, int):
        return str(product_id)
    return f"{_NO_STEM.sub('-', product_id)[:MAX_STEM]}~{id_number(product_id):016x}"
