"""Where an index lies, and what leads to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.files.atomic import write_text
from catalog.files.wording import listed
from catalog.runs.workspace import Workspace
from search.indexing.record import IndexedProducts
from search.ranking.text_store import lock_of

FOLDER = "search"
"""In a workspace."""


@dataclass(frozen=True)
class IndexPlace:
    """A folder with an index, what it was made of and, perhaps, what whitens its vectors and what texts say.

    Attributes:
        option: what names it in the next command: ` --index FOLDER`, nothing for the default one.
    """

    folder: Path
    option: str = ""

    @classmethod
    def of(cls, workspace: Workspace, folder: Path | None = None) -> IndexPlace:
        """The folder given, else the workspace's."""
        if folder is None:
            return cls(workspace.folder / FOLDER, workspace.option)
        return cls(folder, f" --index {folder}{workspace.option}")

    @property
    def vectors(self) -> Path:
        """Folder of the index itself."""
        return self.folder / "vectors"

    @property
    def products(self) -> Path:
        """File of the `IndexedProducts`."""
        return self.folder / "products.safetensors"

    @property
    def whitening(self) -> Path:
        """File of what whitens the vectors; not there where nothing does."""
        return self.folder / "whitening.safetensors"

    @property
    def texts(self) -> Path:
        """Folder of the products' texts; not there where nothing was learnt of them."""
        return self.folder / "texts"

    @property
    def text_weights(self) -> Path:
        """File of what texts weigh beside photos; not there where nothing was learnt."""
        return self.folder / "text.safetensors"

    @property
    def reading(self) -> Path:
        """File that says by what photos are read; not there where none are."""
        return self.folder / "reading.txt"

    @property
    def reads(self) -> bool:
        """Whether the words on photos are taken in with them."""
        return self.reading.is_file()

    def keep_reading(self, settings: str) -> None:
        """Remember that photos are read, and by what: in what is added later they are read, too."""
        write_text(self.reading, settings + "\n")

    @property
    def server(self) -> Path:
        """File that names the server which keeps the vectors; not there where the folder does."""
        return self.folder / "server.json"

    @property
    def unfinished(self) -> Path:
        """Folder of embeddings for an index that is being made; it goes when that is whole."""
        return self.folder.with_name(f"{self.folder.name}.unfinished")

    @property
    def exists(self) -> bool:
        """Whether an index lies there: the folder appears when it is whole."""
        return self.products.is_file()

    @property
    def is_trained(self) -> bool:
        """Whether the vectors are by a network of the workspace; they are to be, where there is no index yet."""
        return not self.exists or IndexedProducts.load(self.products).is_trained

    def require(self) -> None:
        """Raise FileNotFoundError, which names the command that makes an index, where there is none."""
        if not self.exists:
            raise FileNotFoundError(
                f"{self.folder} holds no index yet: run `{self.command_of_making('CATALOG')}` first (--workspace or "
                "--index name another place)"
            )

    def require_replaceable(self) -> None:
        """Raise ValueError where something else lies there, which would go with the index that takes its place."""
        if self.folder.is_dir():
            parts = (
                self.vectors, self.products, self.whitening, self.texts, lock_of(self.texts), self.text_weights,
                self.reading, self.server,
            )  # fmt: skip
            others = {path.name for path in self.folder.iterdir()} - {part.name for part in parts}
            # what a file manager leaves in any folder
            others -= {name for name in others if self.exists and name.startswith(".")}
        else:
            others = {self.folder.name} if self.folder.exists() else set()
        if others:
            raise ValueError(
                f"{self.folder} is no folder of an index, as {listed(sorted(others), 3)} would be lost: give another "
                "folder, which need not be there yet (--output)"
            )

    @contextmanager
    def naming_what_replaces_it(self) -> Iterator[None]:
        """A file that is damaged or missing is a ValueError that names the command which makes the index anew."""
        try:
            yield
        except (ValueError, FileNotFoundError) as error:
            # without --overwrite that command opens what is there, too
            raise ValueError(f"{error} (`{self.command_of_making('CATALOG')} --overwrite`)") from None

    def command_of_making(self, catalog: str) -> str:
        """What makes the index of a catalogue here."""
        return f"rayonnage search index {catalog}{self.option.replace(' --index ', ' --output ', 1)}"
