"""A small tree and experts on it, for the tests of heads."""

from __future__ import annotations

import numpy as np

from catalog.probabilities import Probabilities, Silence
from catalog.tree.taxonomy import Taxonomy

TREE = Taxonomy(
    [
        (10, ("BOOKS", "FICTION", "CRIME")),
        (11, ("BOOKS", "FICTION", "POETRY")),
        (12, ("BOOKS", "FACT", "LAW")),
        (13, ("BOOKS", "FACT", "MATHS")),
        (14, ("BOOKS", "FACT", "TRAVEL")),
        (20, ("FOOD", "FRUIT", "APPLE")),
        (21, ("FOOD", "FRUIT", "PEAR")),
        (30, ("TOYS", "GAMES", "CHESS")),
    ]
)
FLAT = Taxonomy([(i, (name,)) for i, name in enumerate(("APPLE", "BOOK", "CUP", "LAMP", "PEN"), start=1)])
"""One level: no parents."""
RAGGED = Taxonomy(
    [
        (10, ("BOOKS", "FICTION", "CRIME", "NOIR")),
        (11, ("BOOKS", "FICTION", "CRIME", "COSY")),
        (12, ("BOOKS", "FICTION", "POETRY")),
        (13, ("BOOKS", "FICTION")),
        (14, ("BOOKS", "MAPS")),
        (20, ("FOOD", "FRUIT", "APPLE")),
        (21, ("FOOD", "FRUIT", "PEAR")),
        (30, ("TOYS",)),
    ]
)
"""Four levels; leaves at each of them, one of which (13) has others below it."""
L = len(TREE)
BOOKS = np.flatnonzero([p[0] == "BOOKS" for p in TREE.paths])


def expert(
    name: str, dense: np.ndarray, support: np.ndarray | None = None, silent: np.ndarray | None = None,
    tree: Taxonomy = TREE,
) -> Probabilities:  # fmt: skip
    """All leaves of the support listed, from dense rows (n, n_leaves)."""
    support = np.arange(len(tree)) if support is None else support
    n = len(dense)
    silence = np.zeros(n, np.uint8)
    if silent is not None:
        silence[silent] = Silence.NOT_ROUTED
    inside = dense[:, support] / dense[:, support].sum(axis=1, keepdims=True)
    return Probabilities.from_dense(
        name, np.arange(n), np.full(n, 1, np.int8), inside, silence,
        support=support.astype(np.int32), frequency=np.full(len(support), 1 / len(support)),
        k=len(support), taxonomy=tree.fingerprint,
    )  # fmt: skip


def random_case(
    rng: np.random.Generator, n: int = 40, sharp: float = 2.0, tree: Taxonomy = TREE
) -> tuple[np.ndarray, np.ndarray, Probabilities, Probabilities]:
    """Truth, image counts, an expert on photos, and one on the text of a Cat I that is silent now and then."""
    n_leaves = len(tree)
    truth = rng.integers(0, n_leaves, n)
    n_images = rng.integers(1, 5, n)
    logits = rng.normal(size=(n, n_leaves)) * sharp
    logits[np.arange(n), truth] += 2
    photo = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    text = np.exp(rng.normal(size=(n, n_leaves)) * sharp)
    # of the first Cat I, in `TREE` the books
    read = np.flatnonzero(tree.ancestor(1) == 0)
    return (
        truth, n_images, expert("photo", photo, tree=tree),
        expert("text", text, read, rng.random(n) < 0.4, tree),
    )  # fmt: skip
