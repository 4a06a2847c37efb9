"""Titles of an index's products, kept beside it where it has been learnt what they weigh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress, in_batches
from catalog.product_text import parted
from search.indexing.place import IndexPlace
from search.ranking.search_text import SearchText
from search.ranking.text_channel import TextChannel, TextWeights
from search.ranking.text_store import TextStore

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
