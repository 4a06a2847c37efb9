"""What a file is that was given for another kind, by its first bytes, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

READ = 4096
"""Bytes that are looked at."""
AS_CSV = "save its sheet as 'CSV UTF-8', and give that"
UNPACK = "unpack it, and give what is in it"


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file for messages, and the way out where another was expected."""

    name: str
    way_out: str


PARQUET_ENDINGS = (".parquet", ".pq")
PARQUET = FileKind("a Parquet file", "call it NAME.parquet")
WORKBOOK = FileKind("a spreadsheet's workbook", AS_CSV)
JSON = FileKind(
    "JSON text",
    "of a MongoDB collection, mongodump writes BSON where mongoexport writes JSON; other products go into a CSV with "
    "product_id, photos and perhaps category_id",
)
MONGODUMP_ARCHIVE = FileKind(
    "an archive of mongodump",
    "dump the collection without --archive, and give its .bson file; or restore it (mongorestore --archive=FILE), "
    "and give mongodb://HOST/DATABASE.COLLECTION",
)
_STARTS = (
    (b"\x1f\x8b", FileKind("a gzip archive", "unpack it with gunzip, and give what is in it")),
    (b"\x6d\xe2\x99\x81", MONGODUMP_ARCHIVE),
    (b"\xd0\xcf\x11\xe0", FileKind("an old spreadsheet's workbook or Office document", AS_CSV)),
    (b"PAR1", PARQUET),
    (b"SQLite format 3\0", FileKind("an SQLite database", "export the table of products as CSV, and give that")),
    (b"%PDF", FileKind("a PDF document", "it holds no rows that can be read")),
    (b"BZh", FileKind("a bzip2 archive", UNPACK)),
    (b"\xfd7zXZ\0", FileKind("an xz archive", UNPACK)),
    (b"\x28\xb5\x2f\xfd", FileKind("a zstd archive", UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", FileKind("a 7z archive", UNPACK)),
    (b"Rar!", FileKind("a RAR archive", UNPACK)),
    (b"# Google_Product_Taxonomy", FileKind(
        "Google's list of product categories",
        "it is a category tree: give it with --tree, beside a catalogue",
    )),
)  # fmt: skip
_IN_WORKBOOKS = (b"[Content_Types].xml", b"xl/", b"_rels/.rels", b"opendocument.spreadsheet")


def kind_of(start: bytes) -> FileKind | None:
    """What the first bytes of a file (`READ` are enough) tell; None where they tell of no kind that is known here."""
    for first, kind in _STARTS:
        if start.startswith(first):
            return kind
    if start.startswith(b"PK\3\4"):
        is_workbook = any(part in start for part in _IN_WORKBOOKS)
        return WORKBOOK if is_workbook else FileKind("a ZIP archive", UNPACK)
    if start[257:262] == b"ustar":
        return FileKind("a tar archive", UNPACK)
    return JSON if _is_json(start) else None


def _is_json(start: bytes) -> bool:
    """Whether text begins as an object or a list of JSON does: a brace alone might begin a name."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text[:1] in (b"{", b"[") and text[1:].lstrip()[:1] in (b'"', b"{", b"}", b"]") and b"\0" not in text


def refuse_other_kind(path: Path, expected: str) -> None:
    """Raise ValueError where a file's first bytes are of another kind than the one `expected`, as `a CSV file`.

    Raises:
        ValueError: the message says what it is, and the way out.
    """
    with path.open("rb") as file:
        kind = kind_of(file.read(READ))
    if kind is not None and kind.name != expected:
        # a catalogue may be one, what else is asked for may not
        is_called_so = kind is PARQUET and path.suffix.lower() in PARQUET_ENDINGS
        way_out = f"give {expected} here" if is_called_so else kind.way_out
        raise ValueError(f"{path} is not {expected} but {kind.name}: {way_out}")
