"""An index in a folder."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from catalog.embeddings import Embeddings
from catalog.files.progress import Progress
from catalog.ids.id_names import IdNames
from search.checks import checked_queries
from search.contract import Entries, Filter, Hits, IndexIdentity
from search.index.building import built, compacted
from search.index.snapshot import Snapshot
from search.index.state_file import Kind, StateFile, state_stamp
from search.index.writer import one_writer, with_added, without_rows

PATIENCE_S = 10
"""Of opening states that another process replaces meanwhile, one after the other."""


class LocalIndex:
    """Vectors on the local disk, as `VectorIndex` says; what other processes add is found without opening it again.

    One writer at a time: others wait, and say for whom. A search looks at the state that was the newest when it began.
    """

    def __init__(self, folder: Path, snapshot: Snapshot, expect: str | None = None) -> None:
        """Use `create` or `open`."""
        self.folder = folder
        self._snapshot: Snapshot | None = snapshot
        self._expect = expect
        self._opening = threading.Lock()

    @classmethod
    def create(
        cls,
        folder: Path,
        identity: IndexIdentity,
        embeddings: Embeddings,
        entries: Entries,
        *,
        kind: Literal["auto", "exact", "compressed"] = "auto",
        progress: Progress | None = None,
    ) -> Self:
        """Make an index of N vectors; zeros (photos that cannot be read) are passed over. An earlier one is replaced.

        Memory stays flat: vectors are read, checked and written some at a time.

        Args:
            entries: of the N vectors. kind: `auto`: exact below `EXACT_BELOW` vectors; it holds for compactions, too.

        Raises:
            ValueError: vectors of another width, not finite or not of length 1, or not one entry for each.
            OSError: the disk is full: the earlier index is as it was.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with one_writer(folder):
            built(folder, identity, embeddings, entries, kind, progress).write(folder)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path, expect: str | None = None) -> Self:
        """Open the index in a folder.

        Args:
            expect: the digest of the network whose vectors will be looked for; None: any.

        Raises:
            FileNotFoundError: there is no index.
            ValueError: a damaged file, which it names; or an index of another network.
        """
        return cls(folder, _newest(folder, None, expect), expect)

    @property
    def identity(self) -> IndexIdentity:
        """What its vectors come from."""
        return self._newest().state.identity

    @property
    def kind(self) -> Kind:
        """How it searches."""
        return self._newest().state.kind

    @property
    def n_products(self) -> int:
        """Products that can be found."""
        return self._newest().state.n_products

    @property
    def n_removed(self) -> int:
        """Vectors that are forgotten, but take room until the index is compacted."""
        return self._newest().state.n_removed

    @property
    def ids(self) -> IdNames:
        """The texts of all ids that are no integers."""
        return self._newest().ids

    def __len__(self) -> int:
        """Vectors that can be found."""
        return len(self._newest())

    def add(self, vectors: NDArray[np.float32], entries: Entries) -> None:
        """Add `(N, D)` vectors as `VectorIndex.add` says; while another process writes, it waits."""
        with one_writer(self.folder):
            with_added(self.folder, self._newest(), vectors, entries).write(self.folder)

    def remove(self, product_ids: NDArray[np.int64]) -> int:
        """Forget `(P,)` products as `VectorIndex.remove` says; while another process writes, it waits."""
        with one_writer(self.folder):
            snapshot = self._newest()
            after = without_rows(self.folder, snapshot, snapshot.rows_of(product_ids))
            if after is not snapshot.state:
                after.write(self.folder)
        return snapshot.state.n_products - after.n_products

    def compact(self, progress: Progress | None = None) -> None:
        """Free the room of what is forgotten, and make one segment of all; a search finds the same, in less time.

        Rows get other numbers. Where there are `EXACT_BELOW` vectors by now, they are compressed from now on, unless
        the index was made `exact`. Needs as much room on the disk as the index has.

        Raises:
            OSError: the disk is full: the index is as it was.
            ValueError: a file is damaged, which it names: every one is read.
        """
        with one_writer(self.folder):
            compacted(self.folder, self._newest(), progress).write(self.folder)

    def search(self, queries: NDArray[np.float32], k: int, where: Filter | None = None) -> Hits:
        """The k nearest of each of `(Q, D)` queries, as `VectorIndex.search` says."""
        snapshot = self._newest()
        return snapshot.search(checked_queries(queries, snapshot.state.identity.width), k, where)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """`(n, D)` vectors by `(n,)` rows, as `VectorIndex.vectors` says."""
        return self._newest().vectors(rows)

    def rows_of(self, product_id: int) -> NDArray[np.int64]:
        """`(n,)` rows of a product, as `VectorIndex.rows_of` says."""
        snapshot = self._newest()
        rows = snapshot.rows_of(np.array([product_id], np.int64))
        return rows[np.argsort(snapshot.entry("photos", rows), kind="stable")]

    def close(self) -> None:
        """Let go of the files."""
        self._snapshot = None

    def _newest(self) -> Snapshot:
        """The state as it is now; a look at one file's time tells whether another process has replaced it."""
        snapshot = self._snapshot
        if snapshot is None:
            raise ValueError(f"the index in {self.folder} has been closed")
        if state_stamp(self.folder) == snapshot.file.stamp:
            return snapshot
        with self._opening:
            # another thread may have been here
            if self._snapshot is not None and state_stamp(self.folder) != self._snapshot.file.stamp:
                self._snapshot = _newest(self.folder, self._snapshot, self._expect)
            # one without vectors is false
            return snapshot if self._snapshot is None else self._snapshot


def _newest(folder: Path, earlier: Snapshot | None, expect: str | None) -> Snapshot:
    """Open the state in a folder; where another process has written the next one meanwhile, that one."""
    until = time.monotonic() + PATIENCE_S
    while True:
        file = StateFile.read(folder)
        if expect is not None and file.state.identity.digest != expect:
            raise ValueError(
                f"{folder} holds vectors of another network ({file.state.identity.network}), which cannot be "
                "compared: make the index anew with `rayonnage search index`"
            )
        try:
            return Snapshot.open(folder, file, earlier)
        except (FileNotFoundError, ValueError) as error:
            # files of an earlier state may vanish at any moment, also between a look at their bytes and their reading
            if state_stamp(folder) != file.stamp and time.monotonic() < until:
                continue
            if isinstance(error, FileNotFoundError):
                raise ValueError(
                    f"{error.filename} is missing: make the index anew with `rayonnage search index`"
                ) from None
            raise
