"""`search evaluate`: an index is asked for queries whose matches are known, perhaps among products of no shop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.atomic import scratch_folder
from catalog.files.progress import Bar
from catalog.product import ProblemLog
from catalog.runs.saved_probabilities import predictions_folder
from catalog.runs.workspace import Workspace
from catalog.tree.label_leaves import label_leaves
from search.contract import Filter, VectorIndex
from search.evaluation.distractors import JoinedIndex, as_fillers
from search.evaluation.evaluate import MeasuredSearch, evaluate
from search.evaluation.page import Shown, write_evaluation
from search.index import LocalIndex
from search.indexing.backend import kind_of
from search.indexing.embedders import embedder_of
from search.indexing.embedding import embedded, whitened
from search.indexing.opening import OpenIndex
from search.indexing.photo_encoder import PhotoEncoder, entries_of
from search.indexing.photo_words import PhotoWords, photo_words
from search.indexing.place import IndexPlace
from search.query.conditions import tree_of
from search.query.index_search import FoundProduct, IndexSearch
from search.query.showcase import Showcase
from search.ranking.rank import PLAIN


@dataclass(frozen=True)
class _ReadingSearch:
    """A search that reads the photos that it is asked by, as `search query --read` does."""

    search: IndexSearch
    words: PhotoWords

    def by_photos(
        self, photos: Sequence[bytes], k: int, where: Filter | None = None, title: str = ""
    ) -> list[FoundProduct]:
        """See `IndexSearch.by_photos`."""
        read = self.words.of_photos(photos, ProblemLog())
        return self.search.by_photos(photos, k, where, title, read=read)


def evaluate_index(
    workspace: Workspace, place: IndexPlace, queries: Catalog, truth: Path, output: Path, *,
    distractors: Catalog | None = None, lang: str | None = None, bar: Bar,
) -> tuple[MeasuredSearch, Path]:  # fmt: skip
    """Measure an index on the queries that a CSV names, and write the page; returns the figures and the page.

    Args:
        output: folder for the page and its numbers.
        distractors: products that match no query, searched beside those of the index.

    Raises:
        FileNotFoundError: no index, no network, or no such CSV.
        ValueError: an index of another network; a CSV that names nothing that can be measured.
    """
    place.require()
    # a place that cannot be written is told now, not when all has been measured
    output.mkdir(parents=True, exist_ok=True)
    embedder = embedder_of(workspace, is_trained=place.is_trained)
    with OpenIndex.at(place, embedder) as opened:
        encoder = opened.encoder
        assert encoder is not None, "the embedder's"
        with _among(opened, encoder, workspace, distractors, bar) as index, bar("evaluate") as progress:
            search = IndexSearch(index, encoder, replace(PLAIN, text=opened.text))
            seen = _learnt(workspace, encoder, queries) if opened.known.is_trained else None
            with photo_words(workspace, wanted=place.reads and opened.text is not None) as words:
                asked = search if words is None else _ReadingSearch(search, words)
                measured = evaluate(asked, opened.index, queries, truth, seen=seen, progress=progress)
        tree = tree_of(opened, workspace, lang)
        showcase = Showcase(workspace, opened.known, tree)
        facts = {
            "index": str(place.folder),
            "network": opened.index.identity.network,
            "whitened": "yes" if encoder.whitening else "no",
            "texts": "not compared" if opened.text is None else "compared",
            "photos read": "yes" if place.reads and opened.text is not None else "no",
            "search": kind_of(opened.index),
            "products": opened.index.n_products,
            "distractors": "none" if distractors is None else f"{len(distractors):,} of {distractors}",
        }
        shown = Shown(showcase.catalogs(), distractors)
        page = write_evaluation(output, measured, queries, shown, _category_names(showcase, queries), facts)
    return measured, page


@contextmanager
def _among(
    opened: OpenIndex, encoder: PhotoEncoder, workspace: Workspace, distractors: Catalog | None, bar: Bar
) -> Iterator[VectorIndex]:
    """The index, with the distractors beside its products."""
    if distractors is None:
        yield opened.index
        return
    with scratch_folder(opened.place.unfinished) as scratch:
        # where `mosaic embed --photos` keeps them: they are embedded once for all evaluations
        kept = predictions_folder(workspace, distractors) / "photos"
        with bar("embed distractors") as progress:
            vectors, _ = embedded(distractors, encoder.embedder, kept, progress)
        if encoder.whitening is not None:
            vectors = whitened(vectors, encoder.whitening, scratch / "whitened")
        entries = as_fillers(entries_of(distractors, np.arange(len(distractors))))
        with bar("index distractors") as progress:
            second = LocalIndex.create(scratch / "index", opened.index.identity, vectors, entries, progress=progress)
        try:
            yield JoinedIndex(opened.index, second)
        finally:
            second.close()


def _learnt(workspace: Workspace, encoder: PhotoEncoder, queries: Catalog) -> NDArray[np.int64] | None:
    """`(C,)` numbers of the queries' categories that the network has learnt; None where no tree tells."""
    if not (workspace.folder / "tree.csv").is_file():
        return None
    labels = np.unique(queries.category_ids)
    leaf = label_leaves(workspace.taxonomy(), labels, queries.ids)
    return labels[np.isin(leaf, encoder.embedder.network.support)]


def _category_names(showcase: Showcase, queries: Catalog) -> Callable[[int], str]:
    """What the number of a query's label is called."""
    return lambda number: showcase.category(queries.ids.shown(number))
