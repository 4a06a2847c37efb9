"""What the titles of a catalogue say of its labels: each product by the titles and labels of others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import Progress, in_batches, part_of
from catalog.probabilities import Probabilities, concatenate
from catalog.split.random_order import grouped_at_random
from catalog.split.same_titles import NO_TITLE, title_numbers
from catalog.texts import Texts
from curation.audit.evidence import CatalogLabels
from text.title_model import MAX_TEXTS, TitleModel, rows_to_learn
from text.title_probabilities import ROWS_AT_ONCE, title_probabilities
from text.titles import TitleWords

FOLDS = 5
MIN_TITLES = 20
"""Labelled products with a title: fewer tell nothing."""
SEED = 0
Ints = NDArray[np.int64]


def title_opinion(labels: CatalogLabels, progress: Progress | None = None) -> Probabilities | None:
    """Probabilities of all labelled products with a title, by models that have not learnt their own labels.

    Products of one title are not kept together as a split keeps them: what variants of an article are labelled is the
    best that is known of this one. Of 423 products of a clothes shop, a tenth of them labelled at random, 84 % of the
    suspects were wrong labels (bench/title_audit.py), and of products held out by title 21 %. An article whose variants
    all have the same wrong label therefore stays unseen, see `titles_repeat`.

    A product that is alone in its category is left out: nothing is known of that from others. None where fewer than
    `MIN_TITLES` products are left, or those of one category.
    """
    texts = labels.catalog.titles(progress)
    if not texts.any:
        return None
    position = np.flatnonzero(labels.leaf != UNKNOWN)
    # words are made anew where they are needed: those of millions of titles would not lie in memory
    position = position[[each.any for each in _words(texts, position)]]
    leaf = labels.leaf[position]
    _, place, size = np.unique(leaf, return_inverse=True, return_counts=True)
    audited = size[place] > 1
    if audited.sum() < MIN_TITLES or (size > 1).sum() < 2:
        return None
    fold, parts, n_done = spread_folds(leaf, FOLDS, SEED), [], 0
    for number in range(FOLDS):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero((fold == number) & audited)
        inside = inside[rows_to_learn(leaf[inside], MAX_TEXTS, SEED)]
        model = TitleModel.fit(list(_words(texts, position[inside])), leaf[inside], seed=SEED)
        for some in in_batches(position[outside], ROWS_AT_ONCE, part_of(progress, n_done, int(audited.sum()))):
            ids = labels.catalog.product_ids[some]
            parts.append(title_probabilities(model, ids, texts.take(some), taxonomy=labels.tree.fingerprint))
        n_done += len(outside)
    return concatenate(parts)


def _words(texts: Texts, positions: Ints) -> Iterator[TitleWords]:
    return (TitleWords.of(text) for some in in_batches(positions, ROWS_AT_ONCE) for text in texts.take(some))


def titles_repeat(catalog: Catalog) -> bool:
    """Whether several products of a catalogue have one title."""
    number = title_numbers(catalog.titles())
    with_title = number[number != NO_TITLE]
    return len(np.unique(with_title)) < len(with_title)


def spread_folds(leaf: Ints, n_folds: int, seed: int) -> Ints:
    """`(N,)` int64 fold of each product at random, those of one of the `(N,)` leaves spread over as many as there are.

    So nothing of a leaf is asked of a model that has seen nothing of it, unless it has a single product.
    """
    order = grouped_at_random(leaf, np.random.default_rng(seed))
    fold = np.empty(len(leaf), np.int64)
    fold[order] = np.arange(len(leaf)) % n_folds
    return fold
