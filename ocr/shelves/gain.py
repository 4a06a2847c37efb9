"""What words gain over photos on the products of each Cat I, measured on products that took no part in learning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from catalog.files.id_lookup import positions_of
from catalog.files.progress import Progress, in_batches
from catalog.metrics.intervals import paired_difference
from catalog.probabilities import Probabilities
from catalog.runs.training_data import TrainingData
from catalog.tree.taxonomy import path_text
from ocr.config import OcrConfig
from ocr.shelves.choice import MIN_PRODUCTS, CategoryGain, too_few, verdict
from ocr.shelves.sample import Ints, ReadSample, blocks_of
from text.calibration import DEFAULT_WEIGHTS, fit_pool
from text.config import TextConfig
from text.normalize import ProductText
from text.scores import Scores, scores_of_unseen

USUAL_WEIGHTS = np.array([1.0, *DEFAULT_WEIGHTS])
"""Of the photos' log probability and of the text's scores, where there is too little to fit them."""
MAX_FEATURES = 20_000
"""Of words, and of characters: a sample has hardly more, and this bounds what a model of it takes."""
MIN_PROBABILITY = 1e-6
CHUNK = 1024


def gains(
    data: TrainingData, photo: Probabilities, read: ReadSample, config: OcrConfig, progress: Progress | None = None
) -> list[CategoryGain]:
    """The gain of every Cat I, in the tree's order.

    The text tells the leaf below a Cat I, as likely as the photos find that; how much each is listened to is fitted on
    other products than those judged. Where a Cat I is a leaf itself, text can only tell it from others like it: such
    categories are measured together, and again without those that are not worth it until all that are left are.
    """
    measurement = _Measurement(data, photo, read, config)
    blocks = blocks_of(data.tree)
    found: list[CategoryGain] = []
    for block in in_batches(blocks, 1, progress):
        found += _worth_it(measurement, block[0])
    order = np.argsort(np.concatenate(blocks), kind="stable")
    return [found[place] for place in order.tolist()]


def _worth_it(measurement: _Measurement, block: Ints) -> list[CategoryGain]:
    """The gains of a block's categories; those of the chosen ones by a model of the chosen ones alone."""
    found = dict(zip(block.tolist(), measurement.of(block), strict=True))
    left = block
    while len(left) > 1:
        kept = np.array([node for node in left.tolist() if found[node].chosen], np.int64)
        if len(kept) == len(left):
            break
        found |= zip(kept.tolist(), measurement.of(kept), strict=True)
        left = kept
    return [found[node] for node in block.tolist()]


@dataclass(frozen=True)
class _Judged:
    """Products judged, M of them: rows of the sample and of the photos' probabilities, `(M,)` each, and true leaves."""

    rows: Ints
    photo_rows: Ints
    truth: Ints

    def select(self, kept: NDArray[np.bool_]) -> _Judged:
        return _Judged(self.rows[kept], self.photo_rows[kept], self.truth[kept])


