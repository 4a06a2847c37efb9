"""Where products are written to: a BSON file, a folder of photos, a table of paths, a MongoDB collection."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from catalog.files.atomic import atomic_folder, atomic_path
from catalog.files.file_kinds import PARQUET_ENDINGS
from catalog.product import ProblemLog
from catalog.sources.address import Address, is_uri
from catalog.sources.folder.folder import TREE_NAMES
from catalog.sources.folder.id_folders import FOLDERS, WRITER, WRITTEN_HERE, CalledBy
from catalog.sources.folder.passed_over import OWN_MARK
from catalog.sources.photo_sinks import NOTHING_ELSE, Contents, CsvSink, FolderSink, ParquetSink
from catalog.sources.table.rows import CSV_ENDINGS
from catalog.tree.taxonomy import Taxonomy

MARK = OWN_MARK.decode()
"""Hidden file in the folders written here: only those are ever replaced."""


class Sink(Protocol):
    """A place that takes products, whole when its `with` block ends without an error, else as it was."""

    @property
    def problems(self) -> ProblemLog:
        """What could not be written."""

    def write(self, document: bytes) -> None:
        """Add one BSON document with all its fields."""


class BsonSink:
    """Writes documents byte for byte."""

    def __init__(self, file: BinaryIO) -> None:
        self.problems = ProblemLog()
        self._file = file

    def write(self, document: bytes) -> None:
        """Add one document."""
        self._file.write(document)


def open_sink(
    address: Address, tree: Taxonomy | None = None, overwrite: bool = False, contents: Contents = NOTHING_ELSE
) -> AbstractContextManager[Sink]:
    """A place to write products to, by its ending; a name without one is a folder.

    Args:
        tree: names the class folders of a folder, besides their category_id.
        contents: what files need places for; a database takes all.

    Raises:
        FileExistsError: something lies there, and `overwrite` is off.
        ValueError: another ending, or a folder that was not written here.
    """
    if is_uri(address):
        # the driver takes longer to import than the rest of the catalogue
        from catalog.sources.mongo.writer import mongo_sink

        return mongo_sink(address, overwrite)
    path, ending = Path(address), Path(address).suffix.lower()
    table = ending in (*CSV_ENDINGS, *PARQUET_ENDINGS)
    if not table and ending not in (".bson", ""):
        raise ValueError(
            f"{path}: cannot write {ending}: give NAME.bson, a folder NAME, NAME.csv, NAME.parquet or "
            "mongodb://HOST/DATABASE.COLLECTION"
        )
    if tree is not None and (ending or table):
        raise ValueError(f"{path} has no place for the tree's names: --tree is for folders")
    check_free(path, overwrite, folder=not ending)
    if table:
        check_free(photos_beside(path), overwrite or not path.exists(), folder=True)
        return _table_sink(path, contents)
    return _bson_sink(path) if ending else _folder_sink(path, tree, contents)


def check_free(path: Path, overwrite: bool, *, folder: bool) -> None:
    """Replace nothing unasked, and no folder that was not written here, asked or not."""
    if not path.exists():
        return
    if path.is_dir() != folder:
        raise ValueError(f"{path} is a {'folder' if path.is_dir() else 'file'}: choose another name")
    if folder and not (path / MARK).is_file() and any(path.iterdir()):
        raise ValueError(f"{path} holds files that `catalog convert` has not written: choose another name")
    if not overwrite:
        raise FileExistsError(f"{path} exists already: choose another name, or --overwrite to replace it")


def photos_beside(table: Path) -> Path:
    """The folder of a table's photos. No path in the table may hold what separates paths."""
    return table.with_name(f"{table.name.strip().replace('|', '-')}.photos")


@contextmanager
def _bson_sink(path: Path) -> Iterator[Sink]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        yield BsonSink(file)


@contextmanager
def _folder_sink(path: Path, tree: Taxonomy | None, contents: Contents) -> Iterator[Sink]:
    path.parent.mkdir(parents=True, exist_ok=True)
    by = CalledBy.PATH if tree is None else CalledBy.ID
    # integers are known by any reader
    with _marked(path, by if contents.text_ids or contents.text_categories else None) as folder:
        if tree is not None:
            tree.to_csv(folder / TREE_NAMES[0])
        yield FolderSink(folder, tree)


@contextmanager
def _table_sink(path: Path, contents: Contents) -> Iterator[Sink]:
    photos = photos_beside(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind: type[ParquetSink | CsvSink] = ParquetSink if path.suffix.lower() in PARQUET_ENDINGS else CsvSink
    with atomic_path(path) as temporary, _marked(photos) as folder:
        with kind(temporary, folder, photos.name, contents) as sink:
            yield sink
        # an old table must never name the new photos
        path.unlink(missing_ok=True)


@contextmanager
def _marked(path: Path, called_by: CalledBy | None = None) -> Iterator[Path]:
    with atomic_folder(path) as folder:
        mark = {WRITER: WRITTEN_HERE} | ({} if called_by is None else {FOLDERS: called_by})
        (folder / MARK).write_text(json.dumps(mark) + "\n")
        yield folder
