"""`search learn`: what titles weigh beside photos is learnt from known matches, and kept where it finds more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import positions_of
from catalog.files.progress import Bar, Progress
from catalog.files.wording import percent, plural
from catalog.product import MAX_IMAGES, ProblemLog
from catalog.runs.workspace import Workspace
from search.evaluation.evaluation import linked_queries
from search.evaluation.measures import macro_average
from search.evaluation.rank import others_than
from search.evaluation.truth import Truth, read_truth
from search.indexing.embedders import embedder_of
from search.indexing.opening import OpenIndex
from search.indexing.photo_words import PhotoWords, photo_words
from search.indexing.place import IndexPlace
from search.indexing.texts import ENCODER, keep_texts
from search.query.conditions import tree_of
from search.query.showcase import Showcase
from search.ranking.products import RankedProducts
from search.ranking.rank import PLAIN, rank
from search.ranking.search_text import SearchText
from search.ranking.text_channel import TextChannel, TextPairs, TextWeights, fit_channel
from search.ranking.text_store import TextStore
from text.title_encoder import TitleEncoder

FOLDS = 2
DEPTH = 10
"""k of the recall by which it is decided."""
BATCH = 64
"""Queries whose photos are in memory at a time."""


@dataclass(frozen=True)
class _Asked:
    """Q queries with what photos alone find for each.

    Attributes:
        rankings, texts, matches: of each query; matches: `(m,)` int64 ids each.
    """

    store: TextStore
    rankings: Sequence[RankedProducts]
    texts: Sequence[SearchText]
    matches: Sequence[NDArray[np.int64]]

    def weights(self, rows: NDArray[np.int64]) -> TextWeights:
        """Learnt on `(n,)` queries; raises ValueError where too few have text."""
        pairs = TextPairs.of(
            self.store, [self.rankings[row] for row in rows], [self.texts[row] for row in rows],
            [self.matches[row] for row in rows], PLAIN.visual_score,
        )  # fmt: skip
        return fit_channel(pairs)

    def recall(self, row: int, weights: TextWeights | None) -> float:
        """R@`DEPTH` of a query, by photos alone or with its title."""
        ranked = self.rankings[row]
        scores = None if weights is None else TextChannel(self.store, weights).scores(self.texts[row], ranked)
        found = (ranked if scores is None else ranked.head_by(scores)).product_ids[:DEPTH]
        return float(np.isin(found, self.matches[row]).sum() / min(DEPTH, len(self.matches[row])))


def learn_titles(
    workspace: Workspace, place: IndexPlace, queries: Catalog, truth: Path, *, bar: Bar
) -> tuple[str, ProblemLog]:
    """Learn what titles weigh from the queries that a CSV names.

    It is kept where it finds more among queries that it has not learnt from, the 95 % interval above 0.

    Returns:
        What titles are worth, and what of the CSV does not count, in sentences. What was wrong with photos.

    Raises:
        FileNotFoundError: no index, no network, or no such CSV.
        ValueError: an index of another network; too few pairs with titles; no sentence encoder.
    """
    place.require()
    embedder, problems = embedder_of(workspace, is_trained=place.is_trained), ProblemLog()
    with OpenIndex.at(place, embedder) as opened, photo_words(workspace, wanted=place.reads) as words:
        file = read_truth(truth, queries.product_ids, lambda number: len(opened.index.rows_of(number)) > 0)
        store = TextStore.create(place.texts, TitleEncoder(ENCODER))
        for catalog in Showcase(workspace, opened.known, tree_of(opened, workspace)).catalogs():
            of_catalog = opened.known.source_of(catalog.product_ids) == opened.known.addresses.index(catalog.address)
            with bar("titles") as progress:
                keep_texts(store, catalog, np.flatnonzero(of_catalog), words, problems, progress)
        with bar("learn") as progress:
            asked = _ask(opened, store, queries, file.truth, words, problems, progress)
    gains, plain, told = _trial(asked, file.truth)
    n = plural(len(file.truth), "query", "queries")
    figures = f"titles, tried on {n}: {percent(told)} of the matches among the best {DEPTH}, {percent(plain)} without"
    if gains[0, 1] > 0:
        asked.weights(np.arange(len(file.truth))).save(place.text_weights)
        decision = "they are used where a query has one (--title)"
    else:
        place.text_weights.unlink(missing_ok=True)
        decision = "they are not used"
    return "\n".join([f"{figures}: {decision}", *file.remarks]), problems


def _ask(
    opened: OpenIndex, store: TextStore, queries: Catalog, truth: Truth, words: PhotoWords | None,
    problems: ProblemLog, progress: Progress,
) -> _Asked:  # fmt: skip
    encoder = opened.encoder
    assert encoder is not None, "the embedder's"
    rankings: list[RankedProducts] = []
    texts: list[SearchText] = []
    n_hits = MAX_IMAGES * PLAIN.candidates
    for _, products in queries.batches(BATCH, progress, positions_of(queries.product_ids, truth.query_ids)):
        for product in products:
            vectors, where = encoder.encode([product], problems), others_than(truth, len(rankings))
            hits = opened.index.search(vectors, n_hits, where)
            rankings.append(rank(opened.index, vectors, hits, PLAIN.candidates, PLAIN, where=where))
            # what cannot be decoded has been told of
            read = "" if words is None else words.of_photos(product.images, ProblemLog())
            texts.append(SearchText(product.title, read))
    return _Asked(store, rankings, texts, [truth.matches(row) for row in range(len(truth))])


def _trial(asked: _Asked, truth: Truth) -> tuple[NDArray[np.float64], float, float]:
    """`(1, 3)` gain in recall with its interval, out of fold; recall by photos alone, and with titles."""
    group = linked_queries(truth)
    fold = np.random.default_rng(0).permutation(group.max() + 1)[group] % FOLDS
    plain = np.array([asked.recall(row, None) for row in range(len(truth))])
    told = np.zeros(len(truth))
    for number in range(FOLDS):
        weights = asked.weights(np.flatnonzero(fold != number))
        for row in np.flatnonzero(fold == number).tolist():
            told[row] = asked.recall(row, weights)
    return macro_average((told - plain)[:, None], group), float(plain.mean()), float(told.mean())
