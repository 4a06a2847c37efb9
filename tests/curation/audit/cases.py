"""Labels with known mistakes, and an expert that mostly knows better."""

from __future__ import annotations

import numpy as np

from catalog.metrics.product_scores import ProductScores, score_probabilities
from catalog.probabilities import Probabilities, Silence
from catalog.tree.taxonomy import Taxonomy
from tests.support.products import TAXONOMY

N = len(TAXONOMY)


def noisy(seed: int, n: int = 300, share: float = 0.1, sharp: float = 3.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, labels of which a share is wrong, and `(n, 8)` float32 probabilities that lean towards the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, N, n)
    label = np.where(rng.random(n) < share, rng.integers(0, N, n), truth)
    logits = rng.normal(size=(n, N))
    logits[np.arange(n), truth] += sharp
    dense = np.exp(logits)
    return truth, label, (dense / dense.sum(1, keepdims=True)).astype(np.float32)


def said(
    dense: np.ndarray,
    *,
    k: int = N,
    silent: np.ndarray | None = None,
    support: np.ndarray | None = None,
    ids: np.ndarray | None = None,
    taxonomy: str = "",
    plan: str = "",
) -> Probabilities:
    """Saved probabilities of dense rows, `(n, 8)`, over a support."""
    support = np.arange(N) if support is None else support
    n = len(dense)
    silence = np.zeros(n, np.uint8)
    if silent is not None:
        silence[silent] = Silence.NOTHING_READ
    inside = dense[:, support] / dense[:, support].sum(axis=1, keepdims=True)
    return Probabilities.from_dense(
        "photo", np.arange(n) if ids is None else ids, np.ones(n, np.int8), inside, silence,
        support=support.astype(np.int32), frequency=np.full(len(support), 1 / len(support)), k=k,
        taxonomy=taxonomy or TAXONOMY.fingerprint, plan=plan,
    )  # fmt: skip


def scored(dense: np.ndarray, label: np.ndarray, tree: Taxonomy = TAXONOMY) -> ProductScores:
    """Scores of dense rows against labels."""
    return score_probabilities(said(dense, taxonomy=tree.fingerprint), label, tree)
