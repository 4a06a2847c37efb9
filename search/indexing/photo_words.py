"""Words on products' photos, for a search that compares them: read once, kept in the workspace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import Progress
from catalog.product import ProblemLog, Product
from catalog.runs.config import load_config
from catalog.runs.workspace import Workspace
from catalog.tree.label_leaves import label_leaves
from catalog.tree.taxonomy import Taxonomy
from ocr.config import OcrConfig
from ocr.expert import read_products, unread_photos
from ocr.loading import config_here, make_reader
from ocr.reader import PhotoReader
from ocr.route import category_leaves
from ocr.transcript import PhotoReading, Transcript

CHUNK = 64
"""Products whose photos are in memory at a time."""


@dataclass(frozen=True)
class ReadCategories:
    """The categories whose products are read: `(L,)` int64 leaves of a tree."""

    tree: Taxonomy
    leaves: NDArray[np.int64]

    def have(self, catalog: Catalog, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`(n,)` bool, whether each product is labelled as one of them, or as nothing that the tree knows."""
        labels = catalog.category_ids[positions]
        leaf = label_leaves(self.tree, labels, catalog.ids.among(np.unique(labels)))
        return (leaf == UNKNOWN) | np.isin(leaf, self.leaves)


@dataclass(frozen=True)
class PhotoWords:
    """Reads words on photos; what the workspace has read before is not read again.

    Attributes:
        categories: None: products of all are read.
    """

    reader: PhotoReader
    categories: ReadCategories | None = None

    def of_photos(self, photos: Sequence[bytes], problems: ProblemLog) -> str:
        """What can be read on some encoded photos of one product, "" where that is nothing; `problems` as below."""
        reading = read_products(self.reader, [Product(0, tuple(photos))])[0]
        problems.extend(unread_photos({0: reading}))
        return reading.text

    def of_products(
        self, catalog: Catalog, positions: NDArray[np.int64], problems: ProblemLog, progress: Progress | None = None
    ) -> list[list[str]]:
        """What can be read on each photo of the products at `(n,)` positions; nothing of those that are not read.

        `problems` is told of the photos that could not be read.
        """
        words: list[list[str]] = [[] for _ in positions]
        is_read = np.ones(len(positions), bool) if self.categories is None else self.categories.have(catalog, positions)
        rows = iter(np.flatnonzero(is_read).tolist())
        for _, products in catalog.batches(CHUNK, progress, positions[is_read]):
            readings = read_products(self.reader, products)
            ids = [product.product_id for product in products]
            problems.extend(unread_photos(dict(zip(ids, readings, strict=True))))
            for reading in readings:
                words[next(rows)] = [_words_of(photo) for photo in reading.photos]
        return words


def _words_of(photo: PhotoReading) -> str:
    return " ".join(photo.text.split()) if isinstance(photo, Transcript) else ""


@contextmanager
def photo_words(workspace: Workspace, *, wanted: bool) -> Iterator[PhotoWords | None]:
    """What reads as the workspace's text run does, of its categories; as `configs/ocr.yaml` says where there is none.

    None where it is not wanted: nothing is read then.

    Raises:
        EngineMissing: the engine that reads is not installed.
    """
    if not wanted:
        yield None
        return
    run = workspace.latest("ocr")
    config = load_config(OcrConfig, "ocr") if run is None else config_here(run)
    reader = make_reader(config, workspace)
    try:
        if run is None:
            yield PhotoWords(reader)
        else:
            tree = run.taxonomy()
            yield PhotoWords(reader, ReadCategories(tree, category_leaves(tree, config.categories)))
    finally:
        reader.close()
