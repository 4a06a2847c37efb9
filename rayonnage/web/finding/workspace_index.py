"""The workspace's index, opened when it is first searched, and anew when it or the workspace's network is another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

from catalog.runs.workspace import Workspace
from search.indexing.embedders import embedder_of
from search.indexing.opening import OpenIndex
from search.indexing.place import IndexPlace
from search.query.searcher import Searcher

FileStamp = tuple[int, int] | None
EXTRA = "pip install 'rayonnage[search]'"


class NoIndex(Exception):
    """The workspace has no index; the message names the command that makes one."""


class UnusableIndex(Exception):
    """There is an index, which cannot be searched; the message says why and what to do."""


class WorkspaceIndex:
    """Stays open between searches; what others add is found. Safe in threads.

    Attributes:
        place: of the index.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self.place = workspace, IndexPlace.of(workspace)
        self._of_products: Searcher | None = None
        self._of_photos: tuple[FileStamp, Searcher] | None = None
        self._refused: tuple[tuple[FileStamp, FileStamp], str] | None = None
        # a network takes seconds to load, for which nobody waits who needs none
        self._opening_products, self._opening_photos = Lock(), Lock()

    @property
    def can_be_asked(self) -> bool:
        """Whether an index and what searches it are there; a quick look, which opens nothing."""
        return self.place.exists and self.is_installed

    @property
    def remedy(self) -> str:
        """The command that is to be run before there is anything to search."""
        return self.place.command_of_making("CATALOG") if self.is_installed else EXTRA

    @cached_property
    def is_installed(self) -> bool:
        """Whether the extra `search` is."""
        return find_spec("faiss") is not None

    def for_products(self) -> OpenIndex:
        """The index as it is now, to be asked about its own products: no network is loaded.

        Raises:
            NoIndex: there is none. UnusableIndex: it is damaged, or the extra `search` is missing.
        """
        with self._opening_products, self.told():
            with_network = self._of_photos
            if with_network is not None:
                # millions of ids are held once; where it was made anew by another network, that says nothing of these
                with suppress(ValueError):
                    return with_network[1].opened
            searcher = self._of_products
            if searcher is None:
                searcher = self._of_products = Searcher(self.place)
            return searcher.opened

    def for_photos(self) -> OpenIndex:
        """The index as it is now, with the network that its vectors are by.

        Raises:
            NoIndex: there is none. UnusableIndex: as `for_products`, or it is of another network than the workspace's.
        """
        with self._opening_photos, self.told():
            runs = _stamp(self._workspace.folder / "workspace.json")
            if self._of_photos is not None and self._of_photos[0] == runs:
                try:
                    return self._of_photos[1].opened
                except ValueError:
                    # it was made anew, perhaps by the network that the workspace searches by now
                    self._of_photos = None
            state = runs, _stamp(self.place.products)
            if self._refused is not None and self._refused[0] == state:
                raise ValueError(self._refused[1])
            try:
                embedder = embedder_of(self._workspace, is_trained=self.place.is_trained)
                self._of_photos, self._of_products = (runs, Searcher(self.place, embedder)), None
            except ValueError as error:
                # to find that out, a network is loaded: not for everybody who looks at a page
                self._refused = state, str(error)
                raise
            return self._of_photos[1].opened

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what opening or searching an index raises into `NoIndex` and `UnusableIndex`."""
        try:
            self.place.require()
        except FileNotFoundError as error:
            raise NoIndex(str(error)) from None
        try:
            yield
        except (OSError, ValueError) as error:
            raise UnusableIndex(str(error)) from error


def _stamp(path: Path) -> FileStamp:
    """Another one means that the file is another."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino
