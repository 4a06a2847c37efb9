"""Chosen products as a BSON file, byte for byte, and a record of what was done beside it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.atomic import atomic_path, write_text
from catalog.files.progress import Progress, counted
from catalog.sources.address import Address, is_uri


def bson_destination(address: Address) -> Path:
    """The path of a BSON file to write; raises ValueError for a database, a folder or another ending."""
    if is_uri(address) or Path(address).suffix != ".bson":
        # an URI may hold a password: it is not shown
        what = "a database" if is_uri(address) else str(address)
        raise ValueError(
            f"{what}: give the path of a BSON file to write (NAME.bson); `catalog convert` brings it to any other place"
        )
    return Path(address)


def record_path(destination: Path) -> Path:
    """Where the record of what was done lies: `NAME.bson.json`."""
    return destination.with_name(destination.name + ".json")


def check_free(catalog: Catalog, paths: Sequence[Path], overwrite: bool) -> None:
    """Before anything is read: no file is replaced unasked, and the catalogue itself never.

    Raises:
        FileExistsError: a path is taken and `overwrite` is not set.
        ValueError: a path is the catalogue's own, or a folder.
    """
    for path in paths:
        if str(path.resolve()) == catalog.address:
            raise ValueError(f"{path} is the catalogue that is read: write to another file")
        if path.is_dir():
            raise ValueError(f"{path} is a folder: give the path of a file to write")
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists already: give another path, or --overwrite to replace it")


def copy_products(
    catalog: Catalog, positions: NDArray[np.int64], destination: Path, progress: Progress | None = None
) -> None:
    """Write the documents at `positions`, `(n,)`, in the catalogue's order.

    The file takes its name when it is whole. Of a BSON catalogue every document is copied byte for byte.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    positions = np.sort(positions)
    with atomic_path(destination) as temporary, temporary.open("wb") as file:
        file.writelines(counted(catalog.raw(positions), len(positions), progress))


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write the record as JSON, names in their own letters."""
    write_text(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