class _Measurement:
    """One sample, read, and everything that its categories are measured by."""

    def __init__(self, data: TrainingData, photo: Probabilities, read: ReadSample, config: OcrConfig) -> None:
        self.tree, self.photo, self.read, self.min_gain = data.tree, photo, read, config.min_gain
        self.text, self.speaks = _small(config.text), read.speaks
        positions = read.sample.positions
        self.leaf = data.leaf[positions]
        # what shares a photo with a product judged must not teach the model that judges it
        group = data.plan.linked(data.catalog, positions)
        rng = np.random.default_rng(config.text.seed)
        self.fold: Ints = (rng.permutation(group.max(initial=0) + 1) % config.text.folds)[group]
        # copies are no independent evidence: one of them is judged
        judged = np.flatnonzero(read.sample.judged)
        judged = np.sort(judged[np.unique(group[judged], return_index=True)[1]])
        photo_rows = positions_of(photo.product_ids, data.catalog.product_ids[positions[judged]])
        self.judged = _Judged(judged, photo_rows, self.leaf[judged])

    def of(self, categories: Ints) -> list[CategoryGain]:
        """The gains of a block's categories, one model for all of them."""
        counted = [self._counted(category) for category in categories.tolist()]
        leaves = np.flatnonzero(np.isin(self.tree.ancestor(1), categories))
        learnt = np.flatnonzero(self.speaks & np.isin(self.leaf, leaves))
        judged = self.judged.select(np.isin(self.read.sample.category[self.judged.rows], categories))
        why = ""
        if len(leaves) < 2:
            why = "there is nothing below it to tell apart"
        elif not any(gain.products for gain in counted):
            why = "too many categories to read enough of each"
        elif len(learnt) < MIN_PRODUCTS:
            why = too_few(len(learnt), "with words to learn from")
        elif len(np.unique(self.leaf[learnt])) < 2:
            why = "only one category below it has words"
        if why:
            return [replace(gain, why=_unjudged(gain) or why) for gain in counted]
        by_photo, with_text = self._right(leaves, learnt, judged)
        of_category = self.read.sample.category[judged.rows]
        return [
            self._measured(gain, judged.rows[own], by_photo[own], with_text[own])
            for gain, own in zip(counted, (of_category == category for category in categories), strict=True)
        ]

    def _counted(self, category: int) -> CategoryGain:
        own, read = self.read.sample.category == category, self.read
        return CategoryGain(
            category=path_text(self.tree.node_path(1, category)),
            put_there=int(read.sample.put_there[category]),
            products=int(own.sum()),
            photos=int(read.photos[own].sum()),
            unread=int(read.unread[own].sum()),
            words=int(read.words[own].sum()),
        )

    def _measured(
        self, gain: CategoryGain, rows: Ints, by_photo: NDArray[np.bool_], with_text: NDArray[np.bool_]
    ) -> CategoryGain:
        """With the figures of `(n,)` rows judged: whether the photos were right, and photos and text together."""
        if len(rows) < MIN_PRODUCTS:
            return replace(gain, why=_unjudged(gain) or too_few(len(rows), "to judge by that share no photo"))
        n_photos = int(self.read.photos[rows].sum())
        per_100_photos = 100 * len(rows) / n_photos
        value, low, high = (per_100_photos * share for share in paired_difference(with_text, by_photo))
        chosen, why = verdict(low, self.min_gain)
        return replace(
            gain, judged=len(rows), judged_photos=n_photos, without_text=float(by_photo.mean()),
            with_text=float(with_text.mean()), gain=value, low=low, high=high, chosen=chosen, why=why,
        )  # fmt: skip

    def _right(self, leaves: Ints, learnt: Ints, judged: _Judged) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """`(M,)` bool each: whether the likeliest leaf is right by the photos, and with the text below the leaves."""
        by_photo = np.empty(len(judged.rows), bool)
        for chunk, dense in self._dense(judged):
            by_photo[chunk] = dense.argmax(axis=1) == judged.truth[chunk]
        with_text = by_photo.copy()
        has_words = self.speaks[judged.rows]
        heard = judged.select(has_words)
        below = self._pooled(leaves, learnt, heard)
        right = np.empty(len(heard.rows), bool)
        for chunk, dense in self._dense(heard):
            dense[:, leaves] = dense[:, leaves].sum(axis=1, keepdims=True) * below[chunk]
            right[chunk] = dense.argmax(axis=1) == heard.truth[chunk]
        with_text[has_words] = right
        return by_photo, with_text

    def _pooled(self, leaves: Ints, learnt: Ints, heard: _Judged) -> NDArray[np.float64]:
        """`(M, K)` share of each of K leaves among them by photos and text of M products with words, all out of fold.

        The weights of a fold are fitted on the products judged in the others.
        """
        scores: Scores = np.zeros((len(USUAL_WEIGHTS), len(heard.rows), len(leaves)), np.float32)
        for chunk, dense in self._dense(heard):
            inside = dense[:, leaves] / np.maximum(dense[:, leaves].sum(axis=1, keepdims=True), MIN_PROBABILITY)
            scores[0, chunk] = np.log(np.maximum(inside, MIN_PROBABILITY))
        fold = self.fold[heard.rows]
        for number in range(self.text.folds):
            inside, outside = learnt[self.fold[learnt] != number], np.flatnonzero(fold == number)
            target = np.searchsorted(leaves, self.leaf[inside])
            if len(np.unique(target)) > 1 and len(outside):
                known, unseen = self._texts(inside), self._texts(heard.rows[outside])
                scores[1:, outside] = scores_of_unseen(known, target, unseen, len(leaves), self.text)
        pooled = np.empty(scores.shape[1:])
        # what the photos put there wrongly is judged too, but has no right answer to fit weights by
        is_below = np.isin(heard.truth, leaves)
        for number in range(self.text.folds):
            fitted = is_below & (fold != number)
            truth = np.searchsorted(leaves, heard.truth[fitted])
            weights = fit_pool(scores[:, fitted], truth, USUAL_WEIGHTS).weights
            pooled[fold == number] = np.tensordot(weights, scores[:, fold == number], axes=1)
        return np.asarray(softmax(pooled, axis=1))

    def _dense(self, judged: _Judged) -> Iterator[tuple[Ints, NDArray[np.float32]]]:
        """Rows of M products, a chunk at a time, and what the photos say of all leaves: `(n, n_leaves)`."""
        for chunk in in_batches(np.arange(len(judged.rows)), CHUNK):
            yield chunk, self.photo.dense(judged.photo_rows[chunk], len(self.tree))

    def _texts(self, rows: Ints) -> list[ProductText]:
        return [self.read.texts[row] for row in rows.tolist()]


def _unjudged(gain: CategoryGain) -> str:
    """Why nothing could be judged, whatever was read; empty where something could."""
    return "" if gain.put_there >= MIN_PRODUCTS else too_few(gain.put_there, "that the photos put there")


def _small(config: TextConfig) -> TextConfig:
    """Without sentence encoders, which would take longer than reading; with them more is gained, not less."""
    n_words, n_characters = (min(n, MAX_FEATURES) for n in (config.max_word_features, config.max_character_features))
    return config.model_copy(
        update={"encoders": [], "max_word_features": n_words, "max_character_features": n_characters}
    )
