"""Vectors of titles, by which products that are called differently are drawn."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.embeddings import ALL_PHOTOS, EmbeddingOrigin, Embeddings
from catalog.files.progress import Progress, in_batches, part_of
from catalog.product_text import parted
from catalog.split.linking import group_number
from catalog.texts import Texts
from curation.samples.vectors import Vectors
from text.title_encoder import TitleEncoder
from text.titles import TitleWords

ENCODER = "use"
"""It comes with the installation and knows 16 languages."""
BATCH = 256
"""Titles encoded together."""


@contextmanager
def title_vectors(
    catalog: Catalog, positions: NDArray[np.int64], room: Path, progress: Progress | None = None
) -> Iterator[Vectors]:
    """Vectors of the titles of the products at `(n,)` positions; of a product without one, of its description.

    Each title is encoded once, some hundred in a second. Their vectors lie in the folder `room`, which is removed at
    the end; what was killed, or failed, leaves them there for the same call.

    Raises:
        ValueError: no product of the catalogue has a text.
    """
    texts = catalog.titles(progress)
    if not texts.any:
        raise ValueError(f"--spread titles: {catalog} has no titles, give the folder of `mosaic embed` instead")
    numbers = [_numbers(texts.take(some)) for some in in_batches(positions, BATCH)]
    _, first, row = np.unique(np.concatenate(numbers), return_index=True, return_inverse=True)
    embeddings = _encoded(catalog, texts, positions[first], room, progress)
    yield Vectors(embeddings.vectors, row.astype(np.int64))
    shutil.rmtree(room)


def _encoded(
    catalog: Catalog, texts: Texts, positions: NDArray[np.int64], room: Path, progress: Progress | None
) -> Embeddings:
    """A row for each of the products at `(m,)` positions, of different titles; zeros for no words."""
    encoder, ids = TitleEncoder(ENCODER), catalog.product_ids[positions]
    origin = EmbeddingOrigin(ENCODER, texts.digest, catalog.address, catalog.fingerprint, "product")
    with suppress(OSError, ValueError):
        kept = Embeddings.load(room)
        if kept.origin == origin and np.array_equal(kept.product_ids, ids):
            return kept
    with Embeddings.writer(
        room, encoder.width,
        origin=origin, product_ids=ids, photos=np.full(len(ids), ALL_PHOTOS, np.int8), ids=catalog.ids,
    ) as unfinished:  # fmt: skip
        done = unfinished.n_done
        for some in in_batches(positions[done:], BATCH, part_of(progress, done, len(ids))):
            words = [TitleWords.of(text) for text in texts.take(some)]
            vectors = encoder.vectors(words)
            vectors[[not title.plain for title in words]] = 0
            unfinished.write(vectors)
    return Embeddings.load(room)


def _numbers(texts: Sequence[str]) -> NDArray[np.int64]:
    """A number of each title: seven million texts would be gigabytes."""
    named = [title or description for title, description in map(parted, texts)]
    return np.array([group_number(name) for name in named], np.int64)
