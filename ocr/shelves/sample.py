"""The sample of every Cat I that is read to find out where reading pays: drawn by a seed, bounded, read once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Bar, in_batches
from catalog.probabilities import Probabilities
from catalog.problem_places import name_files
from catalog.product import ProblemLog
from catalog.runs.training_data import TrainingData, catalog_positions
from catalog.split.random_order import grouped_at_random
from catalog.tree.taxonomy import Taxonomy
from ocr.expert import read_products, unread_photos
from ocr.reader import PhotoReader
from ocr.shelves.choice import MIN_PRODUCTS
from ocr.shelves.sample_size import photos_of_each
from text.normalize import ProductText

MAX_PUT = 200_000
"""Held-out products, drawn by chance, whose category is looked up in the photos' probabilities."""
CHUNK = 256
MASS_CHUNK = 1024
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ShelfSample:
    """Products to be read, N by rising catalogue position.

    Attributes:
        positions: `(N,)` int64 in the catalogue. category: `(N,)` int64 Cat I for which each was drawn.
        judged: `(N,)` bool: drawn among the held-out products that the photos put there, as in prediction; the others
            were drawn among those labelled so, to have more to learn from.
        put_there: `(C,)` int64 held-out products that the photos put on each Cat I.
    """

    positions: Ints
    category: Ints
    judged: NDArray[np.bool_]
    put_there: Ints


def draw(data: TrainingData, photo: Probabilities, per_category: int, seed: int) -> ShelfSample:
    """Draw products of every Cat I, at most `per_category` photos of each, see `photos_of_each`.

    First held-out products that the photos put there; where these are few, products labelled so fill it up.

    Args:
        photo: held-out probabilities of the image branch.
    """
    rng = np.random.default_rng(seed)
    n_categories = data.tree.n_nodes(1)
    images = data.catalog.n_images
    rows = np.sort(rng.permutation(np.flatnonzero(photo.speaks))[:MAX_PUT])
    held_out = catalog_positions(data.catalog, photo.product_ids[rows])
    put = likeliest_category(photo, rows, data)
    budget = np.zeros(n_categories, np.int64)
    for block in blocks_of(data.tree):
        n_leaves = int(np.isin(data.tree.ancestor(1), block).sum())
        budget[block] = photos_of_each(per_category, n_categories, n_leaves, len(block))
    put_there = np.bincount(put, minlength=n_categories)
    # nothing can be judged where the photos put next to nothing: it need not be read, either
    budget[put_there < MIN_PRODUCTS] = 0
    first = _first_photos(put, images[held_out], budget, rng)
    left = budget - np.bincount(put[first], images[held_out[first]], n_categories).astype(np.int64)
    others = np.setdiff1d(data.plan.positions, held_out[first])
    label = data.tree.ancestor(1)[data.leaf[others]]
    second = _first_photos(label, images[others], left, rng)
    positions = np.concatenate([held_out[first], others[second]])
    order = np.argsort(positions)
    return ShelfSample(
        positions[order],
        np.concatenate([put[first], label[second]])[order],
        (np.arange(len(positions)) < len(first))[order],
        put_there,
    )


def blocks_of(tree: Taxonomy) -> list[Ints]:
    """Cat I whose gain is measured together: each by itself, those that are leaves themselves as one."""
    is_leaf = np.bincount(tree.ancestor(1)) == 1
    together = [np.flatnonzero(is_leaf)] if is_leaf.any() else []
    return [*(np.array([node]) for node in np.flatnonzero(~is_leaf)), *together]


def likeliest_category(photo: Probabilities, rows: Ints, data: TrainingData) -> Ints:
    """`(n,)` Cat I that the photos find likeliest on each of some rows."""
    put = np.empty(len(rows), np.int64)
    for chunk in in_batches(np.arange(len(rows)), MASS_CHUNK):
        put[chunk] = data.tree.node_mass(photo.dense(rows[chunk], len(data.tree)), 1).argmax(axis=1)
    return put


def _first_photos(category: Ints, images: NDArray[np.int8], budget: Ints, rng: np.random.Generator) -> Ints:
    """Rows of N products in a random order, of each category as many as its budget of photos, `(C,)`, holds."""
    order = grouped_at_random(category, rng)
    own = category[order]
    total = np.cumsum(images[order], dtype=np.int64)
    starts = np.flatnonzero(np.diff(own, prepend=-1))
    before = np.repeat(total[starts] - images[order[starts]], np.diff(np.append(starts, len(own))))
    return order[total - before <= budget[own]]


@dataclass(frozen=True)
class ReadSample:
    """What was read on a sample's N products.

    Attributes:
        texts: of each; empty tokens where there are no words. photos, unread, words: `(N,)` int64 how many.
        problems: the photos that could not be read.
    """

    sample: ShelfSample
    texts: list[ProductText]
    photos: Ints
    unread: Ints
    words: Ints
    problems: ProblemLog

    @property
    def speaks(self) -> NDArray[np.bool_]:
        """`(N,)` bool: there are words."""
        return np.array([bool(text.tokens) for text in self.texts], bool)


def read(data: TrainingData, sample: ShelfSample, reader: PhotoReader, bar: Bar) -> ReadSample:
    """Read a sample; what the cache knows is not read again."""
    texts: list[ProductText] = []
    counts: list[tuple[int, int, int]] = []
    problems = ProblemLog()
    with bar("read a sample of every category") as progress:
        for _, products in data.catalog.batches(CHUNK, progress, sample.positions):
            readings = read_products(reader, products)
            problems.extend(unread_photos({p.product_id: r for p, r in zip(products, readings, strict=True)}))
            texts += [reading.product_text for reading in readings]
            counts += [(len(reading.photos), len(reading.failures), reading.n_words) for reading in readings]
    name_files(data.catalog, problems)
    photos, unread, words = np.array(counts, np.int64).reshape(-1, 3).T
    return ReadSample(sample, texts, photos, unread, words, problems)
