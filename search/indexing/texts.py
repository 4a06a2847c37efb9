"""Titles of an index's products, kept beside it where it has been learnt what they weigh."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.embeddings import Embeddings
from catalog.files.progress import Bar, Progress, in_batches
from catalog.product_text import parted
from search.indexing.place import IndexPlace
from search.ranking.search_text import SearchText
from search.ranking.text_channel import TextChannel, TextWeights, fit_channel
from search.ranking.text_fitting import self_taught_pairs
from search.ranking.text_store import HEAD, TextStore
from text.title_encoder import TitleEncoder

ENCODER = "use"
"""Of titles, see `text.encoders`."""
AT_ONCE = 4096
"""Products whose titles are added together."""


def keep_titles(
    store: TextStore, catalog: Catalog, positions: NDArray[np.int64], progress: Progress | None = None
) -> None:
    """Keep the titles of the products at `(n,)` positions; those that are there to the letter cost nothing."""
    titles = catalog.titles()
    for some in in_batches(positions, AT_ONCE, progress):
        texts = [SearchText(parted(text)[0]) for text in titles.take(some)]
        store.add(catalog.product_ids[some], texts)


def text_channel(place: IndexPlace) -> TextChannel | None:
    """What compares titles at a place; None where nothing has been learnt of them.

    Raises:
        ValueError: a file is damaged, or the sentence encoder is not installed.
    """
    if not place.text_weights.is_file():
        return None
    return TextChannel(TextStore.open(place.texts), TextWeights.load(place.text_weights))


def teach_titles(
    place: IndexPlace, catalog: Catalog, embeddings: Embeddings, width: int | None, unfinished: Path, bar: Bar
) -> str:
    """Keep a catalogue's titles at a place, and learn what they weigh from products of several photos.

    Where that cannot be learnt, nothing is kept.

    Args:
        embeddings: of its photos, before whitening. width: of the whitening, None where there is none.
        unfinished: folder for titles that are being encoded; a killed call is gone on with there.

    Returns:
        What was learnt, in a sentence; "" of a catalogue without titles.
    """
    if not catalog.has_texts:
        return ""
    is_begun = (unfinished / HEAD).is_file()
    store = TextStore.open(unfinished) if is_begun else TextStore.create(unfinished, TitleEncoder(ENCODER))
    with bar("titles") as progress:
        keep_titles(store, catalog, np.arange(len(catalog)), progress)
    try:
        with bar("weigh titles") as progress:
            pairs = self_taught_pairs(embeddings.vectors, embeddings.product_ids, store, width, progress=progress)
            weights = fit_channel(pairs)
    except ValueError as error:
        return f"titles are not compared: {error}"
    weights.save(place.text_weights)
    os.replace(unfinished, place.texts)
    return "titles are compared where a query has one: what they weigh is learnt from products of several photos"
