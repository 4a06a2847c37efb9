"""Texts of an index's products (titles, words on photos), kept beside it where comparing them finds more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.embeddings import Embeddings
from catalog.files.id_lookup import positions_of
from catalog.files.progress import Bar, Progress, part_of
from catalog.files.wording import plural
from catalog.product import ProblemLog
from catalog.product_text import parted
from search.indexing.photo_words import PhotoWords
from search.indexing.place import IndexPlace
from search.ranking.photo_sample import PhotoSample
from search.ranking.search_text import SearchText
from search.ranking.text_channel import TextChannel, TextWeights
from search.ranking.text_store import TextStore
from search.ranking.text_trial import TextTrial
from search.ranking.whitening_trial import MIN_PRODUCTS
from text.encoders import EncoderMissing
from text.title_encoder import TitleEncoder

ENCODER = "use"
"""Of titles, see `text.encoders`."""
AT_ONCE = 4096
"""Products whose texts are added together."""


@dataclass(frozen=True)
class TaughtTexts:
    """Texts of a catalogue's products, and what they weigh beside photos.

    Attributes:
        folder: of their store. weights: None where texts are not compared. why: in a sentence.
    """

    folder: Path
    weights: TextWeights | None
    why: str

    def keep(self, place: IndexPlace) -> None:
        """Move them to a place, where they are compared."""
        if self.weights is not None:
            self.weights.save(place.text_weights)
            os.replace(self.folder, place.texts)


def keep_texts(
    store: TextStore, catalog: Catalog, positions: NDArray[np.int64], words: PhotoWords | None, problems: ProblemLog,
    progress: Progress | None = None,
) -> None:  # fmt: skip
    """Keep the texts of the products at `(n,)` positions; those that are there to the letter are not encoded again.

    `words`: reads the photos; None: titles alone are kept.
    """
    for some, titles, read in _written(catalog, positions, words, problems, progress):
        texts = [SearchText(title, " ".join(photos)) for title, photos in zip(titles, read, strict=True)]
        store.add(catalog.product_ids[some], texts)


def keep_sample(
    store: TextStore, catalog: Catalog, positions: NDArray[np.int64], words: PhotoWords | None, problems: ProblemLog,
    progress: Progress | None = None,
) -> dict[int, str]:  # fmt: skip
    """The same of `(n,)` positions, but of products of several photos without the words on the first.

    Those are returned, by product.
    """
    asked: dict[int, str] = {}
    for some, titles, read in _written(catalog, positions, words, problems, progress):
        ids = catalog.product_ids[some]
        asked |= {number: photos[0] for number, photos in zip(ids.tolist(), read, strict=True) if len(photos) > 1}
        others = [photos[1:] if len(photos) > 1 else photos for photos in read]
        store.add(ids, [SearchText(title, " ".join(photos)) for title, photos in zip(titles, others, strict=True)])
    return asked


def _written(
    catalog: Catalog, positions: NDArray[np.int64], words: PhotoWords | None, problems: ProblemLog,
    progress: Progress | None,
) -> Iterator[tuple[NDArray[np.int64], list[str], list[list[str]]]]:  # fmt: skip
    """Some positions at a time, with the products' titles, and the words on each of their photos."""
    texts = catalog.titles()
    for start in range(0, len(positions), AT_ONCE):
        some = positions[start : start + AT_ONCE]
        step = part_of(progress, start, len(positions))
        read: list[list[str]] = (
            [[] for _ in some] if words is None else words.of_products(catalog, some, problems, step)
        )
        yield some, [parted(text)[0] for text in texts.take(some)], read
        if step is not None:
            step(len(some), len(some))


def text_channel(place: IndexPlace) -> TextChannel | None:
    """What compares texts at a place; None where nothing has been learnt of them.

    Raises:
        ValueError: a file is damaged, or the sentence encoder is not installed.
    """
    if not place.text_weights.is_file():
        return None
    return TextChannel(TextStore.open(place.texts), TextWeights.load(place.text_weights))


def teach_texts(
    catalog: Catalog, embeddings: Embeddings, width: int | None, words: PhotoWords | None, unfinished: Path,
    problems: ProblemLog, bar: Bar,
) -> TaughtTexts:  # fmt: skip
    """Try whether the texts of a catalogue find more, on a sample of its products; only then all of them are taken in.

    Args:
        embeddings: of its photos, before whitening. width: of the whitening, None where there is none.
        words: reads photos; None: titles alone are compared.
        unfinished: folder for the texts; a killed call is gone on with there.
        problems: is told of photos that could not be read.
    """
    what = " and ".join(["titles"] * catalog.has_texts + ["words on photos"] * (words is not None))
    if not what:
        return TaughtTexts(unfinished, None, "")
    sample = PhotoSample.of(embeddings.vectors, embeddings.product_ids)
    n_asking = int(sample.asks.sum())
    if n_asking < MIN_PRODUCTS:
        several = plural(n_asking, "product of several photos", "products of several photos")
        why = f"{what} are not compared: {several}, what they weigh is learnt from {MIN_PRODUCTS} on"
        return TaughtTexts(unfinished, None, why)
    try:
        store, tried = _begun(unfinished), ProblemLog()
    except EncoderMissing as error:
        # photos are searched all the same
        return TaughtTexts(unfinished, None, f"{what} are not compared: {error}")
    positions = np.sort(positions_of(catalog.product_ids, sample.products))
    with bar(f"{what} of a sample") as progress:
        asked = keep_sample(store, catalog, positions, words, tried, progress)
    with bar(f"weigh {what}") as progress:
        trial = TextTrial.of(sample, store, asked, width, progress)
    if trial.weights is None:
        problems.merge(tried)
    else:
        with bar(what) as progress:
            keep_texts(store, catalog, np.arange(len(catalog)), words, problems, progress)
    return TaughtTexts(unfinished, trial.weights, trial.text(what))


def _begun(folder: Path) -> TextStore:
    """What a killed call has left there, else an empty store."""
    try:
        return TextStore.open(folder)
    except (FileNotFoundError, ValueError):
        return TextStore.create(folder, TitleEncoder(ENCODER))
