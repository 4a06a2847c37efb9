"""Time and memory of `catalog audit`'s search for suspects, on a tree of any size.

Usage: python bench/label_audit.py TREE.csv PRODUCTS
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np

from catalog.metrics.product_scores import score_probabilities
from catalog.probabilities import Probabilities
from catalog.tree.taxonomy import Taxonomy
from curation.audit.evidence import LabelEvidence
from curation.audit.suspects import find_suspects

K = 20
WRONG = 0.1


def main(tree: Taxonomy, n: int) -> None:
    """Audit `n` made-up products whose network lists `K` leaves of each, the true one mostly first."""
    rng, n_leaves = np.random.default_rng(0), len(tree)
    truth = rng.integers(0, n_leaves, n)
    label = np.where(rng.random(n) < WRONG, rng.integers(0, n_leaves, n), truth)
    leaves = truth[:, None].astype(np.int32) + np.arange(K, dtype=np.int32)
    leaves %= n_leaves
    values = np.tile((0.95 * 0.5 ** np.arange(1, K + 1)).astype(np.float32), (n, 1))
    probabilities = Probabilities(
        "made up", np.arange(n), np.ones(n, np.int8), leaves, values, 1 - values.sum(axis=1), np.zeros(n, np.uint8),
        np.arange(n_leaves, dtype=np.int32), np.full(n_leaves, 1 / n_leaves), tree.fingerprint,
    )  # fmt: skip
    start = time.perf_counter()
    scores = score_probabilities(probabilities, label, tree)
    scored = time.perf_counter()
    suspects = find_suspects(LabelEvidence("made up", scores, np.arange(n), np.ones(n, bool), {"audited": n}), tree)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{n:>9,} products, {n_leaves} leaves: scoring {scored - start:6.1f} s, confident learning "
        f"{done - scored:6.1f} s, peak {peak:5.0f} MiB, of which {probabilities_mib(probabilities):5.0f} MiB are the "
        f"probabilities; {len(suspects):,} suspects"
    )


def probabilities_mib(probabilities: Probabilities) -> float:
    """What the saved probabilities take by themselves."""
    return (probabilities.leaves.nbytes + probabilities.values.nbytes) / 2**20


if __name__ == "__main__":
    main(Taxonomy.from_csv(Path(sys.argv[1])), int(sys.argv[2]))
