"""How much each expert speaks for a node and against its sibling, in the head that decided, whichever it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.probabilities import Probabilities, Silence
from fusion.heads.base import Head
from fusion.heads.evidence import FLOOR, Evidence
from fusion.heads.tree_pool import TreePool


@dataclass(frozen=True)
class Pushes:
    """One product's experts, and the head that has pooled them.

    A head that pools down the tree is a sum of weighted log ratios at each node, and each summand is a push. The others
    have no such sum: there an expert's push is by how much the log odds fall when it is silent.

    Attributes:
        experts: each of one row; counts: `(1,)` int64 readable photos; fused: `(1, n_leaves)` float32, what the head
            says.
    """

    head: Head
    experts: Sequence[Probabilities]
    counts: NDArray[np.int64]
    fused: NDArray[np.float32]

    def of(self, b: int, evidence: Evidence, parent: int, chosen: int, rival: int) -> tuple[float | None, float]:
        """Expert b's weight at the parent (None where the head has none), and its push in nats."""
        if isinstance(self.head, TreePool):
            weights = self.head.weights_at(self.head.levels[evidence.level - 1], evidence, self.counts)
            weight = float(weights[0, parent, b])
            ratio = evidence.log_ratio[b][0, chosen] - evidence.log_ratio[b][0, rival]
            return weight, weight * float(ratio)
        with_it, without_it = (
            self._log_odds(fused, evidence.level, chosen, rival) for fused in (self.fused, self._without[b])
        )
        return None, with_it - without_it

    @cached_property
    def _without(self) -> list[NDArray[np.float32]]:
        """`(1, n_leaves)` float32: what the head says when one expert is silent, for each of them."""
        silent = [replace(expert, silence=np.full_like(expert.silence, Silence.NOT_ROUTED)) for expert in self.experts]
        return [
            self.head.predict_proba([*self.experts[:b], silent[b], *self.experts[b + 1 :]], self.counts)
            for b in range(len(self.experts))
        ]

    def _log_odds(self, fused: NDArray[np.float32], level: int, chosen: int, rival: int) -> float:
        mass = np.maximum(self.head.tree.node_mass(fused, level)[0], FLOOR)
        return float(np.log(mass[chosen] / mass[rival]))
