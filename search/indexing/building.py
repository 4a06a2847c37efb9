"""A catalogue's photos become a new index, in one piece: it appears when it is whole."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.embeddings import Embeddings
from catalog.files.atomic import atomic_folder
from catalog.files.progress import Bar, Progress
from catalog.product import ProblemLog
from mosaic.inference.embedding import Embedder
from search.contract import IndexIdentity
from search.indexing.backend import Kind, QdrantPlace, create_index, require_backend
from search.indexing.embedding import embedded, whitened
from search.indexing.photo_encoder import PhotoEncoder, entries_of
from search.indexing.photo_words import PhotoWords
from search.indexing.place import IndexPlace
from search.indexing.record import IndexedProducts
from search.indexing.signatures import signatures_of
from search.indexing.texts import teach_texts
from search.ranking.whitening import Whitening
from search.ranking.whitening_trial import WhiteningTrial, learnt_whitening

Whiten = Literal["auto", "on", "off"]
WHITENED_WIDTH = 128
"""Numbers in a whitened vector."""


@dataclass(frozen=True)
class IndexOptions:
    """How an index is made.

    Attributes:
        kind: of the search; `auto`: by size. whiten: learn from products of several photos what tells products apart;
            `auto`: where that finds more of what was held out.
        read: compare the words on photos, too.
        backbone: the vectors are by a network before any training.
        overwrite: make it anew, whatever lies there. server: keeps the vectors; None: the folder does.
    """

    kind: Kind = "auto"
    whiten: Whiten = "auto"
    read: bool = False
    backbone: bool = False
    overwrite: bool = False
    server: QdrantPlace | None = None


def build(
    place: IndexPlace, catalog: Catalog, md5s: NDArray[np.uint8], embedder: Embedder, words: PhotoWords | None,
    options: IndexOptions, bar: Bar,
) -> tuple[str, ProblemLog]:  # fmt: skip
    """Make the index; what lies there is replaced at the end. A killed call is gone on with by the next one.

    `md5s`: `(P, 16)` uint8 of the catalogue's photos; `words`: reads them, None: nothing is read.

    Returns:
        Whether its vectors are whitened and texts compared, and why, in sentences. What was wrong with products.
    """
    require_backend(options.server)
    with bar("embed") as progress:
        embeddings, problems = embedded(catalog, embedder, place.unfinished, progress)
    with bar("whitening") as progress:
        whitening, why = _whitening(embeddings, options, progress)
    encoder = PhotoEncoder(embedder, whitening)
    width = None if whitening is None else whitening.width
    texts = teach_texts(catalog, embeddings, width, words, place.unfinished / "texts", problems, bar)
    with atomic_folder(place.folder) as folder:
        new = IndexPlace(folder)
        if encoder.whitening is not None:
            encoder.whitening.save(new.whitening)
            with bar("whiten") as progress:
                embeddings = whitened(embeddings, encoder.whitening, place.unfinished / "whitened", progress)
        identity = IndexIdentity(embedder.name, encoder.digest, embeddings.width, catalog.address, catalog.fingerprint)
        entries = entries_of(catalog, np.arange(len(catalog)))
        with bar("index") as progress:
            create_index(new, options.server, identity, embeddings, entries, options.kind, progress)
        made = IndexedProducts.of(catalog, signatures_of(catalog.n_images, md5s), is_trained=not options.backbone)
        made.save(new.products)
        if words is not None:
            new.keep_reading(words.reader.engine.settings)
        # last: a kill before leaves them to go on with
        texts.keep(new)
    shutil.rmtree(place.unfinished, ignore_errors=True)
    return "\n".join(filter(None, [why, texts.why])), problems


def _whitening(embeddings: Embeddings, options: IndexOptions, progress: Progress) -> tuple[Whitening | None, str]:
    """What whitens the vectors, if anything, and a sentence of why."""
    vectors, ids, digest = embeddings.vectors, embeddings.product_ids, embeddings.origin.digest
    if options.whiten == "auto":
        try:
            trial = WhiteningTrial.of(vectors, ids, WHITENED_WIDTH, digest, progress=progress)
        except ValueError as error:
            # photos that are all the same, as of a shop whose photos are missing, are searched as they are
            return None, f"whitening is not tried: {error}"
        return trial.whitening, trial.text
    if options.whiten == "off":
        return None, ""
    try:
        return learnt_whitening(vectors, ids, WHITENED_WIDTH, digest), ""
    except ValueError as error:
        raise ValueError(f"{error}: leave out --whiten on") from None
