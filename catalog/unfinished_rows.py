"""Rows of numbers that are written one after the other for hours, and gone on with where a kill stopped it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.atomic import write_text
from catalog.files.full_disk import names_full_disk
from catalog.product import Problem, ProblemLog

CHECKPOINT_S = 20.0
"""So much of the work may be lost by a kill."""
STATE = "unfinished.json"
F2 = np.dtype("<f2")


def folder_of_unfinished(folder: Path) -> Path:
    """Where rows lie that are not all written; it is gone when they are."""
    return folder / ".unfinished"


class UnfinishedRows:
    """Float16 rows on their way to a NumPy file: appended in order, memory holds those that are being written.

    Attributes:
        n_done: rows that are written; those of a process that was killed count.
        problems: what was wrong with what is written; of a killed process, too.
    """

    def __init__(self, folder: Path, card: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], name: str) -> None:
        """`card`: what the rows are, with `rows` and `width`; `arrays`: what lies beside them, by name of the file.

        `name`: of the rows' file.
        """
        self._folder, self._room = folder, folder_of_unfinished(folder)
        self._n_rows, self._width = int(card["rows"]), int(card["width"])
        self._arrays, self._name = arrays, name
        self._identity = _identity(card, arrays)
        self._head = _head(self._n_rows, self._width)
        self._saved_at = time.monotonic()
        self.n_done, self.problems = self._found() or (0, ProblemLog())
        self._is_placed = False

    def __enter__(self) -> Self:
        with names_full_disk(self._room / self._name):
            if not self.n_done:
                shutil.rmtree(self._room, ignore_errors=True)
            self._room.mkdir(exist_ok=True)
            self._file = (self._room / self._name).open("r+b" if self.n_done else "wb")
            self._file.truncate(len(self._head) + self.n_done * self._row_bytes)
            self._file.write(self._head)
            self._file.seek(0, io.SEEK_END)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._is_placed:
            self._file.close()
            shutil.rmtree(self._room)
            return
        # what stopped the work says why, a full disk above all; what is written is gone on with
        with suppress(OSError):
            if self.n_done:
                self._save()
        with suppress(OSError):
            self._file.close()

    def write(self, rows: NDArray[np.floating], problems: Iterable[Problem] = ()) -> None:
        """Append `(n, D)` rows, and what was wrong with what they are of.

        Raises:
            ValueError: another width, numbers that are not finite in 16 bits, or more rows than there are to be.
            OSError: the disk is full.
        """
        with np.errstate(over="ignore"):
            kept = np.asarray(rows).astype(F2)
        if kept.shape[1:] != (self._width,) or self.n_done + len(kept) > self._n_rows:
            raise ValueError(f"expected ({self._n_rows - self.n_done}, {self._width}) more numbers, got {kept.shape}")
        if not np.isfinite(kept).all():
            raise ValueError(f"row {self.n_done} or one that follows holds numbers that are not finite")
        with names_full_disk(self._room / self._name):
            self._file.write(kept.tobytes())
            self.n_done += len(kept)
            self.problems.extend(problems)
            if time.monotonic() - self._saved_at > CHECKPOINT_S:
                self._save()

    def require_whole(self) -> None:
        """Raise ValueError where rows are missing."""
        if self.n_done < self._n_rows:
            raise ValueError(f"{self._room}: {self.n_done} of {self._n_rows} rows were written")

    def put_in_place(self) -> None:
        """Move all files into the folder, where they replace those that lie there, the rows last."""
        with names_full_disk(self._room / self._name):
            self._save()
            for name, array in self._arrays.items():
                with (self._room / name).open("wb") as file:
                    np.save(file, array)
                    _to_disk(file)
        for name in (*self._arrays, self._name):
            os.replace(self._room / name, self._folder / name)
        self._is_placed = True

    @property
    def _row_bytes(self) -> int:
        return F2.itemsize * self._width

    def _save(self) -> None:
        """Have what is written on the disk, then the note of how much that is."""
        _to_disk(self._file)
        state = {"identity": self._identity, "done": self.n_done, "problems": self.problems.to_json()}
        write_text(self._room / STATE, json.dumps(state))
        self._saved_at = time.monotonic()

    def _found(self) -> tuple[int, ProblemLog] | None:
        """Rows that another process has written of the same, and their problems; None: there are none to go on with."""
        try:
            state = json.loads((self._room / STATE).read_text(encoding="utf-8"))
            done, problems = int(state["done"]), ProblemLog.from_json(state["problems"])
            rows = self._room / self._name
            if state["identity"] == self._identity and done == self._n_rows and not rows.exists():
                # the process was killed between the last two renames
                os.replace(self._folder / self._name, rows)
            size = rows.stat().st_size
        except (OSError, ValueError, KeyError, TypeError):
            return None
        is_whole = 0 < done <= self._n_rows and size >= len(self._head) + done * self._row_bytes
        return (done, problems) if is_whole and state["identity"] == self._identity else None


def _identity(card: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Of what the rows are of."""
    whole = hashlib.sha256(json.dumps(card, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        whole.update(name.encode())
        whole.update(np.ascontiguousarray(array).view(np.uint8).data)
    return whole.hexdigest()


def _head(n_rows: int, width: int) -> bytes:
    """What stands before the numbers of a NumPy file."""
    head = io.BytesIO()
    form = {"descr": F2.str, "fortran_order": False, "shape": (n_rows, width)}
    np.lib.format.write_array_header_1_0(head, form)
    return head.getvalue()


def _to_disk(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
