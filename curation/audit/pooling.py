"""What a run has held out and what titles say, as one."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.files.progress import in_batches
from catalog.metrics.product_scores import CHUNK, ProductScores, concatenate_scores, score
from catalog.probabilities import Probabilities
from catalog.tree.taxonomy import Taxonomy
from curation.audit.evidence import AUDITED, UNLABELLED, CatalogLabels, LabelEvidence

UNTOLD = "neither probabilities nor a title that tells"
"""What becomes of a product of which nothing is known."""
ALONE = "the titles of the catalogue, each product's by the titles and labels of others"
"""Who says what titles say, for people."""


def with_titles(evidence: LabelEvidence, labels: CatalogLabels, titles: Probabilities) -> LabelEvidence:
    """The evidence, with what titles say of its products, and of the others.

    Where both speak of a product, their probabilities are averaged: of 423 products of a clothes shop, a tenth of them
    labelled at random, 95 % of the suspects were wrong labels then, 32 % by photos and 84 % by titles alone
    (bench/title_audit.py). Scores that were kept without their probabilities, those of a fused result, stay as they
    are: titles are among what they were made of.
    """
    ids = evidence.scores.product_ids
    place = positions_of(titles.product_ids, ids)
    told = place != UNKNOWN
    scores, named = evidence.scores, evidence.named
    if evidence.said is not None and told.any():
        averaged = _averaged(evidence.scores.select(told), evidence.said, titles, labels.tree)
        scores = concatenate_scores([scores.select(~told), averaged])
        order = np.concatenate([np.flatnonzero(~told), np.flatnonzero(told)])
        named = (named | np.isin(evidence.label, titles.support))[order]
    else:
        order = np.arange(len(ids))
    rest = titles.select(positions_of(ids, titles.product_ids) == UNKNOWN)
    positions = evidence.positions[order]
    if len(rest):
        others = labels.by_probabilities(rest, ALONE)
        scores = concatenate_scores([scores, others.scores])
        positions, named = np.concatenate([positions, others.positions]), np.concatenate([named, others.named])
    n_unlabelled = int((labels.leaf == UNKNOWN).sum())
    counts = {AUDITED: len(scores), UNLABELLED: n_unlabelled, UNTOLD: len(labels.leaf) - n_unlabelled - len(scores)}
    return replace(
        evidence,
        expert=f"{evidence.expert} ({len(ids):,} products), and {ALONE} ({len(titles):,})",
        scores=scores,
        positions=positions,
        named=named,
        counts={what: n for what, n in counts.items() if n or what == AUDITED},
        said=None,
        titles=titles,
    )


def _averaged(scores: ProductScores, said: Probabilities, titles: Probabilities, tree: Taxonomy) -> ProductScores:
    """Scores of the products of `scores`, by the mean of both; both speak of all of them."""
    parts = []
    for rows in in_batches(np.arange(len(scores)), CHUNK):
        some = scores.select(rows)
        dense = (_dense(said, some.product_ids, tree) + _dense(titles, some.product_ids, tree)) / 2
        parts.append(score(dense, some.truth, some.product_ids, some.n_images, tree))
    return concatenate_scores(parts)


def _dense(expert: Probabilities, product_ids: NDArray[np.int64], tree: Taxonomy) -> NDArray[np.float32]:
    return expert.dense(positions_of(expert.product_ids, product_ids), len(tree))
