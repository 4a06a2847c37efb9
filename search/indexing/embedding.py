"""All photos of a catalogue as an index has them, on the disk: gone on with after a kill, not made twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.embeddings import Embeddings
from catalog.files.progress import Progress, in_batches
from catalog.product import Problem, ProblemKind, ProblemLog
from mosaic.inference.embedding import Embedder, embed_catalog
from search.ranking.whitening import Whitening


def embedded(
    catalog: Catalog, embedder: Embedder, folder: Path, progress: Progress | None = None
) -> tuple[Embeddings, ProblemLog]:
    """The vectors of a catalogue's photos, in a folder; those that lie there are taken where they are the same."""
    there = _finished(catalog, embedder, folder)
    if there is None:
        return embed_catalog(catalog, embedder, folder, "photo", progress)
    problems = ProblemLog()
    problems.merge(catalog.problems)
    unreadable = np.flatnonzero(~there.present())
    ids = there.ids.take(there.product_ids[unreadable])
    for product_id, photo in zip(ids, there.photos[unreadable].tolist(), strict=True):
        problems.add(Problem(ProblemKind.UNREADABLE_PHOTO, "", product_id, photo=photo))
    return there, problems


def whitened(
    embeddings: Embeddings, whitening: Whitening, folder: Path, progress: Progress | None = None
) -> Embeddings:
    """The vectors of the same photos, whitened, in another folder."""
    origin = replace(embeddings.origin, digest=whitening.digest_after)
    with Embeddings.writer(
        folder, whitening.width, origin=origin, product_ids=embeddings.product_ids, photos=embeddings.photos,
        ids=embeddings.ids,
    ) as rows:  # fmt: skip
        for some in in_batches(np.arange(rows.n_done, len(embeddings)), embeddings.block_rows, progress):
            rows.write(whitening.apply(embeddings.rows(some)))
    return Embeddings.load(folder)


def _finished(catalog: Catalog, embedder: Embedder, folder: Path) -> Embeddings | None:
    """The vectors of the same photos by the same network, where they lie there whole."""
    try:
        there = Embeddings.load(folder)
    except (FileNotFoundError, ValueError):
        return None
    origin, wanted = there.origin, (embedder.digest, catalog.fingerprint, "photo")
    is_same = (origin.digest, origin.fingerprint, origin.per) == wanted
    return there if is_same and len(there) == catalog.n_images.sum(dtype=np.int64) else None
