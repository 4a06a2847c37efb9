"""Photos that lie in the cells of a Parquet table: which columns hold them, and where each one is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from catalog.ids.shop_id import UUID_BYTES
from catalog.photos.formats import FIRST_BYTES, format_of

if TYPE_CHECKING:
    import pyarrow as pa

MARK = "\1"
"""Begins what stands for a photo in a cell where others have a path. No path of a table begins with it."""
BYTES_FIELDS = ("bytes", "picture")
PATH_FIELD = "path"
_NOTHING = ("is_null",)
_TEXT = ("is_string", "is_large_string", "is_string_view")
_BINARY = ("is_binary", "is_large_binary", "is_binary_view", "is_fixed_size_binary")
_LISTS = ("is_list", "is_large_list", "is_fixed_size_list")
_NO_IDS = ("is_boolean", "is_nested", "is_temporal", *_BINARY)
EXPECTED = "paths (text), photos (binary), Hugging Face's {bytes, path}, or lists of one of these"


class CellPhoto(NamedTuple):
    """Where a photo lies in its table.

    Attributes:
        row: from 0; column: of the table's photo columns; item: in the cell's list, 0 where it is none;
        size: of the encoded photo in bytes.
    """

    row: int
    column: int
    item: int
    size: int

    def as_path(self) -> str:
        """What stands for it where others have a path."""
        return MARK + " ".join(map(str, self))

    @classmethod
    def at(cls, path: bytes) -> CellPhoto | None:
        """The photo that a path stands for; None where it is the path of a file."""
        return cls(*map(int, path[1:].split())) if path.startswith(MARK.encode()) else None


def check_types(path: Path | str, schema: pa.Schema, photos: Sequence[str], ids: Sequence[str]) -> tuple[str, ...]:
    """Which columns hold photos themselves, of those that name `photos`; `ids` are those of ids.

    Raises:
        ValueError: a column whose cells can be neither photos nor paths, or no ids; the message names it.
    """
    import pyarrow as pa

    for name in ids:
        kind = _plain(schema.field(name).type)
        if _is(kind, _NO_IDS) and kind != pa.binary(UUID_BYTES):
            raise ValueError(f"{path}: the column {name} holds {_shown(kind)}, expected integers or text")
    kinds = {name: _element(schema.field(name).type) for name in photos}
    for name, kind in kinds.items():
        if not (_is(kind, _TEXT + _BINARY + _NOTHING) or _fields(kind)):
            raise ValueError(f"{path}: the column {name} holds {_shown(schema.field(name).type)}, expected {EXPECTED}")
    return tuple(name for name, kind in kinds.items() if _is(kind, _BINARY) or _fields(kind))


def photos_of(column: pa.Array, first_row: int, number: int) -> list[list[CellPhoto | str]]:
    """The photos of each row of a column that holds photos: their places, or their paths where there are no bytes."""
    lengths, items = _flat(column)
    sizes, paths = _sizes_and_paths(items)
    photos: list[list[CellPhoto | str]] = []
    at = 0
    for row, length in enumerate(lengths, start=first_row):
        of_row: list[CellPhoto | str] = []
        for item in range(length):
            size, path = sizes[at + item], paths[at + item]
            if size:
                of_row.append(CellPhoto(row, number, item, size))
            elif path:
                of_row.append(path)
        photos.append(of_row)
        at += length
    return photos


def photo_values(column: pa.Array) -> Iterator[list[Any]]:
    """The photos of each row of a column, as values of the library that lists them: `as_buffer` copies none."""
    lengths, items = _flat(column)
    photos = _photos(items)
    at = 0
    for length in lengths:
        yield [None if photos is None else photos[at + item] for item in range(length)]
        at += length


def check_content(path: Path, name: str, photos: Iterable[Any]) -> None:
    """Refuse a binary column of text by the first of its cells: Parquet files of older programs have no other kind.

    Raises:
        ValueError: it holds text.
    """
    first = next((bytes(photo.as_buffer()) for photo in photos if photo is not None and photo.is_valid), b"")
    if not first or format_of(first[:FIRST_BYTES]) is not None:
        return
    try:
        text = first[:FIRST_BYTES].decode()
    except UnicodeDecodeError:
        return
    if text.isprintable():
        raise ValueError(
            f"{path}: the column {name} is binary and holds text ({text[:40]!r}): paths are given as a column of "
            "text, photos as the bytes of their files"
        )


def _flat(column: pa.Array) -> tuple[list[int], pa.Array]:
    """How many photos each row has, and those of all rows one after the other."""
    import pyarrow.compute as pc
    import pyarrow.types as of_type

    if of_type.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not _is(column.type, _LISTS):
        return [1] * len(column), column
    return [length or 0 for length in pc.list_value_length(column).to_pylist()], column.flatten()


def _sizes_and_paths(items: pa.Array) -> tuple[list[int | None], list[str | None]]:
    import pyarrow.compute as pc
    import pyarrow.types as of_type

    nothing: list[Any] = [None] * len(items)
    photos = _photos(items)
    sizes = nothing if photos is None else pc.binary_length(photos).to_pylist()
    paths = nothing
    if of_type.is_struct(items.type) and PATH_FIELD in {field.name for field in items.type}:
        paths = pc.struct_field(items, PATH_FIELD).to_pylist()
    return sizes, paths


def _photos(items: pa.Array) -> pa.Array | None:
    """The encoded photos themselves; None where the cells have paths alone."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as of_type

    if of_type.is_struct(items.type):
        name = next((field for field in _fields(items.type) if field in BYTES_FIELDS), None)
        if name is None:
            return None
        items = pc.struct_field(items, name)
    return items.cast(pa.large_binary())


def _plain(kind: pa.DataType) -> pa.DataType:
    import pyarrow.types as of_type

    return kind.value_type if of_type.is_dictionary(kind) else kind


def _element(kind: pa.DataType) -> pa.DataType:
    """The type of the cells, or of what their lists hold."""
    kind = _plain(kind)
    return _plain(kind.value_type) if _is(kind, _LISTS) else kind


def _is(kind: pa.DataType, tests: Sequence[str]) -> bool:
    """Whether a type is one of these; what this version of the library does not know, no column is."""
    import pyarrow.types as of_type

    return any(getattr(of_type, test)(kind) for test in tests if hasattr(of_type, test))


def _fields(kind: pa.DataType) -> list[str]:
    """The fields of a structure that say what a photo is: its bytes, its path."""
    import pyarrow.types as of_type

    if not of_type.is_struct(kind):
        return []
    found = {field.name: field.type for field in kind}
    photos = [name for name in BYTES_FIELDS if name in found and _is(found[name], _BINARY)]
    return photos + [PATH_FIELD] * (PATH_FIELD in found and _is(found[PATH_FIELD], _TEXT))


def _shown(kind: pa.DataType) -> str:
    text = str(kind)
    return text if len(text) <= 80 else f"{text[:80]}..."
